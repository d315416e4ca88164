"""The progress bar of a run on the terminal."""

import importlib.util
import sys

from minidl.training.callbacks import Callback
from minidl.training.run import Run


class _ProgressBar(Callback):
    """One line a run on the terminal, drawn by Rich."""

    def on_begin(self, run: Run) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} steps"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(
            "fit",
            total=run.epochs * run.steps_per_epoch or None,
            epoch=1,
            epochs=run.epochs,
            figures="",
        )
        self._bar.start()

    def on_step(self, run: Run) -> None:
        history = run.history
        figures = f"loss {history.step_loss[-1]:.4g}"
        if history.validation and history.steps:
            figures += "".join(
                f", held-out {name} {curve[-1]:.4g}" for name, curve in history.validation.items()
            )
        epoch = min(run.epoch + 1, run.epochs)
        self._bar.update(self._task, completed=run.step, epoch=epoch, figures=figures)

    def close(self) -> None:
        if hasattr(self, "_bar"):
            self._bar.stop()


def progress_callbacks(progress: bool | None) -> list[_ProgressBar]:
    """Return the progress bar, if one is to be shown.

    Raises
    ------
    ImportError
        If it is insisted on and Rich is not installed.
    """
    if progress not in (None, True, False):
        raise TypeError(f"progress must be True, False or None, got {progress!r}")
    if not (progress or (progress is None and sys.stderr.isatty())):
        return []
    if importlib.util.find_spec("rich") is not None:
        return [_ProgressBar()]
    if progress:
        raise ImportError('progress=True needs Rich: python -m pip install "minidl[progress]"')
    return []
