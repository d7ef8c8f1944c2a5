"""The order of the steps: what each of them needs of what the ones before it have left of the pack.

A step at the wrong place would fail a good pack, so it is refused before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from station.model.direction import Direction
from station.model.files import Document, Fault, Location
from station.model.pack import Pack
from station.model.sequence import (
    AFTER_RESTORE,
    Expectation,
    Sequence,
    Step,
    Use,
    driven,
    flows_under,
    in_turn,
    walk,
)

_IN_CURRENT: dict[str, Direction] = {"resistance": "discharge", "limiter": "charge"}
"""Actions that let a current flow without naming it."""
_NEED_IT_ON = frozenset({
    "talk", "program", "parameters", "resistance", "trip", "alarm", "balance", "limiter", "discharge",
})  # fmt: skip
"""Actions that a pack that is off cannot take part in; a charger may wake it."""
_ON_WORDS = frozenset({
    "answers", "flags", "released", "locked", "balancing", "firmware", "parameters", "counters",
})  # fmt: skip
"""Expectations that a pack that is off cannot meet."""
_OFF_TOO = frozenset({"pins_joined", "pins_free", "contact_isolation", "charger_voltage"})
"""What can be measured, or required, of a pack that is off; its terminals only float."""


@dataclass(slots=True)
class _Left:
    """What the steps so far have left."""

    off: str
    """Why the pack is off; empty where it is on, or nobody knows."""
    tripped: set[str] = field(default_factory=lambda: {AFTER_RESTORE})
    standing: dict[str, str] = field(default_factory=dict)
    """The over-currents that stand, each with the step that tripped it."""


def check_order(
    document: Document, sequence: Sequence, pack: Pack, used: Callable[[str], Step] | None = None
) -> Iterator[Fault]:
    """Every step that comes too early or too late: for a protection that nobody has tripped yet, for a current that one
    which stands does not let through, for a pack that is off. `used` finds the step that a `use` names.
    """
    left = _Left(_off_at_first(sequence.steps, used))
    for step, at, around in in_turn(sequence.steps, used=used):
        if isinstance(step, Step):
            for where, message in (*_awaited(step, left), *_blocked(step, around, pack, left), *_asleep(step, left)):
                yield document.fault((*at, *where), f"step `{step.step}`: {message}")


# ------------------------------------------------------------------------------------------------ protections


def _awaited(step: Step, left: _Left) -> Iterator[tuple[Location, str]]:
    """Protections that are awaited to let go, or to stay, although no step before has tripped them."""
    left.tripped.update(step.trip)
    for index, written in enumerate(step.expect):
        for word in ("released", "locked"):
            name = getattr(written, word)
            if name is not None and name not in left.tripped:
                yield ("expect", index, word), f"no step before this one trips `{name}`"


def _blocked(step: Step, around: Direction | None, pack: Pack, left: _Left) -> Iterator[tuple[Location, str]]:
    """A current that an over-current which stands does not let through; then what this step leaves of them."""
    if step.press_key == "reset":
        left.standing.clear()
    for word, flows in _currents(step, around, pack):
        for name, by in left.standing.items():
            if pack.protection[name].stops == flows:
                yield (
                    (word,) if word else (),
                    f"`{name}` still stands, tripped by step `{by}`, and lets no {flows} flow; before this step, write "
                    f"`expect: {{released: {name}}}` or `press_key: reset`",
                )
    left.standing.update((name, step.step) for name in step.trip if pack.protection[name].recovery is not None)
    for written in step.expect:
        left.standing.pop(written.released or "", None)


def _currents(step: Step, around: Direction | None, pack: Pack) -> Iterator[tuple[str, Direction]]:
    """The currents of a step, each with the word that asks for it; an empty word for the current around it."""
    if around is not None:
        yield "", around
    if flows := flows_under(step):
        yield "under", flows
    if flows := driven(step):
        yield flows, flows
    if step.balance == "stop":
        yield "balance", "discharge"
    if "direct_drive" in step.by:
        yield from (("trip", pack.protection[name].stops) for name in step.trip)
    yield from ((word, _IN_CURRENT[word]) for word in step.actions() if word in _IN_CURRENT)


# ------------------------------------------------------------------------------------------------ on and off


def _off_at_first(steps: Iterable[Step | Use], used: Callable[[str], Step] | None) -> str:
    """Why a pack is off at first: the first long press of the sequence, other than as a remedy, starts it."""
    presses = (step for step, at in walk(steps, used=used) if isinstance(step, Step) and "otherwise" not in at)
    first = next((step for step in presses if step.press_key not in (None, "show_soc")), None)
    return f"is started only by step `{first.step}`" if first and first.press_key == "start" else ""


def _asleep(step: Step, left: _Left) -> Iterator[tuple[Location, str]]:
    """What a step needs of a pack that is off by now; then whether this step switches it on or off."""
    if step.press_key in ("start", "reset") or step.charge:
        left.off = ""
    if left.off:
        for where, what in _needs_it_on(step):
            yield where, f"`{what}` needs a pack that is on, and it {left.off}"
    if step.press_key == "shutdown":
        left.off = f"was switched off by step `{step.step}`"


def _needs_it_on(step: Step) -> Iterator[tuple[Location, str]]:
    for word in step.actions():
        if word in _NEED_IT_ON:
            yield (word,), word
    if step.under is not None:
        yield ("under",), "under"
    for word in ("require", "measure"):
        for name in getattr(step, word):
            if name not in _OFF_TOO:
                yield (word, name), f"{word}: {name}"
    for index, written in enumerate(step.expect):
        for word in _words_of(written):
            yield ("expect", index, word), f"expect: {word}"


def _words_of(written: Expectation) -> Iterator[str]:
    return (word for word, value in written.parts() if word in _ON_WORDS or (word, value) == ("terminals", "alive"))
