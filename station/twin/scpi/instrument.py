"""The part that all simulated instruments share: it takes messages, runs their commands and tells of errors."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from dataclasses import dataclass

from station.twin.scpi.errors import ScpiError
from station.twin.scpi.status import ALL, OPERATION_COMPLETE, Register, Status
from station.twin.scpi.syntax import Unit, parse, split
from station.twin.scpi.tree import Answer, Command, Tree
from station.twin.scpi.values import Quantity, nr1, nr1_signed

LONGEST_MESSAGE = 16384
"""Characters the input buffer holds; a longer message is refused whole with -363 (engineering judgement)."""

LONGEST_WAIT = 600.0
"""Seconds after which an instrument gives up waiting for itself, so that no message can stop the bench for good."""

_ABANDONED = 16


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a vendor's instruments speak where the standard leaves it open."""

    signed: bool = False
    queue_depth: int = 20
    version: str = "1999.0"
    transitions: bool = False
    """Whether status registers can be told which bits leave an event when they come, and which when they go."""

    def integer(self, value: int) -> str:
        """A count, a register or an error code."""
        return nr1_signed(value) if self.signed else nr1(value)


class Instrument:
    """A device behind one SCPI interface: parse state lives for one message, all other state is shared by all clients.

    Public attributes that a fault may change: `identity` (the reply to *IDN?), `response_time` (seconds before any
    reply), `silent` (nothing is taken and nothing said), `garbled` (replies arrive spoilt).
    """

    def __init__(self, identity: str, dialect: Dialect, commands: Iterable[Command]) -> None:
        """Take the identity, the vendor's dialect and the device's own command table."""
        self.identity = identity
        self.response_time = 0.002
        self.silent = False
        self.garbled = False
        self.now = 0.0
        self.dialect = dialect
        self.status = Status(dialect.queue_depth)
        self._tree = Tree([*self._common(), *commands])
        self._completing = False
        self._begun: dict[str, Generator[float, None, str | None]] = {}
        self._finished: dict[str, str | None] = {}

    @property
    def headers(self) -> tuple[str, ...]:
        """Every command that it knows, as its table declares it: `[SOURce:]VOLTage[:LEVel]`."""
        return self._tree.headers

    def reset(self) -> None:
        """*RST: the device's settings go back to their defaults; status and error queue stay as they are."""

    def pending(self) -> float:
        """Seconds until all operations that were started are complete; 0 when the device is idle."""
        return 0.0

    @property
    def next_due(self) -> float:
        """When the device next wants a `tick`, in seconds; infinity when any time will do."""
        return math.inf

    def tick(self, now: float) -> None:
        """Come to the time `now`, in seconds; the world calls this at each of its steps."""
        self.now = now
        self._note_completion()

    def _note_completion(self) -> None:
        if self._completing and self.pending() <= 0:
            self._completing = False
            self.status.standard.event |= OPERATION_COMPLETE

    def latency(self, message: bytes | str) -> float:
        """Take the message in and return the seconds until it can be answered; `execute` then fetches the answer.

        What the message asks for starts now, so that a measurement ends when the time is over. Called for each arrived
        message once.
        """
        text = _decoded(message)
        self._begun.pop(text, None)
        self._finished.pop(text, None)
        steps = self.run(text)
        try:
            wait = next(steps)
        except StopIteration as done:
            wait, self._finished[text] = 0.0, done.value
        else:
            self._begun[text] = steps
        for waiting in (self._begun, self._finished):
            if len(waiting) > _ABANDONED:
                waiting.pop(next(iter(waiting)))
        return self.response_time + wait

    def execute(self, message: bytes | str) -> str | None:
        """Run one message without its terminator and return the joined reply line, or None when it asks nothing.

        Goes on where `latency` stopped if that was called before; time that the message still needs is not waited for.
        """
        text = _decoded(message)
        if text in self._finished:
            return self._finished.pop(text)
        steps = self._begun.pop(text, None) or self.run(text)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                reply: str | None = done.value
                return reply

    def run(self, message: bytes | str) -> Generator[float, None, str | None]:
        """Run one message in steps: each yields the seconds to let pass before the next, the last returns the reply."""
        if self.silent:
            return None
        text = _decoded(message)
        if len(text) > LONGEST_MESSAGE:
            self.status.error(-363)
            return None
        replies: list[str] = []
        path: tuple[str, ...] = ()
        for piece in split(text, ";"):
            if piece:
                path = yield from self._attempt(piece, path, replies)
        return self._spoken(";".join(replies)) if replies else None

    def _attempt(
        self, piece: str, path: tuple[str, ...], replies: list[str]
    ) -> Generator[float, None, tuple[str, ...]]:
        """Run one unit, queue its error if it is refused, and return the path for the next."""
        try:
            unit = parse(piece)
        except ScpiError as error:
            self.status.error(error.code)
            return path
        base = () if unit.common or unit.absolute else path
        try:
            answer = self._begun_by(unit, base)
            if isinstance(answer, Generator):
                answer = yield from _in_bounds(answer)
        except ScpiError as error:
            self.status.error(error.code)
        else:
            replies += [] if answer is None else [answer]
        return path if unit.common else (*base, *unit.nodes[:-1])

    def _begun_by(self, unit: Unit, base: tuple[str, ...]) -> Answer:
        command, suffixes = self._tree.find(base, unit)
        return command.handler(*suffixes, *command.bind(unit.arguments))

    def _spoken(self, reply: str) -> str:
        """The reply as it leaves the device: when garbled, half of it with every third character spoilt."""
        if not self.garbled:
            return reply
        half = reply[: len(reply) // 2 + 1]
        return "".join("?" if position % 3 == 0 else character for position, character in enumerate(half))

    def _common(self) -> Iterable[Command]:
        """The commands that IEEE 488.2 and SCPI-99 ask of every instrument."""
        status, integer = self.status, self.dialect.integer
        byte = Quantity(0, 255, 0)
        yield Command("*IDN?", lambda: self.identity)
        yield Command("*RST", self._restart)
        yield Command("*CLS", self._clear)
        yield Command("*TST?", lambda: integer(0))
        yield Command("*OPC", self._complete)
        yield Command("*OPC?", self._completed)
        yield Command("*WAI", self._wait)
        yield Command("*STB?", lambda: integer(status.byte))
        yield Command("*ESR?", lambda: integer(status.standard.take()))
        yield Command("*ESE", lambda value: setattr(status.standard, "enable", round(value)), byte)
        yield Command("*ESE?", lambda: integer(status.standard.enable))
        yield Command("*SRE", lambda value: setattr(status, "service", round(value) & ~64), byte)
        yield Command("*SRE?", lambda: integer(status.service))
        yield Command("SYSTem:ERRor[:NEXT]?", self._next_error)
        yield Command("SYSTem:ERRor:COUNt?", lambda: integer(len(status.errors)))
        yield Command("SYSTem:VERSion?", lambda: self.dialect.version)
        yield Command("STATus:PRESet", status.preset)
        yield from self.registers("STATus:OPERation", status.operation)
        yield from self.registers("STATus:QUEStionable", status.questionable)

    def registers(self, header: str, register: Register) -> Iterable[Command]:
        """What asks for a status register and says which of its bits count."""
        integer, word = self.dialect.integer, Quantity(0, ALL, 0)
        yield Command(f"{header}[:EVENt]?", lambda: integer(register.take()))
        yield Command(f"{header}:CONDition?", lambda: integer(register.condition))
        masks = {"ENABle": "enable"}
        if self.dialect.transitions:
            masks |= {"PTRansition": "rising", "NTRansition": "falling"}
        for node, mask in masks.items():
            yield Command(f"{header}:{node}", lambda value, mask=mask: setattr(register, mask, round(value)), word)
            yield Command(f"{header}:{node}?", lambda mask=mask: integer(getattr(register, mask)))

    def _next_error(self) -> str:
        code, text = self.status.next_error()
        return f'{self.dialect.integer(code)},"{text}"'

    def _restart(self) -> None:
        self._completing = False
        self.reset()

    def _clear(self) -> None:
        self._completing = False
        self.status.clear()

    def _complete(self) -> None:
        self._completing = True
        self._note_completion()

    def _completed(self) -> Generator[float, None, str]:
        yield self.pending()
        return "1"

    def _wait(self) -> Generator[float, None, None]:
        yield self.pending()


def _in_bounds(steps: Generator[float, None, str | None]) -> Generator[float, None, str | None]:
    """The steps of a handler, none longer than `LONGEST_WAIT`, and what they return in the end."""
    while True:
        try:
            wait = next(steps)
        except StopIteration as done:
            reply: str | None = done.value
            return reply
        if wait > 0:
            yield min(wait, LONGEST_WAIT)


def _decoded(message: bytes | str) -> str:
    text = message if isinstance(message, str) else message.decode("latin-1")
    return text.strip(" \t\r\n")
