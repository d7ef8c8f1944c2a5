"""What `expect` waits for at the dry contacts and at the terminals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from station.actions.condition import Condition, Waiting, throttled
from station.actions.current import flowing
from station.actions.errors import BenchFault
from station.actions.measuring import volts
from station.actions.second_meter import seen_at_both_ends
from station.actions.stage import Stage
from station.model.pack import Pack

DEAD_TEST_CURRENT = 0.1
"""Amperes that the load asks of terminals that should be dead; a pack that is off only floats and gives none."""
DEAD_BELOW = 5.0
"""Volts under that load below which terminals are dead."""


def contacts(waiting: Waiting, value: object) -> Condition:
    """Each dry contact is open or closed as expected, by its resistance and the limits of the pack file."""
    stage = waiting.stage
    wanted = _states(stage.pack, value, stage.alarms)
    if "closed" in wanted.values():
        _see_that_closed_can_be_seen(stage)
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
        stage.expect(
            f"contacts_{name}",
            "as they should be" if held else "wrong",
            "as they should be",
            "; ".join(wrong),
            proves=contacts_prove(stage.pack, value, (stage.alarms,)),
            witness="switch",
        )

    return Condition(stage.clock.now() + stage.reacts_within("contacts"), throttled(stage, 0.2, holds), tell)


def _see_that_closed_can_be_seen(stage: Stage) -> None:
    """Raise BenchFault where not even a contact without any resistance would count as closed on this bench."""
    limit = stage.pack.limits["contact_closed"].is_
    if limit.high is not None and not _is(stage, 0.0, "closed"):
        doubt = stage.bench.u("contacts", "resistance", 0.0)
        raise BenchFault(f"the uncertainty of the contacts ({doubt:.2g} Ohm) leaves nothing of {limit}")


def contacts_prove(pack: Pack, value: object, groups: Iterable[str] = ()) -> tuple[str, ...]:
    """Requirements that contacts in a state prove: by acting on an alarm, or by what they do when the BMS is dead.

    `groups` are the alarm groups that are shown, one after the other.
    """
    if value == "dead":
        return tuple(f"REQ-{key}" for contact in pack.contacts.values() for key in contact.proves_dead)
    states = [item for group in (*groups,) or ("",) for item in _states(pack, value, group).items()]
    acting = dict.fromkeys(name for name, state in states if state != pack.contacts[name].healthy)
    return tuple(f"REQ-{key}" for name in acting for key in pack.contacts[name].proves)


def _states(pack: Pack, value: object, group: str) -> Mapping[str, str]:
    if isinstance(value, dict):
        return {str(name): str(state) for name, state in value.items()}
    assert value in ("healthy", "alarm", "dead")
    return pack.contacts_at(value, group)


def _is(stage: Stage, ohms: float, state: str) -> bool:
    """Whether a resistance is what the pack file calls open or closed, guard band of 0.83 U included."""
    if math.isinf(ohms):
        return state == "open"
    uncertainty = 0.83 * (stage.bench.u("contacts", "resistance", ohms) or 0.0)
    closed, open_ = stage.pack.limits["contact_closed"].is_.high, stage.pack.limits["contact_open"].is_.low
    if state == "closed":
        return closed is not None and ohms + uncertainty <= closed
    return open_ is not None and ohms - uncertainty >= open_


def terminals(waiting: Waiting, value: object) -> Condition:
    """Dead terminals only float: they give no current to a small load, and their voltage collapses under it."""
    stage = waiting.stage
    seen: list[float] = []
    if value == "dead":
        waiting.holding.enter_context(flowing(stage, "discharge", DEAD_TEST_CURRENT))

    def holds() -> bool:
        seen[:] = [stage.bench.voltmeter.voltage()]
        return _are_dead(seen[0]) == (value == "dead")

    def tell(held: bool) -> None:
        if value == "dead":
            seen[:] = [_seen_under_load(stage)]
            held = held and _are_dead(seen[0])
        state = str(value) if held else "alive" if value == "dead" else "dead"
        reason = f"the terminals have {seen[0]:.2f} V under a load of {DEAD_TEST_CURRENT} A"
        stage.expect("terminals", state, str(value), reason, witness="voltmeter")

    return Condition(stage.clock.now() + stage.reacts_within("terminals"), throttled(stage, 0.2, holds), tell)


def _are_dead(volts: float) -> bool:
    return abs(volts) < DEAD_BELOW


def _seen_under_load(stage: Stage) -> float:
    """Volts at the terminals, seen at both ends of the leads.

    Raises BenchFault unless the small load is really there: dead terminals collapse under it, live ones feed it.
    """
    at_pack = volts(stage)
    if all(stage.bench.has(role) for role in ("supply_side", "shunt")):
        at_pack = seen_at_both_ends(stage, at_pack)
        taken = abs(stage.wiring.shunt_current())
        if not _are_dead(at_pack.number) and taken < DEAD_TEST_CURRENT / 2:
            raise BenchFault(
                f"the load takes {taken:.2f} A of the {DEAD_TEST_CURRENT} A, so it shows nothing: see the load"
            )
    return at_pack.number
