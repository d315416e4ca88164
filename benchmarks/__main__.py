"""Compare minidl with what is installed of torch, scikit-learn, jax and thinc on the same work.

Each library works in a process of its own, all on the same cores, one at a time and in turns.
Printed are medians, half the distance of the quartiles, and how many times as long as minidl each
takes: the median of the ratio round by round.
"""

import argparse
import dataclasses
import time
from pathlib import Path

from benchmarks import report
from benchmarks.measure import measure, workers
from benchmarks.work import COMPILED, WORK

RESULTS = Path(__file__).with_name("RESULTS.md")


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in under a minute, nothing written")
    parser.add_argument("--threads", type=int, nargs="+", help="default: 1 and 2, if quick 1")
    parser.add_argument("--only", default="", help="the works whose title holds this")
    parser.add_argument("--seconds", type=float, help="how long to measure each work")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name}, if all is measured")
    options = parser.parse_args()
    seconds = options.seconds or (1 if options.quick else 40)
    partial = options.quick or options.only
    output = options.output or (None if partial else RESULTS)
    begun, lines = time.perf_counter(), []

    def tell(text):
        lines.append(text)
        print(text, flush=True)

    tell(f"# Benchmarks\n\n{report.machine()}")
    for threads in options.threads or ([1] if options.quick else [1, 2]):
        with workers(threads) as (found, missing):
            tell(f"\n## On {threads} thread{'s' * (threads > 1)}\n")
            tell(", ".join(f"{worker.library} {worker.version}" for worker in found))
            for library, reason in missing.items():
                tell(f"{library}: left out, {reason}")
            for work in WORK:
                if options.only not in work.title or (options.quick and not work.quick):
                    continue
                if options.quick:
                    if time.perf_counter() - begun > 45:
                        tell(f"\n### {work.title}\n\nleft out: the time is up")
                        continue
                    work = dataclasses.replace(work, **work.short)
                results = measure(
                    work,
                    found,
                    seconds,
                    pause=0.0 if threads == 1 else 0.05,
                    leave_out=[COMPILED] if options.quick else [],
                )
                tell("\n" + report.section(work, results))
    if output:
        output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
