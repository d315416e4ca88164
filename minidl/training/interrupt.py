"""Ctrl-C that ends a run at a step's boundary; a second one raises at once."""

from typing import TYPE_CHECKING

from minidl.training.history import History

if TYPE_CHECKING:
    from types import FrameType


class Interrupt:
    """A context in which the first SIGINT is only noted in the history: the loop ends the run.

    Outside the main thread, or where someone else handles SIGINT, it changes nothing.
    """

    def __init__(self, history: History) -> None:
        self._history, self._installed = history, False

    def __enter__(self) -> None:
        import signal  # here, for the sake of the time that `import minidl` takes
        import threading

        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True

    def _handle(self, number: int, frame: "FrameType | None") -> None:
        import signal

        if self._history.interrupted:
            signal.default_int_handler(number, frame)
        self._history.interrupted = True

    def __exit__(self, *error: object) -> None:
        import signal

        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
