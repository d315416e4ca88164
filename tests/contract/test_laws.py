"""One table of mistakes: in the code, in the laws, and in the docs."""

import ast
from pathlib import Path

import minidl
from minidl.contract import laws
from minidl.contract.probes import PROBES
from minidl.testing import laws as public

HOME = Path(minidl.__file__).parent
PAGE = Path(__file__).parents[2] / "docs/explanation/mistakes.md"
EVERY_LAW = (*laws.PROBED, laws.GRADIENTS)
WRITES = {f"mutates-{kind}" for kind in ("input", "upstream", "cache", "parameter", "gradient")}


def strings(*folders):
    """Return every string that stands in the code of these folders, but for the table itself."""
    found = set()
    for folder in folders:
        for path in (HOME / folder).rglob("*.py"):
            if path != Path(laws.__file__):
                nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                found |= {node.value for node in nodes if isinstance(node, ast.Constant)}
    return found


def test_every_mistake_of_the_table_is_one_that_the_checker_can_name():
    named = strings("contract", "gradcheck")
    assert laws.MISTAKES.keys() - named - WRITES == set()  # those have a name that is put together


def test_a_mistake_has_one_law():
    assert sum(len(law.mistakes) for law in EVERY_LAW) == len(laws.MISTAKES)


def test_the_page_lists_every_mistake_as_the_code_has_it():
    rows = [
        f"| `{mistake}` | {sentence} | `{law.name}` |"
        for law in EVERY_LAW
        for mistake, sentence in law.mistakes.items()
    ]
    assert [line for line in PAGE.read_text("utf-8").splitlines() if line[:3] == "| `"] == rows


def test_every_probe_serves_a_law_and_every_law_is_public():
    served = {law for probe in PROBES for law in probe.laws}
    assert served == set(laws.PROBED) - {laws.SHAPE_AND_DTYPE}  # which the plain call finds broken
    assert all(probe.laws for probe in PROBES)
    for law in EVERY_LAW:
        function = getattr(public, law.name)
        assert function in public.LAWS
        assert function.__name__ == law.name
        assert function.__module__ == "minidl.testing.laws"
        assert function.__doc__.startswith(law.sentence)
