"""Compare this checkout of minidl with another: every work of `python -m benchmarks`, in turns.

Printed is, for each way, the time here over the time there: the median of the ratios round by
round, with half the distance of their quartiles.
"""

import argparse
import statistics
from pathlib import Path

from benchmarks import report
from benchmarks.measure import measure
from benchmarks.work import WORK
from benchmarks.worker import Worker, confined

HERE = Path(__file__).parents[2]
THERE = ", there"


class Elsewhere(Worker):
    """minidl in another folder: what it is asked for has names with a mark."""

    def ask(self, question, *arguments):
        plain = [a.removesuffix(THERE) if isinstance(a, str) else a for a in arguments]
        answer = super().ask(question, *plain)
        return [name + THERE for name in answer] if question == "ways" else answer


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks beside", description=__doc__)
    parser.add_argument("folder", type=Path, help="the other checkout")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", metavar="TEXT", help="the works whose title has it")
    parser.add_argument("--seconds", type=float, default=30, help="how long to measure each work")
    options = parser.parse_args()
    if not (options.folder / "minidl" / "__init__.py").exists():
        parser.error(f"{options.folder} is no checkout of minidl")
    with confined(options.threads):
        found = [Worker("minidl", str(HERE)), Elsewhere("minidl", str(options.folder.resolve()))]
    for worker in found:
        worker.start()
    print(f"# {HERE} beside {options.folder}\n\n{report.machine()}\n")
    print("| work | way | here ÷ there | ± |\n|---|---|---|---|", flush=True)
    for work in WORK:
        if options.only in work.title:
            results = measure(work, found, options.seconds, most_rounds=200)
            for name, here in results.items():
                there = results.get(name + THERE)
                if there and here.seconds:
                    ratios = [a / b for a, b in zip(here.seconds, there.seconds, strict=True)]
                    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
                    print(
                        f"| {work.title} | {name} | {middle:.3f} | {(high - low) / 2:.3f} |",
                        flush=True,
                    )
    for worker in found:
        worker.close()


if __name__ == "__main__":
    main()
