"""Whole runs on the simulated bench, in this process and over the real wires, for tests that look at the outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from station.clock import Clock
from station.studies.rig import Ran, Rig, Station
from station.studies.simulation import DEFAULT_STATE, read_simulated

__all__ = ["SERIAL", "Ran", "Rig", "rig"]

SERIAL = "BALI48-000001"


@contextmanager
def rig(
    faults: Sequence[str] = (),
    *,
    sequence: str = "eol",
    state: str = DEFAULT_STATE,
    seed: int = 1,
    clock: Clock | None = None,
    serial_number: str = SERIAL,
) -> Iterator[Rig]:
    """Plan a sequence and serve the simulated bench while the block runs."""
    station = Station.of(sequence)
    simulated = read_simulated(station.files, state, faults, seed)
    with station.rig(simulated, serial_number, clock=clock) as bench:
        bench.simulation = None  # the run takes it for a real bench, as the wires let it
        yield bench
