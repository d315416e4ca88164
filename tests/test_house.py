"""The house: who may know whom, held to by the imports of every file, local ones included."""

import ast
from pathlib import Path

import minidl

HOME = Path(minidl.__file__).parent
FLOORS = [
    "naming arrays",
    "checks",
    "parameters",
    "layer initializers vector",
    "containers layers losses optimizers prediction contract",
    "plotting checkpoint",
    "gradcheck",
    "training testing",
    "estimators",
    "__init__",
]
"""The rooms from the ground up: a room knows those below it, and nothing beside or above it."""
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms.split()}


def room_of(path):
    return path.relative_to(HOME).parts[0].removesuffix(".py")


def rooms_imported_by(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "minidl":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minidl."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from ("__init__" for alias in node.names if alias.name.startswith("minidl"))


def test_every_room_has_its_floor():
    assert {room_of(path) for path in HOME.rglob("*.py")} == set(FLOOR)


def test_a_room_imports_only_from_the_floors_below():
    upwards = {
        f"{path.relative_to(HOME)} imports {other}"
        for path in HOME.rglob("*.py")
        for other in rooms_imported_by(path)
        if other != (own := room_of(path)) and FLOOR[other] >= FLOOR[own]
    }
    assert upwards == set()


def test_the_design_page_shows_these_floors():
    page = (Path(__file__).parent.parent / "docs/explanation/design.md").read_text("utf-8")
    diagram = (
        page.partition("```text\n")[2].partition("```")[0].replace("minidl (the names)", "__init__")
    )
    shown = [line.split() for line in diagram.splitlines()]
    assert [set(rooms) for _, *rooms in reversed(shown)] == [set(rooms.split()) for rooms in FLOORS]


ELSEWHERE = {
    "checks/data": "tests/stories/test_bad_input.py",
    "containers/container": "tests/containers/test_chain.py",
    "contract/compare": "tests/gradcheck/test_corpus.py",
    "contract/finding": "tests/gradcheck/test_report.py",
    "contract/form": "tests/gradcheck/test_corpus.py",
    "contract/probes": "tests/testing/test_planted_faults.py",
    "contract/subject": "tests/gradcheck/test_wrong_use.py",
    "contract/trial": "tests/testing/test_planted_faults.py",
    "gradcheck/check": "tests/gradcheck/test_corpus.py",
    "gradcheck/proof/coordinates": "tests/gradcheck/test_corpus.py",
    "gradcheck/proof/directions": "tests/gradcheck/test_report.py",
    "gradcheck/proof/point": "tests/gradcheck/test_cancellation.py",
    "gradcheck/proof/variants": "tests/gradcheck/test_corpus.py",
    "layers/checks": "tests/stories/test_bad_input.py",
    "layers/functions": "tests/layers/test_rectifiers.py",
    "layers/windows": "tests/layers/test_convolution.py",
    "losses/elementwise": "tests/losses/test_regression.py",
    "losses/loss": "tests/losses/test_every_loss.py",
    "losses/targets": "tests/losses/test_every_loss.py",
    "optimizers/adam": "tests/optimizers/test_against_torch.py",
    "optimizers/optimizer": "tests/optimizers/test_every_optimizer.py",
    "optimizers/rmsprop": "tests/optimizers/test_against_torch.py",
    "testing/laws": "tests/testing/test_planted_faults.py",
    "testing/runs": "tests/testing/test_planted_faults.py",
}
"""Modules without a test file of their name, with the file that covers them (a corpus, a law)."""


def test_every_module_has_a_test_file_of_its_name_or_one_that_is_named_here():
    tests, without = Path(__file__).parent, set()
    for path in HOME.rglob("*.py"):
        module = path.relative_to(HOME)
        name = module.with_name(module.stem.lstrip("_")).as_posix()
        mirror = tests / module.parent / f"test_{module.stem.lstrip('_')}.py"
        diagnosis = module.parts[:2] == ("gradcheck", "diagnosis")
        if path.stem != "__init__" and not diagnosis and not mirror.exists():
            without.add(name)
    assert without == set(ELSEWHERE)  # each diagnosis is what the corpus of faults asks for
    assert {file for file in ELSEWHERE.values() if not (tests.parent / file).exists()} == set()
