"""From events to the record: nothing is in a record that was not in the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from station.model.events import (
    AnyEvent,
    DateJumped,
    Event,
    Identified,
    InstrumentFound,
    MadeSafe,
    Measured,
    Noted,
    OriginalsKept,
    Overruled,
    ParametersRestored,
    RunEnded,
    RunStarted,
    Sampled,
    StepEnded,
)
from station.model.pack import Pack, Requirement
from station.model.record import Measurement, Proof, ProofState, Record, Step
from station.model.verdict import Verdict
from station.records.journal import damage

DIED = "the station stopped in the middle of the run"
"""The reason of a run that has no end of its own."""


class NotARun(ValueError):
    """Events that do not begin with a run."""


def project(events: Iterable[AnyEvent | Event | None], pack: Pack) -> Record:
    """The record of one run; raises NotARun. A run without an end is ABORTED.

    None stands for a damaged line of its journal; the record says that something is missing.
    """
    found = tuple(events)
    every = tuple(event for event in found if event is not None)
    start = next((event for event in every if isinstance(event, RunStarted)), None)
    if start is None:
        raise NotARun("these events do not begin with a run")
    verdict, reason, end = _end(every)
    notes = [event for event in every if isinstance(event, Noted)]
    steps = tuple(_with_notes(event.step, notes) for event in every if isinstance(event, StepEnded))
    measurements = tuple(event.measurement for event in every if isinstance(event, Measured))
    identity: dict[str, str] = {}
    for event in every:
        if isinstance(event, Identified):
            identity |= event.identity
    copied = start.model_dump(exclude={"at_s", "event"})
    return Record.model_validate(
        copied
        | {
            "verdict": verdict,
            "reason": reason,
            "ended_at": end.ended_at if end else start.started_at,
            "bench_time_s": end.bench_time_s if end else every[-1].at_s,
            "warnings": (*start.warnings, *_warnings(found)),
            "identity": identity,
            "steps": steps,
            "measurements": measurements,
            "waveforms": tuple(event.waveform for event in every if isinstance(event, Sampled)),
            "instruments": tuple(event.instrument for event in every if isinstance(event, InstrumentFound)),
            "requirements": tuple(prove(pack, start.sequence, steps, measurements)),
            "safe_state": _safe_state(every),
            "thresholds": _thresholds(every),
        }
    )


def _end(events: tuple[AnyEvent | Event, ...]) -> tuple[Verdict, str, RunEnded | None]:
    """Verdict and reason of a run, and how it ended, if it did."""
    end = next((event for event in reversed(events) if isinstance(event, RunEnded)), None)
    overruled = next((event for event in events if isinstance(event, Overruled)), None)
    if overruled:
        return Verdict.ERROR, overruled.reason, end
    return (end.verdict, end.reason, end) if end else (Verdict.ABORTED, DIED, None)


def _warnings(found: tuple[AnyEvent | Event | None, ...]) -> Iterator[str]:
    """What a reader must know that the run did not know when it began."""
    for event in found:
        if isinstance(event, DateJumped):
            way = "forward" if event.seconds > 0 else "back"
            yield (
                f"The date of the station's computer was set {way} by {abs(event.seconds):.0f} s, {event.at_s:.0f} s "
                "into the run: its dates and times of day are in doubt, its durations are not."
            )
    lost = damage(found)
    if lost:
        yield f"{lost[0].upper()}{lost[1:]}: what it said is missing here."


def _with_notes(step: Step, notes: Iterable[Noted]) -> Step:
    own = tuple(note.text for note in notes if note.step == step.id)
    return step.model_copy(update={"notes": own}) if own else step


def _safe_state(events: tuple[AnyEvent | Event, ...]) -> str:
    last = next((event for event in reversed(events) if isinstance(event, MadeSafe)), None)
    if last is None:
        return "NOT PROVEN: the run ended before the safe state was read back"
    return f"NOT PROVEN: {'; '.join(last.trouble)}" if last.trouble else last.state


def _thresholds(events: tuple[AnyEvent | Event, ...]) -> str:
    state = "never touched"
    for event in events:
        if isinstance(event, OriginalsKept):
            state = "NOT RESTORED: the run ended with shifted thresholds"
        elif isinstance(event, ParametersRestored):
            state = f"NOT RESTORED: {', '.join(event.wrong)}" if event.wrong else "restored and read back"
    return state


def prove(pack: Pack, sequence: str, steps: Iterable[Step], measurements: Iterable[Measurement]) -> Iterator[Proof]:
    """What became of each requirement of the product in this run."""
    last_steps = {step.id: step for step in steps}
    last = {measurement.id: measurement for measurement in measurements}
    evidence: dict[str, list[tuple[str, Verdict | None]]] = {}
    for step in last_steps.values():
        for key in step.verifies:
            evidence.setdefault(key, []).append((step.id, step.verdict))
    for measurement in last.values():
        for key in measurement.proves:
            evidence.setdefault(key, []).append((measurement.id, measurement.verdict))
    for requirement in pack.requirement.values():
        yield _proof(requirement, sequence, evidence.get(requirement.id, []))


def _proof(requirement: Requirement, sequence: str, evidence: list[tuple[str, Verdict | None]]) -> Proof:
    state, by = _state(requirement, sequence, {verdict for _, verdict in evidence}), tuple(name for name, _ in evidence)
    if state == "not testable here":
        by = (requirement.why_not,)
    elif state == "proven" and not by:
        by = (f"the station itself: {requirement.shown}",)
    elif state in ("not tested", "elsewhere") and not by:
        by = tuple(sorted(requirement.sequences - {sequence}))
    return Proof(id=requirement.id, text=requirement.text, state=state, by=by)


def _state(requirement: Requirement, sequence: str, verdicts: set[Verdict | None]) -> ProofState:
    if Verdict.FAIL in verdicts:
        return "failed"
    if verdicts and verdicts <= {Verdict.PASS, None}:
        return "proven" if Verdict.PASS in verdicts else "recorded"
    if not verdicts and requirement.shown:
        return "proven"
    if not verdicts and requirement.why_not:
        return "not testable here"
    return "not tested" if verdicts or requirement.is_asked_of(sequence) else "elsewhere"
