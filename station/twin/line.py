"""A serial line between the station and the packs, and what can be wrong with it.

What the station hears during one exchange is handed over in one piece at the end of it; what the packs say at other
times (an answer that comes too late, their own traffic) is handed over when it has crossed the line.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from itertools import zip_longest
from math import inf
from typing import Literal, Protocol

import numpy as np

from station.twin.bus import Chatter
from station.twin.exchanges import Exchange

UNREAD = 512
"""Bytes that the station's adapter keeps for a station that does not look; what follows is lost."""

Talk = Generator[float, None, bytes]
"""Seconds that pass, one after the other, and in the end what the station has heard."""


class Port(Protocol):
    """One serial port of a BMS; `turnaround` s pass between a request and its answer."""

    turnaround: float
    address_error: int

    def seconds(self, count: int) -> float:
        """How long `count` bytes take on the line."""
        ...

    def received(self, data: bytes, at: float) -> None:
        """Hear bytes of which the last one ended at `at` s."""
        ...

    def reply(self, at: float) -> bytes | None:
        """The answer to what was heard by `at` s, if there is one."""
        ...


@dataclass(slots=True)
class Way:
    """One direction of a line: what is sent while something still crosses it waits, and follows without a silence."""

    _free_at: float = -inf

    def takes(self, seconds: float, now: float) -> float:
        """Seconds from `now` until bytes that need so many have crossed."""
        waits = max(0.0, self._free_at - now)
        self._free_at = now + waits + seconds
        return waits + seconds


def _no_ports() -> Iterable[Port]:
    return ()


@dataclass(slots=True)
class Line:
    """A line to the `port` of the pack on the bench and to those of its `neighbours`; all parameters can be set at any
    time.

    `first_byte` s after a request a client gives up: an answer that begins later is on its own. The relay of the
    loop-back joins the station's transmitter to its receiver, on the station's side of everything but `cut`.
    """

    port: Port
    now: Callable[[], float]
    first_byte: float
    chatter: Chatter
    neighbours: Callable[[], Iterable[Port]] = _no_ports
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    loop_back: bool = False
    loop_back_broken: bool = False
    cut: bool = False
    """Nothing arrives at either end."""
    deaf: bool = False
    """The pack's receiver is dead: it hears nothing."""
    mute: bool = False
    """The pack's transmitter is dead: it hears and obeys, and nothing of its answers arrives."""
    stuck: bool = False
    """The pack's transmitter never lets go of the line: nobody is heard, and the station reads zeros."""
    echo: bool = False
    """The station hears its own request."""
    bit_errors: float = 0.0
    """Share of the bytes, both ways, in which a bit is turned over."""
    bad_frames: float = 0.0
    """Share of the answers in which a bit of one byte is turned over."""
    truncated: int = 0
    """Bytes missing at the end of each answer."""
    delay: float = 0.0
    """Seconds by which each answer is late."""
    one_behind: bool = False
    """Each request gets the answer to the one before it."""
    polls: Literal["none", "polite", "colliding"] = "none"
    """What pack 1 says unasked to its neighbours is heard here: between requests, or whoever else is talking."""
    _send: Callable[[bytes], None] | None = None
    _busy: int = 0
    _unread: int = 0
    _held: bytes | None = None
    _late: list[tuple[float, bytes]] = field(default_factory=list)
    _there: Way = field(default_factory=Way)
    _back: Way = field(default_factory=Way)

    @property
    def address_error(self) -> int:
        """What is added to the address in each answer."""
        return self.port.address_error

    @address_error.setter
    def address_error(self, value: int) -> None:
        self.port.address_error = value

    def exchange(self, data: bytes, send: Callable[[bytes], None]) -> Exchange:
        """Bytes from the station, and what it hears during this."""
        self._send, self._unread = send, 0
        if not self._busy:
            self._there, self._back = Way(), Way()
        self._busy += 1
        try:
            heard = yield from self._talk(data)
        finally:
            self._busy -= 1
        if heard:
            send(heard)

    def tick(self, now: float) -> None:
        """Hand over what has crossed the line by `now` s outside any exchange."""
        if self._busy or (self.polls == "none" and not self._late):
            return
        heard = self._overdue(now) + self._overheard(now)
        if heard and self._send is not None and not self._is_separated and self._unread + len(heard) <= UNREAD:
            self._unread += len(heard)
            self._send(heard)

    @property
    def _is_separated(self) -> bool:
        return self.cut or self.loop_back

    def _talk(self, data: bytes) -> Talk:
        seconds = self.port.seconds(len(data))
        until = self._there.takes(seconds, self.now())
        begin = self.now() + until - seconds
        yield until
        if self.cut:
            return b""
        if self.loop_back:
            return b"" if self.loop_back_broken else self._spoilt(data)
        if self.stuck:
            return bytes(len(data))
        collided = collide([data, *self._overlapping(begin)]) if self.polls == "colliding" else data
        echoed = collided if self.echo or collided != data else b""
        return echoed + (yield from self._answered(self._spoilt(collided)))

    def _answered(self, request: bytes) -> Talk:
        """Let the packs hear the request; what they say to it, behind what was still on its way to the station."""
        others = tuple(self.neighbours())
        heard_at = self.now()
        for each in others if self.deaf else (self.port, *others):
            each.received(request, heard_at)
        yield self._thinks
        at = max(self.now(), heard_at + self._thinks)
        own, *replies = (each.reply(at) for each in (self.port, *others))
        reply = self._in_time(collide(filter(None, replies if self.mute else (own, *replies))))
        if reply and self.delay:
            yield self.delay
        heard = self._overdue(self.now()) + self._overheard(self.now()) + reply
        yield self._back.takes(self.port.seconds(len(heard)), self.now())
        return heard

    def _in_time(self, reply: bytes) -> bytes:
        """What of an answer arrives while somebody waits for it."""
        if self.one_behind and reply:
            reply, self._held = self._held or b"", reply
        reply = self._damaged(reply)
        takes = self.port.turnaround + self.delay
        if reply and takes > self.first_byte:
            self._late.append((self.now() + takes - self._thinks, reply))
            return b""
        return reply

    @property
    def _thinks(self) -> float:
        """Seconds that pass until the packs have an answer, as long as somebody waits for it."""
        return min(self.port.turnaround, self.first_byte)

    def _overdue(self, now: float) -> bytes:
        """The late answers that have begun by `now`, for that is what a client waits for."""
        due = [reply for at, reply in self._late if at <= now]
        self._late = [(at, reply) for at, reply in self._late if at > now]
        return b"".join(due)

    def _overheard(self, now: float) -> bytes:
        """What pack 1 has said unasked by `now`, as far as nobody else was talking."""
        if self.polls == "none" or self.mute:
            return b""
        return self._spoilt(b"".join(frame for _, frame in self.chatter.said(now)))

    def _overlapping(self, begin: float) -> list[bytes]:
        """What pack 1 says while the station has been talking since `begin`."""
        return [frame for until, frame in self.chatter.said(self.now() + self.chatter.longest) if until > begin]

    def _damaged(self, reply: bytes) -> bytes:
        """An answer as it arrives."""
        reply = reply[: max(0, len(reply) - self.truncated)]
        if reply and self.bad_frames and self.rng.random() < self.bad_frames:
            at = int(self.rng.integers(len(reply)))
            reply = reply[:at] + _flipped(reply[at], self.rng) + reply[at + 1 :]
        return self._spoilt(reply)

    def _spoilt(self, data: bytes) -> bytes:
        if not self.bit_errors:
            return data
        hit = self.rng.random(len(data)) < self.bit_errors
        return b"".join(
            _flipped(byte, self.rng) if bad else bytes((byte,)) for byte, bad in zip(data, hit, strict=True)
        )


def collide(frames: Iterable[bytes]) -> bytes:
    """What is heard when all talk at once: a driven line is 0 as soon as somebody says 0; alone, a frame is whole."""
    heard = bytearray()
    for together in zip_longest(*frames, fillvalue=0xFF):
        byte = 0xFF
        for each in together:
            byte &= each
        heard.append(byte)
    return bytes(heard)


def _flipped(byte: int, rng: np.random.Generator) -> bytes:
    return bytes((byte ^ 1 << int(rng.integers(8)),))
