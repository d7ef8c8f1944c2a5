"""The SCPI error codes that the simulated instruments use, and the exception that carries one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TEXTS: Mapping[int, str] = MappingProxyType(
    {
        -101: "Invalid character",
        -102: "Syntax error",
        -104: "Data type error",
        -108: "Parameter not allowed",
        -109: "Missing parameter",
        -111: "Header separator error",
        -112: "Program mnemonic too long",
        -113: "Undefined header",
        -114: "Header suffix out of range",
        -131: "Invalid suffix",
        -138: "Suffix not allowed",
        -151: "Invalid string data",
        -170: "Expression error",
        -200: "Execution error",
        -211: "Trigger ignored",
        -213: "Init ignored",
        -214: "Trigger deadlock",
        -221: "Settings conflict",
        -222: "Data out of range",
        -224: "Illegal parameter value",
        -230: "Data corrupt or stale",
        -350: "Queue overflow",
        -363: "Input buffer overrun",
        111: "Channel list: slot number out of range",
        112: "Channel list: channel number out of range",
        113: "Channel list: empty scan list",
        303: "Module not able to perform requested operation",
    }
)
"""Code to text: SCPI-99 volume 2 chapter 21; positive codes from the Keysight 34970A family."""


class ScpiError(Exception):
    """A command that was refused; `code` goes into the error queue."""

    def __init__(self, code: int) -> None:
        """Take one of the codes of `TEXTS`."""
        super().__init__(f'{code},"{TEXTS[code]}"')
        self.code = code


def require(condition: bool, code: int) -> None:
    """Refuse the command with `code` unless the condition holds."""
    if not condition:
        raise ScpiError(code)


def event_bit(code: int) -> int:
    """The bit of the standard event register that an error code sets (SCPI-99 21.8: CME, EXE, DDE, QYE)."""
    return {1: 32, 2: 16, 4: 4}.get(-code // 100, 8)
