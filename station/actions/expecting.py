"""What `expect` can wait for. Each expectation is a condition with a deadline of its own, from the pack file's
`reacts_within`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from station.actions import lamps
from station.actions.balancing import balancing_condition
from station.actions.condition import Condition, throttled
from station.actions.current import flowing
from station.actions.parameters import Parameters, compare
from station.actions.ports import see_own_line
from station.actions.stage import Direction, Reading, Stage
from station.bms.errors import BmsError, PackSilent
from station.model.sequence import Expectation

ASK_EVERY = 0.3
"""Seconds between two questions to the pack while waiting for what it says."""
DEAD_TEST_CURRENT = 0.1
"""Amperes that the load asks of terminals that should be dead; a pack that is off only floats and gives none."""
COUNTERS = ("cycles", "full_capacity", "design_capacity")
"""What must survive a reset (REQ-4.2-61, REQ-7.3-03)."""
DEAD_BELOW = 5.0
"""Volts under that load below which terminals are dead."""


@dataclass(frozen=True, slots=True)
class Expecting:
    """How one word of `expect` is waited for, which roles it needs, and what must not change meanwhile."""

    prepare: Callable[[Waiting, object], Condition]
    roles: frozenset[str] = frozenset()
    depends: frozenset[str] = frozenset()


@dataclass(slots=True)
class Waiting:
    """The surroundings of the conditions of one expectation."""

    stage: Stage
    parameters: Parameters
    trace: lamps.LampTrace
    written: Expectation
    holding: ExitStack
    """What must be kept up while waiting, such as the probe current of a recovery."""
    began: float


def expect(stage: Stage, parameters: Parameters, trace: lamps.LampTrace) -> None:
    """The action `expect`: each expectation in turn; the steps of a `meanwhile` run inside the first wait."""
    for written in stage.step.expect:
        with ExitStack() as holding:
            waiting = Waiting(stage, parameters, trace, written, holding, stage.clock.now())
            conditions = [EXPECTING[word].prepare(waiting, value) for word, value in written.parts()]
            stage.meanwhile()
            _await(stage, conditions)


def _await(stage: Stage, conditions: list[Condition]) -> None:
    """Wait until every condition holds or its own time is over, then let each say what became of it."""
    held: dict[int, bool] = {}

    def settled() -> bool:
        for index, condition in enumerate(conditions):
            if index not in held and condition.holds():
                held[index] = True
            elif index not in held and stage.clock.now() >= condition.until:
                held[index] = False
        return len(held) == len(conditions)

    stage.wait(settled)
    for index, condition in enumerate(conditions):
        condition.tell(held[index])


# ------------------------------------------------------------------------------------------------ the panel


def _lamps(waiting: Waiting, value: object) -> Condition:
    stage, trace = waiting.stage, waiting.trace
    state: str | Mapping[str, str] = value if isinstance(value, str | dict) else str(value)
    if state == "lamp_test":
        return _lamp_test(waiting)
    watch = lamps.watch_time(stage.pack, state, waiting.written.for_)
    soc = 0.0 if state == "asleep" else stage.readings().soc
    wanted = lamps.expected(stage.pack, state, soc)

    def wrong_now() -> list[str]:
        recent = trace.since(stage.clock.now() - watch)
        return lamps.wrong(stage.pack, recent, wanted) if recent else ["nothing was seen"]

    def holds() -> bool:
        return (
            stage.clock.now() - max(waiting.began, trace.samples[0][0] if trace.samples else 0) >= watch
            and not wrong_now()
        )

    name = state if isinstance(state, str) else "_".join(state)
    reaction = state if isinstance(state, str) and state in stage.pack.reacts_within else "standby"
    until = waiting.began + stage.reacts_within(reaction) + watch

    def tell(held: bool) -> None:
        reason = "; ".join(wrong_now())
        stage.expect(
            f"lamps_{name.lower()}",
            "as they should be" if held else "wrong",
            "as they should be",
            reason,
            witness="lamps",
        )

    return Condition(until, throttled(stage, lamps.STEADY / 4, holds), tell)


def _lamp_test(waiting: Waiting) -> Condition:
    """All lamps lit together, at any moment since the key was pressed; a start may light them while it still is."""
    stage, trace, wanted = waiting.stage, waiting.trace, waiting.stage.pack.lamps

    def tell(held: bool) -> None:
        dark = [name for name in wanted if name not in trace.ever_lit()]
        if len(dark) == len(wanted):
            reason = "no lamp lit: the pack did not react to the key"
        elif dark:
            reason = f"{', '.join(dark)} never lit while the other lamps did"
        else:
            reason = "the lamps were never all lit together"
        stage.expect("lamps_lamp_test", "all lit" if held else "not all lit", "all lit", reason, witness="lamps")

    return Condition(waiting.began + stage.reacts_within("lamp_test"), lambda: trace.all_lit_together(wanted), tell)


# ------------------------------------------------------------------------------------------------ the line


def _answers(waiting: Waiting, value: object) -> Condition:
    stage, name = waiting.stage, str(value)
    port = stage.bench.port(name)

    def holds() -> bool:
        try:
            port.client.readings()
        except BmsError:
            return False
        return True

    def tell(held: bool) -> None:
        if not held:
            see_own_line(stage, name)
        reason = (
            f"no answer on {name} within {stage.pack.reacts_within['answers']}, and the station's own line proved good"
        )
        stage.expect(f"answers_{name}", "answers" if held else "silent", "answers", reason, witness=name)

    return Condition(stage.clock.now() + stage.reacts_within("answers"), throttled(stage, ASK_EVERY, holds), tell)


def _silent(waiting: Waiting, value: object) -> Condition:
    stage, name = waiting.stage, str(value)
    port = stage.bench.port(name)

    def holds() -> bool:
        try:
            port.client.readings()
        except PackSilent:
            return True
        except BmsError:
            return False
        return False

    def tell(held: bool) -> None:
        if held:
            see_own_line(stage, name)
        stage.expect(
            f"silent_{name}",
            "silent" if held else "answers",
            "silent",
            "the pack still answers after the shutdown",
            witness=name,
        )

    return Condition(waiting.began + stage.reacts_within("silent") + 1.0, throttled(stage, ASK_EVERY, holds), tell)


# ----------------------------------------------------------------------------------------------- contacts and terminals


def _contacts(waiting: Waiting, value: object) -> Condition:
    stage = waiting.stage
    wanted = _contact_states(stage, value)
    wrong: list[str] = []

    def holds() -> bool:
        found = stage.wiring.contacts()
        wrong[:] = [
            f"contact {name} has {found[name]:.3g} Ohm, must be {state}"
            for name, state in wanted.items()
            if not _is(stage, found[name], state)
        ]
        return not wrong

    def tell(held: bool) -> None:
        name = value if isinstance(value, str) else "_".join(wanted)
        proves = (
            tuple(f"REQ-{key}" for contact in wanted for key in stage.pack.contacts[contact].proves)
            if value != "healthy"
            else ()
        )
        stage.expect(
            f"contacts_{name}",
            "as they should be" if held else "wrong",
            "as they should be",
            "; ".join(wrong),
            proves=proves,
            witness="switch",
        )

    return Condition(stage.clock.now() + stage.reacts_within("contacts"), throttled(stage, 0.2, holds), tell)


def _contact_states(stage: Stage, value: object) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(name): str(state) for name, state in value.items()}
    return {name: getattr(contact, str(value)) for name, contact in stage.pack.contacts.items()}


def _is(stage: Stage, ohms: float, state: str) -> bool:
    """Whether a resistance is what the pack file calls open or closed, guard band of 0.83 U included."""
    if math.isinf(ohms):
        return state == "open"
    uncertainty = 0.83 * (stage.bench.u("contacts", "resistance", ohms) or 0.0)
    closed, open_ = stage.pack.limits["contact_closed"].is_.high, stage.pack.limits["contact_open"].is_.low
    if state == "closed":
        return closed is not None and ohms + uncertainty <= closed
    return open_ is not None and ohms - uncertainty >= open_


def _terminals(waiting: Waiting, value: object) -> Condition:
    """Dead terminals only float: they give no current to a small load, and their voltage collapses under it."""
    stage = waiting.stage
    seen: list[str] = []
    if value == "dead":
        waiting.holding.enter_context(flowing(stage, "discharge", DEAD_TEST_CURRENT))

    def holds() -> bool:
        volts = stage.bench.voltmeter.voltage()
        seen[:] = [f"{volts:.2f} V under a load of {DEAD_TEST_CURRENT} A"]
        return (abs(volts) < DEAD_BELOW) == (value == "dead")

    def tell(held: bool) -> None:
        other = "alive" if value == "dead" else "dead"
        stage.expect(
            "terminals", str(value) if held else other, str(value), f"the terminals have {seen[0]}", witness="voltmeter"
        )

    return Condition(stage.clock.now() + stage.reacts_within("terminals"), throttled(stage, 0.2, holds), tell)


# ------------------------------------------------------------------------------------------------ what the pack says


def _flags(waiting: Waiting, value: object) -> Condition:
    del value
    stage = waiting.stage
    seen: list[str] = []

    def holds() -> bool:
        said = stage.readings(fresh=True)
        seen[:] = sorted({*said.warning, *said.protection, *(flag for flag in said.status if flag.endswith("_fault"))})
        return not seen

    def tell(held: bool) -> None:
        stage.expect(
            "flags", "none" if held else " ".join(seen), "none", f"flags are set: {', '.join(seen)}", witness="pack"
        )

    return Condition(stage.clock.now() + stage.reacts_within("flags"), throttled(stage, ASK_EVERY, holds), tell)


def _firmware(waiting: Waiting, value: object) -> Condition:
    del value
    stage = waiting.stage
    version = stage.port.bms.text(stage.pack.firmware.stored_in)
    stage.identified(firmware=version)
    approved = stage.pack.firmware.approved

    def tell(held: bool) -> None:
        reason = f"firmware {version or '(none)'} is not approved; approved: {', '.join(approved)}"
        stage.expect("firmware", version, version if held else approved[0], reason, witness="pack")

    return Condition(stage.clock.now(), lambda: version in approved, tell)


def _parameters(waiting: Waiting, value: object) -> Condition:
    del value
    stage, parameters = waiting.stage, waiting.parameters
    return Condition(
        stage.clock.now(), lambda: True, lambda held: compare(stage, parameters.now(), "parameters_released")
    )


def _counters(waiting: Waiting, value: object) -> Condition:
    """What counts up, or was learnt, must survive a reset; compared with the first readings of the run."""
    del value
    stage = waiting.stage
    changed: list[str] = []

    def holds() -> bool:
        first, now = stage.found.first_readings, stage.readings(fresh=True)
        changed[:] = [
            f"{name} was {getattr(first, name):g} and is {getattr(now, name):g}"
            for name in COUNTERS
            if first is not None and getattr(first, name) != getattr(now, name)
        ]
        return not changed

    def tell(held: bool) -> None:
        state = "unchanged" if held else "changed"
        stage.expect("counters", state, "unchanged", "; ".join(changed), witness="pack")

    return Condition(stage.clock.now(), holds, tell)


def _released(waiting: Waiting, value: object) -> Condition:
    """A protection lets go by itself: a probe current is offered, and comes back."""
    stage, name = waiting.stage, str(value)
    if name == "after_restore":
        return Condition(stage.clock.now(), lambda: True, lambda held: None)
    protection = stage.pack.protection[name]
    recovery, opened = protection.recovery, stage.found.moments.get(name)
    assert recovery is not None
    if opened is None:
        return Condition(
            stage.clock.now(),
            lambda: False,
            lambda held: stage.not_tested(name, f"{name} did not open before, so it cannot come back"),
        )
    probe = stage.current("probe")
    direction: Direction = "charge" if protection.blocks == "charge" else "discharge"
    waiting.holding.enter_context(flowing(stage, direction, probe))
    driver = stage.bench.supply if direction == "charge" else stage.bench.load
    seen: list[float] = []
    last = [stage.clock.now()]

    def look() -> None:
        now = stage.clock.now()
        if not seen and driver.current() > probe / 2:
            seen.extend((stage.clock.now(), stage.clock.now() - last[0]))
        last[0] = now

    waiting.holding.enter_context(stage.watching(0.1, look))

    def tell(held: bool) -> None:
        if held:
            clock = stage.bench.u("clock", "time", 0.0)
            uncertainty = None if clock is None else clock + seen[1]
            stage.found.values["overcurrent_recovery"] = Reading(seen[0] - opened, "s", uncertainty, direction)
        reason = f"no current came back within {recovery.after.si * 1.1:.0f} s"
        stage.expect(f"{name}_released", "released" if held else "still open", "released", reason, witness="instrument")

    return Condition(opened + recovery.after.si * 1.1, lambda: bool(seen), tell)


# ------------------------------------------------------------------------------------------------ the table

_LAMPS = frozenset({"lamps"})

EXPECTING: Mapping[str, Expecting] = {
    "lamps": Expecting(_lamps, _LAMPS, frozenset({"lamps"})),
    "answers": Expecting(_answers, frozenset(), frozenset({"line"})),
    "silent": Expecting(_silent, frozenset(), frozenset({"line"})),
    "contacts": Expecting(_contacts, frozenset({"contacts"}), frozenset({"contacts"})),
    "terminals": Expecting(_terminals, frozenset({"voltmeter", "load", "contactor"}), frozenset({"current"})),
    "flags": Expecting(_flags, frozenset(), frozenset({"thresholds", "current"})),
    "firmware": Expecting(_firmware),
    "parameters": Expecting(_parameters, frozenset(), frozenset({"thresholds"})),
    "counters": Expecting(_counters),
    "released": Expecting(_released, frozenset({"load", "contactor"}), frozenset({"thresholds", "current"})),
    "balancing": Expecting(
        lambda waiting, value: balancing_condition(waiting.stage, waiting.parameters, str(value)),
        frozenset(),
        frozenset({"thresholds", "current"}),
    ),
}
"""The words of `expect` that this station can wait for."""


def words(written: Expectation) -> Iterator[str]:
    """The words of one expectation."""
    return (word for word, _ in written.parts())
