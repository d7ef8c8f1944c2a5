"""A wire to one instrument of the twin, with a resource manager of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pyvisa

from station.clock import Clock, Scopes
from station.wires.visa import VisaWire


@contextmanager
def visa_wire(address: str, clock: Clock) -> Iterator[VisaWire]:
    """Closed, and its manager after it, when the block ends."""
    with closing(pyvisa.ResourceManager("@py")) as manager, closing(VisaWire(address, Scopes(clock), manager)) as wire:
        yield wire
