"""Print the lines of code, without docstrings, comments and blanks, and hold them to the limits."""

import ast
import io
import sys
import tokenize
from pathlib import Path

CORE = [
    "parameters",
    "layer",
    "layers/dense",
    "layers/activations",
    "containers",
    "losses/loss",
    "losses/softmax_cross_entropy",
    "optimizers/optimizer",
    "optimizers/sgd",
    "training",
]
CORE_LIMIT, LIMIT = 900, 6000


def code_lines(path: Path) -> int:
    """Count the lines that hold a token other than a comment or a docstring."""
    source = path.read_text(encoding="utf-8")
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            docstrings.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    blank = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in blank and token.type != tokenize.ENDMARKER:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def main() -> int:
    """Print a line a file, and the two totals; fail if the core is over its limit."""
    root = Path(__file__).parent.parent / "minidl"
    sizes = {
        p.relative_to(root).with_suffix("").as_posix(): code_lines(p) for p in root.rglob("*.py")
    }
    for name in sorted(sizes):
        print(f"{sizes[name]:6}  {name}{'  (core)' if name in CORE else ''}")
    core, total = sum(sizes[name] for name in CORE), sum(sizes.values())
    over = f", {total - LIMIT} too many" if total > LIMIT else ""
    print(f"core {core} of {CORE_LIMIT}, all of minidl {total} of {LIMIT} lines of code{over}")
    return int(core > CORE_LIMIT)


if __name__ == "__main__":
    sys.exit(main())
