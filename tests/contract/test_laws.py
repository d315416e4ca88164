"""One table of mistakes: in the code, in the laws, and in the docs."""

import ast
import re
from pathlib import Path

import minidl
from minidl.contract import laws
from minidl.contract.probes import PROBES
from minidl.testing import laws as public

HOME = Path(minidl.__file__).parent
PAGE = Path(__file__).parents[2] / "docs/explanation/mistakes.md"
EVERY_LAW = (*laws.PROBED, laws.GRADIENTS)
WRITES = {f"mutates-{kind}" for kind in ("input", "upstream", "cache", "parameter", "gradient")}


def nodes(*folders):
    """Yield what the code of these folders consists of, but for the table itself."""
    for folder in folders:
        for path in (HOME / folder).rglob("*.py"):
            if path != Path(laws.__file__):
                yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def strings(given):
    return {node.value for node in given if isinstance(getattr(node, "value", None), str)}


def test_every_mistake_of_the_table_is_one_that_the_checker_can_name():
    named = strings(nodes("contract", "gradcheck"))
    assert laws.MISTAKES.keys() - named - WRITES == set()  # those have a name that is put together


def test_every_name_in_the_code_of_the_checker_stands_in_the_table():
    hyphenated = {
        string
        for string in strings(nodes("contract", "gradcheck"))
        if re.fullmatch("[a-z]+(-[a-z]+)+", string)
    }
    answered = strings(
        node.value.elts[0]
        for node in nodes("gradcheck/diagnosis")
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)
    )
    noted = strings(
        node.args[0]
        for node in nodes("contract")
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "found"
    )
    for names in (hyphenated, answered, noted):
        assert names
        assert names <= laws.MISTAKES.keys()


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
