"""Sequence files as pytest sees them: one file is one run, and the start checks and each step are its items.

The engine is the one of `station run`. A run begins with its first item and is over when its last one is done, when
pytest stops, or when a step ends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from station.cli.errors import WrongUsage
from station.cli.simulate import DEFAULT_STATE, Simulated, read_simulated
from station.cli.stepwise import SteppedRun, stepped
from station.model.bench import Bench
from station.model.files import InvalidFile, build
from station.model.library import Library
from station.model.sequence import Step, walk
from station.model.verdict import Verdict
from station.records import BadSerialNumber, NotWritable, plain_serial_number
from station.report.issue import KeyStoreError
from station.run.plan import Files, Plan, PlannedStep, make_plan

START_CHECKS = "start-checks"
SIMULATED_BENCH = "simulated"
SIMULATED_SERIAL = "BALI48-000001"
"""What is on the simulated bench unless somebody says otherwise."""
SEED = 1


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on pytest's command line, seen to fit together; `simulated` is None for a real bench."""

    bench: str
    serial: str
    data: Path
    simulated: Simulated | None


def read_options(config: pytest.Config) -> Options:
    """The options of sequence files; raises UsageError, and then nothing has been touched."""
    name = config.getoption("--bench") or SIMULATED_BENCH
    serial = config.getoption("--serial") or SIMULATED_SERIAL
    data = Path(config.getoption("--data") or "data")
    files = Files(Library.default())
    try:
        plain_serial_number(serial)
        if build(files.open("bench", name), Bench).kind == "real":
            _refuse_careless_use(config, name)
            return Options(name, serial, data, None)
        if config.getoption("--energise"):
            raise pytest.UsageError(
                f"--energise is for a real bench, and {name} is a simulated one: name yours with --bench"
            )
        state, faults = config.getoption("--twin") or DEFAULT_STATE, config.getoption("--fault")
        return Options(name, serial, data, read_simulated(files, state, faults, SEED))
    except (InvalidFile, BadSerialNumber) as error:
        raise pytest.UsageError(str(error)) from None


def _refuse_careless_use(config: pytest.Config, bench: str) -> None:
    missing = [option for option in ("--serial", "--energise") if not config.getoption(option)]
    if missing:
        raise pytest.UsageError(f"{bench} is a real bench: add {' and '.join(missing)} to let current flow on it")
    for option in ("--twin", "--fault"):
        if config.getoption(option):
            raise pytest.UsageError(f"{option} is for a simulated bench; {bench} is a real one")


class SequenceFile(pytest.File):
    """A sequence file; what pytest sets up and tears down with it is one run."""

    plan: Plan
    lines: dict[str, int]
    """Line of each step in the file, from 0."""
    run: SteppedRun | None = None
    told: set[Verdict]
    """The verdicts that its items have shown."""

    def collect(self) -> Iterator[StepItem]:
        """The start checks and every top-level step, in the order of the file; raises CollectError."""
        if hasattr(self.config, "workerinput"):
            raise self.CollectError("a run needs one process of its own: leave -n out to run sequence files")
        self.options = read_options(self.config)
        self._open, self.told = ExitStack(), {Verdict.PASS}
        try:
            self.plan, self.lines = self._planned()
        except InvalidFile as error:
            raise self.CollectError(str(error)) from None
        yield StepItem.from_parent(self, name=START_CHECKS, place=0, planned=None)
        for place, planned in enumerate(self.plan.steps, 1):
            yield StepItem.from_parent(self, name=planned.path, place=place, planned=planned)

    def _planned(self) -> tuple[Plan, dict[str, int]]:
        files = Files(Library.default())
        bench = build(files.open("bench", self.options.bench), Bench)
        here = Path.cwd()
        name = str(self.path.relative_to(here) if self.path.is_relative_to(here) else self.path)
        plan = make_plan(files, name, bench, self.options.serial)
        document, sequence = files.sequence(name)
        return plan, {
            step.step: document.places[at][0] - 1 for step, at in walk(sequence.steps) if isinstance(step, Step)
        }

    def begun(self) -> SteppedRun:
        """The run of this file, begun if it is not yet; raises WrongUsage, NotWritable or KeyStoreError."""
        if self.run is None:
            asked = [item.planned for item in self.session.items if isinstance(item, StepItem) and item.file is self]
            steps = [planned for planned in asked if planned is not None]
            run = stepped(self.plan, steps, self.options.serial, self.options.data, self.options.simulated)
            self.run = self._open.enter_context(run)
            self.config.stash.setdefault(RUNS, []).append(self.run)
        return self.run

    def teardown(self) -> None:
        """Finish the run if that has not been done, and close the bench."""
        self._open.close()

    def untold(self, told: Verdict) -> list[str]:
        """What became of the run, if it is over and no item has shown it; `told` is what the present item shows."""
        self.told.add(told)
        outcome = self.run.outcome if self.run else None
        if outcome is None or outcome.verdict in self.told:
            return []
        self.told.add(outcome.verdict)
        return [f"{outcome.verdict} {outcome.reason}"]


RUNS = pytest.StashKey[list[SteppedRun]]()


class StepItem(pytest.Item):
    """One step of a sequence, or its start checks."""

    def __init__(self, name: str, parent: SequenceFile, place: int, planned: PlannedStep | None) -> None:
        """`place` counts the items of the file; without `planned` it is the start checks."""
        super().__init__(name, parent)
        self.file = parent
        self.place = place
        self.planned = planned

    def reportinfo(self) -> tuple[Path, int, str]:
        """File, line and name, for the report."""
        return self.path, self.file.lines.get(self.name, 0), self.name

    def runtest(self) -> None:
        """Carry the step out; all but PASS fails with the reasons as its report, what was left out is skipped."""
        try:
            run = self.file.begun()
        except (WrongUsage, NotWritable, KeyStoreError) as error:
            pytest.fail(f"the run cannot begin: {error}", pytrace=False)
        found = run.step(self.planned) if self.planned else run.start_checks()
        if run.interrupted:
            self.session.shouldstop = run.interrupted
        shown = Verdict.PASS if found.left_out else found.verdict
        bad = [*(found.reasons if shown is not Verdict.PASS else ()), *self.file.untold(shown)]
        if bad:
            pytest.fail("\n".join(bad), pytrace=False)
        if found.left_out:
            raise pytest.skip.Exception(found.reasons[0], _use_item_location=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Put the steps of each file together and into the order of the file, whatever has sorted or shuffled them."""
    first: dict[pytest.Item | SequenceFile, int] = {}
    for place, item in enumerate(session.items):
        first.setdefault(item.file if isinstance(item, StepItem) else item, place)
    session.items.sort(
        key=lambda item: (first[item.file], item.place) if isinstance(item, StepItem) else (first[item], 0)
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Where each run has left its evidence."""
    runs = config.stash.get(RUNS, [])
    if runs:
        terminalreporter.section("station")
    for run in runs:
        terminalreporter.line(run.summary())
