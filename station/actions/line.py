"""What `expect` waits for on a line: that the pack answers, or that it is silent."""

from __future__ import annotations

from station.actions.condition import ASK_EVERY, Condition, Waiting, throttled
from station.actions.ports import see_own_line
from station.bms.errors import BmsError, PackSilent


def answers(waiting: Waiting, value: object) -> Condition:
    """The pack answers on a port in time; silence is its fault only if the own line proves good."""
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


def silent(waiting: Waiting, value: object) -> Condition:
    """The pack answers no more on a port, and the own line proves good."""
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
