"""Whole runs on the simulated bench, in this process and over the real wires, for tests that look at the outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from station.cli.simulate import read_simulated
from station.clock import Clock, Scopes, VirtualClock
from station.model.bench import Bench
from station.model.events import Event, StepStarted
from station.model.files import build
from station.model.library import Library
from station.model.record import Measurement, Record, Step
from station.records import RunFolder
from station.run.plan import Files, Plan, make_plan
from station.run.session import Request, carry_out
from station.twin.world import Twin

SERIAL = "BALI48-000001"


@dataclass
class Ran:
    """A run that is over, and the twin as it left it."""

    record: Record
    folder: RunFolder
    twin: Twin
    events: list[Event]

    def step(self, name: str) -> Step:
        """The last attempt of a step."""
        return [step for step in self.record.steps if step.id == name][-1]

    def measurement(self, name: str) -> Measurement:
        """The last measurement of that id."""
        return [each for each in self.record.measurements if each.id == name][-1]

    @property
    def bad_steps(self) -> list[str]:
        """The steps that are neither PASS nor NOT_TESTED, in order."""
        return [step.id for step in self.record.steps if step.verdict not in ("PASS", "NOT_TESTED")]


@dataclass
class Rig:
    """A simulated bench that is being served, ready for a run."""

    plan: Plan
    twin: Twin
    served: Bench
    clock: Clock
    scopes: Scopes
    listeners: list[Callable[[Event], None]] = field(default_factory=list)

    def run(self, data: Path, serial_number: str = SERIAL) -> Ran:
        """Carry the plan out."""
        events: list[Event] = []
        listeners = (events.append, self._tell_twin, *self.listeners)
        request = Request(self.plan, serial_number, data, listeners=listeners)
        _, record, folder = carry_out(request, self.served, self.scopes)
        return Ran(record, folder, self.twin, events)

    def _tell_twin(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            self.twin.step_began(event.step)


@contextmanager
def rig(
    faults: Sequence[str] = (),
    *,
    sequence: str = "eol",
    state: str = "factory_fresh",
    seed: int = 1,
    clock: Clock | None = None,
    serial_number: str = SERIAL,
) -> Iterator[Rig]:
    """Plan a sequence and serve the simulated bench while the block runs."""
    files = Files(Library.default())
    bench = build(files.open("bench", "simulated"), Bench)
    plan = make_plan(files, sequence, bench, serial_number)
    simulated = read_simulated(files, state, faults, seed)
    time = clock or VirtualClock()
    twin = Twin(
        bench, plan.pack, plan.protocol, simulated.state, time,
        serial_number=serial_number, seed=seed, faults=simulated.faults,
    )  # fmt: skip
    twin.break_now()
    twin.start()
    try:
        yield Rig(plan, twin, twin.served(bench), time, Scopes(time))
    finally:
        twin.stop()
