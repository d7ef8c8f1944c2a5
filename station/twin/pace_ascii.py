"""The ASCII side of the BMS: characters in, characters out, at the times at which they cross the line (PACE VER 25H).

RS232 is one to one: a request is answered whatever its address, with the address of the pack. A damaged one is
answered too, with the return code that says what was wrong with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from station.codecs.pace_ascii import EOI, LONGEST_INFO, OVERHEAD, SOI, BadFrame, Frame, Rtn, parse
from station.codecs.pace_commands import Commands
from station.model.protocol import Protocol
from station.twin.ascii_board import AsciiBoard, Declined
from station.twin.bms import Bms

NEIGHBOURS = range(2, 16)
POLL_EVERY = 1 / 7
"""Seconds between two frames that pack 1 says unasked; about seven a second were seen in the field."""
_LONGEST = OVERHEAD + 2 * LONGEST_INFO


class PaceAsciiServer:
    """The RS232 port of the pack. `turnaround` s pass between a request and its answer; a `dead` port hears nothing."""

    def __init__(self, bms: Bms, registers: Protocol, commands: Commands) -> None:
        """A port of `bms`, whose Modbus side has these `registers`."""
        self.board = AsciiBoard(bms, registers, commands)
        self.turnaround = 0.050
        self.dead = False
        self._character = commands.line.character
        self._heard = bytearray()

    def seconds(self, count: int) -> float:
        """How long `count` characters take on the line."""
        return count * self._character

    def received(self, data: bytes, at: float) -> None:
        """Hear characters, whenever they end; a frame begins anew with each `~`, and what is before it is forgotten."""
        del at
        self._heard += data
        del self._heard[: max(0, self._heard.rfind(SOI))]
        del self._heard[_LONGEST:]

    def reply(self, at: float) -> bytes | None:
        """The answer to the frame that has ended by `at` s; None: there is none, or nobody answers."""
        end = self._heard.find(EOI)
        if end < 0 or not self._heard.startswith(SOI):
            return None
        request = bytes(self._heard[: end + 1])
        self._heard.clear()
        if self.dead or not self.board.bms.answers:
            return None
        rtn, info = self._answer(request, at)
        return Frame(self.board.bms.address, rtn, info).wire()

    def _answer(self, request: bytes, at: float) -> tuple[Rtn, bytes]:
        try:
            frame = parse(request)
            return Rtn.OK, self.board.answer(frame.code, frame.info, at)
        except (BadFrame, Declined) as refusal:
            return refusal.rtn, b""


def polls(commands: Commands, begin: float = 0.0) -> Iterator[tuple[float, bytes]]:
    """What pack 1 says unasked on the parallel bus, without end: (s, frame), asking each neighbour in turn for itself.

    Only a pack whose address is 1 does so, and on RS485, never on RS232.
    """
    for count, address in enumerate(itertools.cycle(NEIGHBOURS)):
        yield begin + count * POLL_EVERY, Frame(address, commands.commands["pack_count"]).wire()
