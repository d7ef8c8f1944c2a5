"""The emergency stop chain as a guard sees it, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bench_runs import Rig, rig

from station.bench import OpenBench
from station.guard._estop import BLIND, LOOK_EVERY, Estop
from station.guard._words import Reply


@pytest.fixture(scope="module")
def served() -> Iterator[Rig]:
    """A bench that nobody tests a pack on."""
    with rig() as bench:
        yield bench


@pytest.fixture
def estop(served: Rig) -> Iterator[Estop]:
    """A look at its emergency stop chain, which is closed."""
    served.twin.sensors.estop_closed = True
    served.twin.set("connections.switch.cut", False)
    bench = OpenBench(served.served, 1, served.plan.protocol, 15, served.clock, served.scopes)
    yield Estop(bench)
    bench.close()


def looks(served: Rig, estop: Estop, seconds: float) -> list[Reply | None]:
    """What it says in so many seconds, asked as often as it looks."""
    said = []
    ends = served.clock.now() + seconds
    while served.clock.now() < ends:
        said.append(estop.look())
        served.clock.wait(LOOK_EVERY)
    return said


def test_a_closed_chain_is_no_reason_to_say_anything(served: Rig, estop: Estop) -> None:
    assert set(looks(served, estop, 5.0)) == {None}


def test_an_open_chain_is_seen_at_the_next_look(served: Rig, estop: Estop) -> None:
    looks(served, estop, 1.0)
    served.twin.sensors.estop_closed = False
    served.clock.wait(LOOK_EVERY)
    assert estop.look() is Reply.ESTOP


def test_nobody_asks_more_often_than_the_switch_unit_can_bear(served: Rig, estop: Estop) -> None:
    estop.look()
    before = served.twin.server.counts["switch"][0]
    estop.look()
    assert served.twin.server.counts["switch"][0] == before


def test_a_chain_that_cannot_be_read_for_long_counts_as_open_and_for_a_moment_not(served: Rig, estop: Estop) -> None:
    looks(served, estop, 1.0)
    served.twin.set("connections.switch.cut", True)
    assert set(looks(served, estop, 0.8 * BLIND)) == {None}
    assert Reply.BLIND in looks(served, estop, BLIND)
    served.twin.set("connections.switch.cut", False)


def test_a_pause_in_looking_is_no_blindness(served: Rig, estop: Estop) -> None:
    served.clock.wait(10 * BLIND)
    served.twin.set("connections.switch.cut", True)
    assert estop.look() is None
    served.twin.set("connections.switch.cut", False)
