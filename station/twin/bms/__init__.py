"""The firmware of a simulated BMS; each module is one of its ideas, `Bms` is the whole."""

from station.twin.bms.firmware import Bms
from station.twin.bms.measuring import Sensed
from station.twin.bms.memory import Refused

__all__ = ["Bms", "Refused", "Sensed"]
