"""What the board reports: its readings, counters and flags as the words of their registers."""

from __future__ import annotations

from collections.abc import Mapping

from station.model.protocol import Register, Value
from station.twin.bms.gauge import Gauge
from station.twin.bms.measuring import CELL_SENSORS, Readings


def words_of(
    registers: Mapping[str, Register], seen: Readings, gauge: Gauge, flags: Mapping[str, frozenset[str]]
) -> dict[int, int]:
    """The words by address; `flags` are the names of the bits that are set, by register."""
    values = {**_measured(seen), **_counted(gauge), **flags}
    return {registers[name].address: registers[name].encode(value)[0] for name, value in values.items()}


def _measured(seen: Readings) -> dict[str, Value]:
    cells, degrees = seen.temperatures[:CELL_SENSORS], seen.temperatures[CELL_SENSORS:]
    return {
        "current": seen.current,
        "pack_voltage": seen.pack_voltage,
        "mosfet_temperature": degrees[0],
        "ambient_temperature": degrees[1],
        **{f"cell_voltage_{number}": volts for number, volts in enumerate(seen.cell_voltages, 1)},
        **{f"cell_temperature_{number}": each for number, each in enumerate(cells, 1)},
    }


def _counted(gauge: Gauge) -> dict[str, Value]:
    return {
        "soc": gauge.soc,
        "soh": gauge.soh,
        "remaining_capacity": gauge.remaining,
        "full_capacity": gauge.full,
        "design_capacity": gauge.design,
        "cycles": gauge.cycles,
    }
