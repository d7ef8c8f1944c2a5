"""The simulated instruments as the tests want them: seeded, and connected to something plain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from station.twin.instruments import (
    ChromaLoad,
    ChromaSupply,
    DataAcquisition,
    EaPsb10000,
    ItechIt6000C,
    KeysightRp7900,
    Multimeter,
)
from station.twin.scpi import Instrument
from station.twin.terminals import SinkTerminals, SourceTerminals


def supply() -> ChromaSupply:
    """A supply without errors of its own."""
    made = ChromaSupply(serial="62050P01234", rng=np.random.default_rng(1), terminals=SourceTerminals())
    for meter in (made.voltmeter, made.ammeter):
        meter.gain, meter.offset, meter.noise = 1.0, 0.0, 0.0
    made.tick(0.0)
    return made


def load() -> ChromaLoad:
    """A load without errors of its own."""
    made = ChromaLoad(serial="63210A00042", rng=np.random.default_rng(2), terminals=SinkTerminals())
    for meter in (made.voltmeter, made.ammeter):
        meter.gain, meter.offset, meter.noise = 1.0, 0.0, 0.0
    made.tick(0.0)
    return made


def multimeter(probe: Callable[[], float] = lambda: 51.2) -> Multimeter:
    """A multimeter without errors of its own."""
    made = Multimeter(serial="MY57501234", rng=np.random.default_rng(3), probe=probe)
    made.digitiser.gain, made.digitiser.zero, made.digitiser.noise = 1.0, 0.0, 0.0
    return made


def acquisition(changed: Callable[[], None] = lambda: None) -> DataAcquisition:
    """A data acquisition unit without errors of its own, some channels connected."""
    made = DataAcquisition(
        serial="MY58001234",
        rng=np.random.default_rng(4),
        voltages={101: lambda: 3.3, 102: lambda: -0.05},
        resistances={105: lambda: 1234.5},
        temperatures={110: lambda: 25.25},
        digital_inputs=lambda port: 0xA5 if port == 302 else 0,
        changed=changed,
    )
    made.digitiser.gain, made.digitiser.zero, made.digitiser.noise = 1.0, 0.0, 0.0
    return made


Box = EaPsb10000 | ItechIt6000C | KeysightRp7900


def box(model: type[Box]) -> Box:
    """A box that is supply and load, without errors of its own."""
    made = model(serial="SN0001", rng=np.random.default_rng(5), source=SourceTerminals(), sink=SinkTerminals())
    for meter in (made.output.voltmeter, made.output.ammeter):
        meter.gain, meter.offset, meter.noise = 1.0, 0.0, 0.0
    made.tick(0.0)
    return made


MAKERS: Mapping[str, Callable[[], Instrument]] = {
    "chroma-62050p-100-100": supply,
    "chroma-63210a-150-1000": load,
    "keysight-34465a": multimeter,
    "keysight-daq970a": acquisition,
    "ea-psb-10080-340": partial(box, EaPsb10000),
    "itech-it6010c-80-300": partial(box, ItechIt6000C),
    "keysight-rp7935a": partial(box, KeysightRp7900),
}
"""What makes each model that the twin has."""


def errors(instrument: Instrument) -> list[int]:
    """Empty the error queue of an instrument."""
    found = []
    while (reply := instrument.execute("SYST:ERR?")) and int(reply.split(",")[0]):
        found.append(int(reply.split(",")[0]))
    return found


def finds(device: ChromaSupply | ChromaLoad | Box, volts: float, amperes: float, seconds: float = 0.001) -> None:
    """Let the circuit find this at the posts, and time pass in steps of 1 ms; a negative current flows into a box."""
    if isinstance(device, ChromaSupply | ChromaLoad):
        device.terminals.terminal_voltage, device.terminals.terminal_current = volts, amperes
    else:
        source, sink = device.output.source, device.output.sink
        source.terminal_voltage = sink.terminal_voltage = volts
        source.terminal_current, sink.terminal_current = max(0.0, amperes), max(0.0, -amperes)
    for _ in range(round(1000 * seconds)):
        device.tick(device.now + 0.001)
