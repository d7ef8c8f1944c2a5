"""What talks to the BMS of a pack; a client never decides whether a pack is good."""

from station.bms.errors import BmsError, DamagedAnswer, NotStored, PackLate, PackRefused, PackSilent, WrongAnswer
from station.bms.line import Line, LineStatistics
from station.bms.pace_modbus import PaceModbus, Readings

__all__ = [
    "BmsError",
    "DamagedAnswer",
    "Line",
    "LineStatistics",
    "NotStored",
    "PaceModbus",
    "PackLate",
    "PackRefused",
    "PackSilent",
    "Readings",
    "WrongAnswer",
]
