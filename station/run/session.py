"""One run from its folder to its record: identity, journal, engine, certificate, record.

What the certificate is made of is the front door's business; when it is made is not: after the last word of the journal
and before the record, since a run is over once it has one.
"""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from station import __version__, disk
from station.bench import OpenBench, unwatched
from station.clock import Scopes, VirtualClock, WallClock
from station.guard import JOURNAL, Brief, Guard, GuardFailed
from station.model.bench import Bench, WiredEntry
from station.model.events import Event, Overruled, RunStarted
from station.model.prompt import Nobody, Person
from station.model.record import Record, Simulation, Software
from station.records import Journal, RunFolder, Unrestored, earlier_runs, new_run, project
from station.report.keys import KeyStore, default_folder
from station.run.approval import Standing, standing
from station.run.engine import Engine, Outcome
from station.run.golden import GOLDEN, OF_PRODUCTS, why_bench_not_free
from station.run.history import Wanted, carried_over, earlier_records, why_not_free
from station.run.plan import Plan
from station.run.recovery import why_blocked

_LIBRARIES = ("pyvisa", "pyvisa-py", "pyserial", "pymodbus", "numpy", "pydantic")
NO_WATCHDOG = (
    "This bench has no watchdog for its {}: if the station's computer dies while current flows, only the operator can "
    "stop it."
)


@dataclass(frozen=True)
class Request:
    """What is to be run, on which pack, by whom and why."""

    plan: Plan
    serial_number: str
    data: Path
    operator: str = ""
    purpose: str = ""
    reason: str = ""
    simulation: Simulation | None = None
    typed_bench: str = ""
    """The bench as somebody typed it, for a command that they are told to type; empty: its name."""
    partial: bool = False
    restores: Unrestored | None = None
    """What an earlier run left in the pack, if this run is there to put it back; any other run is blocked by it."""
    listeners: tuple[Callable[[Event], None], ...] = field(default=())
    answers: Mapping[str, str] = field(default_factory=dict)
    """What line, MES or scanner know of the pack, by the name under which it is recorded."""
    person: Person = field(default_factory=Nobody)
    """Whoever stands at the bench and can be asked."""
    keys: KeyStore = field(default_factory=lambda: KeyStore(default_folder()))
    """By whom an approval must be signed."""
    certify: Callable[[Record, RunFolder], object] | None = None
    """Signs and stores the certificate; may raise anything. None: the run leaves none, as a partial one never does."""


@dataclass
class Session:
    """A run under way."""

    engine: Engine
    folder: RunFolder
    events: list[Event]
    request: Request
    keep: Callable[[Event], None]
    """Takes an event into the journal; raises OSError."""

    def record(self) -> Record:
        """The record so far; raises NotARun before the run began."""
        return project(self.events, self.request.plan.pack)

    def store(self) -> Record:
        """Write certificate and record, whole or not at all; without either there is no PASS, so the run is ERROR.

        Raises OSError where not even that can be written; then the next start closes the run.
        """
        record = self.record()
        try:
            if self.request.certify is not None and not record.partial:
                self.request.certify(record, self.folder)
            disk.replace(self.folder.record, record.canonical())
        except Exception as error:
            self.folder.certificate.unlink(missing_ok=True)
            reason = f"the evidence could not be stored: {' '.join(str(error).split())}"
            self.keep(Overruled(at_s=self.events[-1].at_s, reason=reason))
            record = self.record()
            disk.replace(self.folder.record, record.canonical())
        return record


@contextmanager
def session(request: Request, bench_file: Bench, scopes: Scopes) -> Iterator[Session]:
    """Open the journal and the bench for one run, and close them; the engine inside makes the bench safe whatever
    happens.

    Raises NotWritable, BadSerialNumber or MissingRole before anything is touched.
    """
    plan = request.plan
    before = earlier_runs(request.data, request.serial_number)
    simulated = request.simulation is not None
    records = tuple(earlier_records(request.data, request.serial_number, simulated=simulated))
    approval = standing(request.data, plan, request.keys)
    blocked = "" if request.restores else _why_blocked(request, records, approval, scopes.utc())
    folder = new_run(request.data, request.serial_number)
    events: list[Event] = []
    bench = OpenBench(bench_file, plan.slot, plan.protocol, plan.pack.cells, scopes.clock, scopes)
    listeners = list(request.listeners)
    with ExitStack() as open_:
        try:
            if not blocked and _outlives_us(request, bench_file, scopes):
                listeners.insert(0, open_.enter_context(_guard(request, bench_file, folder, scopes)))
        except GuardFailed as error:
            blocked = str(error)
        journal = open_.enter_context(Journal(folder.journal))
        open_.callback(bench.close)

        def keep(event: Event) -> None:
            journal(event)
            events.append(event)
            for listener in listeners:
                listener(event)

        engine = Engine(plan, bench, scopes, keep, _start(request, folder, before, approval, scopes.utc()), blocked)
        engine.stage.carried, engine.stage.answers = carried_over(records), request.answers
        engine.stage.person, engine.stage.tested_before = request.person, bool(before)
        yield Session(engine, folder, events, request, keep)


def _outlives_us(request: Request, bench_file: Bench, scopes: Scopes) -> bool:
    """Whether the bench stays energised when this process dies.

    It does not where this process serves it: then it moves the time, or has filled in the addresses.
    """
    return bench_file == request.plan.bench and not isinstance(scopes.clock, VirtualClock)


def _guard(request: Request, bench_file: Bench, folder: RunFolder, scopes: Scopes) -> Guard:
    """The guard of this run, ready; raises GuardFailed."""
    plan = request.plan
    estop = bench_file.roles(plan.slot).get("estop")
    brief = Brief(
        bench_file, plan.slot, plan.protocol, plan.pack.cells,
        run=os.getpid(),
        journal=folder.path.resolve() / JOURNAL,
        began=WallClock().now(),
        watch_estop=scopes.clock.kind == "wall" and isinstance(estop, WiredEntry) and estop.input is not None,
    )  # fmt: skip
    guard = Guard(brief, scopes.stop)
    scopes.progress = guard.beat
    return guard


def carry_out(request: Request, bench_file: Bench, scopes: Scopes) -> tuple[Outcome, Record, RunFolder]:
    """The whole run; its record is written before this returns."""
    with session(request, bench_file, scopes) as running:
        running.engine.run()
        record = running.store()
        return Outcome.of(record), record, running.folder


def _why_blocked(request: Request, records: Sequence[Record], approval: Standing, now: datetime) -> str:
    simulated = request.simulation is not None
    bench = request.typed_bench or request.plan.bench.bench
    wanted = Wanted(request.plan.sequence.sequence, request.purpose, request.reason)
    owed = why_blocked(request.data, request.serial_number, bench, simulated=simulated)
    if why := owed or why_not_free(records, request.plan.pack, wanted):
        return why
    if approval.against and wanted.purpose in {*OF_PRODUCTS, GOLDEN}:
        return approval.against
    plan, serial = request.plan, request.serial_number
    return why_bench_not_free(request.data, plan.bench, plan.slot, wanted, serial, simulated=simulated, now=now)


def _start(
    request: Request, folder: RunFolder, before: tuple[str, ...], approval: Standing, now: datetime
) -> RunStarted:
    plan = request.plan
    alone = unwatched(plan.bench, plan.slot)
    decision = plan.pack.decision
    return RunStarted(
        at_s=0.0,
        run=folder.run,
        started_at=now.isoformat(timespec="seconds"),
        serial_number=request.serial_number,
        product=plan.pack.pack,
        product_title=plan.pack.title,
        sequence=plan.sequence.sequence,
        sequence_title=plan.sequence.title,
        plan_sha256=plan.sha256,
        floor_s=plan.floor_s,
        bench=plan.bench.bench,
        bench_title=plan.bench.title,
        slot=plan.slot,
        operator=request.operator,
        purpose=request.purpose,
        purpose_reason=request.reason,
        attempt=len(before) + 1,
        earlier_runs=before,
        gaps=plan.gaps,
        files=plan.files,
        approval=approval.words,
        decision_rule=f"safety limits: {decision.safety}; others: {decision.other}, simple acceptance from a test "
        f"uncertainty ratio of {decision.enough_ratio:g}",
        warnings=(NO_WATCHDOG.format(" and its ".join(alone)),) if alone else (),
        simulation=request.simulation,
        partial=request.partial,
        software=_software(),
    )


@functools.cache
def _software() -> Software:
    libraries = {}
    for name in _LIBRARIES:
        try:
            libraries[name] = version(name)
        except PackageNotFoundError:
            libraries[name] = "not installed as a package"
    return Software(
        version=__version__, python=platform.python_version(), platform=platform.system(), libraries=libraries
    )
