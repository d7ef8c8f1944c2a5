"""The ASCII side of the BMS: characters in, characters out, at the times at which they cross the line (PACE VER 25H).

RS232 is one to one: a request is answered whatever its address, with the address of the pack. A damaged one is
answered too, with the return code that says what was wrong with it.
"""

from __future__ import annotations

from dataclasses import replace

from station.codecs.pace_ascii import EOI, LONGEST_INFO, OVERHEAD, SOI, BadFrame, Frame, parse
from station.codecs.pace_commands import Commands
from station.twin.ascii_board import AsciiBoard

_LONGEST = OVERHEAD + 2 * LONGEST_INFO


class PaceAsciiServer:
    """The RS232 port of the pack. `turnaround` s pass between a request and its answer.

    `address_error` is added to the address in each answer.
    """

    def __init__(self, board: AsciiBoard, commands: Commands) -> None:
        """A port of the `board`."""
        self.board = board
        self.turnaround = 0.050
        self.address_error = 0
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
        if not self.board.bms.answers:
            return None
        answer = self._answer(request, at)
        return replace(answer, address=(answer.address + self.address_error) & 0xFF).wire()

    def _answer(self, request: bytes, at: float) -> Frame:
        try:
            return self.board.said_to(parse(request), at)
        except BadFrame as refusal:
            return Frame(self.board.bms.address, refusal.rtn)
