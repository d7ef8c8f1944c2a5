"""Which words of the sequence language this station can carry out, and what each needs of a bench."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from station.actions import (
    alarms,
    balancing,
    circumstances,
    current,
    expecting,
    lamps,
    limiter,
    measuring,
    parameters,
    ports,
    programming,
    prompts,
    protection,
    recording,
    resistance,
    threshold_shift,
)
from station.actions.lamps import LampTrace
from station.actions.parameters import Parameters
from station.actions.stage import Stage
from station.model.bench import Bench
from station.model.pack import Pack
from station.model.sequence import Step

_ENERGISED = frozenset({"contactor", "voltmeter", "shunt"})
_CHARGING = _ENERGISED | {"supply", "supply_side"}


@dataclass(frozen=True, slots=True)
class Action:
    """How a word is carried out and which roles that needs.

    `expects`: it carries out the step's expectations itself, while the state that it makes still stands.
    """

    carry_out: Callable[[Stage, Parameters, LampTrace], None]
    roles: Callable[[Step, Pack], frozenset[str]]
    expects: bool = False


def _roles(*names: str) -> Callable[[Step, Pack], frozenset[str]]:
    return lambda step, pack: frozenset(names)


def _trip_roles(step: Step, pack: Pack) -> frozenset[str]:
    del pack
    return _ENERGISED | ({"load"} if "direct_drive" in step.by else set())


def _measure_roles(step: Step, pack: Pack) -> frozenset[str]:
    return frozenset().union(*(measuring.MEASURANDS[measuring.measurand(pack, name)].roles for name in step.measure))


def _record_roles(step: Step, pack: Pack) -> frozenset[str]:
    del pack
    single = [name for name in step.record if name not in recording.SEVERAL]
    return frozenset().union(*(recording.RECORDABLES[name].roles for name in single))


def _program_roles(step: Step, pack: Pack) -> frozenset[str]:
    del pack
    return frozenset().union(*(programming.PROGRAMMABLE[name].roles for name in step.program))


def _balance_roles(step: Step, pack: Pack) -> frozenset[str]:
    del pack
    return _ENERGISED | {"load" if step.balance == "stop" else "supply"}


def _require_roles(step: Step, pack: Pack) -> frozenset[str]:
    del pack
    return frozenset().union(*(circumstances.REQUIREMENTS[name][1] for name in step.require))


def _expect_roles(step: Step, pack: Pack) -> frozenset[str]:
    del pack
    words = {word for written in step.expect for word in expecting.words(written)}
    ports = {str(port) for written in step.expect for port in (written.answers, written.silent) if port}
    return frozenset().union(ports, *(expecting.EXPECTING[word].roles for word in words))


def _parameters(stage: Stage, stored: Parameters) -> None:
    """The first look at the stored parameters also shows whether every shift of the run is feasible."""
    parameters.carry_out(stage, stored)
    if stage.step.parameters == "compare":
        threshold_shift.see_that_shifts_are_feasible(stage, stored)


def _press_key(stage: Stage, stored: Parameters, trace: LampTrace) -> None:
    """What is still shifted goes back before a press after which the pack takes nothing any more."""
    if stage.step.press_key == "shutdown" and stored.shifted:
        parameters.put_back(stage, stored)
    lamps.press_key(stage, trace)


ACTIONS: Mapping[str, Action] = {
    "require": Action(lambda stage, stored, trace: circumstances.require(stage), _require_roles),
    "ask": Action(lambda stage, stored, trace: prompts.ask(stage), _roles()),
    "press_key": Action(_press_key, _roles("key", "lamps")),
    "program": Action(lambda stage, stored, trace: programming.program(stage), _program_roles),
    "parameters": Action(lambda stage, stored, trace: _parameters(stage, stored), _roles()),
    "talk": Action(lambda stage, stored, trace: ports.talk(stage), lambda step, pack: frozenset(step.talk)),
    "alarm": Action(alarms.alarm, _roles(*_ENERGISED), expects=True),
    "resistance": Action(resistance.resistance, _roles("load", *_ENERGISED), expects=True),
    "trip": Action(lambda stage, stored, trace: protection.trip(stage, stored), _trip_roles),
    "balance": Action(balancing.balance, _balance_roles, expects=True),
    "limiter": Action(lambda stage, stored, trace: limiter.limiter(stage, stored), _roles("rs232", *_CHARGING)),
    "discharge": Action(lambda stage, stored, trace: current.flow(stage, "discharge"), _roles("load", *_ENERGISED)),
    "charge": Action(lambda stage, stored, trace: current.flow(stage, "charge"), _roles(*_CHARGING)),
    "expect": Action(expecting.expect, _expect_roles),
    "measure": Action(lambda stage, stored, trace: measuring.measure(stage), _measure_roles),
    "record": Action(lambda stage, stored, trace: recording.record(stage), _record_roles),
}
"""The actions of the language that this station has."""


BEFORE_CURRENT = ("talk", "require")
"""The words that come before the current of `under`: what must be so, and is looked at while nothing is energised."""


def begin(stage: Stage, parameters: Parameters, trace: LampTrace) -> None:
    """Carry out the words of the step on the stage that come before its current."""
    for word in stage.step.actions():
        if word in BEFORE_CURRENT:
            ACTIONS[word].carry_out(stage, parameters, trace)


def carry_out(stage: Stage, parameters: Parameters, trace: LampTrace) -> None:
    """Carry out every other word of the step on the stage, in the order of the language."""
    words = [word for word in stage.step.actions() if word not in BEFORE_CURRENT]
    done = any(ACTIONS[word].expects for word in words)
    for word in words:
        if word != "expect" or not done:
            ACTIONS[word].carry_out(stage, parameters, trace)


def lacking(step: Step, pack: Pack) -> Iterator[str]:
    """What a step asks for that this station cannot do, whatever the bench, in plain words."""
    for word in step.actions():
        if word not in ACTIONS:
            yield f"`{word}` cannot be carried out by this version of the station"
    for question in step.ask:
        if not prompts.can_be_judged(question, pack):
            yield f"`ask: {question.answer}` cannot be carried out by this version of the station"
    tables: tuple[tuple[str, tuple[str, ...], Mapping[str, object]], ...] = (
        ("measure", tuple(measuring.measurand(pack, name) for name in step.measure), measuring.MEASURANDS),
        ("record", tuple(step.record), {**recording.RECORDABLES, **recording.SEVERAL}),
        ("require", step.require, circumstances.REQUIREMENTS),
        ("by", step.by, protection.WAYS),
        ("expect", tuple(word for written in step.expect for word in expecting.words(written)), expecting.EXPECTING),
        ("program", step.program, programming.PROGRAMMABLE),
        ("until", tuple(pack.conditions.get(step.until or "", ())), {**current.PARTS, "proves": None}),
    )
    for word, names, known in tables:
        for name in names:
            if name not in known:
                yield f"`{word}: {name}` cannot be carried out by this version of the station"


_UNCERTAIN: Mapping[str, str] = {
    "voltmeter": "voltage",
    "case": "voltage",
    "shunt": "current",
    "ambient": "temperature difference",
    "contact_isolation": "resistance",
    "pins_joined": "resistance",
    "pins_free": "resistance",
}
"""What is judged by what a role measures is judged with the uncertainty of that kind of quantity."""


def uncertainties(step: Step, pack: Pack) -> frozenset[tuple[str, str]]:
    """Whose uncertainty a step needs to judge anything, as (role, kind of quantity); `clock` is that of the bench."""
    measured = _measure_roles(step, pack) & _UNCERTAIN.keys()
    if step.resistance or step.trip or step.limiter:
        measured |= {"shunt"}
    return frozenset((role, _UNCERTAIN[role]) for role in measured) | ({("clock", "time")} if step.trip else set())


def roles(step: Step, pack: Pack) -> frozenset[str]:
    """The roles that a step needs."""
    under: frozenset[str] = frozenset()
    if step.under is not None:
        under = ACTIONS["charge" if step.under.charge else "discharge"].roles(step, pack)
    return under.union(*(ACTIONS[word].roles(step, pack) for word in step.actions()))


def longest_wait(step: Step, pack: Pack) -> float:
    """Seconds that a step may spend beyond its floor until a condition of the pack comes true."""
    waits = current.given_up_after(pack, step.until).si if step.until is not None else 0.0
    return waits + (balancing.CHARGE_AT_MOST if step.balance == "start" else 0.0)


def times_asked(step: Step, bench: Bench, slot: int) -> int:
    """How often a step may wait for a person; a pack that comes running has its key pressed twice."""
    pressed = step.press_key is not None and bench.by_person(slot, "key")
    return len(step.ask) + 2 * pressed


def needs_lamps(step: Step) -> bool:
    """Whether the lamps are watched from the beginning of a step."""
    return step.press_key is not None or any(written.lamps is not None for written in step.expect)
