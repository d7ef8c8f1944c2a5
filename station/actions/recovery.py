"""What `expect: {released: ...}` waits for: a protection that comes back by itself."""

from __future__ import annotations

from station.actions.condition import Condition, Waiting
from station.actions.current import flowing
from station.actions.stage import Direction, Reading


def released(waiting: Waiting, value: object) -> Condition:
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
        stage.expect(f"{name}released", "released" if held else "still open", "released", reason, witness="instrument")

    return Condition(opened + recovery.after.si * 1.1, lambda: bool(seen), tell)
