"""Who may stop a run from outside: signals, a closed terminal or console, the end of the process that started it.

Each of them ends the command until a run is under way; from then on it stops the run, which makes the bench safe and
finishes its evidence.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from station.clock import Scopes
from station.guard import Starter

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGBREAK")
"""Whatever a person, a terminal or an operating system sends to end or to halt a program, and lets it catch."""
CLOSES_WITHIN = 4.5
"""Seconds that a closed Windows console is kept waiting; the system ends the process after five (HandlerRoutine)."""
LOOK_EVERY = 0.05
"""Seconds between two looks whether the process that started the run, or what serves, is still there."""


class Stops:
    """What is to be stopped: the command, until there is a run."""

    def __init__(self) -> None:
        """There is no run yet."""
        self.scopes: Scopes | None = None
        """The scopes of the run, as soon as there is one."""

    def by_signal(self, reason: str) -> None:
        """Stop the run; raises KeyboardInterrupt where there is none."""
        if not self.from_elsewhere(reason):
            raise KeyboardInterrupt

    def from_elsewhere(self, reason: str) -> bool:
        """Stop the run, from any thread; says whether there is one."""
        if self.scopes is not None:
            self.scopes.stop(reason)
        return self.scopes is not None

    @property
    def heeded(self) -> bool:
        """Whether a run was stopped."""
        return self.scopes is not None and self.scopes.stopped is not None


@contextmanager
def stoppable(*, deaf_after: bool = True) -> Iterator[Stops]:
    """Heed every stop from outside while the block runs.

    `deaf_after`: once a run was stopped, the process heeds nothing further but finishes its evidence, however often one
    tries.
    """
    stops, over = Stops(), threading.Event()
    names = [name for name in SIGNALS if hasattr(signal, name)]
    caught = _handler(stops)
    before = {name: signal.signal(getattr(signal, name), caught) for name in names}
    threading.Thread(target=_watch_starter, args=(stops, over), name="starter", daemon=True).start()
    with _console_heeded(stops, over):
        try:
            yield stops
        finally:
            over.set()
            for name, handler in before.items():
                signal.signal(getattr(signal, name), signal.SIG_IGN if deaf_after and stops.heeded else handler)


@contextmanager
def noted() -> Iterator[list[int]]:
    """The signals that ask this process to end, as they come while the block runs.

    A list and not an event: a handler runs between any two lines, also where the main thread holds an event's lock.
    """
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name) and name != "SIGTSTP"]
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, frame: came.append(number)) for number in numbers}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def until(came: Sequence[int], alive: Callable[[], bool]) -> None:
    """Wait until a signal has come, or what is waited for is no longer alive."""
    while alive() and not came:
        time.sleep(LOOK_EVERY)


def _handler(stops: Stops) -> Callable[[int, FrameType | None], None]:
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def caught(number: int, frame: FrameType | None) -> None:
        del frame
        name = signal.Signals(number).name
        if name == "SIGHUP":
            silence(*terminals)
        stops.by_signal("stopped by the operator (Ctrl-C)" if name == "SIGINT" else f"stopped by signal {name}")

    return caught


def silence(*descriptors: int) -> None:
    """Let what is written there vanish: nobody reads it any more, and that must end no run."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        with suppress(OSError):
            os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _watch_starter(stops: Stops, over: threading.Event) -> None:
    """Stop the run when the process that started it ends: nobody waits for it, and nobody may stand beside it."""
    try:
        starter = Starter(os.getppid())
    except OSError:
        return
    while not over.wait(LOOK_EVERY):
        if starter.gone() and stops.from_elsewhere("the process that started the run is gone"):
            break
    starter.close()


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _CLOSE, _LOGOFF, _SHUTDOWN = 2, 5, 6

    @contextmanager
    def _console_heeded(stops: Stops, over: threading.Event) -> Iterator[None]:
        """A closed console, a log-off and a shutdown stop the run, and wait for it as long as Windows lets them."""

        def closed(event: int) -> bool:
            if event not in (_CLOSE, _LOGOFF, _SHUTDOWN):
                return False
            stops.from_elsewhere("the console was closed")
            over.wait(CLOSES_WITHIN)
            return True

        routine = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)(closed)
        ctypes.windll.kernel32.SetConsoleCtrlHandler(routine, True)
        try:
            yield
        finally:
            ctypes.windll.kernel32.SetConsoleCtrlHandler(routine, False)

else:

    @contextmanager
    def _console_heeded(stops: Stops, over: threading.Event) -> Iterator[None]:
        """A closed terminal comes as SIGHUP."""
        del stops, over
        yield
