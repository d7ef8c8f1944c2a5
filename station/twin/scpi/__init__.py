"""A small SCPI engine for simulated instruments: messages in, replies out, commands declared as data."""

from station.twin.scpi.channels import Channels
from station.twin.scpi.errors import ScpiError, require
from station.twin.scpi.instrument import Dialect, Instrument
from station.twin.scpi.memories import Memories
from station.twin.scpi.tree import Answer, Command, knob
from station.twin.scpi.values import (
    Choice,
    Optional,
    Parameter,
    Quantity,
    Settings,
    Switch,
    Text,
    nr1,
    nr1_signed,
    nr2,
    nr3,
)

__all__ = [
    "Answer",
    "Channels",
    "Choice",
    "Command",
    "Dialect",
    "Instrument",
    "Memories",
    "Optional",
    "Parameter",
    "Quantity",
    "ScpiError",
    "Settings",
    "Switch",
    "Text",
    "knob",
    "nr1",
    "nr1_signed",
    "nr2",
    "nr3",
    "require",
]
