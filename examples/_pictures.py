"""What the examples share: the options --save and --quick, and where their pictures go."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def parser(doc: str, quick: str | None = None) -> argparse.ArgumentParser:
    """Return the command line of an example, whose docstring `doc` opens with its title.

    An example that takes longer than a few seconds says in `quick` what its option --quick leaves
    out. The code is the same; the figures that are stated in the text are those of the whole.
    """
    made = argparse.ArgumentParser(description=doc.strip().splitlines()[0])
    made.add_argument("--save", type=Path, metavar="DIR", help="save the pictures in this folder")
    if quick is not None:
        made.add_argument("--quick", action="store_true", help=quick)
    return made


def show(folder: Path | None, **figures: Figure) -> None:
    """Save figures as ``folder/name.png``; without a folder show them, if there is a display."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=100)
            print(f"saved {path}")
    elif matplotlib.get_backend().lower() != "agg":
        plt.show()
