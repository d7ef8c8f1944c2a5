"""The simulated instruments, by model.

Each is constructed with keyword arguments only: `serial`, `rng` (a numpy Generator) and what it is connected to:
`terminals` for supply and load, `source` and `sink` for a box that is both, `probe` for the multimeter, probes by
channel for the data acquisition unit.
"""

from collections.abc import Mapping
from types import MappingProxyType

from station.twin.instruments.chroma_62050p import ChromaSupply
from station.twin.instruments.chroma_63210a import ChromaLoad
from station.twin.instruments.ea_psb_10000 import EaPsb10000
from station.twin.instruments.itech_it6000c import ItechIt6000C
from station.twin.instruments.keysight_34465a import Multimeter
from station.twin.instruments.keysight_daq970a import DataAcquisition
from station.twin.instruments.keysight_rp7900 import KeysightRp7900
from station.twin.scpi import Instrument

MODELS: Mapping[str, type[Instrument]] = MappingProxyType(
    {
        "chroma-62050p-100-100": ChromaSupply,
        "chroma-63210a-150-1000": ChromaLoad,
        "ea-psb-10080-340": EaPsb10000,
        "itech-it6010c-80-300": ItechIt6000C,
        "keysight-34465a": Multimeter,
        "keysight-daq970a": DataAcquisition,
        "keysight-rp7935a": KeysightRp7900,
    }
)
"""Model name as a bench file writes it, to the class that simulates it."""

__all__ = [
    "MODELS",
    "ChromaLoad",
    "ChromaSupply",
    "DataAcquisition",
    "EaPsb10000",
    "ItechIt6000C",
    "KeysightRp7900",
    "Multimeter",
]
