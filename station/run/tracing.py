"""What a plan does about each requirement of the product, before anything is run; with the reason where nothing is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from station.actions.proving import proves, records
from station.model.pack import Pack, Requirement
from station.model.sequence import Step, walk
from station.run.plan import Plan, PlannedStep

State = Literal["proven", "recorded", "elsewhere", "not testable here", "owed"]
"""`owed`: the product asks this sequence for it, and no step does anything about it."""


@dataclass(frozen=True, slots=True)
class Traced:
    """One requirement: what becomes of it, and by what or why."""

    requirement: Requirement
    state: State
    by: tuple[str, ...]


def trace_plan(plan: Plan) -> tuple[Traced, ...]:
    """Every requirement of the product, in the order of its file."""
    proven, recorded = _steps(plan, proves), _steps(plan, records)
    return tuple(_traced(each, plan, proven, recorded) for each in plan.pack.requirement.values())


def _steps(plan: Plan, of: Callable[[Step, Pack], Iterator[str]]) -> dict[str, list[PlannedStep]]:
    """The steps that do something about each requirement."""
    found: dict[str, list[PlannedStep]] = {}
    for planned in (each for top in plan.steps for each in top.walk()):
        for requirement in dict.fromkeys(name for step in _left_out(planned) for name in of(step, plan.pack)):
            found.setdefault(requirement, []).append(planned)
    return found


def _left_out(planned: PlannedStep) -> Iterator[Step]:
    """The step, and where it is left out on this bench, all that is left out with it."""
    yield planned.step
    if planned.skipped:
        yield from (step for step, _ in walk(planned.step.steps) if isinstance(step, Step))


def _traced(
    requirement: Requirement, plan: Plan, proven: dict[str, list[PlannedStep]], recorded: dict[str, list[PlannedStep]]
) -> Traced:
    steps = proven.get(requirement.id, [])
    if done := tuple(step.path for step in steps if not step.skipped):
        return Traced(requirement, "proven", done)
    if steps:
        return Traced(requirement, "not testable here", tuple(step.skipped for step in steps))
    if requirement.id in recorded:
        return Traced(requirement, "recorded", tuple(step.path for step in recorded[requirement.id]))
    if requirement.shown:
        return Traced(requirement, "proven", (f"the station itself: {requirement.shown}",))
    if requirement.why_not:
        return Traced(requirement, "not testable here", (requirement.why_not,))
    owed = requirement.is_asked_of(plan.sequence.sequence)
    return Traced(requirement, "owed" if owed else "elsewhere", tuple(sorted(requirement.sequences)))
