"""In which state a simulated pack comes to the bench (`fixtures/twins/`)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BeforeValidator, Field, StrictBool, StrictInt

from station.model.files import Model, build
from station.model.library import Library
from station.model.quantity import parse_quantity
from station.twin.cells import Cells
from station.twin.history import Charger
from station.twin.ocv import Floats, soc_at

CAPACITY_SIGMA = 0.007
RESISTANCE_SIGMA = 0.03
LEAK_SIGMA = 0.05
"""How much sorted cells of one pack differ, relative to their mean (domain notes, 3.2)."""
CELLS, CAPACITY = 15, 100.0
"""The pack whose voltages and currents the files give; others are charged in proportion (Ah)."""
BALANCED_AT = 3.4933
"""V of a cell when the factory balances: 52.4 V for the pack of 15."""
FLOAT_CURRENT = 20.0
"""A that the charger gives at most while it floats the pack; it needs none of it."""
AWAKE, ASLEEP = 0.030, 100e-6
"""A that a BMS takes that runs, and one that sleeps (domain notes 3.3; an engineering value)."""


def _of(kind: str, factor: float = 1.0) -> BeforeValidator:
    return BeforeValidator(lambda text: parse_quantity(text, kind).si * factor)


Share = Annotated[float, _of("ratio", 0.01), Field(ge=-0.1, le=1.1)]
Volts = Annotated[float, _of("voltage"), Field(ge=0, le=1)]
Posts = Annotated[float, _of("voltage"), Field(ge=30, le=60)]
Amperes = Annotated[float, _of("current"), Field(gt=0, le=200)]
Seconds = Annotated[float, _of("time"), Field(ge=0)]
Celsius = Annotated[float, _of("temperature"), Field(ge=-40, le=90)]


class Charge(Model):
    """Constant current, then constant voltage at the posts until little current is left."""

    to: Posts
    at: Amperes = 20.0
    until: Amperes


class Float(Model):
    """Held at a voltage by a charger."""

    at: Posts
    for_: Seconds = Field(alias="for")


class State(Model):
    """A pack's history in a few numbers; in the file with units (`soc: 90 %`, `asleep: 14 d`).

    It was discharged to `soc`, and then, if the file says so: charged, floated, left on, put to sleep.
    """

    twin: str
    title: str
    soc: Share
    """Mean state of charge; 0 to 1 once read."""
    soc_scatter: Share = 0.0
    """Packs lie anywhere within plus and minus this."""
    charged: Charge | None = None
    floated: Float | None = None
    awake: Seconds = 0.0
    """How long it then stood there with its BMS running."""
    asleep: Seconds = 0.0
    """How long it has slept since; 0: it is awake and runs."""
    spread: Volts = 0.0
    """Highest minus lowest cell at the top, where the factory balanced them; `BALANCED_AT`."""
    temperature: Celsius = 25.0
    change: dict[str, StrictBool | StrictInt | float | str] = Field(default_factory=dict)
    """Parameters of `bms` and `cells` by name, and what they are in this pack, as in a fault file."""

    def cells(self, rng: np.random.Generator, n: int = CELLS, capacity: float = CAPACITY) -> Cells:
        """The cells of one pack of this state, `capacity` in Ah; another one for each seed."""
        cells = Cells(n, capacity, temperature=self.temperature)
        cells.capacity *= rng.normal(1.0, CAPACITY_SIGMA, n)
        cells.r0 *= rng.normal(1.0, RESISTANCE_SIGMA, n)
        cells.leak *= rng.normal(1.0, LEAK_SIGMA, n)
        soc = self.soc + rng.uniform(-self.soc_scatter, self.soc_scatter)
        drawn = float(soc_at(BALANCED_AT)) - soc
        cells.soc = soc + self._offsets(rng, n) - drawn * (capacity / cells.capacity - 1)
        self._live_through(cells, capacity)
        return cells

    def _offsets(self, rng: np.random.Generator, n: int) -> Floats:
        """How much each cell is ahead in state of charge, so that the top of the curve shows exactly `spread`."""
        drawn = rng.normal(0.0, 1.0, n)
        volts = BALANCED_AT + self.spread * (drawn - drawn.mean()) / max(float(np.ptp(drawn)), 1e-9)
        return soc_at(volts) - soc_at(BALANCED_AT)

    def _live_through(self, cells: Cells, capacity: float) -> None:
        high, much = len(cells) / CELLS, capacity / CAPACITY
        if (charge := self.charged) is not None:
            charger = Charger(charge.to * high, charge.at * much, self.temperature)
            charger.charge(cells, charge.until * much)
        if (hold := self.floated) is not None:
            Charger(hold.at * high, FLOAT_CURRENT * much, self.temperature).hold(cells, hold.for_)
        cells.step(-AWAKE, self.awake, self.temperature)
        cells.step(-ASLEEP, self.asleep, self.temperature)


def read_state(name: str, library: Library | None = None) -> State:
    """The state of that name (or path) in `fixtures/twins/`; raises InvalidFile."""
    return build((library or Library.default()).open("twin", name), State)
