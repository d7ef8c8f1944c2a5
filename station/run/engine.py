"""Carrying a plan out on one pack.

Whatever happens in a step (a failed limit, an exception, a stop), the bench is brought to the safe state and every
shifted threshold is put back before the run ends, in a scope that no stop can interrupt. A fault of bench, line,
person or computer never becomes PASS or FAIL of the pack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

from station.actions import lamps, vocabulary
from station.actions.current import cut, flowing, settle
from station.actions.errors import BenchFault, Blocked, NotFeasible, NotKept, PackUnfit
from station.actions.parameters import Parameters
from station.actions.stage import Stage
from station.bench import Held, MissingRole, OpenBench, leased, make_safe, resources
from station.bms.errors import BmsError, NotStored, PackRefused, PackSilent
from station.clock import DeadlineExceeded, Scopes, Stopped
from station.instruments.errors import RoleError
from station.model.events import (
    DateJumped,
    Event,
    MadeSafe,
    Measured,
    RunEnded,
    RunStarted,
    StepEnded,
    StepStarted,
)
from station.model.record import Record, Step
from station.model.sequence import Step as Planned
from station.model.sequence import flows_under
from station.model.verdict import Verdict
from station.run import start_checks
from station.run.calendar import Calendar
from station.run.golden import held_against_bench
from station.run.ledger import Ledger
from station.run.line_notes import LineNotes
from station.run.pairing import Pairing
from station.run.plan import Plan, PlannedStep
from station.wires.errors import WireError

BENCH_FAULTS = (BenchFault, WireError, RoleError, MissingRole, DeadlineExceeded, OSError)
"""What is never the pack's fault."""
ESTOP_EVERY = 1.0
"""Seconds between two looks at the emergency stop chain while a run waits; a guard looks more often, on wall time."""
PAIRED_WITHIN = 20.0
"""Seconds for proving that every question on a line gets its own answer."""
PROVEN_WITHIN = 15.0 + lamps.ANEW_WITHIN
"""Seconds for the loop-back of a line, for asking a pack that was silent once more, and for watching it."""
NAMED = 3
"""Registers that a reason names; the journal has all."""
CLEAN_UP_WITHIN = 30.0
"""Seconds for putting thresholds back; the pack answers or fails long before."""


class _Over(Exception):
    """A step within a wait has ended the run, so the wait has nothing to add."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    verdict: Verdict
    reason: str
    bench_time_s: float

    @classmethod
    def of(cls, record: Record) -> Outcome:
        """What a record says of it."""
        return cls(record.verdict, record.reason, record.bench_time_s)


class Engine:
    """One run. Made for one thread; `scopes.stop` may be called from anywhere."""

    def __init__(
        self,
        plan: Plan,
        bench: OpenBench,
        scopes: Scopes,
        listener: Callable[[Event], None],
        start: RunStarted,
        blocked: str = "",
    ) -> None:
        """`listener` takes every event, in order, and may raise OSError; `start` is the first.

        `blocked` says why this pack may not be tested now, if it may not.
        """
        self.plan = plan
        self._blocked = blocked
        self._bench = bench
        self._scopes = scopes
        self._listener = listener
        self._began = scopes.clock.now()
        self._run, self._purpose = start.run, start.purpose
        self._leases = ExitStack()
        self._holds_bench = False
        self._cleaning_up = False
        self._calendar = Calendar(scopes)
        self._ledger = Ledger()
        self.stage = Stage(
            plan.pack, bench, scopes, self._emit, serial_number=start.serial_number, started=self._began, port=plan.port
        )
        self.stage.shifts = plan.shifts
        self.parameters = Parameters(self.stage, plan.protocol)
        self._pairing = Pairing(self.stage, min(plan.protocol.by_address))
        self._line_notes = LineNotes(self.stage)
        self._emit(start)

    @property
    def over(self) -> bool:
        """Whether the run has ended before its last step."""
        return self._ledger.over

    def run(self) -> Outcome:
        """Start checks, every step, safe state; raises OSError where not even the end can be written down."""
        try:
            self.start_checks()
            for planned in self.plan.steps:
                if not self.over:
                    self.step(planned)
        except OSError:
            if not self.over:  # a journal that cannot be written has been judged where it was found
                raise
        finally:
            outcome = self.finish()
        return outcome

    # ------------------------------------------------------------------------------------------ before the first step

    def start_checks(self) -> None:
        """Take the bench for this run, and see that it is fit for it."""
        self._guarded("start-checks", self._start_checks)

    def _start_checks(self) -> None:
        if self._blocked:
            raise Blocked(self._blocked)
        self._take_leases()
        start_checks.check(self.stage)
        if self._bench.has("estop"):
            self._leases.enter_context(self.stage.watching(ESTOP_EVERY, self._see_estop))

    def _take_leases(self) -> None:
        """Hold the bench for this run; what somebody else holds is not touched at all, not even to make it safe."""
        try:
            self._leases.enter_context(leased(resources(self._bench.bench, self.plan.slot), f"run {self._run}"))
        except Held as error:
            raise Blocked(str(error)) from None
        self._holds_bench = True

    def _see_estop(self) -> None:
        """Stop when the emergency stop chain is open, which has cut the current by itself; cleaning up goes on.

        It is asked twice: where the second answer differs the run ends as well, but nobody has pressed anything.
        """
        wiring = self.stage.wiring
        if self.over or wiring.estop_closed():
            return
        if wiring.estop_closed():
            raise BenchFault(
                "the switch unit says that the emergency stop chain is open, and at once that it is closed"
            )
        self._scopes.stop("the emergency stop chain is open")

    # ------------------------------------------------------------------------------------------------ steps

    def step(self, planned: PlannedStep) -> Verdict:
        """Carry out one step, as often as it may be attempted; only a PASS makes up for what failed before it."""
        mark = self._ledger.mark
        verdict = Verdict.NOT_TESTED
        for attempt in range(1, planned.step.attempts + 1):
            verdict = self._attempt_again(mark, planned, attempt, self._body)
            if verdict is not Verdict.FAIL or self.over:
                break
        for attempt, remedy in enumerate(planned.otherwise, planned.step.attempts + 1):
            if verdict is not Verdict.FAIL or self.over:
                break
            if self._remedy(remedy) is Verdict.PASS:
                verdict = self._attempt_again(mark, planned, attempt, self._expect_again)
        if planned.step.optional is not None:
            self._ledger.excuse(mark)
        if verdict is Verdict.FAIL and not self.over and (planned.step.gate or self.plan.sequence.after_fail == "stop"):
            self._ledger.over = True
        return verdict

    def _remedy(self, planned: PlannedStep) -> Verdict:
        """Carry out a remedy; whether it helped is what it is judged by."""
        before, self.stage.remedy = self.stage.remedy, True
        try:
            return self.step(planned)
        finally:
            self.stage.remedy = before

    def _attempt_again(
        self, mark: int, planned: PlannedStep, attempt: int, body: Callable[[PlannedStep], None]
    ) -> Verdict:
        """One more attempt; if it passes, what was judged before it, since `mark`, is kept but no longer counts."""
        begun = self._ledger.mark
        verdict = self.attempt(planned, attempt, lambda: body(planned))
        if verdict is Verdict.PASS:
            self._ledger.make_up(mark, begun)
        return verdict

    def attempt(self, planned: PlannedStep, attempt: int, body: Callable[[], None]) -> Verdict:
        """Carry out `body` as one attempt of a step."""
        step, stage = planned.step, self.stage
        with self._on_stage(step, planned.path, attempt):
            began, waited, talked, handled = stage.at_s, stage.waited, self._scopes.talked, stage.handled
            self._emit(
                StepStarted(at_s=began, step=planned.path, title=step.title, attempt=attempt, depth=planned.depth)
            )
            mark = self._ledger.mark
            if planned.skipped:
                self._ledger.judge(planned.path, Verdict.NOT_TESTED, planned.skipped)
            else:
                with self._scopes.enter(planned.path, _deadline(planned, self.plan)):
                    self._guarded(planned.path, body)
                if planned.depth == 0:
                    self._see_pairing(planned.path, self._ledger.worst(mark).verdict)
            self._see_date()
            self._line_notes.tell()
            worst = self._ledger.worst(mark)
            ended = Step(
                id=planned.path,
                title=step.title,
                attempt=attempt,
                verdict=worst.verdict,
                reason=worst.reason,
                gate=step.gate,
                started_s=began,
                duration_s=round(stage.at_s - began, 6),
                physics_s=round(stage.waited - waited, 6),
                communication_s=round(max(0.0, self._scopes.talked - talked), 6),
                operator_s=round(stage.handled - handled, 6),
                verifies=step.verifies,
            )
            self._emit(StepEnded(at_s=stage.at_s, step=ended, depth=planned.depth))
        return worst.verdict

    def _see_pairing(self, path: str, verdict: Verdict) -> None:
        """Nothing that was read on a line counts, good or bad, unless each question on it gets its own answer."""
        doubt = self._pairing.in_doubt()
        if verdict is Verdict.FAIL or (doubt and not self.over):
            with self._scopes.enter("pairing", PAIRED_WITHIN):
                self._guarded(path, self._pairing.prove)

    def _see_date(self) -> None:
        """Write it down where somebody has set the computer's date."""
        jumped = self._calendar.jumped()
        if jumped:
            self._emit(DateJumped(at_s=self.stage.at_s, seconds=jumped))

    @contextmanager
    def _on_stage(self, step: Planned, path: str, attempt: int) -> Iterator[None]:
        """Put a step on the stage, and the one around it back afterwards."""
        stage = self.stage
        before = (stage.step, stage.around, stage.path, stage.attempt, stage.meanwhile)
        stage.around = stage.step if "/" in path else None
        stage.step, stage.path, stage.attempt = step, path, attempt
        try:
            yield
        finally:
            stage.step, stage.around, stage.path, stage.attempt, stage.meanwhile = before

    def _body(self, planned: PlannedStep) -> None:
        step, stage = planned.step, self.stage
        stage.meanwhile = self._once(planned.meanwhile)
        with ExitStack() as around:
            trace = around.enter_context(lamps.watched(stage)) if vocabulary.needs_lamps(step) else lamps.LampTrace()
            vocabulary.begin(stage, self.parameters, trace)
            around.enter_context(self._under(step))
            self._carry_out(trace)
            for inner in planned.inside:
                if not self.over:
                    self.step(inner)

    def _carry_out(self, trace: lamps.LampTrace) -> None:
        """The words of the step; what is missing after a press counts against the pack only if the press is known."""
        mark = self._ledger.mark
        try:
            vocabulary.carry_out(self.stage, self.parameters, trace)
        except PackSilent as error:
            lamps.see_pressed(self.stage, trace, str(error))
            raise
        worst = self._ledger.worst(mark)
        if worst.verdict is Verdict.FAIL:
            lamps.see_pressed(self.stage, trace, worst.reason)

    def _once(self, steps: tuple[PlannedStep, ...]) -> Callable[[], None]:
        waiting = list(steps)

        def run() -> None:
            while waiting:
                self.step(waiting.pop(0))
                if self.over:
                    raise _Over

        return run

    @contextmanager
    def _under(self, step: Planned) -> Iterator[None]:
        """The current that a step asks to flow during all of it."""
        direction = flows_under(step)
        if direction is None:
            yield
            return
        amperes = self.stage.current(getattr(step.under, direction))
        with flowing(self.stage, direction, amperes):
            came = settle(self.stage, direction, amperes)
            reason = f"{amperes:g} A were asked for and did not flow: the pack does not {direction}"
            self.stage.expect(
                f"{direction}_current", "flows" if came else "does not flow", "flows", reason, witness="instrument"
            )
            yield

    def _expect_again(self, planned: PlannedStep) -> None:
        with (
            lamps.watched(self.stage)
            if vocabulary.needs_lamps(planned.step)
            else nullcontext(lamps.LampTrace()) as trace
        ):
            vocabulary.ACTIONS["expect"].carry_out(self.stage, self.parameters, trace)

    # ------------------------------------------------------------------------------------------------ what went wrong

    def _guarded(self, path: str, body: Callable[[], None]) -> None:
        """Carry out `body`, and turn everything that can go wrong in it into the verdict that it must get."""
        try:
            body()
        except _Over:
            return
        except Blocked as error:
            late = self.stage.found.energised
            self._ledger.end(path, Verdict.ERROR if late else Verdict.BLOCKED, str(error))
        except NotFeasible as error:
            self._ledger.judge(path, Verdict.NOT_TESTED, str(error))
        except Stopped as error:
            self._ledger.end(path, Verdict.ABORTED, str(error))
        except NotStored as error:
            self._ledger.end(path, Verdict.FAIL, str(NotKept(error)))
        except PackUnfit as error:
            self._ledger.end(path, Verdict.FAIL, str(error))
        except PackRefused as error:
            self._ledger.judge(path, Verdict.FAIL, str(error))
        except PackSilent as error:
            self._silence(path, error)
        except (BmsError, *BENCH_FAULTS) as error:
            self._ledger.end(path, Verdict.ERROR, str(error))
        except Exception as error:
            self._ledger.end(path, Verdict.ERROR, f"internal error of the station: {type(error).__name__}: {error}")

    def _silence(self, path: str, error: PackSilent, so: str = "") -> None:
        """Silence is the pack's fault only if the station's own line proves good and the pack is silent then, too, or
        shows that it starts anew.

        `so` says what it leads to.
        """
        verdict, found = Verdict.ERROR, "does not prove good"
        try:
            with self._scopes.enter("loop-back", PROVEN_WITHIN, shielded=True):
                cut(self.stage)
                port = self.stage.bench.port_on(error.wire) or self.stage.port
                if port.own_line_works():
                    if not port.answers(self.plan.pack.serial_number.stored_in):
                        verdict, found = Verdict.FAIL, "proved good"
                    elif lamps.starts_anew(self.stage):
                        verdict, found = Verdict.FAIL, "proved good, and its board starts anew: all lamps are lit again"
                    else:
                        found = "proved good, and now it answers again: see the cable for a loose contact"
        except (*BENCH_FAULTS, BmsError) as trouble:
            found = f"could not be proven good: {trouble}"
        self._ledger.end(path, verdict, f"{so}{error}; the station's own line {found}")

    def _emit(self, event: Event) -> None:
        if isinstance(event, Measured) and event.measurement.verdict is not None:
            found = event.measurement
            self._ledger.judge(
                found.step, found.verdict or Verdict.ERROR, f"{found.name}: {found.reason}" if found.reason else ""
            )
        try:
            self._listener(event)
        except OSError as error:
            self._ledger.end("journal", Verdict.ERROR, f"it cannot be written: {error}")
            if not self._cleaning_up:
                raise

    # ------------------------------------------------------------------------------------------------ the end

    def finish(self) -> Outcome:
        """Safe state first, thresholds next, verdict last; always, and never interrupted by a stop."""
        with self._leases:
            if self._holds_bench:
                self._cleaning_up = True
                self._make_safe()
        return self._ended()

    def _make_safe(self) -> None:
        self.stage.watchdogs.rest()
        safe = make_safe(self._bench)
        if safe.trouble:
            self._ledger.end("safe state", Verdict.ERROR, safe.trouble[0])
        try:
            self._emit(MadeSafe(at_s=self.stage.at_s, state=safe.state, trouble=safe.trouble))
        finally:
            self._put_thresholds_back()

    def _ended(self) -> Outcome:
        """Say how it ended; a second time, and then it is ERROR, where that could not be written down at once."""
        self._cleaning_up = False
        try:
            return self._say_the_end()
        except OSError:
            return self._say_the_end()

    def _say_the_end(self) -> Outcome:
        verdict, reason = held_against_bench(self._purpose, *self._ledger.verdict())
        outcome = Outcome(verdict, reason, round(self.stage.at_s - self.stage.handled, 6))
        ended = self._scopes.utc().isoformat(timespec="seconds")
        self._emit(
            RunEnded(
                at_s=self.stage.at_s, ended_at=ended, verdict=verdict, reason=reason, bench_time_s=outcome.bench_time_s
            )
        )
        return outcome

    def _put_thresholds_back(self) -> None:
        if not self.parameters.shifted:
            return
        pressed = lamps.was_just_pressed(self.stage)
        try:
            with self._scopes.enter("restore thresholds", CLEAN_UP_WITHIN, shielded=True):
                left = self._restored(may_boot=pressed)
        except PackSilent as error:
            if not pressed:
                self._silence("restore", error, "NOT RESTORED: what was shifted; keep this pack apart: ")
                return
            verdict, what = Verdict.ERROR, f"what was shifted ({error}): the run ended as its key was pressed; start it"
        except Exception as error:
            verdict, what = Verdict.ERROR, f"what was shifted ({error}); keep this pack apart"
        else:
            if not left:
                return
            names = ", ".join(left[:NAMED]) + (f" and {len(left) - NAMED} more" if len(left) > NAMED else "")
            verdict, what = Verdict.FAIL, f"the pack keeps other values of {names}; keep it apart"
        self._ledger.end("restore", verdict, f"NOT RESTORED: {what}")

    def _restored(self, *, may_boot: bool) -> tuple[str, ...]:
        """Put everything back, and say what differs; a pack that may boot by the station's own press is waited for."""
        try:
            return self.parameters.restore()
        except PackSilent:
            if not may_boot:
                raise
        name, within = self.plan.pack.serial_number.stored_in, self.stage.reacts_within("answers")
        self.stage.wait(lambda: self.stage.port.answers(name), within=within)
        return self.parameters.restore()


def _deadline(planned: PlannedStep, plan: Plan) -> float:
    """Seconds that a step may take: twice its floor and half a minute, and what conditions and people may take."""
    waits = sum(vocabulary.longest_wait(part.step, plan.pack) for part in planned.walk())
    prompts = sum(vocabulary.times_asked(part.step, plan.bench, plan.slot) for part in planned.walk())
    return 30.0 + 2 * planned.floor_s + waits + prompts * plan.bench.operator_time.si
