"""SIGINT and SIGTERM, held back while the exception of a handler could get lost."""

import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held_signals(wake: Callable[[], None] = lambda: None) -> Generator[Callable[[], bool]]:
    """Hold SIGINT and SIGTERM back; yield a function that gives them to the former handlers.

    Those raise an exception, and Python ignores one that comes up in a finalizer or in the callback
    of a weak reference: the run would go on as if nobody had cancelled it. Where a signal would
    just have killed this process, `SystemExit` is raised. Giving them returns whether there was one
    whose handler has raised nothing. `wake` is called when a signal arrives. A signal that is still
    held at the end is let through there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread hears signals
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handlers = {
        number: _leave if handler is signal.SIG_DFL else handler
        for number, handler in before.items()
        if callable(handler) or handler is signal.SIG_DFL
    }
    held: list[int] = []

    def hold(number: int, _: FrameType | None) -> None:
        held.append(number)
        wake()

    def let_through() -> bool:
        if not held:
            return False
        number = held[0]
        held.clear()
        handlers[signal.Signals(number)](number, None)
        return True

    for number in handlers:
        signal.signal(number, hold)
    try:
        yield let_through
    finally:
        for number in handlers:
            signal.signal(number, before[number])
    let_through()


def hear_interrupts() -> None:
    """Have SIGINT end this process, and those that it starts, also where it was ignored.

    A shell that starts a program in the background hands it down as ignored, and Dagster then
    ignores SIGTERM as well.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)  # as a shell reports it
