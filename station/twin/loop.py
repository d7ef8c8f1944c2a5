"""Looking at many sockets at once: in the thread of whoever takes a turn, or in a thread of its own."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from station.twin import ends

Arrived = Callable[[], object]


class Loop:
    """Calls what watches an end when something arrives there."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._turning = threading.Lock()
        self._running = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed: BaseException | None = None
        self.watch(self._wake_read, lambda: self._wake_read.recv(64))

    @property
    def threaded(self) -> bool:
        """Whether it has a thread of its own."""
        return self._thread is not None

    @property
    def alive(self) -> bool:
        """Whether its thread has not died; `stop` raises what of."""
        return self._failed is None

    def watch(self, end: socket.socket | int, arrived: Arrived) -> None:
        """Call `arrived` when there is something to read, or somebody to accept."""
        self._selector.register(end, selectors.EVENT_READ, arrived)

    def forsake(self, end: socket.socket) -> None:
        """Watch no more, and close."""
        with suppress(KeyError, ValueError):
            self._selector.unregister(end)
        ends.close(end)

    def turn(self, seconds: float) -> None:
        """Deal with what has arrived, or arrives within so many seconds of wall time."""
        with self._turning:
            for key, _ in self._selector.select(seconds):
                key.data()

    def start(self, patience: Callable[[], float | None], before: Arrived, after: Arrived) -> None:
        """Look in a thread of its own, each time for at most `patience()` seconds (None: until something arrives).

        `before` is called before what has arrived is dealt with, and `after` afterwards.
        """
        self._running.set()
        self._thread = threading.Thread(target=self._run, args=(patience, before, after), name="twin", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close everything that is watched; raises what the thread died of, if it did."""
        if self._thread is not None:
            self._running.clear()
            self._wake_write.send(b"x")
            self._thread.join(timeout=5)
        for key in list(self._selector.get_map().values()):
            ends.close(key.fileobj)
        self._selector.close()
        self._wake_write.close()
        if self._failed is not None:
            raise self._failed

    def _run(self, patience: Callable[[], float | None], before: Arrived, after: Arrived) -> None:
        try:
            while self._running.is_set():
                arrived = self._arrived(patience())
                before()
                for each in arrived:
                    each()
                after()
        except BaseException as error:
            self._failed = error

    def _arrived(self, patience: float | None) -> list[Arrived]:
        """What has arrived until something is due: a selector counts whole milliseconds, and a sleep the rest."""
        whole = None if patience is None else max(0.0, int(1000 * patience) / 1000 - 1e-6)
        events = self._selector.select(whole)
        if not events and patience is not None and whole is not None:
            time.sleep(max(0.0, patience - whole))
            events = self._selector.select(0)
        return [key.data for key, _ in events]
