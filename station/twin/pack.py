"""The simulated pack: cells, BMS, panel and breaker put together, as the world of the twin moves it on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np

from station.model.limits import Range
from station.model.protocol import Protocol
from station.twin.bms import Bms, Sensed
from station.twin.cells import Cells, Outlook
from station.twin.circuit import Branch
from station.twin.panel import Panel
from station.twin.parameters import assign
from station.twin.states import State

BODY_DIODE = 0.65
"""V that a FET which is off takes from a current the other way (domain notes 2.2)."""
LEAKAGE, AIR = 1e6, 1e10
"""Ohm of a pack that is off, and of an open breaker."""
MOSFET_HEATING, MOSFET_TIME = 1.5, 50.0
"""K/W of the FET bank, and s until most of it is reached (domain notes 3.2: 30 to 60 s)."""


@dataclass(slots=True)
class Breaker:
    """The air switch on the front (ohm); `stuck` is stronger than `closed`."""

    closed: bool = True
    resistance: float = 1.5e-3
    stuck: Literal["closed", "open"] | None = None

    @property
    def conducts(self) -> bool:
        """Whether the pack's posts are connected to it."""
        return self.closed if self.stuck is None else self.stuck == "closed"


@dataclass(slots=True)
class Pack:
    """One pack; the world solves the circuit for its `branch`, applies what it found, and ticks the BMS.

    `shunt` and `bars` are the rest of the main path, in ohm; `ambient` is the room, `mosfet` the FETs, in degC;
    `sensors_at` says which cells (from 0) carry a temperature sensor.
    """

    cells: Cells
    bms: Bms
    panel: Panel
    breaker: Breaker = field(default_factory=Breaker)
    shunt: float = 0.25e-3
    bars: float = 2.75e-3
    ambient: float = 25.0
    mosfet: float = 25.0
    sensors_at: tuple[int, int, int, int] = (1, 5, 9, 13)
    current: float = 0.0
    """A in the main path at the last step, positive when charging."""
    terminal_voltage: float = 0.0
    _now: float = 0.0
    _ahead: Outlook = field(init=False)

    def __post_init__(self) -> None:
        """Nothing flows."""
        self._ahead = self.cells.outlook()

    def branch(self, dt: float) -> Branch:
        """What the circuit sees of the pack as it will be in `dt` s."""
        self._ahead = ahead = self.cells.outlook(dt)
        emf, resistance = sum(ahead.emf.tolist()), sum(ahead.resistance.tolist()) + self.path
        if not self.breaker.conducts:
            return Branch(emf, resistance, math.inf, math.inf, leakage=AIR)
        charge, discharge = self.bms.charge_fet.conducts, self.bms.discharge_fet.conducts
        return Branch(
            emf,
            resistance,
            charge_drop=(0.0 if discharge else BODY_DIODE) if charge else math.inf,
            discharge_drop=(0.0 if charge else BODY_DIODE) if discharge else math.inf,
            leakage=LEAKAGE,
            charge_limit=self.bms.limiter.limit,
        )

    @property
    def path(self) -> float:
        """Ohm between the cells and the posts, with both FETs on."""
        fets = self.bms.charge_fet.resistance + self.bms.discharge_fet.resistance
        return fets + self.shunt + self.bars + self.breaker.resistance

    def apply(self, current: float, terminal_voltage: float) -> None:
        """Let the `current` A that the circuit found for the branch flow until then, with so many V at the posts."""
        self.current, self.terminal_voltage = current, terminal_voltage
        self.bms.strike(current, self._now)
        self.cells.follow(self._ahead, current - self.bms.power.drawn, self.ambient)
        self._heat(current, self._ahead.dt)

    def tick(self, now: float) -> None:
        """Let the BMS do a round; to be called every `Bms.PERIOD` s."""
        self._now = now
        self.bms.tick(now, self._sensed())
        self.cells.bleed = self.bms.bleed

    def press(self, pressed: bool) -> None:
        """Press the key or let it go; the BMS looks at it at each tick."""
        self.bms.key.pressed = pressed

    def lamps(self, now: float) -> dict[str, bool]:
        """Which lamps are lit at `now`."""
        return self.panel.lamps(self.bms.lamp_state, self.bms.gauge.soc, now, self.bms.lamps)

    def contacts(self) -> Mapping[str, bool]:
        """Which of the dry contacts `alarm` and `low` is closed."""
        return self.bms.closed_contacts

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The truth at the six sensors in degC: four at cells, the MOSFETs, the ambient."""
        cells = self.cells.temperature.tolist()
        return (*(cells[min(cell, len(cells) - 1)] for cell in self.sensors_at), self.mosfet, self.ambient)

    def _sensed(self) -> Sensed:
        within = self.current - self.bms.power.drawn
        posts = self.terminal_voltage if self.breaker.conducts else 0.0
        return Sensed(self._ahead.voltages(within), self.current, posts, self.temperatures)

    def _heat(self, current: float, dt: float) -> None:
        """Warm the FETs: by their resistance, and by the body diode of one that is off."""
        fets = self.bms.charge_fet, self.bms.discharge_fet
        watts = sum(current * current * fet.resistance + abs(current) * BODY_DIODE * (not fet.conducts) for fet in fets)
        target = self.ambient + watts * MOSFET_HEATING
        self.mosfet = target + (self.mosfet - target) * math.exp(-dt / MOSFET_TIME)


def make_pack(
    state: State,
    *,
    protocol: Protocol,
    parameters: Mapping[int, int],
    texts: Mapping[str, str],
    accepts: Mapping[str, Range] = MappingProxyType({}),
    board: Mapping[str, str | float | bool] = MappingProxyType({}),
    panel: Panel,
    seed: int = 0,
    n: int = 15,
    capacity: float = 100.0,
) -> Pack:
    """A pack in a state, `n` cells of `capacity` Ah; each seed another one of the same make.

    `parameters` are raw words by address, `texts` by register name (`version`, `model_sn`, `pack_sn`), `accepts` what
    the firmware takes for a protection where that is not `ACCEPTS`, `board` what else it does otherwise, by parameter.
    It sleeps, unless the state says that it did not.
    Raises UnknownParameter for what the state changes and is not there.
    """
    cells = state.cells(np.random.default_rng((seed, 1)), n, capacity)
    bms = Bms(
        protocol,
        parameters,
        texts,
        rng=np.random.default_rng((seed, 2)),
        cells=n,
        capacity=capacity,
        soc=float(cells.soc.mean()),
    )
    bms.memory.accept(accepts)
    if state.asleep == 0.0:
        bms.power.enter("running", 0.0)
    pack = Pack(cells, bms, panel, ambient=state.temperature, mosfet=state.temperature)
    for name, value in (*board.items(), *state.change.items()):
        assign(pack, name, value)
    return pack
