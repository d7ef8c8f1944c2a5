"""What is wrong with a pack file beyond its form: units, the order of thresholds, names that lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from station.model import limits
from station.model.files import NAME_ITSELF, Document, Fault, Location, nearest, shown
from station.model.limits import Range, parse_range
from station.model.ordering import violations
from station.model.pack import Pack
from station.model.quantity import BadQuantity, Quantity, kind_of

NEEDED: Mapping[str, Mapping[str, str]] = {
    "rated": {"capacity": "charge"},
    "ceiling": {"terminal_voltage": "voltage"},
    "reacts_within": dict.fromkeys(
        ("lamp_test", "standby", "answers", "silent", "flags", "balancing", "contacts", "terminals", "unlocked"), "time"
    ),
    "keys": dict.fromkeys(("start", "shutdown"), "time"),
}
"""Quantities that the station asks for by name, whatever the sequence, and their kind."""
NEEDED_LIMITS: Mapping[str, str] = {
    "trip_time": "high",
    "trip_current": "high",
    "contact_closed": "high",
    "contact_open": "low",
    "breaker_off_voltage": "high",
    "design_capacity": "low",
    "clock_error": "high",
}
"""Rows of the limits that the station asks for by name, and the end that each must have."""
CONDITIONS: Mapping[str, str] = {
    "pack_voltage": "V", "lowest_cell": "V", "highest_cell": "V", "mosfet": "degC", "charge_drawn": "%",
    "rested": "s",
}  # fmt: skip
"""The parts of a condition that are ranges, and the unit of each."""
_UNITS = {"voltage": ("voltage",), "current": ("current",), "temperature": ("temperature", "temperature difference")}

Told = Iterator[tuple[Location, str]]
"""What is wrong, as (where, message)."""


def check(document: Document, pack: Pack) -> Iterator[Fault]:
    """What is wrong with a pack file beyond its form: units, order of thresholds, names that lead nowhere."""
    found = (
        *((("limits", *at), message) for at, message in limits.check(pack.limits)),
        *_needed(pack),
        *_units_of_protections(pack),
        *_accepted(pack),
        *_order(pack),
        *_conditions_and_times(pack),
        *_unknown_requirements(document.data, (), pack),
        *_twice(pack),
        *_other_names(pack),
    )
    return (document.fault(at, message) for at, message in found)


def _needed(pack: Pack) -> Told:
    for section, wanted in NEEDED.items():
        rows: Mapping[str, object] = getattr(pack, section)
        for name, kind in wanted.items():
            row = rows.get(name)
            if not isinstance(row, Quantity):
                yield (section,), f"`{name}` is missing"
            elif row.kind != kind:
                yield (section, name), f"{shown(row)} is a {row.kind}, expected a {kind}"
    for name, end in NEEDED_LIMITS.items():
        if name not in pack.limits:
            yield ("limits",), f"`{name}` is missing"
        elif getattr(pack.limits[name].is_, end) is None:
            yield ("limits", name, "is"), f"`{name}`: expected a range with a {end} end"


def _units_of_protections(pack: Pack) -> Told:
    for kind, group in pack.protections.items():
        at: Location = ("protections", kind)
        if group.delay is not None and group.delay.unit != "s":
            yield (*at, "delay"), f"`delay`: {shown(group.delay)} is no time, such as `1 s`"
        for where, row in ((at, group), *(((*at, "rows", name), row) for name, row in group.rows.items())):
            for word in ("alarm", "trip", "release", "tolerance", "accepts"):
                value = getattr(row, word, None)
                if value is not None and _kind(value) not in _UNITS.get(kind, (_kind(value),)):
                    yield (*where, word), f"`{word}`: {shown(value)} is a {_kind(value)}, expected a {kind}"


def _accepted(pack: Pack) -> Told:
    """Thresholds that the firmware would not take, so that nothing could ever be put back."""
    for name, row in pack.protection.items():
        for word in ("alarm", "trip", "release"):
            value, accepts = row.values.get(word), row.accepts
            if value is not None and accepts is not None and not accepts.contains(value.si):
                at = ("protections", row.kind, "rows", name, word)
                yield at, f"`{word}`: {shown(value)} is outside of what the BMS accepts ({accepts})"


def _kind(value: Quantity | Range) -> str:
    return kind_of(value.unit) if value.unit else "number without a unit"


def _order(pack: Pack) -> Told:
    """Thresholds that do not keep the order of the setting ranges, at the value that the sentence begins with."""
    values = {name: quantity.si for name, quantity in pack.released.items()}
    for sentence in violations(values):
        name, _, value = sentence.partition(" ")[0].rpartition(".")
        yield ("protections", pack.protection[name].kind, "rows", name, value), sentence


def _conditions_and_times(pack: Pack) -> Told:
    for name, time in pack.times.items():
        if time.unit != "s" or time.high is None:
            yield ("times", name), f"`{name}`: {shown(time)} is no time, such as `5 s` or `at most 30 min`"
    for name, parts in pack.conditions.items():
        for part, unit in CONDITIONS.items():
            if part in parts:
                yield from ((("conditions", name, part), message) for message in _condition(parts[part], unit))
    for name, row in pack.limits.items():
        if row.when is not None:
            part, _, text = row.when.partition(" ")
            unknown = (f"`{part}` is no part of a condition{nearest(part, CONDITIONS)}",)
            told = _condition(text, CONDITIONS[part]) if part in CONDITIONS else unknown
            yield from ((("limits", name, "when"), message) for message in told)


def _condition(text: object, unit: str) -> Iterator[str]:
    try:
        range_ = parse_range(str(text).removesuffix(" of capacity") if unit == "%" else text)
    except BadQuantity as error:
        yield str(error)
    else:
        if range_.unit != unit:
            yield f"{shown(text)}: expected a range in {unit}"


def _unknown_requirements(value: object, at: Location, pack: Pack) -> Told:
    """Every `proves`, wherever it stands, that names what is not in the list of requirements."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key != "proves":
            yield from _unknown_requirements(inner, (*at, key), pack)
            continue
        for name in inner if isinstance(inner, list) else ():
            if f"REQ-{name}" not in pack.requirement:
                known = [each.removeprefix("REQ-") for each in pack.requirement]
                yield (*at, key, name), f"`{name}` is none of the requirements of this file{nearest(str(name), known)}"


def _twice(pack: Pack) -> Told:
    """Requirements and protections that stand in two groups."""
    for section, groups in (
        ("requirements", pack.requirements),
        ("protections", {kind: group.rows for kind, group in pack.protections.items()}),
    ):
        seen: dict[str, str] = {}
        for group, rows in groups.items():
            for name in rows:
                at = (section, group, name) if section == "requirements" else (section, group, "rows", name)
                if name in seen:
                    yield (*at, NAME_ITSELF), f"`{name}` stands under `{seen[name]}` already"
                seen[name] = group


def _other_names(pack: Pack) -> Told:
    for group, members in pack.alarm_groups.items():
        for member in members:
            if member not in pack.protection:
                yield ("alarm_groups", group, member), f"`{member}` is no protection{nearest(member, pack.protection)}"
    if pack.charge_limiter and not ("limiter_offer" in pack.currents and "limiter" in pack.reacts_within):
        message = "needs `limiter_offer` among the currents, and `limiter` in `reacts_within`"
        yield ("charge_limiter",), f"`charge_limiter` {message}"
    for state in ("asleep", "lamp_test", "standby"):
        if state not in pack.lamp_states:
            yield ("lamp_states",), f"`{state}` is missing"
    for state, words in pack.lamp_states.items():
        for word in words:
            if (flash := word.removeprefix("as_soc_top_")).startswith("flash") and flash not in pack.flash:
                yield ("lamp_states", state), f"`{state}`: `flash` does not say how a lamp flashes in `{flash}`"
    if pack.pack and not re.fullmatch(r"[a-z0-9][a-z0-9-]*", pack.pack):
        yield ("pack",), f"{shown(pack.pack)} is no name for a pack; write small letters, digits and `-`"
