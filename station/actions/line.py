"""What `expect` waits for on a line: that the pack answers, or that it is silent."""

from __future__ import annotations

from station.actions.condition import ASK_EVERY, Condition, Waiting, throttled
from station.actions.errors import Blocked
from station.actions.parameters import ASCII
from station.actions.ports import see_own_line
from station.actions.stage import Stage
from station.bench import Port
from station.bms.errors import BmsError, PackSilent
from station.bms.pace_ascii import PaceAscii
from station.bms.pace_modbus import PaceModbus


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
            _see_address(stage, port)
            see_own_line(stage, name)
        reason = (
            f"no answer on {name} within {stage.pack.reacts_within['answers']}, and the station's own line proved good"
        )
        stage.expect(f"answers_{name}", "answers" if held else "silent", "answers", reason, witness=name)

    return Condition(stage.clock.now() + stage.reacts_within("answers"), throttled(stage, ASK_EVERY, holds), tell)


def _see_address(stage: Stage, port: Port) -> None:
    """A pack that answers on RS232 with another address has its switch set wrong: that is circumstance, not silence."""
    if port.name == ASCII or not stage.bench.has(ASCII) or not isinstance(port.client, PaceModbus):
        return
    other = stage.bench.port(ASCII).speaking(PaceAscii)
    try:
        other.alarms()
    except BmsError:
        return
    if other.answered_from not in (None, port.client.address):
        raise Blocked(
            f"the pack is at address {other.answered_from}, as it says on {ASCII}, and {port.name} asks for "
            f"{port.client.address}: set its address switch and reset it"
        )


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
