"""Print how much code there is to read for a step, for a run, with NumPy alone, and in all.

Code is what is left without docstrings, comments and blank lines. Which files a step and a run of
`fit` enter is found by running them, not kept in a list. The first two rings have limits.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Callable
from pathlib import Path

import numpy as np

import minidl
from minidl import (
    SGD,
    Dense,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    accuracy,
    fit,
    loss_and_gradients,
    predict,
)

HOME = Path(minidl.__file__).parent
STEP_FILES, STEP_LINES, RUN_LINES = 12, 1100, 1900
BESIDE = ("estimators/", "plotting.py", "testing/strategies.py")
"""What asks for more than NumPy."""


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


def entered(work: Callable[[], object]) -> set[str]:
    """Return the files of minidl in which a function is called while this work is done."""
    files: set[str] = set()

    def watch(frame: object, event: str, argument: object) -> None:
        code = frame.f_code  # type: ignore[attr-defined]
        if code.co_name != "<module>":
            files.add(code.co_filename)

    sys.settrace(watch)
    try:
        work()
    finally:
        sys.settrace(None)
    return {Path(f).relative_to(HOME).as_posix() for f in files if Path(f).is_relative_to(HOME)}


def network_and_data() -> tuple[Sequential, np.ndarray, np.ndarray]:
    """Return the network of the README, and points in a plane of two classes.

    They are in the network's dtype: of other data the door, `checks/`, makes a copy first.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    return Sequential(Dense(2, 16, rng=rng), ReLU(), Dense(16, 2, rng=rng)), x, y


def one_step() -> set[str]:
    """Return the files that a step of the README's loop enters, once everything has been built."""
    network, x, y = network_and_data()
    loss, optimizer = SoftmaxCrossEntropy(), SGD(network, learning_rate=0.1, momentum=0.9)

    def step() -> None:
        loss_and_gradients(network, loss, x, y)
        optimizer.step()

    step()
    return entered(step)


def one_run() -> set[str]:
    """Return the files that the README's program enters, but for the checks of gradients."""
    network, x, y = network_and_data()
    optimizer = SGD(network, learning_rate=0.1, momentum=0.9)

    def run() -> None:
        held_out = x[70:], y[70:]
        fit(
            network,
            SoftmaxCrossEntropy(),
            optimizer,
            x[:70],
            y[:70],
            epochs=2,
            batch_size=32,
            validation=held_out,
            seed=0,
            progress=False,
        )
        accuracy(predict(network, x[70:]), y[70:])

    return entered(run)


def main() -> int:
    """Print a line a file and a line a ring; fail if one of the first two is over its limit."""
    sizes = {path.relative_to(HOME).as_posix(): code_lines(path) for path in HOME.rglob("*.py")}
    step, run = one_step(), one_run()
    for name in sorted(sizes):
        mark = "a step" if name in step else "a run" if name in run else ""
        print(f"{sizes[name]:6}  {name:34} {mark}".rstrip())
    step_lines, run_lines = (sum(sizes[name] for name in ring) for ring in (step, run))
    beside = sum(size for name, size in sizes.items() if name.startswith(BESIDE))
    total = sum(sizes.values())
    print(f"a step         {step_lines:5} of {STEP_LINES} lines, {len(step)} of {STEP_FILES} files")
    print(f"a run of fit   {run_lines:5} of {RUN_LINES} lines, {len(run)} files")
    print(f"NumPy alone    {total - beside:5} lines; beside it {beside}; in all {total}")
    over = step_lines > STEP_LINES or len(step) > STEP_FILES or run_lines > RUN_LINES
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
