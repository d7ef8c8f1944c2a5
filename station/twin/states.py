"""In which state a simulated pack comes to the bench (`fixtures/twins/`)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BeforeValidator, Field

from station.model.files import Model, build
from station.model.library import Library
from station.model.quantity import parse_quantity
from station.twin.cells import Cells
from station.twin.ocv import Floats, soc_at

CAPACITY_SIGMA = 0.007
RESISTANCE_SIGMA = 0.03
LEAK_SIGMA = 0.05
"""How much sorted cells of one pack differ, relative to their mean (domain notes, 3.2)."""
BALANCED_AT = 3.4933
"""V of a cell when the factory balances: 52.4 V for the pack of 15."""


def _of(kind: str, factor: float = 1.0) -> BeforeValidator:
    return BeforeValidator(lambda text: parse_quantity(text, kind).si * factor)


Share = Annotated[float, _of("ratio", 0.01), Field(ge=-0.1, le=1.1)]
Volts = Annotated[float, _of("voltage"), Field(ge=0, le=1)]
Seconds = Annotated[float, _of("time"), Field(ge=0)]
Celsius = Annotated[float, _of("temperature"), Field(ge=-40, le=90)]


class State(Model):
    """A pack's history in a few numbers; in the file with units (`soc: 99.9 %`, `asleep: 14 d`)."""

    twin: str
    title: str
    soc: Share
    """Mean state of charge when it was last touched; 0 to 1 once read."""
    soc_scatter: Share = 0.0
    """Packs lie anywhere within plus and minus this."""
    surface: Share = 0.0
    """By how much the slow part of the surfaces was ahead of that (after a charge) or behind it."""
    spread: Volts = 0.0
    """Highest minus lowest cell at the top, where the factory balanced them; `BALANCED_AT`."""
    asleep: Seconds = 0.0
    """How long it has slept since; 0: it is awake and runs."""
    temperature: Celsius = 25.0

    def cells(self, rng: np.random.Generator, n: int = 15, capacity: float = 100.0) -> Cells:
        """The cells of one pack of this state, `capacity` in Ah; another one for each seed."""
        cells = Cells(n, capacity, temperature=self.temperature)
        cells.capacity *= rng.normal(1.0, CAPACITY_SIGMA, n)
        cells.r0 *= rng.normal(1.0, RESISTANCE_SIGMA, n)
        cells.leak *= rng.normal(1.0, LEAK_SIGMA, n)
        soc = self.soc + rng.uniform(-self.soc_scatter, self.soc_scatter)
        drawn = float(soc_at(BALANCED_AT)) - soc
        cells.soc = soc + self._offsets(rng, n) - drawn * (capacity / cells.capacity - 1)
        cells.surface_slow += self.surface
        cells.step(0.0, self.asleep, self.temperature)
        return cells

    def _offsets(self, rng: np.random.Generator, n: int) -> Floats:
        """How much each cell is ahead in state of charge, so that the top of the curve shows exactly `spread`."""
        drawn = rng.normal(0.0, 1.0, n)
        volts = BALANCED_AT + self.spread * (drawn - drawn.mean()) / max(float(np.ptp(drawn)), 1e-9)
        return soc_at(volts) - soc_at(BALANCED_AT)


def read_state(name: str, library: Library | None = None) -> State:
    """The state of that name (or path) in `fixtures/twins/`; raises InvalidFile."""
    return build((library or Library.default()).open("twin", name), State)
