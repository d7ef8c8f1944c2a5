"""A simulated bench with a pack on it: what a front door starts once and a study tries out by the hundred."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from station.clock import Clock, VirtualClock
from station.model.bench import Bench
from station.model.events import Event, StepStarted
from station.model.fault import FaultFile
from station.model.files import Document, Fault, InvalidFile, build
from station.model.pack import Pack
from station.model.protocol import Protocol
from station.model.record import Simulation
from station.run.plan import Files
from station.twin.faults import misfits
from station.twin.parameters import UnknownParameter, assign
from station.twin.states import State, read_state
from station.twin.world import Twin

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
    found = read_faults(files, (files.open("fault", name) for name in faults)) if faults else ()
    return Simulated(read_tried_state(files, files.library.open("twin", state)), found, seed)


def read_tried_state(files: Files, document: Document) -> State:
    """Read a state and try what it changes on a twin that is never started; raises InvalidFile with all that does not
    fit.
    """
    state = build(document, State)
    if not state.change:
        return state
    with _tried_out(files, state.model_copy(update={"change": {}})) as twin:
        unfit = list[Fault]()
        for name, value in state.change.items():
            try:
                assign(twin.pack, name, value)
            except UnknownParameter as error:
                unfit.append(document.fault(("change", name), str(error)))
    if unfit:
        raise InvalidFile(unfit)
    return state


@contextmanager
def _tried_out(files: Files, state: State) -> Iterator[Twin]:
    """A twin of `TRIAL` that is never started."""
    product, bench = files.pack(TRIAL.pack), files.bench(TRIAL.bench)
    twin = Twin(bench, product, files.protocol(product), state, VirtualClock(), serial_number="")
    try:
        yield twin
    finally:
        twin.stop()


def read_faults(files: Files, documents: Iterable[Document]) -> tuple[FaultFile, ...]:
    """Read faults and try each out on a twin that is never started; raises InvalidFile with all that does not fit."""
    faults, unfit = list[FaultFile](), list[Fault]()
    with _tried_out(files, read_state(TRIAL.state, files.library)) as twin:
        for document in documents:
            try:
                faults.append(build(document, FaultFile))
            except InvalidFile as error:
                unfit += error.faults
            else:
                unfit += (document.fault(place, message) for place, message in misfits(twin, faults[-1]))
    if unfit:
        raise InvalidFile(unfit)
    return tuple(faults)


@contextmanager
def serving(
    bench: Bench, pack: Pack, protocol: Protocol, simulated: Simulated, clock: Clock, serial_number: str, slot: int = 1
) -> Iterator[Twin]:
    """The twin of that bench and pack, serving while the block runs; raises CannotServe or UnknownParameter."""
    twin = Twin(
        bench, pack, protocol, simulated.state, clock,
        serial_number=serial_number, seed=simulated.seed, slot=slot, faults=simulated.faults,
    )  # fmt: skip
    try:
        twin.break_now()
        twin.start()
        yield twin
    finally:
        twin.stop()


def telling(twin: Twin) -> Callable[[Event], None]:
    """A listener of a run by which the faults that wait for a step learn that it began."""

    def tell(event: Event) -> None:
        if isinstance(event, StepStarted):
            twin.step_began(event.step)

    return tell
