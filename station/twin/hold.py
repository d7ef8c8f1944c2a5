"""The published clock of a twin: one run in another process may hold it, and time then moves when that run says so.

Who else talks to the twin meanwhile is answered at once and moves no time. Only when the holder has been silent for a
while (a frozen process) does time go on as on the wall for the others, until the holder speaks again. What is said on
the socket is described beside the run's end of it, in `station.clock`.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from math import isfinite
from typing import Protocol

from station.clock import SteppedClock, Traffic
from station.twin import ends

ABOUT = 0.5
"""Wall seconds without a word after which a holder no longer stops time for others."""
ANSWER_WITHIN = 10.0
"""Wall seconds after which a question about bytes that never came is answered all the same."""
LONGEST_LINE = 4096
"""Bytes of the longest question."""

Answer = Callable[[], Traffic | None]
"""What a question comes to; None while the twin has not come to it."""


class Wires(Protocol):
    """What a hold needs of the server."""

    def watch(self, end: socket.socket, arrived: Callable[[], object]) -> None:
        """Call `arrived` when there is something to read."""
        ...

    def forsake(self, end: socket.socket) -> None:
        """Watch no more, and close."""
        ...

    def join(self, connection: str) -> Traffic | None:
        """Let the exchanges of a connection move time, and say what has passed on it; None while nobody knows it."""
        ...

    def settled(self, connection: str, sent: int) -> Traffic | None:
        """What has passed on a connection once `sent` bytes were dealt with; None before."""
        ...

    def part(self) -> None:
        """Let no connection's exchanges move time any more."""
        ...

    def hurry(self) -> None:
        """Finish what is under way at once."""
        ...


class Hold:
    """The socket at which the clock can be held. Everything here happens in the server's own thread."""

    def __init__(self, wires: Wires, clock: SteppedClock, step_began: Callable[[str], None]) -> None:
        """Publish `clock` on a free port; `step_began` learns of the steps of the run that holds it."""
        self._wires, self._clock, self._step_began = wires, clock, step_began
        self._listener = ends.listening()
        self.address = "{}:{}".format(*ends.address(self._listener))
        self._said: dict[socket.socket, bytes] = {}
        self._holder: socket.socket | None = None
        self._name = ""
        self._spoke = 0.0
        self._owed: Answer | None = None
        wires.watch(self._listener, self._accept)

    @property
    def waits(self) -> bool:
        """Whether a question is still to be answered."""
        return self._owed is not None

    def overheard(self) -> None:
        """Somebody who is not the holder speaks: unless the holder is about, time goes on for them."""
        if self._holder is None or time.monotonic() - self._spoke > ABOUT:
            self._clock.go_on()

    def answer(self) -> None:
        """Answer the holder if its question has come to something, or to nothing for too long."""
        if self._owed is None or self._holder is None:
            return
        found = self._owed()
        if found is None and time.monotonic() - self._spoke < ANSWER_WITHIN:
            return
        self._owed = None
        taken, sent = found or Traffic(-1, -1)
        self._say(self._holder, f"{self._clock.now()!r} {taken} {sent}")

    def _accept(self) -> None:
        found = ends.accepted(self._listener)
        if found is None:
            return
        client, _ = found
        self._said[client] = b""
        self._wires.watch(client, lambda: self._arrived(client))

    def _arrived(self, client: socket.socket) -> None:
        try:
            data = client.recv(LONGEST_LINE)
        except OSError:
            data = b""
        said = self._said[client] + data
        if not data or len(said) > LONGEST_LINE:
            self._leave(client)
            return
        *lines, self._said[client] = said.split(b"\n")
        try:
            for line in lines:
                self._heard(client, line.decode())
        except ValueError:
            self._refuse(client, "not asked in words that it knows")

    def _heard(self, client: socket.socket, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "hold":
            self._hold(client, rest)
        elif client is self._holder:
            self._speak()
            self._owed = self._question(word, rest)
            self.answer()
        else:
            self._refuse(client, "not held by who asks")

    def _hold(self, client: socket.socket, name: str) -> None:
        if self._holder is not None:
            self._refuse(client, f"held by {self._name}")
            return
        self._holder, self._name = client, name
        self._speak()
        self._say(client, f"{self._clock.now()!r}")

    def _speak(self) -> None:
        """The holder is about: time stands, and what others have under way is finished."""
        self._spoke = time.monotonic()
        if self._clock.kind == "wall":
            self._clock.stand()
            self._wires.hurry()

    def _leave(self, client: socket.socket) -> None:
        if self._said.pop(client, None) is None:
            return
        self._wires.forsake(client)
        if client is self._holder:
            self._holder = self._owed = None
            self._wires.part()
            self._clock.go_on()

    def _question(self, word: str, rest: str) -> Answer:
        """Do what a question asks for, and return what it comes to; raises ValueError for what is none."""
        match word:
            case "join":
                return lambda: self._wires.join(rest)
            case "until":
                sent, _, connection = rest.partition(" ")
                return lambda: self._wires.settled(connection, int(sent))
            case "wait" if isfinite(seconds := float(rest)):
                self._clock.wait(seconds)
            case "step":
                self._step_began(rest)
            case _:
                raise ValueError(word)
        return lambda: Traffic(0, 0)

    def _refuse(self, client: socket.socket, why: str) -> None:
        self._say(client, f"refused {why}")
        self._leave(client)

    def _say(self, client: socket.socket, line: str) -> None:
        with suppress(OSError):
            client.sendall(line.encode() + b"\n")
