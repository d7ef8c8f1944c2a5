"""PACE ASCII frames (version 25H): building, checking, and finding the answer in whatever came back.

On the wire: `~`, then upper-case hexadecimal text, two characters a byte: version, address, device type, command (in an
answer: return code), length of the information with its own check digit, information, checksum; then CR
(PACE-RS232-TY16S, 2018-07-05). An answer does not say to which command it is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

SOI: Final = b"~"
EOI: Final = b"\r"
VERSION: Final = 0x25
LFP_BATTERY: Final = 0x46
"""CID1, the type of device."""
OVERHEAD: Final = 18
"""Characters of a frame besides its information."""
LONGEST_INFO: Final = 0xFFF // 2
"""Bytes of information that a length of 12 bits can count as characters."""

_HEX = re.compile(rb"[0-9A-F]*")
_CANDIDATE = re.compile(rb"~[^~\r]*\r")


class Rtn(IntEnum):
    """Return codes of an answer; those above 9 are from the field, not from the document."""

    OK = 0x00
    VERSION = 0x01
    CHECKSUM = 0x02
    LENGTH_CHECKSUM = 0x03
    COMMAND = 0x04
    FORMAT = 0x05
    INVALID = 0x06
    NO_DATA = 0x07
    FAILED = 0x09
    COMMUNICATION = 0x91
    DEVICE = 0xE1
    EXECUTION = 0xE2
    EQUIPMENT = 0xE3
    PERMISSION = 0xE4


MEANINGS: Mapping[int, str] = {
    Rtn.OK: "done",
    Rtn.VERSION: "other version of the protocol",
    Rtn.CHECKSUM: "checksum wrong",
    Rtn.LENGTH_CHECKSUM: "check digit of the length wrong",
    Rtn.COMMAND: "no such command",
    Rtn.FORMAT: "form of the command wrong",
    Rtn.INVALID: "value not allowed",
    Rtn.NO_DATA: "no data",
    Rtn.FAILED: "not carried out",
    Rtn.COMMUNICATION: "communication error",
    Rtn.DEVICE: "other type of device",
    Rtn.EXECUTION: "execution failed",
    Rtn.EQUIPMENT: "equipment fault",
    Rtn.PERMISSION: "no permission",
}
"""Return codes in words. 90H is left out: on the air it is far more often the poll of a pack for its neighbours."""


class BadFrame(ValueError):
    """Characters that are no sound frame of this protocol; the message says why."""

    def __init__(self, rtn: Rtn, reason: str) -> None:
        """Keep the return code with which a BMS refuses such a frame."""
        self.rtn = rtn
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `code` is the command of a request, or the return code of an answer."""

    address: int
    code: int
    info: bytes = b""

    def wire(self) -> bytes:
        """The characters to send; raises ValueError when an address, code or information does not fit a frame."""
        if len(self.info) > LONGEST_INFO:
            raise ValueError(f"{len(self.info)} bytes of information; at most {LONGEST_INFO} fit a frame")
        head = bytes((VERSION, self.address, LFP_BATTERY, self.code)).hex()
        length = 2 * len(self.info)
        body = f"{head}{_check_digit(length):X}{length:03X}{self.info.hex()}".upper().encode()
        return SOI + body + f"{_checksum(body):04X}".encode() + EOI


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, by name, as far as an answer must fit it."""

    name: str
    frame: Frame

    def __str__(self) -> str:
        """In words, for messages."""
        return f"{self.name} ({self.frame.code:02X}H) of pack {self.frame.address}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The frame that answers a request, be it with a refusal, and the bytes around it that belong to something else."""

    frame: Frame
    rest: bytes


@dataclass(frozen=True, slots=True)
class Misfit:
    """No answer, but a sound frame that is none: the request of somebody else."""

    reason: str


@dataclass(frozen=True, slots=True)
class Noise:
    """Bytes without any sound frame, and what is wrong with them; none at all when only the request came back."""

    rest: bytes
    reason: str = ""


Outcome = Answer | Misfit | Noise


def parse(characters: bytes) -> Frame:
    """The frame that `characters` are, from `~` to CR; raises BadFrame."""
    if characters[:1] != SOI or characters[-1:] != EOI:
        raise BadFrame(Rtn.FORMAT, f"{len(characters)} characters that do not begin with ~ and end with CR")
    body = characters[1:-1]
    if len(characters) < OVERHEAD:
        raise BadFrame(Rtn.FORMAT, f"{len(characters)} characters; the shortest frame has {OVERHEAD}")
    if not _HEX.fullmatch(body):
        raise BadFrame(Rtn.FORMAT, "something else than upper-case hexadecimal digits between ~ and CR")
    _check_length(body)
    if int(body[-4:], 16) != _checksum(body[:-4]):
        found = body[-4:].decode()
        raise BadFrame(Rtn.CHECKSUM, f"checksum {found}; the characters before it make {_checksum(body[:-4]):04X}")
    version, address, device, code, *info = bytes.fromhex(body[:8].decode() + body[12:-4].decode())
    if version != VERSION:
        raise BadFrame(Rtn.VERSION, f"version {version:02X} of the protocol, not {VERSION:02X}")
    if device != LFP_BATTERY:
        raise BadFrame(Rtn.DEVICE, f"device type {device:02X}, not {LFP_BATTERY:02X}")
    return Frame(address, code, bytes(info))


def find_answer(received: bytes, request: Request) -> Outcome:
    """What `received` says to `request`, with polls, an echo of the request or line noise before and after it."""
    echo = request.frame.wire()
    received = received.replace(echo, b"")
    misfit: Misfit | None = None
    damage = ""
    for begin, end, found in _candidates(received):
        if isinstance(found, BadFrame):
            damage = damage or str(found)
        elif found.code in MEANINGS:
            return Answer(found, received[:begin] + received[end:])
        else:
            misfit = misfit or Misfit(f"a frame with {found.code:02X}, which is no return code but a request")
    return misfit or Noise(received, damage or _why_not(received))


def needed(received: bytes, request: Request) -> int | None:
    """How many bytes an exchange needs: those received once the answer is among them, None until then."""
    return len(received) if isinstance(find_answer(received, request), Answer) else None


def has_frame(received: bytes) -> bool:
    """Whether there is a sound frame in the bytes, whoever it is for."""
    return any(isinstance(found, Frame) for _, _, found in _candidates(received))


def _candidates(received: bytes) -> Iterator[tuple[int, int, Frame | BadFrame]]:
    """Everything between a `~` and the next CR, with its place: a frame, or why it is none."""
    for match in _CANDIDATE.finditer(received):
        try:
            yield match.start(), match.end(), parse(match[0])
        except BadFrame as bad:
            yield match.start(), match.end(), bad


def _why_not(received: bytes) -> str:
    if not received:
        return ""
    return "a frame without its end" if SOI in received else "no ~, with which a frame begins"


def _check_length(body: bytes) -> None:
    digit, length = int(body[8:9], 16), int(body[9:12], 16)
    if digit != _check_digit(length):
        raise BadFrame(
            Rtn.LENGTH_CHECKSUM, f"check digit {digit:X} of the length {length:03X}, which has {_check_digit(length):X}"
        )
    if len(body) - 16 != length:
        raise BadFrame(Rtn.FORMAT, f"{len(body) - 16} characters of information, where the length says {length}")
    if length % 2:
        raise BadFrame(Rtn.FORMAT, f"{length} characters of information, which is half a byte too many")


def _check_digit(length: int) -> int:
    return -((length & 15) + (length >> 4 & 15) + (length >> 8)) & 15


def _checksum(body: bytes) -> int:
    return -sum(body) & 0xFFFF
