"""Drivers by the name of the model, as bench files write it; a new instrument is one file and one line here."""

from collections.abc import Mapping
from types import MappingProxyType

from station.instruments.chroma_62050p import Chroma62050P
from station.instruments.chroma_63210a import Chroma63210A
from station.instruments.keysight_34465a import Keysight34465A
from station.instruments.keysight_daq970a import KeysightDaq970A

Driver = Chroma62050P | Chroma63210A | Keysight34465A | KeysightDaq970A

DRIVERS: Mapping[str, type[Driver]] = MappingProxyType(
    {
        "chroma-62050p-100-100": Chroma62050P,
        "chroma-63210a-150-1000": Chroma63210A,
        "keysight-34465a": Keysight34465A,
        "keysight-daq970a": KeysightDaq970A,
    }
)

__all__ = ["DRIVERS", "Chroma62050P", "Chroma63210A", "Driver", "Keysight34465A", "KeysightDaq970A"]
