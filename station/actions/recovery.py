"""What `expect` waits for after an over-current: that it comes back by itself, or that it is locked and does not.

The station offers a probe current all the while, and the instrument says whether it flows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from station.actions.blame import (
    LIVE,
    NOTHING,
    see_that_bench_is_whole,
    see_that_the_load_asks_for_it,
    see_that_the_pack_blocks,
)
from station.actions.condition import Condition, Waiting, lasts
from station.actions.current import flowing
from station.actions.errors import BenchFault
from station.actions.stage import Reading, Stage
from station.model.direction import Direction
from station.model.pack import Protection

LATE = 1.1
"""How many times its nominal time a recovery is waited for."""
KNOWN_TO = 1.0
"""Seconds between two looks within which a current that came back is still a time; its limits are 3 s away."""
WHOLE_EVERY = 1.0
"""Seconds between looks at whether the way to the pack is whole while nothing flows on it."""


@dataclass(slots=True)
class Probe:
    """When a current that was offered came back on the run's clock (None: not yet), and how sure that is, in s."""

    looked: float
    back: float | None = None
    doubt: float = 0.0

    @property
    def is_back(self) -> bool:
        """Whether current has come back."""
        return self.back is not None


@contextmanager
def probing(stage: Stage, protection: Protection) -> Iterator[Probe]:
    """Offer the probe current in the direction that a protection stops, while the block runs."""
    amperes, direction = stage.current("probe"), protection.stops
    probe = Probe(stage.clock.now())

    def look(flows: float) -> None:
        now = stage.clock.now()
        if not probe.is_back and flows > amperes / 2:
            probe.back, probe.doubt = now, now - probe.looked
        probe.looked = now

    def see_way() -> None:
        if not probe.is_back and abs(stage.bench.voltmeter.voltage()) > LIVE:
            see_that_bench_is_whole(stage)

    with flowing(stage, direction, amperes, look), stage.watching(WHOLE_EVERY, see_way):
        yield probe


def come_back(stage: Stage, protection: Protection) -> bool:
    """Wait until a protection that has opened lets go by itself; says whether it did, at the latest 1.1 times its time
    after it opened.
    """
    with probing(stage, protection) as probe:
        return stage.wait(lambda: probe.is_back, within=_latest(stage, protection) - stage.clock.now())


def released(waiting: Waiting, value: object) -> Condition:
    """A protection lets go: by itself after its time, or soon, where a lock has been opened."""
    stage, name = waiting.stage, str(value)
    if name == "after_restore":
        return Condition(stage.clock.now(), lambda: True, lambda held: None)
    protection = stage.pack.protection[name]
    opened = stage.found.moments.get(name)
    if opened is None:
        return _never_opened(stage, name)
    was_locked = stage.found.moments.pop(_lock(name), None) is not None
    until = stage.clock.now() + stage.reacts_within("unlocked") if was_locked else _latest(stage, protection)
    probe = waiting.holding.enter_context(probing(stage, protection))

    def tell(held: bool) -> None:
        if not held:
            _see_that_only_the_pack_keeps_it_away(stage, protection.stops)
        if probe.back is not None and probe.doubt > KNOWN_TO:
            raise BenchFault(f"the current came back within {probe.doubt:.1f} s that an instrument took for one answer")
        if probe.back is not None and not was_locked:
            clock = stage.bench.u("clock", "time", 0.0)
            doubt = None if clock is None else clock + probe.doubt
            after = Reading(probe.back - opened, "s", doubt, protection.blocks or "")
            stage.found.values["overcurrent_recovery"] = after
        how = "although a charger was there" if was_locked else f"within {until - opened:.0f} s"
        state, reason = "released" if held else "still open", f"no current came back {how}"
        stage.expect(f"{name}_released", state, "released", reason, witness="instrument")

    return Condition(until, lambda: probe.is_back, tell)


def locked(waiting: Waiting, value: object) -> Condition:
    """A protection does not let go any more, for as long as the step says, and says so all the while."""
    stage, name = waiting.stage, str(value)
    protection = stage.pack.protection[name]
    opened = stage.found.moments.get(name)
    if opened is None:
        return _never_opened(stage, name)
    until = opened + lasts(waiting)
    probe = waiting.holding.enter_context(probing(stage, protection))

    def tell(held: bool) -> None:
        stays = name in stage.readings(fresh=True).protection
        state = "locked" if held and stays else "came back" if not held else "without its flag"
        now = stage.clock.now()
        after = (now if probe.back is None else probe.back) - opened
        reason = f"{state} {after:.0f} s after the last over-current in a row: the pack does not count them"
        if held:
            stage.found.moments[_lock(name)] = now
        stage.expect(f"{name}_locked", state, "locked", reason, witness="instrument")

    return Condition(until + 1.0, lambda: stage.clock.now() >= until and not probe.is_back, tell)


def _see_that_only_the_pack_keeps_it_away(stage: Stage, direction: Direction) -> None:
    """Raise BenchFault where a current that did not come back may be the station's doing, or flows unseen.

    One that flows by now came too late, and that is the pack's.
    """
    see_that_the_pack_blocks(stage, direction)
    if direction == "discharge" and stage.bench.load.current() < NOTHING:
        see_that_the_load_asks_for_it(stage)


def _lock(name: str) -> str:
    return f"{name} locked"


def _latest(stage: Stage, protection: Protection) -> float:
    """When a protection must have come back by itself, on the run's clock."""
    assert protection.recovery is not None
    return stage.found.moments[protection.name] + LATE * protection.recovery.after.si


def never_opened(name: str) -> str:
    """Why nothing can be said of the recovery of what never opened."""
    return f"{name} did not open before, so it cannot come back"


def _never_opened(stage: Stage, name: str) -> Condition:
    return Condition(stage.clock.now(), lambda: False, lambda held: stage.not_tested(name, never_opened(name)))
