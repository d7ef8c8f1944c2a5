"""The cells of a simulated pack: how they charge, sag, relax, drift apart and warm up.

Each cell is its rest voltage at the state of charge of its surface, hysteresis, a resistance and two RC pairs (100 Ah
prismatic LFP; figures without another source are engineering values of the domain notes, 3.2). All states are solved
exactly over a step of constant current, so a step may last 0.1 ms or a week.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from station.twin.ocv import Floats, half_gap, middle_voltage, rest_voltage, stored

SURFACE_REACH = 0.03
"""How far the surface's state of charge runs ahead of the bulk's at a high current."""
SURFACE_CURRENT = 0.15
"""The C rate at which it runs ahead by three quarters of that."""
FAST_SHARE, FAST_TIME, SLOW_TIME = 0.7, 900.0, 43_200.0
"""70 % of the lead follows within 15 min, the rest within 12 h: the relaxation seen at the knee."""
HYSTERESIS_RATE = 50.0
"""Two thirds of the way to the other branch are gone when 2 % of the capacity have flowed (domain notes 3.1)."""
HEAT_CAPACITY, THERMAL_TIME = 2000.0, 18_000.0
"""J/K for a cell; seconds to take on the room's temperature."""
ARRHENIUS = 1900.0
"""K; resistance against temperature: 1.4 times at 10 degC, 0.74 times at 40 degC."""
SURFACE_SOC = np.array((0.0, 0.03, 0.06, 0.10, 0.998, 1.005))
RESISTANCE = np.array((2.0, 1.5, 1.2, 1.0, 1.0, 3.5))
"""How resistance rises where the surface is nearly empty or full, over that in between."""
SELF_DISCHARGE = 0.02 / (30 * 24)
"""The share of its capacity that a cell loses in an hour: 2 % a month."""
INSTANT = 1e-9
"""s; nothing happens in less."""
SHORT = 1.0
"""s; in steps up to this the current of the step itself does not move the rest voltage to speak of (0.1 mV)."""
_STEP_OF_SOC = 1e-5


class Outlook(NamedTuple):
    """The cells at the end of a step: `emf` + current * `resistance` V each, a straight line for any current.

    The others are by the way: volts at rest, resistances over those at 25 degC, what goes of v1 and v2 in the step.
    """

    dt: float
    emf: Floats
    resistance: Floats
    rest: Floats
    scale: Floats
    gone1: Floats
    gone2: Floats

    def voltages(self, current: float) -> Floats:
        """Volts at each cell's sense wires, if it was `current` A."""
        return self.emf + current * self.resistance


class Cells:
    """`n` cells in series, every property an array over the cells that a fault may change; states move on in place.

    capacity Ah · soc 0..1 · r0 ohm (electrodes) · joint ohm (bars and welds inside the cell's sense loop) · r1, r2 ohm
    and tau1, tau2 s (RC pairs) · reach (of the surface ahead of the bulk) · leak A (self-discharge) · bleed A
    (balancing) · polarity +1 or -1 · temperature degC · v1, v2 V, surface_fast, surface_slow 0..1 (states that relax) ·
    side -1 to +1 (on the branch of discharge or of charge) · heat J (produced so far).
    """

    def __init__(self, n: int = 15, capacity: float = 100.0, soc: float = 0.5, temperature: float = 25.0) -> None:
        """Cells that are all alike, at rest after a discharge."""
        self.capacity = np.full(n, capacity)
        self.soc = np.full(n, soc)
        self.r0 = np.full(n, 0.30e-3)
        self.joint = np.full(n, 0.10e-3)
        self.r1 = np.full(n, 0.25e-3)
        self.r2 = np.full(n, 0.40e-3)
        self.tau1 = np.full(n, 4.0)
        self.tau2 = np.full(n, 80.0)
        self.reach = np.full(n, SURFACE_REACH)
        self.leak = np.full(n, SELF_DISCHARGE * capacity)
        self.bleed = np.zeros(n)
        self.polarity = np.ones(n)
        self.temperature = np.full(n, temperature)
        self.v1 = np.zeros(n)
        self.v2 = np.zeros(n)
        self.surface_fast = np.zeros(n)
        self.surface_slow = np.zeros(n)
        self.side = np.full(n, -1.0)
        self.heat = np.zeros(n)
        self._flow = np.zeros(n)
        self._lead = np.zeros(n)

    def __len__(self) -> int:
        """How many cells there are."""
        return len(self.soc)

    @property
    def count(self) -> int:
        """How many cells there are; setting it leaves the last ones out, or builds more in that are like the first."""
        return len(self)

    @count.setter
    def count(self, count: int) -> None:
        for name, values in vars(self).items():
            setattr(self, name, np.resize(values, count))

    def outlook(self, dt: float = 0.0) -> Outlook:
        """What the cells will be in `dt` s if one current flows until then; 0: what they are now.

        Exact but for the rest voltage, which follows the current of the step before, and from `SHORT` s on the tangent.
        """
        surface = self._surface_in(dt)
        scale = self._scale(surface)
        left1, left2 = np.exp(-dt / self.tau1), np.exp(-dt / self.tau2)
        gone1, gone2 = 1 - left1, 1 - left2
        resistance = scale * (self.r0 + self.r1 * gone1 + self.r2 * gone2) + self.joint
        rest = rest_voltage(surface) + half_gap(self.soc) * (1 + self.side)
        inside = rest + self.v1 * left1 + self.v2 * left2
        if dt > SHORT:
            tangent = (rest_voltage(surface + _STEP_OF_SOC) - rest_voltage(surface)) / _STEP_OF_SOC * self._rise_in(dt)
            resistance, inside = resistance + tangent, inside - tangent * self._flow
        emf = self.polarity * (inside - (self.leak + self.bleed) * resistance)
        return Outlook(dt, emf, resistance, rest, scale, gone1, gone2)

    def voltages(self, current: float) -> Floats:
        """Volts at each cell's sense wires while `current` A flow, positive when charging."""
        return self.outlook().voltages(current)

    def step(self, current: float, dt: float, ambient: float) -> None:
        """Let `current` A (positive when charging) flow for `dt` s in a room of `ambient` degC."""
        self.follow(self.outlook(dt), current, ambient)

    def follow(self, ahead: Outlook, current: float, ambient: float) -> None:
        """The same for a step whose outlook is known already."""
        dt = ahead.dt
        if dt < INSTANT:
            return
        flow = self.polarity * current - self.leak - self.bleed
        scaled = ahead.scale * flow
        over = self.r0 * scaled + self.joint * flow + ahead.rest
        over += _relaxed(self.v1, self.r1 * scaled, ahead.gone1, self.tau1 / dt)
        over += _relaxed(self.v2, self.r2 * scaled, ahead.gone2, self.tau2 / dt)
        self._move(flow, dt)
        self._warm((over - middle_voltage(self.soc)) * flow + over * self.leak, dt, ambient)

    @property
    def energy(self) -> Floats:
        """J of each cell's chemistry, counted from 0 %."""
        return 3600 * self.capacity * stored(self.soc)

    def _scale(self, surface: Floats) -> Floats:
        """Resistance at the cells' temperature and charge over that at 25 degC and 50 %."""
        cold = np.exp(ARRHENIUS / (self.temperature + 273.15) - ARRHENIUS / 298.15)
        scale: Floats = cold * np.interp(surface, SURFACE_SOC, RESISTANCE)
        return scale

    def _surface_in(self, dt: float) -> Floats:
        """The surface's state of charge in `dt` s if the flow stays what it is."""
        fast, slow = math.exp(-dt / FAST_TIME), math.exp(-dt / SLOW_TIME)
        led = (FAST_SHARE * (1 - fast) + (1 - FAST_SHARE) * (1 - slow)) * self._lead
        bulk = self.soc + self._flow * (dt / 3600) / self.capacity
        surface: Floats = bulk + self.surface_fast * fast + self.surface_slow * slow + led
        return surface

    def _rise_in(self, dt: float) -> Floats:
        """How much an ampere more adds to that."""
        fast, slow = math.exp(-dt / FAST_TIME), math.exp(-dt / SLOW_TIME)
        follows = FAST_SHARE * (1 - fast) + (1 - FAST_SHARE) * (1 - slow)
        steepness = self.reach / np.cosh(self._flow / (SURFACE_CURRENT * self.capacity)) ** 2
        rise: Floats = (dt / 3600 + follows * steepness / SURFACE_CURRENT) / self.capacity
        return rise

    def _move(self, flow: Floats, dt: float) -> None:
        """Carry charge, surface and hysteresis on."""
        rate = flow / self.capacity
        lead = self.reach * np.tanh(rate * (1 / SURFACE_CURRENT))
        _approach(self.surface_fast, lead * FAST_SHARE, math.exp(-dt / FAST_TIME))
        _approach(self.surface_slow, lead * (1 - FAST_SHARE), math.exp(-dt / SLOW_TIME))
        self.soc += rate * (dt / 3600)
        _approach(self.side, np.sign(rate), np.exp(np.abs(rate) * (-HYSTERESIS_RATE * dt / 3600)))
        self._flow, self._lead = flow, lead

    def _warm(self, lost: Floats, dt: float, ambient: float) -> None:
        """Turn into heat what the posts give (W) and the chemistry does not take; some of it leaves for the room."""
        self.heat += lost * dt
        _approach(self.temperature, lost * (THERMAL_TIME / HEAT_CAPACITY) + ambient, math.exp(-dt / THERMAL_TIME))


def _approach(state: Floats, target: Floats, left: Floats | float) -> None:
    """Move a state towards `target`, so that the share `left` of its distance remains."""
    state -= target
    state *= left
    state += target


def _relaxed(state: Floats, target: Floats, gone: Floats, times: Floats) -> Floats:
    """Move a state towards `target` by the share `gone` in a step, of which the time constant is so many `times`.

    Returns its mean over the step.
    """
    moved = (state - target) * gone
    state -= moved
    return target + moved * times
