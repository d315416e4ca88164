"""What the checker makes of the corpus: one outcome for each layer, and their counts."""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from minidl.contract.laws import MISTAKES
from minidl.gradcheck import check_gradients
from tests.corpus import mutants
from tests.corpus.awkward import AWKWARD
from tests.corpus.faults import VISIBLE
from tests.corpus.random_layers import random_case


@dataclass(frozen=True)
class Outcome:
    """The verdict on one layer; `right` and `named` say whether it is what it should be."""

    name: str
    verdict: str
    mistakes: tuple[str, ...]
    sentence: str
    right: bool
    named: bool

    def __str__(self):
        return f"{self.name}: {self.verdict} {', '.join(self.mistakes[:3])} {self.sentence[:120]}"


def check(layer, inputs, seed=0):
    """Return (verdict, mistakes, first sentence); a checker that raises gives "raises"."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            report = check_gradients(layer, *inputs, seed=seed)
        except Exception as error:
            return "raises", (), f"{type(error).__name__}: {error}"
    mistakes = tuple(finding.mistake for finding in report.findings)
    assert MISTAKES.keys() >= set(mistakes)
    return report.verdict, mistakes, report.findings[0].sentence if report.findings else ""


def judge_fault(fault, seed=0):
    """A fault must be found; it is named if the first diagnosis is one of those intended."""
    verdict, mistakes, sentence = check(*fault.make(np.random.default_rng(seed)), seed)
    found = verdict == "fail"
    named = found and mistakes[0] in fault.expect
    return Outcome(fault.name, verdict, mistakes, sentence, found, named)


def judge_awkward(item, seed=0):
    """A correct layer must not fail, and must pass unless it says why not."""
    verdict, mistakes, sentence = check(*item.make(np.random.default_rng(seed)), seed)
    allowed = {"pass"}
    if item.undecided:
        allowed.add("inconclusive")
        if sentence.startswith("ValueError"):  # the documented answer when nothing is to check
            allowed.add("raises")
    name = f"{item.name} (seed {seed})"
    right = verdict in allowed or verdict == "inconclusive"
    return Outcome(name, verdict, mistakes, sentence, right, verdict in allowed)


def judge_random(seed):
    """A random correct layer must not fail."""
    verdict, mistakes, sentence = check(*random_case(seed), seed)
    return Outcome(
        f"random layer {seed}",
        verdict,
        mistakes,
        sentence,
        verdict not in ("fail", "raises"),
        verdict == "pass",
    )


def judge_mutant(mutant):
    """A mutant must be found; it is named if the first diagnosis is a specific one."""
    verdict, mistakes, sentence = check(*mutant.make(np.random.default_rng(0)))
    found = verdict == "fail"
    named = found and mistakes[0] != "unclassified"
    return Outcome(mutant.name, verdict, mistakes, sentence, found, named)


def faults(seeds: Iterable[int] = (0,)) -> Iterator[Outcome]:
    return (judge_fault(fault, seed) for seed in seeds for fault in VISIBLE)


def awkward(seeds: Iterable[int] = (0,)) -> Iterator[Outcome]:
    return (judge_awkward(item, seed) for seed in seeds for item in AWKWARD)


def randoms(count: int, start: int = 0) -> Iterator[Outcome]:
    return (judge_random(seed) for seed in range(start, start + count))


def mutated(every: int = 1) -> tuple[list[Outcome], Counter]:
    """Judge every so-many-th mutant that counts; return the outcomes and the fates of all."""
    fates: Counter = Counter()
    outcomes = []
    for number, mutant in enumerate(mutants.all_mutants()):
        if number % every:
            continue
        fate = mutants.fate(mutant)
        fates[fate] += 1
        if fate == "counts":
            outcomes.append(judge_mutant(mutant))
    return outcomes, fates
