"""What a good pack may be: every property that differs from pack to pack, and how far, in one table.

A good pack is drawn as a fault that must PASS: parameters of the twin by name, and what they become. So it is applied,
written down and run again like any other fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from station.model.fault import Expected, FaultFile, Value
from station.model.verdict import Verdict
from station.twin.states import State

AGE = 600.0, 86_400.0
"""Seconds since the charger was taken off: from the last pack of the line to the next day (domain notes, 3.3)."""
SPREAD = 0.010, 0.0208
"""Volts between the highest and the lowest cell at the top: well sorted cells, or as the balancer leaves them."""


_TIMES = "times {:.6g}"


@dataclass(frozen=True, slots=True)
class Property:
    """A parameter of the twin that lies anywhere between `low` and `high`, as likely in one place as in another.

    `form` is how its value is written: a share of what it is, a quantity, a number. `count` elements of an array are
    drawn one by one; 0: one figure for all of them.
    """

    name: str
    low: float
    high: float
    form: str = _TIMES
    count: int = 0

    def drawn(self, rng: np.random.Generator) -> Iterator[tuple[str, Value]]:
        """Names and values for one pack."""
        names = [f"{self.name}[{number}]" for number in range(1, self.count + 1)] or [self.name]
        for name in names:
            yield name, self.form.format(rng.uniform(self.low, self.high))


ROOM = Property("pack.ambient", 22.0, 28.0, "{:.6g} degC")
"""Every sensor of a pack in this room reads a temperature at which each threshold can be shifted, 21 to 29 degC."""

PROPERTIES = (
    # cells of one lot against the data sheet; how much they differ from each other is the seed's (domain notes, 3.2)
    Property("cells.capacity", 0.98, 1.05),
    Property("cells.r0", 0.92, 1.08),
    Property("cells.r1", 0.92, 1.08),
    Property("cells.r2", 0.92, 1.08),
    Property("cells.leak", 0.50, 2.00),
    Property("cells.joint", 0.80, 1.30, count=15),
    # main path: at most 7.8 mOhm of the 9 that are allowed
    Property("pack.bars", 0.80, 1.20),
    Property("pack.breaker.resistance", 0.70, 1.50),
    Property("bms.charge_fet.resistance", 0.80, 1.30),
    Property("bms.discharge_fet.resistance", 0.80, 1.30),
    # a calibrated board: half to two thirds of what each limit allows, noise and rounding come on top (manual 4.2)
    Property("bms.adc.cell_gain", 0.998, 1.002, "{:.6g}"),
    Property("bms.adc.cell_offset", -1.0, 1.0, "{:.6g} mV", count=15),
    Property("bms.adc.pack_voltage_gain", 0.998, 1.002, "{:.6g}"),
    Property("bms.adc.pack_voltage_offset", -30.0, 30.0, "{:.6g} mV"),
    Property("bms.adc.current_gain", 0.992, 1.008, "{:.6g}"),
    Property("bms.adc.current_offset", -0.08, 0.08, "{:.6g} A"),
    Property("bms.adc.temperature_offset", -0.9, 0.9, "{:.6g} K", count=6),
    Property("bms.gauge.error", -3.0, 3.0, "{:.6g} %"),
    # firmware and keys: the manual's times, which are declared without a tolerance, within a tenth
    Property("bms.recovery.after", 58.5, 61.5, "{:.6g} s"),
    Property("bms.power.boot", 0.75, 1.25),
    Property("bms.key.start", 0.90, 1.10),
    Property("bms.key.shutdown", 0.95, 1.05),
    Property("bms.balancing.current", 0.85, 1.15),
    # the bench that it stands on: leads and clamps in use
    Property("circuit.lead", 0.70, 1.50),
    Property("circuit.contact", 0.50, 2.00),
)


def good_pack(seed: int, properties: tuple[Property, ...] = PROPERTIES) -> FaultFile:
    """The good pack of that seed, and the room that it is tested in."""
    rng = np.random.default_rng((seed, 4))
    room = dict(ROOM.drawn(rng))
    warmth = dict.fromkeys(("cells.temperature", "pack.mosfet"), room[ROOM.name])
    change = room | warmth | {name: value for each in properties for name, value in each.drawn(rng)}
    return FaultFile.model_validate(
        {
            "fault": f"good-pack-{seed}",
            "title": f"No fault: good pack {seed}, anywhere within its tolerance",
            "class": "pack",
            "change": change,
            "expect": Expected(verdict=Verdict.PASS),
        }
    )


def good_state(state: State, seed: int) -> State:
    """How it comes to the bench: how long after its charge (every order of magnitude as likely), how well balanced."""
    rng = np.random.default_rng((seed, 5))
    low, high = np.log(AGE)
    asleep, spread = float(np.exp(rng.uniform(low, high))), float(rng.uniform(*SPREAD))
    return state.model_copy(update={"asleep": asleep, "spread": spread})
