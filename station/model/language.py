"""The sequence language against a pack file: every name must be a row there, and no step may disturb a wait.

What is checked here holds on every bench; whether a bench can do it is the planner's question.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from station.model.direction import Direction
from station.model.files import NAME_ITSELF, Document, Fault, Location, nearest, shown
from station.model.pack import Pack, Protection
from station.model.sequence import (
    AFTER_RESTORE,
    Expectation,
    LeaveChanged,
    Sequence,
    Step,
    Turn,
    Use,
    WriteBack,
    flows_under,
    in_turn,
    walk,
)

CIRCUMSTANCES = ("serial_number", "product", "address", "breaker_on")
"""What `require` can name besides rows of the pack's limits."""
RECORDED = (
    "key_start_threshold", "time_since_charge", "bms_serial", "cell_lots", "cycles", "soc", "soc_before", "soc_after",
    "ambient", "expected_voltage_at_receipt", "last_charge", "next_charge_due",
)  # fmt: skip
"""What `record` can name besides what is measured."""
ALONE = "charger_voltage"
"""The circumstance that needs the supply for itself."""
WAYS = ("direct_drive", "shift", "extrapolation")
PROGRAMMABLE = ("pack_sn", "model_sn", "clock")

Known = Callable[[Pack], Collection[str]]
"""The names that are known for a word, in a pack file or without one."""


# ------------------------------------------------------------------------------------------------ names


def _measured(pack: Pack) -> Collection[str]:
    return {*pack.limits, *(row.of for row in pack.limits.values() if row.of)}


_NAMES: Mapping[str, tuple[str, Known]] = {
    "verifies": ("requirement", lambda pack: pack.requirement),
    "talk": ("port", lambda pack: pack.ports),
    "require": ("circumstance", lambda pack: (*CIRCUMSTANCES, *pack.limits)),
    "program": ("text that can be programmed", lambda pack: PROGRAMMABLE),
    "trip": ("protection", lambda pack: pack.protection),
    "by": ("way to trip a protection", lambda pack: WAYS),
    "alarm": ("alarm group", lambda pack: pack.alarm_groups),
    "limiter": ("command of the charge limiter", lambda pack: pack.charge_limiter),
    "press_key": ("key press", lambda pack: pack.keys),
    "discharge": ("current", lambda pack: pack.currents),
    "charge": ("current", lambda pack: pack.currents),
    "until": ("condition", lambda pack: pack.conditions),
    "for": ("time", lambda pack: pack.times),
    "measure": ("measurement", _measured),
    "record": ("value to record", lambda pack: {*RECORDED, *_measured(pack)}),
}
"""The words of a step that name rows of a pack file: what such a row is called, and which there are."""

_STATES: Mapping[str, tuple[str, Known]] = {
    "lamps": ("lamp state", lambda pack: pack.lamp_states),
    "contacts": ("state of the contacts", lambda pack: ("healthy", "alarm", "dead")),
    "answers": ("port", lambda pack: (*pack.ports, "any_port", "second_pack")),
    "silent": ("port", lambda pack: pack.ports),
    "released": ("protection", lambda pack: (*pack.protection, AFTER_RESTORE)),
    "locked": ("protection", lambda pack: pack.protection),
}
"""The same for the words of an expectation that take one name."""

_PARTS: Mapping[str, tuple[tuple[str, Known], tuple[str, Known]]] = {
    "lamps": (
        ("lamp", lambda pack: (*pack.lamps, "capacity")),
        ("lamp word", lambda pack: ("lit", "dark", "as_soc", "as_soc_top_flash2", *pack.flash)),
    ),
    "contacts": (
        ("contact", lambda pack: pack.contacts),
        ("state of a contact", lambda pack: ("open", "closed")),
    ),
}
"""The same where the word takes `name: state` lines: for the names, and for the states."""

_Named = tuple[Location, str, str, Known]
"""Where a name stands, the name, what it should be, and which there are."""


def check_names(document: Document, sequence: Sequence, pack: Pack) -> Iterator[Fault]:
    """Every name that is no row of the pack file, with the nearest one that is, and trips that the pack cannot do."""
    for step, at in walk(sequence.steps):
        if isinstance(step, Step):
            wrong = _unknown(_names(step), pack) or _unknown(_limits(step), pack)
            for where, name, what, known in wrong:
                message = f"{shown(name)} is no {what}{nearest(name, known(pack))}"
                yield document.fault((*at, *where), message)
            if not wrong:
                yield from (document.fault((*at, *where), message) for where, message in _misfits(step, pack))


def _unknown(names: Iterable[_Named], pack: Pack) -> list[_Named]:
    return [named for named in names if named[1] not in named[3](pack)]


def _names(step: Step) -> Iterator[_Named]:
    for word, (what, known) in _NAMES.items():
        value = getattr(step, "for_" if word == "for" else word)
        for name in (value,) if isinstance(value, str) else value or ():
            yield (word, name), name, what, known
    if step.under is not None:
        word, name = next(iter(step.under.model_dump(exclude_none=True).items()))
        yield ("under", word), name, "current", lambda pack: pack.currents
    if isinstance(step.parameters, WriteBack):
        yield ("parameters", "write_back"), step.parameters.write_back, "parameter", lambda pack: pack.released
    if isinstance(step.parameters, LeaveChanged):
        yield ("parameters", "leave"), step.parameters.leave, "parameter", lambda pack: pack.released
    for index, written in enumerate(step.expect):
        yield from _expected(written, ("expect", index))


def _limits(step: Step) -> Iterator[_Named]:
    for name in step.measure:
        yield ("limit", name), step.limit_of(name), f"limit for {name}", partial(_limits_of, name)
    for name in step.limit if isinstance(step.limit, dict) else ():
        yield ("limit", name, NAME_ITSELF), name, "measurement of this step", lambda pack: step.measure
    for name, window in step.record.items():
        if window is not None:
            yield ("record", name), window, "limit", lambda pack: pack.limits


def _limits_of(measured: str, pack: Pack) -> Collection[str]:
    return [name for name, row in pack.limits.items() if measured in (name, row.of)]


def _expected(written: Expectation, at: Location) -> Iterator[_Named]:
    for word, value in written.parts():
        if isinstance(value, dict):
            names, states = _PARTS[word]
            for name, state in value.items():
                yield (*at, word, name, NAME_ITSELF), name, *names
                yield (*at, word, name), state, *states
        elif word in _STATES:
            yield (*at, word), str(value), *_STATES[word]
    if written.for_ is not None and " period" not in written.for_:
        yield (*at, "for"), written.for_, "time (or `2 periods`)", lambda pack: pack.times


def _misfits(step: Step, pack: Pack) -> Iterator[tuple[Location, str]]:
    """What a step asks of a pack or a protection that this one does not do, as (where, message)."""
    for number, name in enumerate(step.trip):
        for way in step.by:
            if lacks := _lacks(pack.protection[name], way):
                yield ("trip", name), f"`{name}` cannot be tripped by {way}: {lacks}"
        if late := _never_in_time(pack.protection[name], pack) if {"shift", "direct_drive"} & set(step.by) else "":
            yield ("trip", name), late
        if name in step.trip[:number] and pack.protection[name].recovery is None:
            yield ("trip", name), f"`{name}` does not come back by itself, so it cannot be tripped twice"
    for index, written in enumerate(step.expect):
        at = ("expect", index)
        for word in ("released", "locked"):
            name = getattr(written, word)
            if name in pack.protection and pack.protection[name].recovery is None:
                yield (*at, word), f"`{name}` does not come back by itself; write `released: {AFTER_RESTORE}`"
        if written.locked and (written.for_ is None or " period" in written.for_):
            yield (*at, "locked"), "say for how long it must not come back: `for: <time>`"
        if written.released == AFTER_RESTORE and "shift" not in step.by:
            yield (*at, "released"), f"`{AFTER_RESTORE}` belongs to a `trip` by shift, and this step has none"


def _lacks(protection: Protection, way: str) -> str:
    """What a protection lacks to be tripped in that way; empty if it can be."""
    lacking = [word for word in ("tolerance", "of") if getattr(protection, word) is None]
    lacking += [] if "trip" in protection.values else ["trip"]
    if lacking:
        return f"its row has no {' and no '.join(f'`{word}`' for word in lacking)}"
    if protection.of not in _DRIVEN.get(way, (protection.of,)):
        return "no load drives what it watches" if way == "direct_drive" else "it does not watch a current"
    return ""


def _never_in_time(protection: Protection, pack: Pack) -> str:
    """Why a protection that acts after its delay is none that acts in time; empty if it is."""
    delay, time = protection.values.get("delay"), pack.limits["trip_time"].is_
    if delay is None or (time.low or 0.0) < delay.si < (math.inf if time.high is None else time.high):
        return ""
    return f"`{protection.name}` acts after {delay}, and `trip_time` is {time}, so no pack could pass"


_DRIVEN = {"direct_drive": ("discharge_current",), "extrapolation": ("charge_current", "discharge_current")}
"""What a protection must watch for some ways to trip it."""


# ------------------------------------------------------------------------------------------------ currents


OFF = ("start", "shutdown", "reset")
"""Presses during which, or after which, a pack does not answer and lets nothing flow."""


def check_currents(
    document: Document, sequence: Sequence, pack: Pack, used: Callable[[str], Step] | None = None
) -> Iterator[Fault]:
    """Every step that needs a current which does not flow there, or that none flows where one does.

    `used` finds the step that a `use` names; one that is used where no current flows is checked where it is written.
    """
    for step, at, around in _with_currents(sequence, used):
        if isinstance(step, Step):
            for where, message in _current_misfits(step, around, pack):
                yield document.fault((*at, *where), f"step `{step.step}`: {message}")


def _with_currents(sequence: Sequence, used: Callable[[str], Step] | None) -> Iterator[Turn]:
    """Every step of a file with the current around it; where one flows around a `use`, also what that brings."""
    for step, at, around in in_turn(sequence.steps):
        yield step, at, around
        if isinstance(step, Use) and around is not None and used is not None:
            yield from in_turn(map(used, step.use), (*at, "use"), around, used)


def _current_misfits(step: Step, around: Direction | None, pack: Pack) -> Iterator[tuple[Location, str]]:
    """What a step with the current of the steps around it cannot do, as (where, message)."""
    flows = flows_under(step) or around
    if ALONE in step.require and around is not None:
        yield ("require", ALONE), f"`{ALONE}` is looked at before anything is connected, and a {around} goes on here"
    if step.ask and flows is not None:
        yield ("ask",), f"`ask` waits for a person, and a {flows} goes on here"
    for name in step.trip if "shift" in step.by else ():
        stops = pack.protection[name].blocks
        wanted = "charge` or `discharge" if stops == "both" else stops
        if flows is None:
            yield ("trip", name), f"`{name}` is shifted while a current flows; write `under` with its `{wanted}`"
        elif stops not in (flows, "both"):
            yield ("trip", name), f"`{name}` stops no {flows}, and that is what flows here"
    if step.press_key in OFF and flows is not None:
        yield ("press_key",), f"a press for `{step.press_key}` switches the pack off, and a {flows} goes on here"
    if step.alarm and flows is None:
        yield ("alarm",), "alarms are shown while a current flows; write `under` with its `charge` or `discharge`"
    if step.balance == "start" and flows != "charge":
        yield ("balance",), "cells are bled while they are charged; write `under` with its `charge`"


# ------------------------------------------------------------------------------------------------ waits


_CURRENT = frozenset({"current"})
_SHOWN = frozenset({"lamps", "contacts"})
_EVERYTHING = frozenset({"current", "thresholds", "lamps", "contacts", "line"})

CHANGES: Mapping[str, frozenset[str]] = {
    "press_key": _EVERYTHING,
    "program": frozenset({"line"}),
    "resistance": _CURRENT,
    "trip": _CURRENT | _SHOWN | {"thresholds"},
    "alarm": _SHOWN | {"thresholds"},
    "balance": _CURRENT | {"thresholds"},
    "limiter": _CURRENT,
    "discharge": _CURRENT,
    "charge": _CURRENT,
}
"""What each action changes; the others change nothing."""

_ABOUT: Mapping[str, frozenset[str]] = {
    "lamps": frozenset({"lamps", "current"}),
    "contacts": frozenset({"contacts"}),
    "terminals": _CURRENT,
    "flags": frozenset({"thresholds", "current"}),
    "parameters": frozenset({"thresholds"}),
    "released": frozenset({"thresholds", "current"}),
    "locked": frozenset({"thresholds", "current"}),
    "balancing": frozenset({"thresholds", "current"}),
    "answers": frozenset({"line"}),
    "silent": frozenset({"line"}),
}
"""What an expectation is about: what must stay as it is, while it is waited for, for the wait to mean anything."""
_BY_WAITING: Mapping[str, frozenset[str]] = {
    "released": _CURRENT | _SHOWN,
    "locked": _CURRENT | _SHOWN,
    "terminals": _CURRENT,
}
"""What changes by itself, or by the station's own probe, while an expectation is waited for."""
_AT_REST = frozenset({
    "pack_voltage_error", "cell_sum_error", "cell_spread_rest", "current_zero", "terminal_voltage", "case_voltage",
    "polarity",
})  # fmt: skip
"""Measurements that another current would disturb."""


def check_waits(
    document: Document, sequence: Sequence, pack: Pack, used: Callable[[str], Step] | None = None
) -> Iterator[Fault]:
    """Every step of a `meanwhile` that changes, or depends on, what the wait around it changes or is about.

    `used` finds the step that a `use` names.
    """
    for step, at in walk(sequence.steps):
        if isinstance(step, Step) and step.meanwhile:
            yield from _check_wait(document, step, at, pack, used)


def _check_wait(
    document: Document, step: Step, at: Location, pack: Pack, used: Callable[[str], Step] | None
) -> Iterator[Fault]:
    around = wait_of(step, pack)
    if around is None:
        message = f"step `{step.step}` waits for nothing, so nothing can run meanwhile"
        yield document.fault((*at, "meanwhile"), message)
        return
    for inner, place in walk(step.meanwhile, (*at, "meanwhile"), used):
        clash = sorted(disturbs(inner, around)) if isinstance(inner, Step) else []
        if isinstance(inner, Step) and clash:
            what = f"{' and '.join(clash)} must stay as {'it is' if len(clash) == 1 else 'they are'}"
            yield document.fault(place, f"step `{inner.step}` disturbs the wait of `{step.step}`: {what}")


@dataclass(frozen=True, slots=True)
class Wait:
    """What a wait is about, what changes in it, and what it shows all the while."""

    about: frozenset[str]
    changes: frozenset[str]
    shows: frozenset[str]
    contacts: Mapping[str, str] = field(default_factory=dict)
    """How the contacts stand all the while, as far as the pack file says."""


def wait_of(step: Step, pack: Pack) -> Wait | None:
    """The wait in which the `meanwhile` of a step runs, or None if it has none."""
    if flowing := "discharging" if step.discharge else "charging" if step.charge else "":
        return Wait(_CURRENT, _CURRENT, frozenset({flowing, f"{flowing}_alarm"}))
    words = {word for written in step.expect for word, _ in written.parts()}
    if not words:
        return None
    shows = {f"{_side(written.released)}_protection" for written in step.expect if written.released}
    return Wait(_union(_ABOUT, words), _changes(step), frozenset(shows), pack.contacts_at("alarm") if shows else {})


def disturbs(inner: Step, around: Wait) -> frozenset[str]:
    """What an inner step changes of the wait's business, or depends on although the wait changes it."""
    return (_changes(inner) & (around.about | around.changes)) | (_depends(inner, around) & around.changes)


def _changes(step: Step) -> frozenset[str]:
    """What is no longer as it was when a step is over, or while it waits."""
    words = {word for written in step.expect for word, _ in written.parts()}
    restores = step.parameters == "restore" or any(each.released == AFTER_RESTORE for each in step.expect)
    own = (_CURRENT if step.under else frozenset()) | (frozenset({"thresholds"}) if restores else frozenset())
    return own | _union(CHANGES, step.actions()) | _union(_BY_WAITING, words)


def _depends(inner: Step, around: Wait) -> frozenset[str]:
    at_rest = _CURRENT if _AT_REST & set(inner.measure) else frozenset[str]()
    words = {word for each in inner.expect for word, value in each.parts() if not is_shown(word, value, around)}
    return at_rest | _union(_ABOUT, words)


def is_shown(word: str, value: object, around: Wait) -> bool:
    """Whether the wait itself keeps up what is expected: the lamps and contacts of the protection or current in it."""
    if word == "lamps":
        return value in around.shows
    stands = value == "alarm" or (isinstance(value, dict) and value.items() <= around.contacts.items())
    return word == "contacts" and stands


def _side(protection: str) -> str:
    return "charge" if protection.startswith("charge") else "discharge"


def _union(table: Mapping[str, frozenset[str]], words: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*(table.get(word, frozenset()) for word in words))
