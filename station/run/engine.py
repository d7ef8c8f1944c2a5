"""Carrying a plan out on one pack.

Whatever happens in a step (a failed limit, an exception, a stop), the bench is brought to the safe state and every shifted threshold
is put back before the run ends, in a scope that no stop can interrupt. A fault of bench, line, person or computer never
becomes PASS or FAIL of the pack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime

from station.actions import lamps, vocabulary
from station.actions.current import UNTIL_AT_MOST, flowing, settle
from station.actions.errors import BenchFault, Blocked, NotFeasible
from station.actions.parameters import Parameters
from station.actions.stage import Stage
from station.bench import MissingRole, NotAsNamed, OpenBench, make_safe
from station.bms.errors import BmsError, NotStored, PackSilent
from station.clock import DeadlineExceeded, Scopes, Stopped
from station.instruments.errors import RoleError
from station.model.events import Event, InstrumentFound, MadeSafe, Measured, RunEnded, RunStarted, StepEnded, StepStarted
from station.model.record import Instrument, Step
from station.model.verdict import Verdict, strongest
from station.run.plan import Plan, PlannedStep
from station.wires.errors import WireError

BENCH_FAULTS = (BenchFault, WireError, RoleError, MissingRole, DeadlineExceeded, OSError)
"""What is never the pack's fault."""
METER_RANGE, METER_CYCLES = 100.0, 1.0
"""Volts and power line cycles of the voltmeter: a full pack has up to 54.75 V, one cycle takes 20 ms."""
CLEAN_UP_WITHIN = 30.0
"""Seconds for the safe state and for putting thresholds back; each instrument answers or fails long before."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    verdict: Verdict
    reason: str
    bench_time_s: float


class Engine:
    """One run. Made for one thread; `scopes.stop` may be called from anywhere."""

    def __init__(self, plan: Plan, bench: OpenBench, scopes: Scopes, listener: Callable[[Event], None], start: RunStarted) -> None:
        """`listener` takes every event, in order, and may raise OSError when it cannot keep it; `start` is the first."""
        self.plan = plan
        self._bench = bench
        self._scopes = scopes
        self._listener = listener
        self._began = scopes.clock.now()
        self._verdicts: list[tuple[str, Verdict, str]] = []
        self._over: tuple[Verdict, str] | None = None
        self._steps: list[tuple[Verdict, str]] = []
        self.stage = Stage(
            plan.pack, bench, scopes, self._emit, serial_number=start.serial_number, started=self._began, port=plan.port
        )
        self.parameters = Parameters(self.stage, plan.protocol)
        self._emit(start)

    @property
    def over(self) -> bool:
        """Whether the run has ended before its last step."""
        return self._over is not None

    def run(self) -> Outcome:
        """Start checks, every step, safe state."""
        try:
            self.start_checks()
            for planned in self.plan.steps:
                if not self.over:
                    self.step(planned)
        finally:
            outcome = self.finish()
        return outcome

    # ------------------------------------------------------------------------------------------------ before the first step

    def start_checks(self) -> None:
        """Instruments are who they should be and in calibration, E-stop chain closed, contactor not welded, outputs off."""
        self._guarded("start-checks", self._start_checks)

    def _start_checks(self) -> None:
        for role, entry in self._bench.instruments():
            if entry.calibrated_until is not None and entry.calibrated_until < datetime.now(UTC).date():
                raise Blocked(f"the calibration of the {role} ran out on {entry.calibrated_until}: have it calibrated")
            self._identify(role, entry.at, entry.calibrated_until)
        if self._bench.has("voltmeter"):
            self._bench.voltmeter.prepare(METER_RANGE, METER_CYCLES)
        safe = make_safe(self._bench)
        if safe.trouble:
            raise BenchFault(safe.trouble[0])
        if self._bench.has("estop") and not self.stage.wiring.estop_closed():
            raise Blocked("the emergency stop chain is open: close it and start again")
        if self._bench.has("supply_side") and abs(self.stage.wiring.volts("supply_side")) > 5:
            raise Blocked("there is voltage behind the open contactor: it is welded, or something else feeds the bench")

    def _identify(self, role: str, at: str, calibrated_until: date | None) -> None:
        try:
            found = self._bench.identify(role)
        except NotAsNamed as error:
            raise Blocked(str(error)) from None
        self._emit(
            InstrumentFound(
                at_s=self.stage.at_s,
                instrument=Instrument(
                    role=role,
                    model=found.model,
                    serial_number=found.serial_number,
                    firmware=found.firmware,
                    address=at,
                    calibrated_until=str(calibrated_until or ""),
                ),
            )
        )

    # ------------------------------------------------------------------------------------------------ steps

    def step(self, planned: PlannedStep) -> Verdict:
        """Carry out one step, as often as it may be attempted; every attempt is kept."""
        verdict = Verdict.NOT_TESTED
        for attempt in range(1, planned.step.attempts + 1):
            verdict = self._attempt(planned, attempt, lambda: self._body(planned))
            if verdict is not Verdict.FAIL or self.over:
                break
        for number, remedy in enumerate(planned.otherwise, planned.step.attempts + 1):
            if verdict is not Verdict.FAIL or self.over or self.step(remedy) is not Verdict.PASS:
                continue
            verdict = self._attempt(planned, number, lambda: self._expect_again(planned))
        if planned.depth == 0:
            self._steps.append((verdict, self._why(planned.path)))
        self._end_where_it_must(planned, verdict)
        return verdict

    def _end_where_it_must(self, planned: PlannedStep, verdict: Verdict) -> None:
        if self.over:
            return
        reason = f"{planned.path}: {self._why(planned.path)}"
        if verdict is Verdict.NOT_TESTED and planned.step.optional is None:
            self._steps.append((Verdict.ERROR, f"{reason} (mandatory and not tested)"))
        if verdict is Verdict.FAIL and (planned.step.gate or self.plan.sequence.after_fail == "stop"):
            self._over = (Verdict.FAIL, reason)

    def _attempt(self, planned: PlannedStep, attempt: int, body: Callable[[], None]) -> Verdict:
        step, stage = planned.step, self.stage
        with self._on_stage(step, planned.path, attempt):
            began = stage.at_s
            self._emit(StepStarted(at_s=began, step=planned.path, title=step.title, attempt=attempt, depth=planned.depth))
            mark = len(self._verdicts)
            if planned.skipped:
                self._verdicts.append((planned.path, Verdict.NOT_TESTED, planned.skipped))
            else:
                with self._scopes.enter(planned.path, _deadline(planned)):
                    self._guarded(planned.path, body)
            mine = self._verdicts[mark:]
            verdict = strongest(verdict for _, verdict, _ in mine) if mine else Verdict.PASS
            reason = next((reason for _, found, reason in mine if found is verdict and reason), "")
            ended = Step(
                id=planned.path,
                title=step.title,
                attempt=attempt,
                verdict=verdict,
                reason=reason,
                gate=step.gate,
                started_s=began,
                duration_s=round(stage.at_s - began, 6),
                verifies=step.verifies,
            )
            self._emit(StepEnded(at_s=stage.at_s, step=ended, depth=planned.depth))
        return verdict

    @contextmanager
    def _on_stage(self, *now: object) -> Iterator[None]:
        """Put a step on the stage, and the one around it back afterwards."""
        stage = self.stage
        before = (stage.step, stage.path, stage.attempt, stage.meanwhile)
        stage.step, stage.path, stage.attempt = now  # type: ignore[assignment] # step, path, attempt, as called
        try:
            yield
        finally:
            stage.step, stage.path, stage.attempt, stage.meanwhile = before

    def _body(self, planned: PlannedStep) -> None:
        step, stage = planned.step, self.stage
        stage.meanwhile = self._once(planned.meanwhile)
        with ExitStack() as around:
            trace = around.enter_context(lamps.watched(stage)) if vocabulary.needs_lamps(step) else lamps.LampTrace()
            around.enter_context(self._under(step))
            for word in step.actions():
                vocabulary.ACTIONS[word].carry_out(stage, self.parameters, trace)
            for inner in planned.inside:
                if not self.over:
                    self.step(inner)

    def _once(self, steps: tuple[PlannedStep, ...]) -> Callable[[], None]:
        waiting = list(steps)

        def run() -> None:
            while waiting and not self.over:
                self.step(waiting.pop(0))

        return run

    @contextmanager
    def _under(self, step: Step | object) -> Iterator[None]:
        """The current that a step asks to flow during all of it."""
        under = getattr(step, "under", None)
        if under is None:
            yield
            return
        direction = "charge" if under.charge else "discharge"
        amperes = self.stage.current(under.charge or under.discharge)
        with flowing(self.stage, direction, amperes):
            came = settle(self.stage, direction, amperes)
            reason = f"{amperes:g} A were asked for and did not flow: the pack does not {direction}"
            self.stage.expect(f"{direction}_current", "flows" if came else "does not flow", "flows", reason, witness="instrument")
            yield

    def _expect_again(self, planned: PlannedStep) -> None:
        with lamps.watched(self.stage) if vocabulary.needs_lamps(planned.step) else nullcontext(lamps.LampTrace()) as trace:
            vocabulary.ACTIONS["expect"].carry_out(self.stage, self.parameters, trace)

    # ------------------------------------------------------------------------------------------------ what went wrong

    def _guarded(self, path: str, body: Callable[[], None]) -> None:
        """Carry out `body`, and turn everything that can go wrong in it into the verdict that it must get."""
        try:
            body()
        except Blocked as error:
            late = self.stage.found.energised
            self._end(path, Verdict.ERROR if late else Verdict.BLOCKED, str(error))
        except NotFeasible as error:
            self._verdicts.append((path, Verdict.NOT_TESTED, str(error)))
        except Stopped as error:
            self._end(path, Verdict.ABORTED, str(error))
        except (PackSilent, NotStored) as error:
            self._pack_or_line(path, error)
        except (BmsError, *BENCH_FAULTS) as error:
            self._end(path, Verdict.ERROR, str(error))
        except Exception as error:
            self._end(path, Verdict.ERROR, f"internal error of the station: {type(error).__name__}: {error}")

    def _pack_or_line(self, path: str, error: BmsError) -> None:
        """Silence is the pack's fault only if the station's own line proves good right afterwards."""
        if isinstance(error, NotStored):
            self._verdicts.append((path, Verdict.FAIL, str(error)))
            return
        try:
            with self._scopes.enter("loop-back", 5, shielded=True):
                works = self.stage.port.own_line_works()
        except (*BENCH_FAULTS, BmsError) as trouble:
            self._end(path, Verdict.ERROR, f"{error}; the station's own line could not be proven good: {trouble}")
            return
        if works:
            self._verdicts.append((path, Verdict.FAIL, f"{error}; the station's own line proved good"))
            self._over = self._over or (Verdict.FAIL, f"{path}: the pack no longer answers")
        else:
            self._end(path, Verdict.ERROR, f"{error}; the station's own line does not prove good")

    def _end(self, path: str, verdict: Verdict, reason: str) -> None:
        self._verdicts.append((path, verdict, reason))
        self._over = self._over or (verdict, f"{path}: {reason}")

    def _why(self, path: str) -> str:
        own = [entry for entry in self._verdicts if entry[0] == path or entry[0].startswith(path + "/")]
        worst = strongest(verdict for _, verdict, _ in own)
        return next((reason for _, verdict, reason in own if verdict is worst and reason), "")

    def _emit(self, event: Event) -> None:
        if isinstance(event, Measured) and event.measurement.verdict is not None:
            measurement = event.measurement
            reason = f"{measurement.name}: {measurement.reason}" if measurement.reason else ""
            self._verdicts.append((measurement.step, measurement.verdict or Verdict.ERROR, reason))
        self._listener(event)

    # ------------------------------------------------------------------------------------------------ the end

    def finish(self) -> Outcome:
        """Safe state first, thresholds next, verdict last; always, and never interrupted by a stop."""
        with self._scopes.enter("safe state", CLEAN_UP_WITHIN, shielded=True):
            safe = make_safe(self._bench)
            self._emit(MadeSafe(at_s=self.stage.at_s, state=safe.state, trouble=safe.trouble))
        if self.parameters.shifted:
            self._put_thresholds_back()
        verdict, reason = self._verdict(safe.trouble)
        outcome = Outcome(verdict, reason, self.stage.at_s)
        ended = datetime.now(UTC).isoformat(timespec="seconds")
        self._emit(RunEnded(at_s=self.stage.at_s, ended_at=ended, verdict=verdict, reason=reason, bench_time_s=outcome.bench_time_s))
        return outcome

    def _put_thresholds_back(self) -> None:
        try:
            with self._scopes.enter("restore thresholds", CLEAN_UP_WITHIN, shielded=True):
                left = self.parameters.restore()
        except (BmsError, *BENCH_FAULTS) as error:
            self._end("restore", Verdict.ERROR, f"the thresholds of the pack could not be put back: {error}; run `station restore`")
            return
        if left:
            self._end("restore", Verdict.ERROR, f"the pack keeps shifted values of {', '.join(left)}; run `station restore`")

    def _verdict(self, trouble: tuple[str, ...]) -> tuple[Verdict, str]:
        if trouble and (self._over is None or self._over[0] is not Verdict.BLOCKED):
            self._end("safe state", Verdict.ERROR, trouble[0])
        found = [*self._steps, *([self._over] if self._over else [])]
        if self._over and self._over[0] is Verdict.BLOCKED:
            return self._over
        found += [(verdict, f"{path}: {reason}") for path, verdict, reason in self._verdicts if verdict in (Verdict.ERROR, Verdict.FAIL)]
        verdict = strongest(verdict for verdict, _ in found)
        if verdict is Verdict.PASS:
            return verdict, ""
        reasons = [reason for found_verdict, reason in found if found_verdict is verdict and reason]
        if verdict is Verdict.NOT_TESTED:
            return Verdict.ERROR, "nothing was tested"
        first_failure = next((f"{path}: {reason}" for path, found_verdict, reason in self._verdicts if found_verdict is verdict and reason), "")
        return verdict, first_failure or (reasons[0] if reasons else "")


def _deadline(planned: PlannedStep) -> float:
    """Seconds that a step may take: twice its floor and half a minute, and longer where it waits for a condition."""
    waits = UNTIL_AT_MOST if any(part.step.until for part in planned.walk()) else 0.0
    return 30.0 + 2 * planned.floor_s + waits
