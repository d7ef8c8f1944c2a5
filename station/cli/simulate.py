"""Starting the twin for a front door: the only place outside studies and tests that knows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from station.cli.errors import WrongUsage
from station.clock import Clock
from station.model.bench import Bench
from station.model.fault import FaultFile
from station.model.files import InvalidFile, build
from station.model.pack import Pack
from station.model.protocol import Protocol
from station.run.plan import Files
from station.twin.parameters import UnknownParameter
from station.twin.states import State, read_state
from station.twin.world import CannotServe, Twin

DEFAULT_STATE = "factory_fresh"


@dataclass(frozen=True)
class Simulated:
    """What is to be simulated."""

    state: State
    faults: tuple[FaultFile, ...]
    seed: int


def read_simulated(files: Files, state: str, faults: Sequence[str], seed: int) -> Simulated:
    """Read the state and the faults by name or path; raises InvalidFile."""
    found = [build(files.open("fault", name), FaultFile) for name in faults]
    return Simulated(read_state(state, files.library), tuple(found), seed)


@contextmanager
def serving(
    bench: Bench, pack: Pack, protocol: Protocol, simulated: Simulated, clock: Clock, serial_number: str, slot: int = 1
) -> Iterator[Twin]:
    """The twin of that bench and pack, serving while the block runs; raises WrongUsage for what it cannot be."""
    try:
        twin = Twin(
            bench, pack, protocol, simulated.state, clock,
            serial_number=serial_number, seed=simulated.seed, slot=slot, faults=simulated.faults,
        )  # fmt: skip
        twin.break_now()
    except (CannotServe, UnknownParameter) as error:
        raise WrongUsage(str(error)) from None
    twin.start()
    try:
        yield twin
    finally:
        twin.stop()


def open_bench(files: Files, name: str) -> Bench:
    """Read a bench file; raises InvalidFile."""
    document = files.open("bench", name)
    bench = build(document, Bench)
    if bench.kind == "simulated" and not name:
        raise InvalidFile([document.fault((), "no bench")])
    return bench
