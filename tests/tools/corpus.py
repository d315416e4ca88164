"""Measure the gradient checker on the whole corpus: `python -m tests.tools.corpus`."""

import argparse
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy; small products gain nothing


def share(outcomes, what):
    hits = sum(getattr(outcome, what) for outcome in outcomes)
    return f"{hits} of {len(outcomes)} ({100 * hits / max(1, len(outcomes)):.1f} %)"


def main(arguments=None):
    from tests.corpus.faults import UNSEEN
    from tests.tools import measure

    parser = argparse.ArgumentParser(prog="python -m tests.tools.corpus", description=__doc__)
    parser.add_argument("--random", type=int, metavar="N", help="random correct layers, of 10,000")
    parser.add_argument("--start", type=int, default=0, help="the first seed of the random layers")
    parser.add_argument("--seeds", type=int, help="seeds for planted and awkward layers, of 10")
    parser.add_argument("--quick", action="store_true", help="one seed, 300 random, few mutants")
    options = parser.parse_args(arguments)
    seeds = range(options.seeds or (1 if options.quick else 10))
    count = options.random if options.random is not None else 300 if options.quick else 10_000

    rows, misses = [], []

    def section(title, outcomes, started, *columns):
        rows.append((title, *columns, f"{1e3 * (time.perf_counter() - started):,.0f} ms"))
        misses.extend(f"{title}: {o}" for o in outcomes if not (o.right and o.named))
        print(".", end="", flush=True, file=sys.stderr)

    started = time.perf_counter()
    planted = list(measure.faults(seeds))
    detected = f"detected {share(planted, 'right')}"
    section("planted", planted, started, detected, f"first as intended {share(planted, 'named')}")

    started = time.perf_counter()
    awkward = list(measure.awkward(seeds))
    alarms = sum(not outcome.right for outcome in awkward)
    section(
        "awkward", awkward, started, f"false alarms {alarms}", f"decided {share(awkward, 'named')}"
    )

    started = time.perf_counter()
    randoms = list(measure.randoms(count, options.start))
    alarms = sum(not outcome.right for outcome in randoms)
    section(
        "random", randoms, started, f"false alarms {alarms}", f"decided {share(randoms, 'named')}"
    )
    undecided = [o for o in randoms if o.right and not o.named]
    misses = [line for line in misses if not any(str(o) in line for o in undecided)]

    started = time.perf_counter()
    mutants, fates = measure.mutated(10 if options.quick else 1)
    section(
        "mutants",
        mutants,
        started,
        f"detected {share(mutants, 'right')}",
        f"specific {share(mutants, 'named')}",
    )

    print(file=sys.stderr)
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    print(f"mutants left out: {fates['equivalent']} equivalent, {fates['raises']} that raise")
    print(f"faults that no check could see here: {len(UNSEEN)}")
    for fault in UNSEEN:
        print(f"  {fault.name}: {fault.unseen}")
    vague = [line for line in misses if line.startswith("mutants") and ": fail unclass" in line]
    print(f"mutants found and left unclassified: {len(vague)}")
    rest = [line for line in misses if line not in vague]
    print(f"not as they should be: {len(rest)}")
    for line in rest:
        print(f"  {line}")
    return bool(rest)


if __name__ == "__main__":
    sys.exit(main())
