"""What `expect` waits for at the panel: what the lamps show, and that the buzzer is silent."""

from __future__ import annotations

from collections.abc import Mapping

from station.actions import lamps
from station.actions.blame import see_that_nothing_shorts_the_pack
from station.actions.circumstances import see_that_it_is_not_the_room
from station.actions.condition import Condition, Waiting, throttled


def lamps_shown(waiting: Waiting, value: object) -> Condition:
    """Lamps show a state, watched for as long as the sequence says or the slowest flash needs."""
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
        if not held:
            end = min(until, stage.clock.now())
            lamps.see_watched(trace.since(end - watch), end - watch, end)
            if not stage.found.energised and state != "asleep":
                see_that_it_is_not_the_room(stage)
                see_that_nothing_shorts_the_pack(stage)
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
    until = waiting.began + stage.reacts_within("lamp_test")

    def tell(held: bool) -> None:
        if not held:
            lamps.see_watched(trace.samples, waiting.began, min(until, stage.clock.now()))
        dark = [name for name in wanted if name not in trace.ever_lit()]
        if len(dark) == len(wanted):
            reason = "no lamp lit: the pack did not react to the key"
        elif dark:
            reason = f"{', '.join(dark)} never lit while the other lamps did"
        else:
            reason = "the lamps were never all lit together"
        stage.expect("lamps_lamp_test", "all lit" if held else "not all lit", "all lit", reason, witness="lamps")

    return Condition(until, lambda: trace.all_lit_together(wanted), tell)


HEAR_EVERY = 0.1
"""Seconds between two times that the station listens; the shortest sound lasts 0.25 s (manual 7-2)."""


def buzzer(waiting: Waiting, value: object) -> Condition:
    """The buzzer is silent for as long as its slowest pattern takes (manual 7-2: off as delivered)."""
    stage = waiting.stage
    until = stage.clock.now() + lamps.longest_sound(stage.pack)
    heard: list[float] = []

    def listen() -> None:
        if stage.wiring.sounds():
            heard.append(stage.clock.now())

    waiting.holding.enter_context(stage.watching(HEAR_EVERY, listen))

    def tell(held: bool) -> None:
        reason = "it was heard: somebody has switched it on, and it is off as delivered"
        stage.expect("buzzer", str(value) if held else "sounds", str(value), reason, witness="buzzer")

    return Condition(until, lambda: not heard and stage.clock.now() >= until, tell)
