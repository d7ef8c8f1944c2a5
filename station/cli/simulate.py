"""Starting the twin for a front door: the only place outside studies and tests that knows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from station.cli.errors import WrongUsage
from station.clock import Clock, VirtualClock
from station.model.bench import Bench
from station.model.fault import FaultFile
from station.model.files import Document, Fault, InvalidFile, build
from station.model.pack import Pack
from station.model.protocol import Protocol
from station.model.record import Simulation
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


def simulation_of(simulated: Simulated, clock: Clock) -> Simulation:
    """What the record says of a simulated bench."""
    return Simulation(
        twin=simulated.state.twin,
        faults=tuple(fault.fault for fault in simulated.faults),
        seed=simulated.seed,
        time=clock.kind,
    )


class Trial(NamedTuple):
    """Where a fault file is tried out before it is believed."""

    bench: str = "simulated"
    pack: str = "bali48"
    state: str = DEFAULT_STATE


TRIAL = Trial()


def read_simulated(files: Files, state: str, faults: Sequence[str], seed: int) -> Simulated:
    """Read the state and the faults by name or path; raises InvalidFile."""
    found = [read_fault(files, files.open("fault", name)) for name in faults]
    return Simulated(read_state(state, files.library), tuple(found), seed)


def read_fault(files: Files, document: Document) -> FaultFile:
    """Read a fault and try it out on a twin that is never started; raises InvalidFile with all that does not fit."""
    fault = build(document, FaultFile)
    product = files.pack(TRIAL.pack)
    bench, state = files.bench(TRIAL.bench), read_state(TRIAL.state, files.library)
    twin = Twin(bench, product, files.protocol(product), state, VirtualClock(), serial_number="")
    try:
        unfit = [*_unfit(document, fault, twin)]
    finally:
        twin.stop()
    if unfit:
        raise InvalidFile(unfit)
    return fault


def _unfit(document: Document, fault: FaultFile, twin: Twin) -> Iterator[Fault]:
    for name, value in fault.change.items():
        try:
            twin.set(name, value)
        except UnknownParameter as error:
            yield document.fault(("change", name), str(error))


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
    except CannotServe as error:
        raise WrongUsage(str(error)) from None
    try:
        twin.break_now()
        twin.start()
        yield twin
    except UnknownParameter as error:
        raise WrongUsage(str(error)) from None
    finally:
        twin.stop()
