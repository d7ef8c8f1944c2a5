"""A run whose steps somebody else asks for, one by one; engine, record and certificate are those of `station run`."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from station.cli.certify import sign_certificate
from station.cli.simulate import Simulated, serving, simulation_of
from station.cli.stops import stoppable
from station.clock import Clock, Scopes, VirtualClock, WallClock
from station.model.events import Event, Measured, StepEnded, StepStarted
from station.model.library import Library
from station.model.prompt import Nobody
from station.model.verdict import Verdict
from station.report.keys import KeyStore, default_folder
from station.run.engine import Outcome
from station.run.plan import Plan, PlannedStep
from station.run.session import Request, Session, session
from station.twin.person import TwinPerson

STOPPED_EARLY = "stopped before the last step that was asked for"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step came to and why, in plain words; `left_out` if it was not to be tested or the run ended before it."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    left_out: bool = False


@contextmanager
def stepped(
    plan: Plan, asked: Sequence[PlannedStep], serial: str, data: Path, simulated: Simulated | None
) -> Iterator[SteppedRun]:
    """A run of the steps of `plan` that are `asked` for; finished when the block is left, whatever happened in it.

    Raises WrongUsage, NotWritable or KeyStoreError before anything is touched.
    """
    clock: Clock = VirtualClock() if simulated else WallClock()
    scopes = Scopes(clock)
    partial = len(asked) < len(plan.steps)
    keys = KeyStore(default_folder())
    if not partial:
        keys.keys("simulated" if simulated else "station")
    bench, simulation, person = plan.bench, None, None
    listeners = []
    with ExitStack() as open_:
        if simulated:
            world = open_.enter_context(serving(bench, plan.pack, plan.protocol, simulated, clock, serial, plan.slot))
            bench, simulation = world.served(bench, plan.slot), simulation_of(simulated, clock)
            person = TwinPerson(world, clock, serial)
            listeners.append(lambda event: world.step_began(event.step) if isinstance(event, StepStarted) else None)
        certify = functools.partial(sign_certificate, keys=keys, library=Library.default())
        request = Request(
            plan, serial, data, simulation=simulation, partial=partial, listeners=tuple(listeners), certify=certify,
            person=person or Nobody(),
        )  # fmt: skip
        open_.enter_context(stoppable(deaf_after=False)).scopes = scopes
        run = SteppedRun(open_.enter_context(session(request, bench, scopes)), scopes, asked)
        try:
            yield run
        finally:
            run.finish()


class SteppedRun:
    """One run under way. It is finished as soon as a step ends it, and after the last step that was asked for."""

    def __init__(self, running: Session, scopes: Scopes, asked: Sequence[PlannedStep]) -> None:
        """Nothing is touched yet."""
        self.outcome: Outcome | None = None
        self._session = running
        self._scopes = scopes
        self._asked = asked
        self._checked: Finding | None = None
        self._found: dict[str, Finding] = {}

    @property
    def interrupted(self) -> str | None:
        """Who or what stopped the run from outside, or None."""
        return None if self._scopes.stopped == STOPPED_EARLY else self._scopes.stopped

    def start_checks(self) -> Finding:
        """Carry out the start checks, once."""
        if self._checked is None:
            self._session.engine.start_checks()
            self._checked = Finding(Verdict.PASS)
            if self._session.engine.over:
                outcome = self.finish()
                self._checked = Finding(outcome.verdict, (f"{outcome.verdict} {outcome.reason}",))
        return self._checked

    def step(self, planned: PlannedStep) -> Finding:
        """Carry out a step, once, after the start checks and unless the run is over."""
        self.start_checks()
        if planned.path not in self._found:
            self._found[planned.path] = self._carried_out(planned)
            if self._session.engine.over or not self._missing():
                self.finish()
        return self._found[planned.path]

    def _carried_out(self, planned: PlannedStep) -> Finding:
        if self.outcome is not None:
            return Finding(Verdict.NOT_TESTED, (f"the run ended before: {self.outcome.reason}",), left_out=True)
        before = len(self._session.events)
        verdict = self._session.engine.step(planned)
        reasons = tuple(_reasons(self._session.events[before:], verdict))
        return Finding(
            verdict,
            reasons or (f"{verdict} {planned.path}",),
            left_out=verdict is Verdict.NOT_TESTED and planned.step.optional is not None,
        )

    def finish(self) -> Outcome:
        """End the run: safe state, thresholds, record, and the certificate of a whole run.

        A step that was asked for and not carried out ends the run as a stop does: nobody knows what it would have said.
        """
        if self.outcome is None:
            try:
                self._stop_before_what_is_missing()
            finally:
                self.outcome = self._session.engine.finish()
            self.outcome = Outcome.of(self._session.store())
        return self.outcome

    def _stop_before_what_is_missing(self) -> None:
        for planned in self._missing():
            if not self._session.engine.over:
                self._scopes.stop(STOPPED_EARLY)
                self._session.engine.step(planned)

    def _missing(self) -> list[PlannedStep]:
        return [planned for planned in self._asked if planned.path not in self._found]

    def summary(self) -> str:
        """One line: verdict, pack, sequence, and where the evidence is."""
        request = self._session.request
        marks = ["SIMULATED"] * (request.simulation is not None) + ["partial"] * request.partial
        verdict = self.outcome.verdict if self.outcome else "not finished"
        title = " ".join([str(verdict), request.serial_number, request.plan.sequence.sequence, *marks])
        folder = self._session.folder
        return f"{title}: {folder.certificate if folder.certificate.exists() else folder.record}"


def _reasons(events: Iterable[Event], verdict: Verdict) -> list[str]:
    """Everything that is not as it must be, each thing once; what made the verdict comes first."""
    lines: list[tuple[Verdict, str]] = []
    for found, where, attempt, reason in _verdicts(events):
        told = any(line.endswith(reason) for _, line in lines)
        if found is not Verdict.PASS and not told:
            again = f" (attempt {attempt})" if attempt > 1 else ""
            lines.append((found, f"{found} {where}{again}: {reason or 'no reason was given'}"))
    return [line for found, line in sorted(lines, key=lambda line: line[0] is not verdict)]


def _verdicts(events: Iterable[Event]) -> Iterator[tuple[Verdict, str, int, str]]:
    for event in events:
        if isinstance(event, Measured) and event.measurement.verdict is not None:
            measured = event.measurement
            yield event.measurement.verdict, measured.id, measured.attempt, measured.reason
        elif isinstance(event, StepEnded):
            yield event.step.verdict, event.step.id, event.step.attempt, event.step.reason
