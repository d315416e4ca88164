"""Compare minidl with what is installed of torch, scikit-learn, jax and thinc on the same work.

Each library works in a process of its own, all on the same cores, one at a time and in turns.
Printed are medians, half the distance of the quartiles (±), and how many times as long as minidl
each takes: the median of the ratio round by round. On one thread the time is the processor's, so
that what other programs take in between does not count. The memory is what preparing and the first
turn add at their peak to what the library's process holds. All take the batches in one order, but
scikit-learn shuffles by itself where no goal is set, and tells two classes apart by one output.

`python -m benchmarks NAME` runs one of the other comparisons: gradcheck, convolution,
dense_family, sequences, imports, memory, memory_map, estimators; `beside FOLDER` compares this
checkout with another one of minidl.
"""

import argparse
import dataclasses
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import report
from benchmarks.measure import measure, workers
from benchmarks.work import COMPILED, WORK, Training
from benchmarks.worker import confined
from benchmarks.works import imports

RESULTS = Path(__file__).with_name("RESULTS.md")
OTHERS = (
    "beside",
    "gradcheck",
    "convolution",
    "dense_family",
    "sequences",
    "imports",
    "memory",
    "memory_map",
    "estimators",
)


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="in under a minute, on one thread")
    parser.add_argument("--threads", type=int, nargs="+", help="default: 1 and 2")
    parser.add_argument("--only", default="", metavar="TEXT", help="the works whose title has it")
    parser.add_argument("--seconds", type=float, help="how long to measure each work")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name}, if all is measured")
    options = parser.parse_args()
    seconds = options.seconds or (1 if options.quick else 30)
    output = options.output or (None if options.quick or options.only else RESULTS)
    begun, lines = time.perf_counter(), []

    def tell(text):
        lines.append(text)
        print(text, flush=True)

    tell(f"# Benchmarks\n\n{report.machine()}")
    tell(f"\n{__doc__.partition('`python')[0].partition('.')[2].strip()}")
    for threads in options.threads or ([1] if options.quick else [1, 2]):
        tell(f"\n## On {threads} thread{'s' * (threads > 1)}\n")
        with workers(threads) as (found, missing):
            tell(", ".join(f"{worker.library} {worker.version}" for worker in found))
            tell("".join(f"\n- left out: {name}: {why}" for name, why in missing.items()))
            for work in WORK:
                if options.only not in work.title or (options.quick and not work.quick):
                    continue
                if options.quick and time.perf_counter() - begun > 38:
                    tell(f"### {work.title}\n\nleft out: the time is up\n")
                    continue
                if options.quick and isinstance(work, Training):
                    work = dataclasses.replace(work, epochs=work.quick)
                results = measure(
                    work,
                    found,
                    seconds,
                    pause=0.0 if threads == 1 else 0.05,
                    leave_out=[COMPILED] if options.quick else [],
                )
                if threads > 1:  # the targets are those of one thread
                    work = dataclasses.replace(work, targets=())
                tell(report.section(work, results) + "\n")
    if not options.only:
        few = ("numpy", "minidl", "minidl, the README's names")
        tell("## Imports and memory\n")
        tell(imports.measure(few, 3) if options.quick else imports.measure())
    if not options.only and not options.quick:
        with confined(1):
            command = [sys.executable, "-m", "benchmarks.works.memory"]
            tell("\n" + subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout)
    if output:
        output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in OTHERS:
        # a process of its own: some set the number of threads, which NumPy reads when imported
        name, *arguments = sys.argv[1:]
        sys.exit(subprocess.call([sys.executable, "-m", f"benchmarks.works.{name}", *arguments]))
    else:
        main()
