"""One simulated bench, ready for one run in virtual time and in this process; no certificate is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from station.clock import Clock, Scopes, VirtualClock
from station.model.bench import Bench
from station.model.events import Event, StepStarted
from station.model.library import Library
from station.model.prompt import Nobody, Person
from station.model.record import Measurement, Record, Simulation, Step
from station.model.verdict import Verdict
from station.records import RunFolder
from station.run.plan import Files, Plan, make_plan
from station.run.session import Request, carry_out
from station.studies.simulation import Simulated, serving, simulation_of, telling
from station.twin.person import TwinPerson
from station.twin.world import Twin


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that is over, and the twin as it left it."""

    record: Record
    folder: RunFolder
    twin: Twin
    events: tuple[Event, ...]

    def step(self, name: str) -> Step:
        """The last attempt of a step."""
        return [step for step in self.record.steps if step.id == name][-1]

    def measurement(self, name: str) -> Measurement:
        """The last measurement of that id."""
        return [each for each in self.record.measurements if each.id == name][-1]

    @property
    def bad_steps(self) -> list[str]:
        """The steps that are neither PASS nor NOT_TESTED, in order."""
        return [step.id for step in self.record.steps if step.verdict not in (Verdict.PASS, Verdict.NOT_TESTED)]


@dataclass
class Rig:
    """A simulated bench that is being served; `listeners` hear every event of its run."""

    plan: Plan
    twin: Twin
    served: Bench
    clock: Clock
    scopes: Scopes
    simulation: Simulation | None
    """What the record says of it; None: the run takes the bench for a real one."""
    serial_number: str
    """What was scanned."""
    purpose: str = ""
    person: Person = field(default_factory=Nobody)
    listeners: list[Callable[[Event], None]] = field(default_factory=list)

    def at(self, step: str | None, act: Callable[[], None], ready: Callable[[], bool] = lambda: True) -> None:
        """Do something once, between two actions of the run: when a step has begun (None: the run) and `ready` says so.

        What `act` raises comes out of the run as if its next action had raised it.
        """
        waiting, began, others = [act], [step is None], self.scopes.progress

        def listen(event: Event) -> None:
            began[0] = began[0] or (isinstance(event, StepStarted) and event.step == step)

        def look() -> None:
            others()
            if waiting and began[0] and ready():
                waiting.pop()()

        self.listeners.append(listen)
        self.scopes.progress = look

    def run(self, data: Path) -> Ran:
        """Carry the plan out; raises NotWritable before anything is touched."""
        events: list[Event] = []
        listeners = (events.append, telling(self.twin), *self.listeners)
        request = Request(
            self.plan, self.serial_number, data, purpose=self.purpose, simulation=self.simulation, listeners=listeners,
            person=self.person,
        )  # fmt: skip
        _, record, folder = carry_out(request, self.served, self.scopes)
        return Ran(record, folder, self.twin, tuple(events))


@dataclass(frozen=True)
class Station:
    """What all runs of a study have in common, read once: the files, the bench, the sequence."""

    files: Files
    bench: Bench
    sequence: str

    @classmethod
    def of(cls, sequence: str, bench: str = "simulated", library: Library | None = None) -> Station:
        """Read a sequence and a bench by their names or paths; raises InvalidFile."""
        files = Files(library or Library.default())
        files.sequence(sequence)
        return cls(files, files.bench(bench), sequence)

    def plan(self, serial_number: str) -> Plan:
        """The sequence for the product of that serial number; raises InvalidFile."""
        return make_plan(self.files, self.sequence, self.bench, serial_number)

    @contextmanager
    def rig(
        self, simulated: Simulated, on_bench: str, *, scanned: str = "", clock: Clock | None = None
    ) -> Iterator[Rig]:
        """Serve the bench while the block runs, with the pack of one serial number on it and another one `scanned`.

        Raises InvalidFile, CannotServe or UnknownParameter.
        """
        plan, time = self.plan(scanned or on_bench), clock or VirtualClock()
        pack = self.plan(on_bench).pack
        with serving(self.bench, pack, self.files.protocol(pack), simulated, time, on_bench) as twin:
            simulation = simulation_of(simulated, time)
            person = TwinPerson(twin, time, on_bench)
            yield Rig(
                plan, twin, twin.served(self.bench), time, Scopes(time), simulation, scanned or on_bench, person=person
            )
