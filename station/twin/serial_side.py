"""The serial side of the bench: a line for each port of the pack, and the packs that share them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from station.codecs.pace_commands import Commands, commands
from station.model.library import Library
from station.model.protocol import Protocol
from station.twin.ascii_board import AsciiBoard
from station.twin.bus import Bus, Chatter, Neighbour
from station.twin.line import Line
from station.twin.pace_ascii import PaceAsciiServer
from station.twin.pace_modbus import PATIENCE, PaceServer
from station.twin.pack import Pack

RS232 = "rs232"
"""The port that speaks ASCII, to one client; the others are RS485 and speak Modbus (pack file, `ports`)."""


class SerialSide:
    """The `lines` of the pack's ports by name, and the `bus` of the packs beside it.

    `board` is the ASCII side of the pack on the bench.
    """

    def __init__(
        self,
        ports: Iterable[str],
        pack: Pack,
        protocol: Protocol,
        ascii_commands: Commands,
        neighbour: Callable[[int], Pack],
        now: Callable[[], float],
        seed: int,
    ) -> None:
        """Lines to these ports; `neighbour(address)` makes one more pack, and `now()` is the time in s."""
        self._protocol, self._commands = protocol, ascii_commands
        self._ports, self._now, self._seed = tuple(ports), now, seed
        self._pack, self._new_pack = pack, neighbour
        self.bus = Bus(self._neighbour, now)
        self.board = AsciiBoard(pack.bms, protocol, self._commands, self.bus.boards)
        self.lines = {name: self._line(name, number) for number, name in enumerate(self._ports)}

    def tick(self, now: float) -> None:
        """Bring every line to `now` s."""
        for line in self.lines.values():
            line.tick(now)

    def _line(self, name: str, number: int) -> Line:
        chatter = Chatter(self._pack.bms, self.bus.boards, self._commands)
        rng = np.random.default_rng((self._seed, 4, number))
        if name == RS232:
            port = PaceAsciiServer(self.board, self._commands)
            return Line(port, self._now, self._commands.timing.first_byte, chatter, rng=rng)
        return Line(
            PaceServer(self._pack.bms, self._protocol, patience=PATIENCE),
            self._now,
            self._protocol.timing.first_byte,
            chatter,
            lambda: self.bus.ports(name),
            rng,
        )

    def _neighbour(self, address: int) -> Neighbour:
        """One more pack, awake, on every RS485 line."""
        pack = self._new_pack(address)
        pack.bms.address = pack.bms.address_switch = address
        pack.bms.power.enter("running", self._now())
        ports = {name: PaceServer(pack.bms, self._protocol, patience=PATIENCE) for name in self._ports if name != RS232}
        return Neighbour(pack, AsciiBoard(pack.bms, self._protocol, self._commands), ports, self._now())


def read_commands(protocol: Protocol) -> Commands:
    """The ASCII commands of a board whose Modbus side has these registers; raises InvalidFile."""
    return commands(Library.default().open("protocol", "pace-ascii"), protocol)
