"""Modbus RTU: frames for the two functions that the BMS knows, and finding the answer in whatever came back.

The frames are pymodbus's; the checks are ours, since a stock client takes one register for two asked, or the answer to
a write for the answer to a read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
)

READ: Final = 3
WRITE: Final = 16
MAX_READ, MAX_WRITE = 125, 123
SHORTEST = 5
"""Bytes in the shortest frame that a device sends, the exception (Modbus over Serial Line V1.02)."""

_DECODER = DecodePDU(is_server=False)
_FRAMER = FramerRTU(_DECODER)
_ANSWERS = (READ, WRITE, READ | 0x80, WRITE | 0x80)


class Request(Protocol):
    """What was asked, as far as an answer must fit it."""

    @property
    def device(self) -> int:
        """Address of the device, 1 to 247."""
        ...

    @property
    def function(self) -> int:
        """Function code."""
        ...

    def frame(self) -> bytes:
        """The bytes to send."""
        ...

    def words(self, pdu: ModbusPDU) -> tuple[int, ...] | None:
        """The registers that the answer carries, or None where it does not answer this request."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """Function 03: `count` registers (1 to 125) from `address`."""

    device: int
    address: int
    count: int
    function: Literal[3] = READ

    def __str__(self) -> str:
        """In words, for messages."""
        return f"read {self.count} registers from {self.address} of device {self.device}"

    def frame(self) -> bytes:
        """The bytes to send; raises ValueError for a count or address that Modbus does not have."""
        return _FRAMER.buildFrame(ReadHoldingRegistersRequest(self.device, address=self.address, count=self.count))

    def words(self, pdu: ModbusPDU) -> tuple[int, ...] | None:
        """As many registers as were asked for, or None."""
        fits = isinstance(pdu, ReadHoldingRegistersResponse) and len(pdu.registers) == self.count
        return tuple(pdu.registers) if fits else None


@dataclass(frozen=True, slots=True)
class Write:
    """Function 10h: `values` (1 to 123 words) from `address`."""

    device: int
    address: int
    values: tuple[int, ...]
    function: Literal[16] = WRITE

    def __str__(self) -> str:
        """In words, for messages."""
        return f"write {len(self.values)} registers from {self.address} of device {self.device}"

    def frame(self) -> bytes:
        """The bytes to send; raises ValueError for a count or address that Modbus does not have."""
        if not 1 <= len(self.values) <= MAX_WRITE:
            raise ValueError(f"{len(self.values)} registers in one frame; 1 to {MAX_WRITE} are possible")
        request = WriteMultipleRegistersRequest(self.device, address=self.address, registers=list(self.values))
        return _FRAMER.buildFrame(request)

    def words(self, pdu: ModbusPDU) -> tuple[int, ...] | None:
        """Nothing at all where the answer repeats address and count, otherwise None."""
        fits = isinstance(pdu, WriteMultipleRegistersResponse)
        return () if fits and (pdu.address, pdu.count) == (self.address, len(self.values)) else None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request, and the bytes around it that belong to something else."""

    words: tuple[int, ...]
    end: int
    """Where in the received bytes it ends."""
    rest: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """The device refused the request with an exception code."""

    code: int
    end: int
    rest: bytes


@dataclass(frozen=True, slots=True)
class Misfit:
    """No answer, but a sound frame that belongs to another device or another request."""

    reason: str
    of_device: bool = False
    """It comes from the device that was asked."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Bytes without any sound frame in them, and what is wrong with them; none at all when only the request came
    back.
    """

    rest: bytes
    reason: str = field(default="", compare=False)


Outcome = Answer | Refusal | Misfit | Noise


def expected_length(start: bytes) -> int | None:
    """Bytes of the answer frame that begins with `start`; None where it is no answer, or too short to tell."""
    if len(start) < 3 or start[1] not in _ANSWERS:
        return None
    kind = _DECODER.lookupPduClass(start)
    if kind is None or (start[1] == READ and start[2] not in range(2, 2 * MAX_READ + 1, 2)):
        return None
    return kind.calculateRtuFrameSize(start)


def find_answer(received: bytes, request: Request) -> Outcome:
    """What `received` says to `request`, with ASCII polls, an echo of the request or line noise before and after it."""
    received = received.removeprefix(request.frame())
    misfit: Misfit | None = None
    for begin, frame in _frames(received):
        end = begin + len(frame)
        rest = received[:begin] + received[end:]
        pdu = _DECODER.decode(frame[1:-2])
        if pdu is None or frame[0] != request.device:
            misfit = misfit or Misfit(f"a frame of device {frame[0]} instead of {request.device}")
        elif isinstance(pdu, ExceptionResponse) and pdu.function_code & 0x7F == request.function:
            return Refusal(pdu.exception_code, end, rest)
        elif (words := request.words(pdu)) is not None:
            return Answer(words, end, rest)
        else:
            other = f"an answer of function {frame[1]} with {len(frame)} bytes to another request"
            misfit = misfit or Misfit(other, of_device=True)
    return misfit or Noise(received, _why_not(received))


def needed(received: bytes, request: Request) -> int | None:
    """How many bytes an exchange needs: those received once the answer is among them, None until then."""
    return len(received) if isinstance(find_answer(received, request), Answer | Refusal) else None


def has_frame(received: bytes) -> bool:
    """Whether there is a sound answer frame in the bytes, whoever it is for."""
    return next(_frames(received), None) is not None


def is_sound(frame: bytes) -> bool:
    """Whether the last two bytes are the CRC of those before them."""
    return len(frame) > 2 and FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))


def with_crc(body: Sequence[int] | bytes) -> bytes:
    """A frame of any content, for what no PDU describes."""
    data = bytes(body)
    return data + FramerRTU.compute_CRC(data).to_bytes(2, "big")


def _why_not(received: bytes) -> str:
    """What is wrong with bytes that hold no sound frame, going by how they begin."""
    if not received:
        return ""
    length = expected_length(received)
    if length is None:
        return "they begin with no answer of this protocol"
    if len(received) < length:
        return f"of {length} bytes only {len(received)}"
    found, made = received[length - 2 : length], with_crc(received[: length - 2])[-2:]
    return f"checksum {found.hex(' ')}; the bytes before it make {made.hex(' ')}"


def _frames(received: bytes) -> Iterator[tuple[int, bytes]]:
    """Every sound answer frame with the place where it begins, left to right, none inside another."""
    begin = 0
    while begin <= len(received) - SHORTEST:
        length = expected_length(received[begin:])
        frame = received[begin : begin + length] if length else b""
        if length and len(frame) == length and is_sound(frame):
            yield begin, frame
            begin += length
        else:
            begin += 1
