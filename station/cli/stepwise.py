"""A run whose steps somebody else asks for, one by one; the engine and what is left behind are those of `station run`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from station.cli.run import stopped_by_signals
from station.cli.simulate import Simulated, serving
from station.clock import Clock, Scopes, VirtualClock, WallClock
from station.model.bench import Bench
from station.model.events import Event, Measured, StepEnded, StepStarted
from station.model.library import Library
from station.model.record import Record, Simulation
from station.model.verdict import Verdict
from station.report.keys import KeyStore, default_folder
from station.report.wording_file import load_wording
from station.report.write import write_certificate
from station.run.engine import Outcome
from station.run.plan import Plan, PlannedStep
from station.run.session import Request, Session, session

STOPPED_EARLY = "stopped before the last step that was asked for"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step came to and why, in plain words; `left_out` if it was not to be tested or the run ended before it."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    left_out: bool = False


class SteppedRun:
    """One run on one pack. Bench made safe and record written as soon as a step ends the run, and else with `finish`."""

    def __init__(self, plan: Plan, asked: Sequence[PlannedStep], serial: str, data: Path, simulated: Simulated | None) -> None:
        """Start the twin if there is to be one, open the bench, carry out the start checks; `asked` are steps of the plan.

        Raises WrongUsage, NotWritable or KeyStoreError before anything is touched.
        """
        self.plan = plan
        self.outcome: Outcome | None = None
        self._left = list(asked)
        self._found: dict[str, Finding] = {}
        self._keys = KeyStore(default_folder())
        partial = len(asked) < len(plan.steps)
        if not partial:
            self._keys.keys("simulated" if simulated else "station")
        clock: Clock = VirtualClock() if simulated else WallClock()
        self._scopes = Scopes(clock)
        with ExitStack() as open_:
            bench, world = plan.bench, None
            if simulated:
                world = open_.enter_context(serving(bench, plan.pack, plan.protocol, simulated, clock, serial, plan.slot))
                bench = world.served(bench, plan.slot)
            listeners = (lambda event: world.step_began(event.step) if isinstance(event, StepStarted) else None,) if world else ()
            request = Request(plan, serial, data, simulation=_simulation(simulated, clock), partial=partial, listeners=listeners)
            open_.enter_context(stopped_by_signals(self._scopes, Console(quiet=True)))
            self._session = open_.enter_context(session(request, bench, self._scopes))
            self._open = open_.pop_all()
        self.start_checks = self._checked()
