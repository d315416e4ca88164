"""How long importing takes, and how much memory: `python -m benchmarks imports`.

Every import is made by a fresh process, in turns, all on one core.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks import report
from benchmarks.measure import Result
from benchmarks.work import Target
from benchmarks.worker import confined

README = Path(__file__).parents[2] / "README.md"
STATEMENTS = {
    "numpy": "import numpy",
    "minidl": "import minidl",
    "minidl, the README's names": "",  # filled in below
    "torch": "import torch",
    "scikit-learn": "from sklearn.neural_network import MLPClassifier",
    "jax": "import jax.numpy",
    "thinc": "import thinc.api",
}
MEASURED = """
import time
start = time.perf_counter()
{}
seconds = time.perf_counter() - start
status = open("/proc/self/status").read()
print(seconds, status.split("VmRSS:")[1].split()[0])
"""


@dataclass(frozen=True)
class Imports:
    title = "import"
    unit, count, floor = "import", 1, "numpy"
    targets = (Target("numpy", 1.3, ("minidl", "minidl, the README's names")),)


def statements(names=STATEMENTS):
    """Return {name: import} of those that are installed."""
    readme = re.findall(r"^from minidl import .*$", README.read_text(encoding="utf-8"), re.M)
    found = {**STATEMENTS, "minidl, the README's names": "; ".join(readme)}
    return {name: found[name] for name in names if find_spec(found[name].split()[1].split(".")[0])}


def measure(names=STATEMENTS, rounds=5):
    found = statements(names)
    results = {name: Result() for name in found}
    with confined(1):
        for turn in range(rounds + 1):
            for name, statement in found.items():
                command = [sys.executable, "-c", MEASURED.format(statement)]
                answer = subprocess.run(command, capture_output=True, text=True, check=True)
                seconds, kilobytes = answer.stdout.split()
                if turn:  # the first reads the files
                    results[name].seconds.append(float(seconds))
                    results[name].memory = float(kilobytes) * 1024
    return report.section(Imports(), results)


def main():
    print(measure())


if __name__ == "__main__":
    main()
