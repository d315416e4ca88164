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
