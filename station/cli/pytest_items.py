"""Sequence files as pytest sees them: one file is one run, and the start checks and each step are its items.

The engine is the one of `station run`. A run begins with its first item and is over when its last one is done, when pytest
stops, or when a step ends it; then the bench is made safe at once and the record is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
from rich.console import Console

from station.cli.errors import WrongUsage
from station.cli.run import stopped_by_signals
from station.cli.simulate import DEFAULT_STATE, Simulated, read_simulated, serving
from station.clock import Clock, Scopes, VirtualClock, WallClock
from station.model.bench import Bench
from station.model.events import Event, Measured, StepEnded, StepStarted
from station.model.files import InvalidFile, build
from station.model.library import Library
from station.model.record import Record, Simulation
from station.model.sequence import Step, walk
from station.model.verdict import Verdict
from station.records import BadSerialNumber, NotWritable, plain_serial_number
from station.report.keys import KeyStore, KeyStoreError, default_folder
from station.report.wording_file import load_wording
from station.report.write import write_certificate
from station.run.engine import Outcome
from station.run.plan import Files, Plan, PlannedStep, make_plan
from station.run.session import Request, Session, session

START_CHECKS = "start-checks"
SIMULATED_BENCH = "simulated"
SIMULATED_SERIAL = "BALI48-000001"
"""What is on the simulated bench unless somebody says otherwise."""
STOPPED = "pytest stopped before the last step"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on pytest's command line, seen to fit together."""

    bench: str
    serial: str
    data: Path
    twin: str
    faults: tuple[str, ...]


def read_options(config: pytest.Config) -> Options:
    """The options of sequence files; raises UsageError, and then nothing has been touched."""
    bench: str = config.getoption("--bench") or SIMULATED_BENCH
    serial: str = config.getoption("--serial") or SIMULATED_SERIAL
    options = Options(
        bench,
        serial,
        Path(config.getoption("--data") or "data"),
        config.getoption("--twin") or DEFAULT_STATE,
        tuple(config.getoption("--fault")),
    )
    try:
        plain_serial_number(serial)
        kind = build(Files(Library.default()).open("bench", bench), Bench).kind
        if kind == "simulated":
            _read_simulated(options)
    except (InvalidFile, BadSerialNumber) as error:
        raise pytest.UsageError(str(error)) from None
    if kind == "real":
        _refuse_careless_use(config, bench)
    elif config.getoption("--energise"):
        raise pytest.UsageError(f"--energise is for a real bench, and {bench} is a simulated one: name yours with --bench")
    return options


def _refuse_careless_use(config: pytest.Config, bench: str) -> None:
    missing = [option for option in ("--serial", "--energise") if not config.getoption(option)]
    if missing:
        raise pytest.UsageError(f"{bench} is a real bench: add {' and '.join(missing)} to let current flow on it")
    for option in ("--twin", "--fault"):
        if config.getoption(option):
            raise pytest.UsageError(f"{option} is for a simulated bench; {bench} is a real one")


def _read_simulated(options: Options) -> Simulated:
    return read_simulated(Files(Library.default()), options.twin, options.faults, seed=1)


# ------------------------------------------------------------------------------------------------ what pytest sees


class SequenceFile(pytest.File):
    """A sequence file; what pytest sets up and tears down with it is one run."""

    options: Options
    plan: Plan
    run: SteppedRun | None = None

    def collect(self) -> Iterator[StepItem]:
        """The start checks and every top-level step, in the order of the file; raises CollectError."""
        if hasattr(self.config, "workerinput"):
            raise self.CollectError("a run needs one process that lives to its end: leave -n out when sequence files are collected")
        self.options = read_options(self.config)
        try:
            self.plan, lines = self._planned()
        except InvalidFile as error:
            raise self.CollectError(str(error)) from None
        yield StepItem.from_parent(self, name=START_CHECKS, line=0, planned=None)
        for planned in self.plan.steps:
            yield StepItem.from_parent(self, name=planned.path, line=lines.get(planned.path, 1) - 1, planned=planned)

    def _planned(self) -> tuple[Plan, dict[str, int]]:
        files = Files(Library.default())
        bench = build(files.open("bench", self.options.bench), Bench)
        here = Path.cwd()
        name = str(self.path.relative_to(here) if self.path.is_relative_to(here) else self.path)
        plan = make_plan(files, name, bench, self.options.serial)
        document, sequence = files.sequence(name)
        return plan, {step.step: document.places[at][0] for step, at in walk(sequence.steps) if isinstance(step, Step)}

    def begun(self) -> SteppedRun:
        """The run of this file, begun if it is not yet; raises WrongUsage, NotWritable or KeyStoreError."""
        if self.run is None:
            chosen = {item.name for item in self.session.items if item.parent is self}
            self.run = SteppedRun(self.options, self.plan, tuple(step for step in self.plan.steps if step.path in chosen))
            self.config.stash.setdefault(RUNS, []).append(self.run)
        return self.run

    def teardown(self) -> None:
        """End the run, and say what no item has said."""
        if self.run is None:
            return
        outcome = self.run.finish()
        if self.run.stopped:
            pytest.exit(f"{self.run.stopped}; the bench was made safe")
        if outcome.verdict not in (Verdict.PASS, *self.run.told):
            pytest.fail(f"{outcome.verdict}: {outcome.reason}", pytrace=False)


RUNS = pytest.StashKey[list["SteppedRun"]]()


class StepItem(pytest.Item):
    """One step of a sequence, or its start checks."""

    def __init__(self, name: str, parent: SequenceFile, line: int, planned: PlannedStep | None) -> None:
        """`line` counts from 0; without `planned` it is the start checks."""
        super().__init__(name, parent)
        self.file = parent
        self.line = line
        self.planned = planned

    def reportinfo(self) -> tuple[Path, int, str]:
        """File, line and name, for the report."""
        return self.path, self.line, self.name

    def runtest(self) -> None:
        """Carry the step out; FAIL, ERROR, ABORTED and BLOCKED fail with the reasons, what was not tested is skipped."""
        try:
            run = self.file.begun()
        except (WrongUsage, NotWritable, KeyStoreError) as error:
            pytest.fail(f"the run cannot begin: {error}", pytrace=False)
        found = run.start_checks if self.planned is None else run.step(self.planned)
        if run.stopped:
            pytest.exit(f"{run.stopped}; the bench was made safe")
        if found.left_out:
            raise pytest.skip.Exception(found.reasons[0], _use_item_location=True)
        if found.verdict is not Verdict.PASS:
            pytest.fail("\n".join(found.reasons), pytrace=False)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Put the steps of each file together and into the order of the file, whatever has sorted or shuffled them."""
    first: dict[pytest.Item | SequenceFile, int] = {}
    for place, item in enumerate(session.items):
        first.setdefault(item.file if isinstance(item, StepItem) else item, place)
    session.items.sort(key=lambda item: (first[item.file], item.line) if isinstance(item, StepItem) else (first[item], 0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Where the record of each run is, and its certificate."""
    runs = config.stash.get(RUNS, [])
    if runs:
        terminalreporter.section("station")
    for run in runs:
        terminalreporter.line(run.summary())
