"""The firmware of a simulated BMS; each module is one of its ideas, `Bms` is the whole."""

from station.twin.bms.clock import NEVER_SET, BoardClock
from station.twin.bms.firmware import Bms
from station.twin.bms.history import History, HistoryRecord
from station.twin.bms.measuring import Readings, Sensed
from station.twin.bms.memory import Refused

__all__ = ["NEVER_SET", "Bms", "BoardClock", "History", "HistoryRecord", "Readings", "Refused", "Sensed"]
