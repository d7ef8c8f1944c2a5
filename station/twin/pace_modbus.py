"""The Modbus side of the BMS: bytes in, bytes out, at the times at which they cross the line (PACE Modbus V1.3).

A frame ends with a silence; whatever came before it is judged as a whole and forgotten, so noise, torn frames and the
ASCII polls of other packs never reach into the next request.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from typing import Protocol as Interface

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
)

from station.model.protocol import Protocol
from station.twin.bms.memory import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Refused

ILLEGAL_FUNCTION = 1
BROADCAST = 0
SILENCE = 3.5
"""Characters of silence that end a frame (Modbus over serial line, 2.5.1.1)."""
PATIENCE = 0.05
"""Seconds that a computer may put between two pieces of one frame; a USB adapter alone holds bytes back for 16 ms."""
_LONGEST = 256
_PIECES = 16


class Registers(Interface):
    """What answers behind the port; a `Bms`."""

    address: int

    @property
    def answers(self) -> bool:
        """Whether it says anything at all."""
        ...

    def read(self, address: int, count: int) -> list[int]:
        """Words of a block; raises Refused."""
        ...

    def write(self, address: int, words: Sequence[int]) -> None:
        """Take the words of a frame; raises Refused."""
        ...


@dataclass(slots=True)
class Habits:
    """What the document leaves open and boards do differently.

    `reserved` registers in a block read as zero or make exception 2 (8, 13 and 14 always read) · a write to address 0
    is `broadcast`, obeyed or ignored, never answered · `other_map`: the port was set to another register map, which has
    none of these registers.
    """

    reserved: Literal["zero", "refused"] = "zero"
    broadcast: Literal["ignored", "obeyed"] = "ignored"
    other_map: bool = False


class PaceServer:
    """One RS485 port of the pack. `turnaround` s pass between a request and its answer.

    `address_error` is added to the address in each answer. Where a computer stands between client and port, `patience`
    s may pass within a frame: what follows a pause is then tried alone, and together with what came before it.
    """

    def __init__(self, registers: Registers, protocol: Protocol, *, patience: float = 0.0) -> None:
        """A pause of 3.5 characters ends a frame, or so many and less than `patience` s may be within one."""
        self.registers = registers
        self.turnaround = 0.030
        self.address_error = 0
        self.habits = Habits()
        self._protocol = protocol
        self._silence = SILENCE * protocol.line.character
        self._patience = max(patience, self._silence)
        self._pieces: deque[bytearray] = deque(maxlen=_PIECES)
        self._last = 0.0
        self._framer = FramerRTU(DecodePDU(True))
        self._functions = {protocol.functions.read.code: self._read, protocol.functions.write.code: self._write}

    def seconds(self, count: int) -> float:
        """How long `count` bytes take on the line."""
        return count * self._protocol.line.character

    def received(self, data: bytes, at: float) -> None:
        """Hear bytes of which the last one ended at `at` s."""
        pause = at - self.seconds(len(data)) - self._last
        if pause > self._patience:
            self._pieces.clear()
        if pause > self._silence or not self._pieces:
            self._pieces.append(bytearray())
        self._pieces[-1] += data[: _LONGEST + 1]
        del self._pieces[-1][_LONGEST + 1 :]
        self._last = at

    def reply(self, at: float) -> bytes | None:
        """The answer to the frame that a silence has ended by `at` s; None: there is none, or nobody answers."""
        if at - self._last < self._silence:
            return None
        request = next(filter(self._is_mine, self._frames()), None)
        if request is None:
            return None
        self._pieces.clear()
        if not self.registers.answers:
            return None
        answer = self._answer(request[1:-2])
        if request[0] != self.registers.address:
            return None
        answer.dev_id = (self.registers.address + self.address_error) & 0xFF
        return self._framer.buildFrame(answer)

    def _frames(self) -> Iterator[bytes]:
        """What may be one frame: everything since the last long silence, and what followed each pause after that."""
        pieces = list(self._pieces)
        return (b"".join(pieces[begin:]) for begin in range(len(pieces)))

    def _is_mine(self, frame: bytes) -> bool:
        """Whole, sound, a request, and to this address, or to all."""
        if not 4 <= len(frame) <= _LONGEST or frame[1] & 0x80 or not self._is_addressed(frame):
            return False
        return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))

    def _is_addressed(self, frame: bytes) -> bool:
        to_all = self.habits.broadcast == "obeyed" and frame[1] == self._protocol.functions.write.code
        return frame[0] == self.registers.address or (to_all and frame[0] == BROADCAST)

    def _answer(self, pdu: bytes) -> ModbusPDU:
        serve = self._functions.get(pdu[0])
        if serve is None:
            return ExceptionResponse(pdu[0], ILLEGAL_FUNCTION)
        try:
            return serve(pdu)
        except Refused as refusal:
            return ExceptionResponse(pdu[0], refusal.code)

    def _read(self, pdu: bytes) -> ModbusPDU:
        if len(pdu) != 5:
            raise Refused(ILLEGAL_VALUE, "a read request has five bytes")
        address, count = struct.unpack(">HH", pdu[1:])
        if not 1 <= count <= self._protocol.functions.read.at_most:
            raise Refused(ILLEGAL_VALUE, f"{count} registers cannot be read at once")
        self._see_map(address, count)
        return ReadHoldingRegistersResponse(registers=self.registers.read(address, count))

    def _write(self, pdu: bytes) -> ModbusPDU:
        request = WriteMultipleRegistersRequest()
        if len(pdu) < 6 or len(pdu) != 6 + pdu[5]:
            raise Refused(ILLEGAL_VALUE, "the byte count is not that of the frame")
        request.decode(pdu[1:])
        address, count = request.address, request.count
        if not 1 <= count <= self._protocol.functions.write.at_most or 2 * count != pdu[5]:
            raise Refused(ILLEGAL_VALUE, f"{count} registers cannot be written by {pdu[5]} bytes")
        self._see_map(address, count)
        self.registers.write(address, request.registers)
        return WriteMultipleRegistersResponse(address=address, count=count)

    def _see_map(self, address: int, count: int) -> None:
        """Refuse what this board takes to be outside its map."""
        gaps = self.habits.reserved == "refused" and not all(
            self._protocol.is_bridged(each) for each in range(address, address + count)
        )
        if gaps or self.habits.other_map:
            raise Refused(ILLEGAL_ADDRESS, f"{count} registers from {address} are not all there")
