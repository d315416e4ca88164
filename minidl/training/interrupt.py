"""Ctrl-C that ends a run at a step's boundary; a second one raises at once."""

from typing import TYPE_CHECKING

from minidl.training.callbacks import Callback
from minidl.training.run import Run

if TYPE_CHECKING:
    from types import FrameType


class Interrupt(Callback):
    """A context in which the first SIGINT waits for the end of a step, and then ends the run.

    Outside the main thread, or where someone else handles SIGINT, it changes nothing. That the
    signal is passed on only here makes those that come after, the checkpoints, agree with the loop.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._requested = self._installed = False

    def __enter__(self) -> None:
        import signal  # here, for the sake of the time that `import minidl` takes
        import threading

        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True

    def _handle(self, number: int, frame: "FrameType | None") -> None:
        import signal

        if self._requested:
            signal.default_int_handler(number, frame)
        self._requested = True

    def on_step(self, run: Run) -> None:
        """End the run if Ctrl-C was pressed."""
        run.history.interrupted = self._requested

    on_epoch = on_step

    def __exit__(self, *error: object) -> None:
        import signal

        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._run.history.interrupted = self._requested  # it may have come after the last step
