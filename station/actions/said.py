"""What `expect` waits for in what the pack says of itself: flags, firmware, parameters, counters."""

from __future__ import annotations

from station.actions.condition import ASK_EVERY, Condition, Waiting, lasts, throttled
from station.actions.parameters import see_survived

COUNTERS = ("cycles", "full_capacity", "design_capacity")
"""What must survive a reset (REQ-4.2-61, REQ-7.3-03)."""


def flags(waiting: Waiting, value: object) -> Condition:
    """No warning, protection or fault flag is set any more; with a time, none at any moment of it."""
    del value
    stage, seconds = waiting.stage, lasts(waiting)
    until = stage.clock.now() + seconds
    seen: list[str] = []

    def holds() -> bool:
        said = stage.readings(fresh=True)
        flags = {*said.warning, *said.protection, *(flag for flag in said.status if flag.endswith("_fault"))}
        seen[:] = sorted(flags.union(seen) if seconds else flags)
        return not seen and stage.clock.now() >= until

    def tell(held: bool) -> None:
        stage.expect(
            "flags", "none" if held else " ".join(seen), "none", f"flags are set: {', '.join(seen)}", witness="pack"
        )

    return Condition(until + stage.reacts_within("flags"), throttled(stage, ASK_EVERY, holds), tell)


def firmware(waiting: Waiting, value: object) -> Condition:
    """The firmware is one that the pack file approves."""
    del value
    stage = waiting.stage
    version = stage.port.bms.text(stage.pack.firmware.stored_in)
    stage.identified(firmware=version)
    approved = stage.pack.firmware.approved

    def tell(held: bool) -> None:
        reason = f"firmware {version or '(none)'} is not approved; approved: {', '.join(approved)}"
        stage.expect("firmware", version, version if held else approved[0], reason, witness="pack")

    return Condition(stage.clock.now(), lambda: version in approved, tell)


def parameters(waiting: Waiting, value: object) -> Condition:
    """All stored parameters are the released set, but for what was left changed, which must have survived."""
    del value
    stage, parameters = waiting.stage, waiting.parameters
    return Condition(stage.clock.now(), lambda: True, lambda held: see_survived(stage, parameters))


def counters(waiting: Waiting, value: object) -> Condition:
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
