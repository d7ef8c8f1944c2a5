"""Virtual time: who moves it, and when a time-out counts."""

from __future__ import annotations

import pytest

from station.clock import Clock, Ledger, SteppedClock, Traffic, VirtualClock, WallClock


class Wires:
    """A far end that has dealt with everything at once; `coming` bytes of it are still on their way."""

    def __init__(self, coming: int = 0) -> None:
        self.coming = coming
        self.asked: list[Ledger] = []

    def join(self, connection: str) -> Traffic | None:
        return Traffic(100, 200) if connection == "known" else None

    def settle(self, ledger: Ledger) -> Traffic:
        self.asked.append(ledger)
        return Traffic(ledger.sent, ledger.taken + self.coming)


def never(seconds: float) -> bool:
    return False


def test_the_world_has_arrived_before_anybody_sees_the_new_time() -> None:
    clock = VirtualClock(start=5.0)
    seen: list[tuple[float, float]] = []
    clock.attach(lambda target: seen.append((target, clock.now())))
    for seconds in (1.5, 0.0, -1.0, 2.0):
        clock.wait(seconds)
    assert seen == [(6.5, 5.0), (8.5, 6.5)]
    assert clock.now() == 8.5


def test_an_answer_that_is_there_costs_no_time_and_a_silence_exactly_its_own() -> None:
    clock = VirtualClock()
    clock.attach(lambda target: None, Wires())
    assert clock.poll(lambda seconds: True, Ledger(), timeout=2.0)
    assert clock.now() == 0.0
    assert not clock.poll(never, Ledger(), timeout=2.0)
    assert clock.now() == 2.0


def test_a_time_out_counts_from_the_request_and_not_from_the_wait_for_its_reply() -> None:
    clock = VirtualClock()
    since = clock.now()
    clock.wait(0.5)  # what the twin needed for the exchange
    assert not clock.poll(never, Ledger(), timeout=2.0, since=since)
    assert clock.now() == 2.0
    assert not clock.poll(never, Ledger(), timeout=1.0, since=since)
    assert clock.now() == 2.0, "a time-out that is over already moves nothing back"


def test_no_time_out_counts_before_everything_that_was_said_has_arrived() -> None:
    wires, clock = Wires(coming=7), VirtualClock()
    clock.attach(lambda target: None, wires)
    patience: list[float] = []

    def arrives_in_pieces(seconds: float) -> bool:
        patience.append(seconds)
        wires.coming = max(0, wires.coming - 3)
        return False

    assert not clock.poll(arrives_in_pieces, Ledger("known"), timeout=1.0)
    assert [seconds > 0 for seconds in patience] == [True, True, True, False, False]
    assert clock.now() == 1.0


def test_a_new_ledger_agrees_with_what_the_twin_has_counted_before() -> None:
    clock = VirtualClock()
    assert clock.ledger("known") == Ledger(), "nobody counts where no twin is attached"
    clock.attach(lambda target: None, Wires())
    assert clock.ledger("known") == Ledger("known", sent=100, taken=200)
    assert clock.ledger("elsewhere") == Ledger()


@pytest.mark.parametrize("clock", [WallClock(), SteppedClock(), VirtualClock()], ids=["wall", "stepped", "virtual"])
def test_every_clock_lets_time_pass_in_a_wait_and_in_a_silence(clock: Clock) -> None:
    before = clock.now()
    clock.wait(0.002)
    assert not clock.poll(never, clock.ledger("any"), timeout=0.003)
    assert clock.now() - before >= 0.005 - 1e-9


def test_a_stepped_clock_stands_until_it_is_let_go_and_takes_the_world_along_when_it_stands_again() -> None:
    clock = SteppedClock()
    targets: list[float] = []
    clock.attach(targets.append)
    assert (clock.kind, clock.now()) == ("virtual", 0.0)
    clock.wait(3.0)
    assert (targets, clock.now()) == ([3.0], 3.0)
    clock.go_on()
    clock.go_on()
    kinds = [clock.kind]
    clock.wait(0.01)
    clock.stand()
    clock.stand()
    stands_at = clock.now()
    assert [*kinds, clock.kind] == ["wall", "virtual"]
    assert 3.01 <= stands_at < 4.0
    assert targets == [3.0, stands_at]
    assert clock.now() == stands_at
