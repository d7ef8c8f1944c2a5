"""Several packs in parallel: they share the RS485 lines, and pack 1 collects what the others say (manual 6-9-2).

A neighbour is a whole pack of its own (cells, BMS, address) through which no current of the bench flows. It is carried
on only when somebody listens to it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from station.codecs.pace_ascii import Frame
from station.codecs.pace_commands import Commands
from station.twin.ascii_board import AsciiBoard
from station.twin.bms import Bms
from station.twin.cells import Cells
from station.twin.pace_modbus import PaceServer
from station.twin.pack import Pack

HOST = 1
"""Address of the pack that speaks for all."""
NEIGHBOURS = range(2, 16)
"""The other addresses that four switches can make (manual 6-9-2: 1 to 15)."""
POLL_EVERY = 1 / 7
"""Seconds between two questions that nobody answers; about seven a second were seen in the field."""
ANSWERS_AFTER = 0.050
"""Seconds between two frames of a conversation on the parallel bus."""
UNHEARD = 1.0
"""Seconds after which nobody wants to know any more what was said."""


@dataclass(slots=True)
class Neighbour:
    """One more pack on the line: what answers for it in ASCII, and its port on each RS485 line."""

    pack: Pack
    board: AsciiBoard
    ports: Mapping[str, PaceServer]
    seen: float = 0.0
    """Until when it has been carried on, in s."""

    @property
    def bms(self) -> Bms:
        """Its board."""
        return self.pack.bms

    @property
    def cells(self) -> Cells:
        """Its cells."""
        return self.pack.cells

    def carry_on(self, now: float) -> None:
        """Let the time until `now` s pass, without any current, and its BMS do a round."""
        if now - self.seen >= Bms.PERIOD or self.bms.readings is None:
            self.pack.apply(0.0, self.pack.branch(now - self.seen).emf)
            self.pack.tick(now)
            self.seen = now


@dataclass(slots=True)
class Bus:
    """The packs beside the one on the bench; `make(address)` gives a new one, awake, and `now()` is the time in s."""

    make: Callable[[int], Neighbour]
    now: Callable[[], float]
    neighbours: dict[str, Neighbour] = field(default_factory=dict)
    """By the number that each was given when it was joined: 2 to 15."""

    @property
    def packs(self) -> int:
        """How many packs there are, the one on the bench included."""
        return 1 + len(self.neighbours)

    @packs.setter
    def packs(self, count: int) -> None:
        """Join or remove packs; raises ValueError beyond 15."""
        if count not in range(1, 16):
            raise ValueError("1 to 15 packs have an address")
        wanted = [str(number) for number in NEIGHBOURS[: int(count) - 1]]
        self.neighbours = {number: self.neighbours.get(number) or self.make(int(number)) for number in wanted}

    def ports(self, line: str) -> Iterator[PaceServer]:
        """Their ports on an RS485 line, with the readings of this moment behind them."""
        return (each.ports[line] for each in self._carried_on() if line in each.ports)

    def boards(self) -> Mapping[int, AsciiBoard]:
        """Who is found on the parallel bus, by address; two with the same address spoil each other's answers."""
        present = [each.board for each in self._carried_on() if each.bms.answers]
        used = Counter(board.bms.address for board in present)
        return {board.bms.address: board for board in present if used[board.bms.address] == 1}

    def _carried_on(self) -> list[Neighbour]:
        for each in self.neighbours.values():
            each.carry_on(self.now())
        return list(self.neighbours.values())


class Chatter:
    """What pack 1 and its neighbours say to each other unasked, without end, in PACE ASCII on the parallel bus.

    Pack 1 asks each address in turn for its number of packs, and who answers that for readings and alarms. No other
    pack begins to speak, and nobody does on RS232.
    """

    def __init__(self, bms: Bms, boards: Callable[[], Mapping[int, AsciiBoard]], commands: Commands) -> None:
        """The conversation of the pack with this `bms`; nothing of it has been heard yet."""
        self._bms, self._boards, self._commands = bms, boards, commands
        self._end = 0.0
        self._frames = self._conversation()
        self._next = next(self._frames)

    @property
    def longest(self) -> float:
        """Seconds that a question takes on the line."""
        return self._seconds(Frame(HOST, 0).wire())

    def said(self, by: float) -> list[tuple[float, bytes]]:
        """Every frame that has crossed the line by `by` s and was not given before, and when it ended."""
        if by - self._end > UNHEARD or not self._bms.answers or self._bms.address != HOST:
            self._end = by
        return list(self._until(by))

    def _until(self, by: float) -> Iterator[tuple[float, bytes]]:
        while (end := self._end + self._next[0] + self._seconds(self._next[1])) <= by:
            self._end = end
            yield end, self._next[1]
            self._next = next(self._frames)

    def _conversation(self) -> Iterator[tuple[float, bytes]]:
        """Seconds of silence, and a frame."""
        for address in itertools.cycle(NEIGHBOURS):
            ask = Frame(address, self._commands.commands["pack_count"])
            yield POLL_EVERY - self._seconds(ask.wire()), ask.wire()
            yield from self._answer(ask)
            for name in ("analog", "alarms") if address in self._boards() else ():
                ask = Frame(address, self._commands.commands[name], bytes((address,)))
                yield ANSWERS_AFTER, ask.wire()
                yield from self._answer(ask)

    def _answer(self, ask: Frame) -> Iterator[tuple[float, bytes]]:
        board = self._boards().get(ask.address)
        if board is not None:
            yield ANSWERS_AFTER, board.said_to(ask, self._end).wire()

    def _seconds(self, frame: bytes) -> float:
        return len(frame) * self._commands.line.character
