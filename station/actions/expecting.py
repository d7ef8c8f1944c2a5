"""What `expect` can wait for. Each expectation has a deadline of its own (pack file, `reacts_within`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from station.actions import contacts, line, panel, recovery, said
from station.actions.balancing_flags import balancing
from station.actions.condition import Condition, Waiting
from station.actions.lamps import LampTrace
from station.actions.parameters import Parameters
from station.actions.stage import Stage
from station.model.language import is_shown, wait_of
from station.model.sequence import Expectation


@dataclass(frozen=True, slots=True)
class Expecting:
    """How one word of `expect` is waited for, and which roles it needs."""

    prepare: Callable[[Waiting, object], Condition]
    roles: frozenset[str] = frozenset()


def expect(stage: Stage, parameters: Parameters, trace: LampTrace) -> None:
    """The action `expect`: each expectation in turn; the steps of a `meanwhile` run inside the first wait."""
    for written in stage.step.expect:
        with ExitStack() as holding:
            waiting = Waiting(stage, parameters, trace, written, holding, stage.clock.now())
            shown = [part for part in written.parts() if not _is_off_today(stage, *part)]
            conditions = [EXPECTING[word].prepare(waiting, value) for word, value in shown]
            stage.meanwhile()
            _await(stage, conditions)


def _is_off_today(stage: Stage, word: str, value: object) -> bool:
    """Whether the pack has no reason to show a state, since the protection which would show it, and whose end the step
    around this one awaits, never opened; that is NOT_TESTED.
    """
    around = stage.around
    awaited = () if around is None else tuple(filter(None, (written.released for written in around.expect)))
    closed = [name for name in awaited if name in stage.pack.protection and name not in stage.found.moments]
    wait = wait_of(around, stage.pack) if around is not None and closed else None
    if wait is None or not is_shown(word, value, wait):
        return False
    what = "_".join(value) if isinstance(value, dict) else value
    stage.not_tested(f"{word}_{what}", recovery.never_opened(closed[0]))
    return True


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


EXPECTING: Mapping[str, Expecting] = {
    "lamps": Expecting(panel.lamps_shown, frozenset({"lamps"})),
    "answers": Expecting(line.answers),
    "silent": Expecting(line.silent),
    "contacts": Expecting(contacts.contacts, frozenset({"contacts"})),
    "terminals": Expecting(contacts.terminals, frozenset({"voltmeter", "load", "contactor"})),
    "flags": Expecting(said.flags),
    "firmware": Expecting(said.firmware),
    "parameters": Expecting(said.parameters),
    "counters": Expecting(said.counters),
    "released": Expecting(recovery.released, frozenset({"load", "contactor"})),
    "locked": Expecting(recovery.locked, frozenset({"load", "contactor"})),
    "balancing": Expecting(balancing),
    "buzzer": Expecting(panel.buzzer, frozenset({"buzzer"})),
}
"""The words of `expect` that this station can wait for."""


def words(written: Expectation) -> Iterator[str]:
    """The words of one expectation."""
    return (word for word, _ in written.parts())
