"""The checklists of CONTRIBUTING: what a new layer, loss or optimizer has to stand in, by name.

A new class fails here once for each place that it is missing from.
"""

import inspect
import re
from pathlib import Path

import pytest

import minidl
from minidl import containers, layers, losses, optimizers
from minidl.testing import strategies
from tests.corpus.mutants import LIBRARY
from tests.optimizers.test_every_optimizer import OPTIMIZERS
from tests.support.losses import CASES
from tests.support.table import TABLE

ROOT = Path(__file__).parents[1]


def final(*rooms):
    """Return {name: class} of all classes of these rooms that can be made."""
    kinds = {name: getattr(room, name) for room in rooms for name in room.__all__}
    return {n: k for n, k in kinds.items() if isinstance(k, type) and not inspect.isabstract(k)}


def words(*files):
    """Return every word that stands in files of the repository."""
    texts = [(ROOT / file).read_text(encoding="utf-8") for file in files]
    return set(re.findall(r"\w+", " ".join(texts)))


def missing(kinds, place):
    return sorted(set(kinds) - set(place))


LAYERS, LOSSES = final(layers, containers), final(losses)
RULES = {n: k for n, k in final(optimizers).items() if issubclass(k, optimizers.Optimizer)}
TABLES = strategies.FAMILIES, strategies.CONTAINERS, strategies.INPUTS
DRAWN = {kind.__name__ for table in TABLES for kind in table}
EVERYWHERE = {
    "_HOMES of minidl/__init__.py": dir(minidl),
    "docs/how-to/compose-networks.md": words("docs/how-to/compose-networks.md"),
    "CHANGELOG.md": words("CHANGELOG.md"),
}
PLACES = {
    "layer": {
        "FAMILIES of minidl/testing/strategies.py": DRAWN,
        "TABLE of tests/support/table.py": {type(case.layer).__name__ for case in TABLE},
    },
    "loss": {
        "_TARGETS or INPUTS of minidl/testing/strategies.py": words("minidl/testing/strategies.py"),
        "TABLE of tests/support/table.py": {type(case.layer).__name__ for case in TABLE},
        "CASES of tests/support/losses.py": {type(case.loss).__name__ for case in CASES.values()},
        "LIBRARY of tests/corpus/mutants.py": LIBRARY,
        "tests/losses/test_against_torch.py": words("tests/losses/test_against_torch.py"),
    },
    "optimizer": {
        "OPTIMIZERS of tests/optimizers/test_every_optimizer.py": OPTIMIZERS,
        "tests/checks/test_hyper_parameters.py": words("tests/checks/test_hyper_parameters.py"),
        "tests/optimizers/test_against_torch.py": words("tests/optimizers/test_against_torch.py"),
    },
}
KINDS = {"layer": LAYERS, "loss": LOSSES, "optimizer": RULES}


@pytest.mark.parametrize(
    ("kind", "place"), [(kind, place) for kind in KINDS for place in {**EVERYWHERE, **PLACES[kind]}]
)
def test_it_stands_in_every_place_of_its_checklist(kind, place):
    assert missing(KINDS[kind], {**EVERYWHERE, **PLACES[kind]}[place]) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_checklist_names_these_places(kind):
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    part = page.partition(f"## A new {kind}\n")[2].partition("\n## ")[0]
    for place in {**EVERYWHERE, **PLACES[kind]}:
        table, _, file = place.rpartition(" of ")
        assert file in part
        assert all(name in part for name in table.split(" or "))
