"""The simulated instruments, by model.

Each is constructed with keyword arguments only: `serial`, `rng` (a numpy Generator) and what it is connected to:
`terminals` for supply and load, `probe` for the multimeter, probes by channel for the data acquisition unit.
"""

from collections.abc import Mapping
from types import MappingProxyType

from station.twin.instruments.chroma_62050p import ChromaSupply
from station.twin.instruments.chroma_63210a import ChromaLoad
from station.twin.instruments.keysight_34465a import Multimeter
from station.twin.instruments.keysight_daq970a import DataAcquisition
from station.twin.scpi import Instrument

MODELS: Mapping[str, type[Instrument]] = MappingProxyType(
    {
        "chroma-62050p-100-100": ChromaSupply,
        "chroma-63210a-150-1000": ChromaLoad,
        "keysight-34465a": Multimeter,
        "keysight-daq970a": DataAcquisition,
    }
)
"""Model name as a bench file writes it, to the class that simulates it."""

__all__ = ["MODELS", "ChromaLoad", "ChromaSupply", "DataAcquisition", "Multimeter"]
