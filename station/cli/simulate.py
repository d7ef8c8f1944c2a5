"""Starting the twin for a front door: a study's own way, with what cannot be simulated said as wrong usage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

from station.cli.errors import WrongUsage
from station.clock import Clock, HeldClock, VirtualClock, WallClock
from station.model.bench import Bench
from station.model.events import Event, StepStarted
from station.model.pack import Pack
from station.model.protocol import Protocol
from station.studies import simulation
from station.studies.simulation import (
    DEFAULT_STATE,
    TRIAL,
    Simulated,
    read_faults,
    read_simulated,
    read_tried_state,
    simulation_of,
)
from station.twin.parameters import UnknownParameter
from station.twin.world import CannotServe, Twin

__all__ = [
    "DEFAULT_STATE",
    "TRIAL",
    "Simulated",
    "read_faults",
    "read_simulated",
    "read_tried_state",
    "serving",
    "simulation_of",
]


@contextmanager
def serving(
    bench: Bench, pack: Pack, protocol: Protocol, simulated: Simulated, clock: Clock, serial_number: str, slot: int = 1
) -> Iterator[Twin]:
    """The twin of that bench and pack, serving while the block runs; raises WrongUsage for what it cannot be or do."""
    for fault in simulated.faults:
        if fault.do is not None:
            raise WrongUsage(f"`{fault.fault}` is a deed of a person or a computer; `station coverage` carries it out")
    try:
        with simulation.serving(bench, pack, protocol, simulated, clock, serial_number, slot) as twin:
            yield twin
    except (CannotServe, UnknownParameter) as error:
        raise WrongUsage(str(error)) from None


def time_of(bench: Bench, time: Literal["virtual", "wall"] | None) -> AbstractContextManager[Clock]:
    """The time of a run on that bench: virtual if its twin can follow and nobody wants it otherwise.

    That of a twin in another process is held while the block runs; raises ClockRefused.
    """
    published = bench.served.clock if bench.served else ""
    if time == "wall" or bench.kind == "real":
        return nullcontext(WallClock())
    if bench.needs_twin:
        return nullcontext(VirtualClock())
    return HeldClock(published) if published else nullcontext(WallClock())


def told(twin: Twin | HeldClock) -> Callable[[Event], None]:
    """A listener of a run by which the faults of the twin that wait for a step learn that it began."""
    return lambda event: twin.step_began(event.step) if isinstance(event, StepStarted) else None
