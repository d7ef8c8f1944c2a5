"""The sequence language against a pack file: every name must be a row there, and no step may disturb a wait that it runs in.

What is checked here holds on every bench; whether a bench can do it is the planner's question.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from station.model.files import Document, Fault, Location, nearest
from station.model.pack import Pack
from station.model.sequence import Expectation, Sequence, Step, Use, WriteBack, walk

CIRCUMSTANCES = ("serial_number", "product", "address", "breaker_on")
"""What `require` can name besides rows of the pack's limits."""
RECORDED = (
    "key_start_threshold", "time_since_charge", "bms_serial", "cell_lots", "cycles", "soc", "soc_before", "soc_after", "ambient",
    "expected_voltage_at_receipt", "last_charge", "next_charge_due",
)  # fmt: skip
"""What `record` can name besides what is measured."""
WAYS = ("direct_drive", "shift", "extrapolation")
PROGRAMMABLE = ("pack_sn", "model_sn", "clock")

_CURRENT = frozenset({"current"})
_PROTECTION = frozenset({"current", "lamps", "contacts"})
_EVERYTHING = frozenset({"current", "thresholds", "lamps", "contacts", "line"})

CHANGES: Mapping[str, frozenset[str]] = {
    "press_key": _EVERYTHING,
    "program": frozenset({"line"}),
    "resistance": _CURRENT,
    "trip": _PROTECTION | {"thresholds"},
    "alarm": frozenset({"thresholds", "lamps", "contacts"}),
    "balance": frozenset({"thresholds"}),
    "limiter": _CURRENT,
    "discharge": _CURRENT,
    "charge": _CURRENT,
}
"""What each action changes; the others change nothing."""

_WAITS_ON: Mapping[str, frozenset[str]] = {
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
_WAIT_CHANGES: Mapping[str, frozenset[str]] = {"released": _PROTECTION, "locked": _PROTECTION}
_AT_REST = frozenset({
    "pack_voltage_error", "cell_sum_error", "cell_spread_rest", "current_zero", "terminal_voltage", "case_voltage", "polarity",
})  # fmt: skip
"""Measurements that another current would disturb."""


def check_names(document: Document, sequence: Sequence, pack: Pack) -> Iterator[Fault]:
    """Every name that is no row of the pack file, with the nearest one that is."""
    for step, at in walk(sequence.steps):
        if isinstance(step, Use):
            continue
        for where, name, known, what in _names(step, pack):
            if name not in known:
                place = (*at, *where)
                yield document.fault(place, f"`{name}` is no {what} of {pack.pack}{nearest(name, known)}")


def check_waits(document: Document, sequence: Sequence) -> Iterator[Fault]:
    """Every step of a `meanwhile` that changes, or depends on, what the wait around it changes or is about."""
    for step, at in walk(sequence.steps):
        if isinstance(step, Step) and step.meanwhile:
            yield from _check_wait(document, step, at)


def _check_wait(document: Document, step: Step, at: Location) -> Iterator[Fault]:
    around = wait_of(step)
    if around is None:
        yield document.fault((*at, "meanwhile"), f"step `{step.step}` waits for nothing, so nothing can run meanwhile")
        return
    for inner, place in walk(step.meanwhile, (*at, "meanwhile")):
        if isinstance(inner, Step):
            clash = sorted(disturbs(inner, around))
            if clash:
                yield document.fault(
                    place,
                    f"step `{inner.step}` disturbs the wait of `{step.step}`: {' and '.join(clash)} must stay as they are",
                )


@dataclass(frozen=True, slots=True)
class Wait:
    """What a wait is about, what changes in it, and what it shows all the while."""

    about: frozenset[str]
    changes: frozenset[str]
    shows: frozenset[str]


def wait_of(step: Step) -> Wait | None:
    """The wait in which the `meanwhile` of a step runs, or None if it has none."""
    if step.discharge or step.charge:
        word = "discharging" if step.discharge else "charging"
        return Wait(_CURRENT, _CURRENT, frozenset({word, f"{word}_alarm"}))
    words = {word for written in step.expect for word, _ in written.parts()}
    if not words:
        return None
    shows = {f"{_side(str(written.released))}_protection" for written in step.expect if written.released}
    return Wait(_union(_WAITS_ON, words), _union(_WAIT_CHANGES, words), frozenset(shows))


def _side(protection: str) -> str:
    return "charge" if protection.startswith("charge") else "discharge"


def _union(table: Mapping[str, frozenset[str]], words: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*(table.get(word, frozenset()) for word in words))


def disturbs(inner: Step, around: Wait) -> frozenset[str]:
    """What an inner step changes of the wait's business, or depends on although the wait changes it."""
    changes = _union(CHANGES, inner.actions()) | (_CURRENT if inner.under else frozenset())
    return (changes & (around.about | around.changes)) | (_depends(inner, around) & around.changes)


def _depends(inner: Step, around: Wait) -> frozenset[str]:
    depends = _CURRENT if _AT_REST & set(inner.measure) else frozenset[str]()
    for written in inner.expect:
        for word, value in written.parts():
            if not _is_shown(word, value, around):
                depends |= _WAITS_ON.get(word, frozenset())
    return depends


def _is_shown(word: str, value: object, around: Wait) -> bool:
    """Whether the wait itself keeps up the state that is expected: the lamps and contacts of the protection or the current in it."""
    if word == "lamps":
        return value in around.shows
    in_protection = any(state.endswith("_protection") for state in around.shows)
    return word == "contacts" and (value == "alarm" or (in_protection and value == {"alarm": "closed"}))


# ------------------------------------------------------------------------------------------------ names


def _names(step: Step, pack: Pack) -> Iterator[tuple[Location, str, Collection[str], str]]:
    """Every name in a step, where it stands, what it may be, and what that is called."""
    ports, currents, protections = tuple(pack.ports), pack.currents, pack.protection
    yield from _each("verifies", step.verifies, pack.requirement, "requirement")
    yield from _each("talk", step.talk, ports, "port")
    yield from _each("require", step.require, (*CIRCUMSTANCES, *pack.limits), "circumstance")
    yield from _each("program", step.program, PROGRAMMABLE, "text that can be programmed")
    yield from _each("trip", step.trip, protections, "protection")
    yield from _each("by", step.by, WAYS, "way to trip a protection")
    yield from _each("alarm", step.alarm, pack.alarm_groups, "alarm group")
    yield from _each("limiter", step.limiter, pack.charge_limiter, "command of the charge limiter")
    yield from _one("press_key", step.press_key, pack.keys, "key press")
    yield from _one("discharge", step.discharge, currents, "current")
    yield from _one("charge", step.charge, currents, "current")
    yield from _one("until", step.until, (*pack.conditions, *pack.reacts_within), "condition")
    yield from _one("for", step.for_, pack.times, "time")
    if step.under is not None:
        yield from _one("under", step.under.discharge or step.under.charge, currents, "current")
    if isinstance(step.parameters, WriteBack):
        yield from _one("parameters", step.parameters.write_back, pack.released, "parameter")
    yield from _measurements(step, pack)
    for index, written in enumerate(step.expect):
        yield from _expected(written, pack, ("expect", index) if len(step.expect) > 1 else ("expect",))


def _each(
    word: str, names: Iterable[str], known: Collection[str], what: str
) -> Iterator[tuple[Location, str, Collection[str], str]]:
    return (((word, index), name, known, what) for index, name in enumerate(names))


def _one(
    word: str, name: str | None, known: Collection[str], what: str
) -> Iterator[tuple[Location, str, Collection[str], str]]:
    if name is not None:
        yield (word,), name, known, what


def _measurements(step: Step, pack: Pack) -> Iterator[tuple[Location, str, Collection[str], str]]:
    for index, name in enumerate(step.measure):
        limited = {*pack.limits, *(row.of for row in pack.limits.values() if row.of)}
        yield ("measure", index), name, limited, "measurement"
        rows = [key for key, row in pack.limits.items() if name in (key, row.of)]
        yield ("limit", name), step.limit_of(name), rows, f"limit for {name}"
    if isinstance(step.limit, dict):
        yield from (
            (("limit", name), name, step.measure, "measurement of this step, so it cannot be limited in this file")
            for name in step.limit
        )
    kept = {*RECORDED, *pack.limits, *(row.of for row in pack.limits.values() if row.of)}
    for name, window in step.record.items():
        yield ("record",), name, kept, "value to record"
        yield from _one("record", window, pack.limits, "limit")


def _expected(written: Expectation, pack: Pack, at: Location) -> Iterator[tuple[Location, str, Collection[str], str]]:
    readers: Mapping[str, Callable[[object], Iterable[tuple[str, Collection[str], str]]]] = {
        "lamps": lambda value: _lamp_names(value, pack),
        "contacts": lambda value: _contact_names(value, pack),
        "answers": lambda value: [(str(value), (*pack.ports, "any_port", "second_pack"), "port")],
        "silent": lambda value: [(str(value), tuple(pack.ports), "port")],
        "released": lambda value: [(str(value), (*pack.protection, "after_restore"), "protection")],
        "locked": lambda value: [(str(value), tuple(pack.protection), "protection")],
    }
    for word, value in written.parts():
        for name, known, what in readers.get(word, lambda value: [])(value):
            yield (*at, word), name, known, what
    if written.for_ is not None and not written.for_.endswith((" periods", " period")):
        yield (*at, "for"), written.for_, pack.times, "time (or `2 periods`)"


def _lamp_names(value: object, pack: Pack) -> Iterator[tuple[str, Collection[str], str]]:
    if isinstance(value, str):
        yield value, pack.lamp_states, "lamp state"
    elif isinstance(value, dict):
        for name, word in value.items():
            yield name, (*pack.lamps, "capacity"), "lamp"
            yield word, ("lit", "dark", "as_soc", "as_soc_top_flash2", *pack.flash), "lamp word"


def _contact_names(value: object, pack: Pack) -> Iterator[tuple[str, Collection[str], str]]:
    if isinstance(value, str):
        yield value, ("healthy", "alarm", "dead"), "state of the contacts"
    elif isinstance(value, dict):
        for name, state in value.items():
            yield name, pack.contacts, "contact"
            yield state, ("open", "closed"), "state of a contact"
