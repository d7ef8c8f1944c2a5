"""The Modbus side of the BMS: bytes in, bytes out, at the times at which they cross the line (PACE Modbus V1.3).

A frame ends with a silence; whatever came before it is judged as a whole and forgotten, so noise, torn frames and the
ASCII polls of other packs never reach into the next request.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Protocol as Interface

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
)

from station.model.protocol import Protocol
from station.twin.bms.memory import ILLEGAL_VALUE, Refused

ILLEGAL_FUNCTION = 1
SILENCE = 3.5
"""Characters of silence that end a frame (Modbus over serial line, 2.5.1.1)."""
_LONGEST = 256


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


class PaceServer:
    """One RS485 port of the pack. `turnaround` s pass between a request and its answer; a `dead` port hears nothing."""

    def __init__(self, registers: Registers, protocol: Protocol, *, silence: float | None = None) -> None:
        """`silence` s end a frame; the 3.5 characters of the standard unless the line is a jittery one in wall time."""
        self.registers = registers
        self.turnaround = 0.030
        self.dead = False
        self._protocol = protocol
        self._silence = SILENCE * protocol.line.character if silence is None else silence
        self._heard = bytearray()
        self._last = 0.0
        self._framer = FramerRTU(DecodePDU(True))

    def seconds(self, count: int) -> float:
        """How long `count` bytes take on the line."""
        return count * self._protocol.line.character

    def received(self, data: bytes, at: float) -> None:
        """Hear bytes of which the last one ended at `at` s."""
        if at - self.seconds(len(data)) - self._last > self._silence:
            self._heard.clear()
        self._heard += data
        del self._heard[_LONGEST + 1 :]
        self._last = at

    def reply(self, at: float) -> bytes | None:
        """The answer to the frame that a silence has ended by `at` s; None: there is none, or nobody answers."""
        if not self._heard or at - self._last < self._silence:
            return None
        frame = bytes(self._heard)
        self._heard.clear()
        if self.dead or not self.registers.answers or not self._is_mine(frame):
            return None
        answer = self._answer(frame[1:-2])
        answer.dev_id = self.registers.address
        return self._framer.buildFrame(answer)

    def _is_mine(self, frame: bytes) -> bool:
        """Whole, sound, a request, and to this address; a broadcast is to nobody, for nothing says what it means."""
        if not 4 <= len(frame) <= _LONGEST or frame[0] != self.registers.address or frame[1] & 0x80:
            return False
        return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))

    def _answer(self, pdu: bytes) -> ModbusPDU:
        functions = {self._protocol.functions.read.code: self._read, self._protocol.functions.write.code: self._write}
        serve = functions.get(pdu[0])
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
        return ReadHoldingRegistersResponse(registers=self.registers.read(address, count))

    def _write(self, pdu: bytes) -> ModbusPDU:
        request = WriteMultipleRegistersRequest()
        if len(pdu) < 6 or len(pdu) != 6 + pdu[5]:
            raise Refused(ILLEGAL_VALUE, "the byte count is not that of the frame")
        request.decode(pdu[1:])
        if not 1 <= request.count <= self._protocol.functions.write.at_most or 2 * request.count != pdu[5]:
            raise Refused(ILLEGAL_VALUE, f"{request.count} registers cannot be written by {pdu[5]} bytes")
        self.registers.write(request.address, request.registers)
        return WriteMultipleRegistersResponse(address=request.address, count=request.count)
