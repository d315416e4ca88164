"""Every code block of the docs and the README runs, shows what it says, and every link resolves."""

import contextlib
import doctest
import importlib.util
import inspect
import io
import re
import sys
import types
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import minidl.containers
import minidl.layers
import minidl.losses
import minidl.optimizers

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```[ ]*\n?", re.MULTILINE | re.DOTALL)
MORE = [
    *(ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"),
    *(ROOT / "benchmarks").glob("*.md"),
    *(ROOT / "tests").rglob("*.md"),
]
LINKED = sorted([*PAGES, *MORE, ROOT / "examples" / "README.rst"])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|`[^`<]*<([^>`\s]+)>`_")  # of Markdown, of RST
MENTION = re.compile(
    r"(?<![\w./-])(?:benchmarks|docs|examples|minidl|tests)/[\w/.-]+\.(?:md|py|rst|txt)\b"
)
PROGRAM = re.compile(r"\bpython -m ((?:benchmarks|minidl|tests)[\w.]*\w)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
CODE = re.compile(r"`(\w+)`")
OPTIONAL = ("torch", "jax")  # recipes for other frameworks, each a block that stands by itself


class Block(NamedTuple):
    page: str
    line: int
    source: str
    output: str | None  # a block of text that directly follows: what the code prints

    @property
    def needs(self) -> list[str]:
        return [m for m in OPTIONAL if re.search(rf"^\W*(import|from) {m}\b", self.source, re.M)]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    found = []
    for match in FENCE.finditer(text):
        if match[1] == "python":
            after = FENCE.match(text, match.end() + len("\n"))
            output = after[2] if after and after[1] == "text" else None
            found.append(Block(name, text.count("\n", 0, match.start(2)), match[2], output))
    return found


def run(block: Block, namespace: dict[str, Any]) -> None:
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    if ">>>" not in block.source:
        # the empty lines make a traceback point into the page
        code = compile("\n" * block.line + block.source, block.page, "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, namespace)
        if block.output is not None:
            right = doctest.OutputChecker().check_output(block.output, printed.getvalue(), flags)
            assert right, f"{block.page}:{block.line} prints\n{printed.getvalue()}"
        return
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=flags)
    test = parser.get_doctest(block.source, {}, block.page, block.page, block.line)
    test.globs = namespace
    report: list[str] = []
    failed, _ = runner.run(test, out=report.append, clear_globs=False)
    assert not failed, "".join(report)


@pytest.fixture(autouse=True)
def _in_an_empty_folder_without_a_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.fixture
def namespace(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the names of an empty module that can be imported, so that its classes pickle."""
    module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return vars(module)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_blocks_of_a_page_run_from_top_to_bottom(page: Path, namespace: dict[str, Any]) -> None:
    for block in blocks(page):
        if not block.needs:
            run(block, namespace)


RECIPES = [block for page in PAGES for block in blocks(page) if block.needs]


@pytest.mark.parametrize("block", RECIPES, ids=lambda block: f"{block.page}:{block.line}")
def test_a_recipe_for_another_framework_runs_by_itself(
    block: Block, namespace: dict[str, Any]
) -> None:
    for module in block.needs:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    run(block, namespace)


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and MyST make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def targets(text: str) -> list[str]:
    return [markdown or rst for markdown, rst in LINK.findall(text)]


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_links_and_images_of_a_page_resolve(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for target in targets(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            broken.append(target)
        elif anchor and file.suffix == ".md":
            headings = map(slug, HEADING.findall(file.read_text(encoding="utf-8")))
            if anchor not in headings:
                broken.append(target)
    assert not broken, f"{page.relative_to(ROOT)}: {', '.join(broken)}"


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_files_of_the_project_that_a_page_names_exist(page: Path) -> None:
    named = set(MENTION.findall(page.read_text(encoding="utf-8")))
    assert not [name for name in named if not (ROOT / name).is_file()]


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_programs_of_the_project_that_a_page_runs_exist(page: Path) -> None:
    for name in PROGRAM.findall(page.read_text(encoding="utf-8")):
        path = ROOT / name.replace(".", "/")
        assert (path / "__main__.py").is_file() or path.with_suffix(".py").is_file(), name


def test_every_page_can_be_reached_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {
        (index.parent / target.partition("#")[0]).resolve()
        for target in targets(index.read_text(encoding="utf-8"))
    }
    assert {page for page in PAGES if page.parent != ROOT} - linked == {index}


def test_every_page_but_the_index_is_in_the_folder_of_its_kind() -> None:
    docs = ROOT / "docs"
    pages = {page.relative_to(docs) for page in docs.rglob("*.md")} - {Path("index.md")}
    assert {page.parts[0] for page in pages} == {"tutorial", "how-to", "explanation"}


def test_the_page_of_what_there_is_lists_every_layer_loss_optimizer_and_schedule() -> None:
    text = (ROOT / "docs" / "how-to" / "compose-networks.md").read_text(encoding="utf-8")
    listed = {
        name for row in re.findall(r"^\| (`.+?) \|", text, re.M) for name in CODE.findall(row)
    }
    homes = minidl.containers, minidl.layers, minidl.losses, minidl.optimizers
    public = {name: getattr(home, name) for home in homes for name in home.__all__}
    there = {name for name, item in public.items() if not inspect.isabstract(item)}
    assert there - {"ClipNorm", "ClipValue"} == listed
