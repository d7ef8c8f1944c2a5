"""The power circuit of bench and pack: one node where pack, supply and load meet, solved anew in each step.

Every part draws a current that follows the node's voltage on a straight line between two bounds (`Ramp`). Their sum
rises with the voltage, so it is zero in exactly one place, found without iteration and for any combination of parts.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from station.twin.terminals import SinkTerminals, SourceTerminals

DIODE = 0.7
"""V at which an instrument's output conducts backwards, when the pack is connected the wrong way round."""
DIODE_RESISTANCE = 10e-3
LEAST_LOAD = 5e-3
"""Ohm; no load is a better short circuit than this."""
LEAST_LEAD = 1e-6
"""Ohm; no lead is shorter than this."""


class Ramp(NamedTuple):
    """A part that draws (volts - at) * conductance, never less than `low` nor more than `high` A."""

    at: float
    conductance: float
    low: float = -math.inf
    high: float = math.inf

    def current(self, volts: float) -> float:
        """A drawn from the node at `volts`; negative when it feeds the node."""
        free = (volts - self.at) * self.conductance
        return self.low if free < self.low else self.high if free > self.high else free

    def mirrored(self) -> Ramp:
        """The same part with its two leads exchanged."""
        return Ramp(-self.at, self.conductance, -self.high, -self.low)


def drawn(ramps: Iterable[Ramp], volts: float) -> float:
    """What the parts draw together at `volts`, in A."""
    total = 0.0
    for at, conductance, low, high in ramps:  # ramp.current, spelt out: the twin spends its time here
        free = (volts - at) * conductance
        total += low if free < low else high if free > high else free
    return total


def node_voltage(ramps: Sequence[Ramp]) -> float:
    """The voltage at which nothing is left over; at least one part must be unbounded on both sides, such as a meter."""
    corners = sorted({at + bound / g for at, g, *bounds in ramps for bound in bounds if math.isfinite(bound)}) or [0.0]
    currents = [drawn(ramps, corner) for corner in corners]
    above = bisect_left(currents, 0.0)
    end = min(above, len(corners) - 1)
    if 0 < above < len(corners):
        per_ampere = (corners[end] - corners[end - 1]) / (currents[end] - currents[end - 1])
    else:
        per_ampere = 1 / sum(each.conductance for each in ramps if math.isinf(each.high if above else each.low))
    near = corners[end] - currents[end] * per_ampere
    return near - drawn(ramps, near) * per_ampere  # the same line again: takes out what rounding left over a long way


class Branch(NamedTuple):
    """The pack as the circuit sees it: what flows in it, and past which obstacles.

    V, ohm; `charge_drop` and `discharge_drop` are what a body diode takes off, infinite where a FET blocks; `leakage`
    (ohm) is what remains of a pack that is off; `charge_limit` (A) is its own charging current limiter's.
    """

    emf: float
    resistance: float
    charge_drop: float = 0.0
    discharge_drop: float = 0.0
    leakage: float = 1e6
    charge_limit: float = math.inf

    def ramps(self, outside: float) -> Iterator[Ramp]:
        """Its parts, seen through `outside` ohm of leads."""
        conductance = 1 / (self.resistance + outside)
        yield Ramp(self.emf, 1 / (self.leakage + outside))
        if self.charge_drop == self.discharge_drop == 0.0:
            yield Ramp(self.emf, conductance, high=self.charge_limit)
            return
        if self.charge_drop < math.inf:
            yield Ramp(self.emf + self.charge_drop, conductance, 0.0, self.charge_limit)
        if self.discharge_drop < math.inf:
            yield Ramp(self.emf - self.discharge_drop, conductance, high=0.0)


@dataclass(slots=True)
class Contactor:
    """A contactor of the bench (ohm); `stuck` is stronger than `closed`."""

    closed: bool = False
    resistance: float = 0.3e-3
    stuck: Literal["closed", "open"] | None = None

    @property
    def conducts(self) -> bool:
        """Whether current can pass."""
        return self.closed if self.stuck is None else self.stuck == "closed"


class Found(NamedTuple):
    """What the circuit came to (V, A); currents are positive when they charge the pack or leave the supply."""

    terminal_voltage: float
    """Between the pack's posts."""
    sensed_voltage: float
    """What the voltmeter's leads pick up there: its sign shows leads that were swapped, an open lead shows nothing."""
    supply_voltage: float
    load_voltage: float
    case_voltage: float
    """Case to the negative post, as a voltmeter there sees it."""
    case_plus_voltage: float
    """Case to the positive post, in the same way."""
    current: float
    shunt_voltage: float
    supply_current: float
    load_current: float


@dataclass(slots=True)
class _Regulators:
    """The set points as far as the instruments' slew rates have carried them."""

    voltage: float = 0.0
    current: float = 0.0
    started: bool = False

    def supply(self, supply: SourceTerminals, outside: float, dt: float) -> list[Ramp]:
        """What the supply draws from the node (it feeds it) through `outside` ohm."""
        backwards = 1 / (DIODE_RESISTANCE + outside)
        if not supply.on:
            self.voltage = self.current = 0.0
            return [Ramp(-DIODE, backwards, high=0.0)]
        self.voltage = _moved(self.voltage, supply.voltage, supply.slew_voltage, dt)
        self.current = _moved(self.current, supply.current, supply.slew_current, dt)
        most = min(self.current, _most(supply))
        return [Ramp(self.voltage, 1 / outside, -most, 0.0), Ramp(-DIODE - most * outside, backwards, high=0.0)]

    def load(self, load: SinkTerminals, outside: float, dt: float) -> list[Ramp]:
        """What the load draws from the node through `outside` ohm."""
        self.started = load.on and (self.started or load.terminal_voltage >= load.von)
        ramps = [Ramp(-DIODE, 1 / (DIODE_RESISTANCE + outside), high=0.0)]
        if not self.started:
            return ramps
        resistance = max(load.resistance, LEAST_LOAD) if load.mode == "CR" else LEAST_LOAD
        at = load.voltage if load.mode == "CV" else 0.0
        return [Ramp(at, 1 / (resistance + outside), 0.0, _reach(load, dt)), *ramps]

    def tell(self, supply: SourceTerminals, posts: float | None, current: float) -> None:
        """Write to the supply what it finds at its posts; None: its contactor is open and nothing is connected."""
        supply.terminal_voltage = self.voltage if posts is None else posts
        supply.terminal_current = max(0.0, current)
        if not supply.on:
            supply.mode = "OFF"
        elif posts is None or posts >= self.voltage - 1e-6:
            supply.mode = "CV"
        else:
            supply.mode = "CP" if _most(supply) < self.current else "CC"


def _most(supply: SourceTerminals) -> float:
    """A that its power allows, at the voltage of the step before."""
    return supply.power / max(supply.terminal_voltage, 1.0)


def _reach(load: SinkTerminals, dt: float) -> float:
    """A that the load lets pass: what it is set to, as far as its slew rates reach from what it drew before."""
    wanted = {"CC": load.current, "CP": load.power / max(load.terminal_voltage, 1.0)}.get(load.mode, math.inf)
    fallen = load.terminal_current - _span(load.slew_fall, dt)
    return max(0.0, min(max(wanted, fallen), load.terminal_current + _span(load.slew_rise, dt)))


def _moved(now: float, target: float, rate: float, dt: float) -> float:
    span = _span(rate, dt)
    return min(max(target, now - span), now + span)


def _span(rate: float, dt: float) -> float:
    return math.inf if math.isinf(rate) else rate * dt


@dataclass(slots=True)
class Circuit:
    """Leads, contactors and meters of the bench, in ohm; faults change any of these in place.

    `main` is a contactor next to the pack, `supply_contactor` and `load_contactor` are one for each instrument; a bench
    that has fewer leaves the others closed.
    """

    main: Contactor = field(default_factory=lambda: Contactor(closed=True))
    supply_contactor: Contactor = field(default_factory=Contactor)
    load_contactor: Contactor = field(default_factory=Contactor)
    lead: float = 3e-3
    """There and back, from the pack's posts to where supply and load meet."""
    contact: float = 0.5e-3
    """Both clamps at the pack's posts."""
    shunt: float = 0.25e-3
    supply_lead: float = 1e-3
    load_lead: float = 1e-3
    meter: float = 10e6
    """What the voltmeter loads the posts with."""
    lead_open: bool = False
    """A power lead was pulled."""
    reversed: bool = False
    """The leads are on the wrong posts, the voltmeter's too."""
    sense_open: bool = False
    """A lead of the voltmeter hangs loose."""
    sense_reversed: bool = False
    """The leads of the voltmeter are exchanged."""
    insulation_plus: float = math.inf
    """Case to the pack's positive post."""
    insulation_minus: float = math.inf
    """Case to the pack's negative post."""
    _regulators: _Regulators = field(default_factory=_Regulators)

    def solve(self, branch: Branch, supply: SourceTerminals, load: SinkTerminals, dt: float) -> Found:
        """Carry the set points on by `dt` s (>= 0), find the voltages, and tell both instruments what came of it."""
        supply_side = max(LEAST_LEAD, self.supply_lead + self.supply_contactor.resistance)
        load_side = max(LEAST_LEAD, self.load_lead + self.load_contactor.resistance)
        feeding = self._regulators.supply(supply, supply_side, dt)
        drawing = self._regulators.load(load, load_side, dt)
        feeding = feeding if self.supply_contactor.conducts else []
        drawing = drawing if self.load_contactor.conducts else []
        meter = Ramp(0.0, self._metered)
        pack = self._pack(branch)
        node = node_voltage((*pack, *feeding, *drawing, meter))
        fed, taken, current = -drawn(feeding, node), drawn(drawing, node), drawn(pack, node)
        self._regulators.tell(supply, node + fed * supply_side if feeding else None, fed)
        load.terminal_voltage = node - taken * load_side if drawing else 0.0
        load.terminal_current = max(0.0, taken)
        way = (-1.0 if self.reversed else 1.0) if pack else 0.0
        posts = way * (node - current * self._outside) if pack else node_voltage((*branch.ramps(0.0), meter))
        supply.sensed_voltage = posts
        return self._found(posts, way * current, supply, load)

    @property
    def _metered(self) -> float:
        """Siemens between the voltmeter's leads; a short circuit there is 1 Ohm."""
        return 1 / max(self.meter, 1.0)

    @property
    def _outside(self) -> float:
        """Between the pack's posts and the node."""
        return self.lead + self.contact + self.shunt + self.main.resistance

    def _pack(self, branch: Branch) -> tuple[Ramp, ...]:
        """The pack as seen from the node: nothing, if a lead or the contactor is open."""
        if self.lead_open or not self.main.conducts:
            return ()
        ramps = branch.ramps(self._outside)
        return tuple(ramp.mirrored() for ramp in ramps) if self.reversed else tuple(ramps)

    def _found(self, posts: float, current: float, supply: SourceTerminals, load: SinkTerminals) -> Found:
        plus, minus, meter = 1 / max(self.insulation_plus, 1e-3), 1 / max(self.insulation_minus, 1e-3), self._metered
        return Found(
            terminal_voltage=posts,
            sensed_voltage=0.0 if self.sense_open else -posts if self.reversed != self.sense_reversed else posts,
            supply_voltage=supply.terminal_voltage,
            load_voltage=load.terminal_voltage,
            case_voltage=posts * plus / (plus + minus + meter),
            case_plus_voltage=-posts * minus / (plus + minus + meter),
            current=current,
            shunt_voltage=current * self.shunt,
            supply_current=supply.terminal_current,
            load_current=load.terminal_current,
        )
