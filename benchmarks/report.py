"""The figures as text, which is Markdown too."""

import platform
import sys
import time
from pathlib import Path

from benchmarks.measure import verdicts

REACHED = {True: "reached", False: "**missed**", None: "not measured"}


def duration(seconds):
    for unit, scale in (("µs", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds:.3g} s"


def size(count):
    return f"{count / 2**20:.0f} MiB" if count == count else ""


def table(header, rows):
    """Return a Markdown table, its columns aligned, all but the first to the right."""
    rows = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = [
        "| "
        + " | ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    ]
    rule = ["-" * (width + 1) + (":" if i else "-") for i, width in enumerate(widths)]
    return "\n".join([lines[0], f"|{'|'.join(rule)}|", *lines[1:]])


def section(work, results):
    """Return a work's figures, and where its targets stand."""
    ours = [name for name in results if name.startswith("minidl")]
    floor = results.get(work.floor)
    floor = floor if floor and floor.seconds else None
    header = [f"a {work.unit}", "median", "±", *(f"÷ {name}" for name in ours)]
    header += [f"÷ {work.floor}"] if floor else []
    rows = []
    for name, result in results.items():
        if not result.seconds:
            continue
        row = [name, duration(result.median), f"{result.spread:.0%}"]
        row += [f"{result.over(results[one]):.2f}" for one in ours]
        row += [f"{result.over(floor):.2f}"] if floor else []
        rows.append([*row, size(result.memory), _epochs(work, result)])
    left_out = [f"{name} ({result.reason})" for name, result in results.items() if result.reason]
    rounds = len(results[ours[0]].seconds)
    lines = [f"### {work.title}", "", table([*header, "peak memory", ""], rows), ""]
    lines += [f"- {text}: {REACHED[met]}" for text, met in verdicts(work, results)]
    lines += [f"- {rounds} rounds of turns of {work.count} {work.unit}{'s' * (work.count > 1)}"]
    lines += [f"- left out: {', '.join(left_out)}"] if left_out else []
    return "\n".join(lines)


def _epochs(work, result):
    epochs = sorted(result.counts) if getattr(work, "goal", None) else []
    return f"{epochs[0]} to {epochs[-1]} epochs" if epochs else ""


def machine():
    """Return what it was measured on."""
    cpu = Path("/proc/cpuinfo").read_text().split("model name", 1)[-1].splitlines()[0].strip(":\t ")
    now = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    load = Path("/proc/loadavg").read_text().split()[0]
    return f"{now}, {cpu}, {platform.system()}, Python {sys.version.split()[0]}, load {load} before"
