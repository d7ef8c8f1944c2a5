"""How the BMS measures: everything it decides is decided on these readings, never on the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np

from station.twin.bms.fitting import fitted
from station.twin.ocv import Floats

Wire = Literal["ok", "open"]
Sensor = Literal["ok", "open", "short", "detached"]

CELL_STEP, PACK_STEP, CURRENT_STEP, TEMPERATURE_STEP = 1e-3, 10e-3, 10e-3, 0.1
"""V, V, A, degC: what one count stands for (PACE Modbus V1.3, registers 0 to 36)."""
COUNTS_PER_VOLT = 1000.0
"""Of a cell; the division gives the nearest decimal number."""
TEMPERATURES_EVERY = 0.5
"""s between samples of the temperatures; everything else is sampled at each tick."""
OPEN_SENSOR, SHORTED_SENSOR = -40.0, 120.0
"""degC that a broken sensor reads."""
CELL_SENSORS = 4
LEAST_CELL, MOST_CELL = 0.5, 5.0
"""V that no cell can have."""


@dataclass(frozen=True, slots=True)
class Sensed:
    """The truth at the inputs of the BMS (V, A, degC); the current is positive when charging."""

    cell_voltages: Floats
    current: float
    terminal_voltage: float
    temperatures: tuple[float, ...]
    """Four at the cells, the MOSFETs, the ambient."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What the BMS takes for true: whole counts of its converters, in V, A and degC."""

    cell_voltages: tuple[float, ...]
    pack_voltage: float
    current: float
    terminal_voltage: float
    temperatures: tuple[float, ...]
    faults: frozenset[str]
    """The names of the status bits for what cannot be true."""

    @property
    def quantities(self) -> Mapping[str, float]:
        """What protections are held against, by name."""
        cells = self.temperatures[:CELL_SENSORS]
        return {
            "highest_cell": max(self.cell_voltages),
            "lowest_cell": min(self.cell_voltages),
            "pack_voltage": self.pack_voltage,
            "charge_current": self.current,
            "discharge_current": -self.current,
            "warmest_cell": max(cells),
            "coldest_cell": min(cells),
            "mosfet": self.temperatures[CELL_SENSORS],
            "ambient": self.temperatures[CELL_SENSORS + 1],
            "terminal_voltage": self.terminal_voltage,
        }


@dataclass(slots=True)
class Adc:
    """The converters of one BMS board; every figure may be changed to make it lie.

    gains 1 = right · offsets and noise (one sigma) in V, A, K · `cell_wires` and `sensors` one word each ·
    `swapped_wire` k exchanges the sense wires between cell k and cell k + 1, 0: none · `tap_resistance` ohm in a cell's
    sense wires, across which a bleeding cell reads low · `frozen` repeats the last readings for ever. A cell that it is
    set for and that is not there reads 0 V.
    """

    rng: np.random.Generator
    cells: int
    cell_gain: float = 1.0
    cell_offset: Floats = field(init=False)
    cell_noise: float = 0.2e-3
    pack_voltage_gain: float = 1.0
    pack_voltage_offset: float = 0.0
    pack_voltage_noise: float = 3e-3
    terminal_gain: float = 1.0
    terminal_offset: float = 0.0
    terminal_noise: float = 3e-3
    current_gain: float = 1.0
    current_offset: float = 0.0
    current_noise: float = 0.02
    temperature_offset: Floats = field(init=False)
    temperature_noise: float = 0.03
    cell_wires: list[Wire] = field(init=False)
    swapped_wire: int = 0
    tap_resistance: Floats = field(init=False)
    sensors: list[Sensor] = field(init=False)
    frozen: bool = False
    _last: Readings | None = None
    _temperatures: tuple[float, ...] = ()
    _due: float = -np.inf

    def __post_init__(self) -> None:
        """A calibrated board: what is left after calibration differs from board to board."""
        self.cell_gain = self.rng.normal(1.0, 0.2e-3)
        self.cell_offset = self.rng.normal(0.0, 0.2e-3, self.cells)
        self.pack_voltage_gain = self.rng.normal(1.0, 0.3e-3)
        self.current_gain = self.rng.normal(1.0, 2e-3)
        self.current_offset = self.rng.normal(0.0, 0.02)
        self.temperature_offset = self.rng.normal(0.0, 0.2, CELL_SENSORS + 2)
        self.tap_resistance = np.zeros(self.cells)
        self.cell_wires = ["ok"] * self.cells
        self.sensors = ["ok"] * (CELL_SENSORS + 2)

    def fit(self, cells: int) -> None:
        """Be set for another number of cells."""
        self.cells = cells
        self.cell_offset, self.tap_resistance = fitted(self.cell_offset, cells), fitted(self.tap_resistance, cells)
        self.cell_wires = (self.cell_wires + ["ok"] * cells)[:cells]

    def restart(self) -> None:
        """Forget what was measured before; the next sample is a fresh one."""
        self._last, self._due = None, -np.inf

    def sample(self, sensed: Sensed, bleed: Floats, now: float) -> Readings:
        """Measure at `now` s, while `bleed` A are drawn from each cell by the balancer."""
        if self.frozen and self._last is not None:
            return self._last
        if now >= self._due - 1e-9:
            self._temperatures, self._due = self._sample_temperatures(sensed), now + TEMPERATURES_EVERY
        noise = self.rng.standard_normal(self.cells + 3)
        cells = self._sample_cells(fitted(sensed.cell_voltages, self.cells), bleed, noise[3:])
        stack = float(sensed.cell_voltages.sum()) * self.pack_voltage_gain + self.pack_voltage_offset
        posts = sensed.terminal_voltage * self.terminal_gain + self.terminal_offset
        current = sensed.current * self.current_gain + self.current_offset
        self._last = Readings(
            cell_voltages=cells,
            pack_voltage=_counted(stack + self.pack_voltage_noise * noise[0], PACK_STEP, 0.0, 655.0),
            current=_counted(current + self.current_noise * noise[1], CURRENT_STEP, -327.0, 327.0),
            terminal_voltage=_counted(posts + self.terminal_noise * noise[2], PACK_STEP, -100.0, 100.0),
            temperatures=self._temperatures,
            faults=self._faults(cells),
        )
        return self._last

    def _faults(self, cells: tuple[float, ...]) -> frozenset[str]:
        found = {
            "sensor_fault": "open" in self.sensors or "short" in self.sensors,
            "cell_fault": min(cells) < LEAST_CELL or max(cells) > MOST_CELL,
            "front_end_fault": "open" in self.cell_wires,
        }
        return frozenset(name for name, is_there in found.items() if is_there)

    def _sample_cells(self, true: Floats, bleed: Floats, noise: Floats) -> tuple[float, ...]:
        volts = true * self.cell_gain + self.cell_offset - bleed * self.tap_resistance
        volts = volts + self.cell_noise * noise
        for cell, wire in enumerate(self.cell_wires):
            if wire == "open":
                _opened(volts, cell)
        if 0 < self.swapped_wire < len(volts):
            _swapped(volts, self.swapped_wire - 1)
        counts = np.rint(np.minimum(np.maximum(volts, 0.0), 6.5) / CELL_STEP)
        return tuple(cast("list[float]", (counts / COUNTS_PER_VOLT).tolist()))

    def _sample_temperatures(self, sensed: Sensed) -> tuple[float, ...]:
        noise = self.temperature_noise * self.rng.standard_normal(len(self.sensors))
        offsets = self.temperature_offset + noise
        return tuple(
            _counted(_at_sensor(sensor, true, sensed.temperatures[-1]) + float(offset), TEMPERATURE_STEP, -100.0, 200.0)
            for sensor, true, offset in zip(self.sensors, sensed.temperatures, offsets, strict=True)
        )


def _counted(value: float, step: float, low: float, high: float) -> float:
    """The nearest whole count within the converter's range, as a clean decimal."""
    return round(round(min(max(float(value), low), high) / step) * step, 3)


def _at_sensor(sensor: Sensor, true: float, ambient: float) -> float:
    return {"ok": true, "open": OPEN_SENSOR, "short": SHORTED_SENSOR, "detached": ambient}[sensor]


def _opened(volts: Floats, cell: int) -> None:
    """The wire on top of a cell hangs loose: the cell reads nothing, its upper neighbour both."""
    if cell + 1 < len(volts):
        volts[cell + 1] += volts[cell]
    volts[cell] = 0.0


def _swapped(volts: Floats, cell: int) -> None:
    """Two neighbouring wires are exchanged: the cell between them reads backwards, those beside it read double."""
    between = volts[cell + 1].copy()
    volts[cell] += between
    volts[cell + 1] = -between
    if cell + 2 < len(volts):
        volts[cell + 2] += between
