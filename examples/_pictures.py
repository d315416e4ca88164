"""What the examples share: the option --save, and where their pictures go."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def parser(doc: str) -> argparse.ArgumentParser:
    """Return the command line of an example, whose docstring `doc` opens with its title."""
    made = argparse.ArgumentParser(description=doc.strip().splitlines()[0])
    made.add_argument("--save", type=Path, metavar="DIR", help="save the pictures in this folder")
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
