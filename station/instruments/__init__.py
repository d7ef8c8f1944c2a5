"""Drivers by the name of the model, as bench files write it, constructed with a wire and a role.

A new instrument is one file and one line here.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from station.instruments.chroma_62050p import Chroma62050P
from station.instruments.chroma_63210a import Chroma63210A
from station.instruments.ea_psb_10000 import EaPsbLoad, EaPsbSupply
from station.instruments.itech_it6000c import ItechLoad, ItechSupply
from station.instruments.keysight_34465a import Keysight34465A
from station.instruments.keysight_daq970a import KeysightDaq970A
from station.instruments.keysight_rp7900 import Rp7900Load, Rp7900Supply
from station.instruments.scpi import Wire

Driver = (
    Chroma62050P
    | Chroma63210A
    | EaPsbLoad
    | EaPsbSupply
    | ItechLoad
    | ItechSupply
    | Keysight34465A
    | KeysightDaq970A
    | Rp7900Load
    | Rp7900Supply
)


def _by_role(supply: type[Driver], load: type[Driver]) -> Callable[[Wire, str], Driver]:
    """The drivers of a box that can be a supply, a load, or over one wire both."""
    return lambda wire, role: (load if role == "load" else supply)(wire, role)


DRIVERS: Mapping[str, Callable[[Wire, str], Driver]] = MappingProxyType(
    {
        "chroma-62050p-100-100": Chroma62050P,
        "chroma-63210a-150-1000": Chroma63210A,
        "ea-psb-10080-340": _by_role(EaPsbSupply, EaPsbLoad),
        "itech-it6010c-80-300": _by_role(ItechSupply, ItechLoad),
        "keysight-34465a": Keysight34465A,
        "keysight-daq970a": KeysightDaq970A,
        "keysight-rp7935a": _by_role(Rp7900Supply, Rp7900Load),
    }
)

__all__ = [
    "DRIVERS",
    "Chroma62050P",
    "Chroma63210A",
    "Driver",
    "EaPsbLoad",
    "EaPsbSupply",
    "ItechLoad",
    "ItechSupply",
    "Keysight34465A",
    "KeysightDaq970A",
    "Rp7900Load",
    "Rp7900Supply",
]
