"""Two runs never reach for one instrument."""

from pathlib import Path

import pytest
from bench_runs import rig

from station.bench import Held, leased, resources
from station.model.events import InstrumentFound

SUPPLY = ("supply", "TCPIP::supply-1::2101::SOCKET")
LOAD = ("load", "TCPIP::load-1::2101::SOCKET")


def test_a_lease_names_its_holder_to_whoever_comes_second(tmp_path: Path) -> None:
    with (
        leased([SUPPLY, LOAD], "run 1", tmp_path),
        pytest.raises(Held, match=r"supply-1.* in use by run 1, process \d+"),
        leased([SUPPLY], "run 2", tmp_path),
    ):
        pytest.fail("two runs hold the same supply")


def test_a_lease_that_was_let_go_can_be_taken_again(tmp_path: Path) -> None:
    for holder in ("run 1", "run 2"):
        with leased([SUPPLY], holder, tmp_path):
            pass


def test_whoever_gets_not_everything_holds_nothing(tmp_path: Path) -> None:
    with leased([SUPPLY], "run 1", tmp_path):
        with pytest.raises(Held), leased([LOAD, SUPPLY], "run 2", tmp_path):
            pass
        with leased([LOAD], "run 3", tmp_path):
            pass


def test_a_bench_that_is_in_use_blocks_a_run_before_anything_is_said_to_an_instrument(tmp_path: Path) -> None:
    with rig() as bench, leased(resources(bench.served, 1), "run of another station"):
        ran = bench.run(tmp_path)
        assert bench.twin.server.counts["supply"] == [0, 0, 0]
    assert ran.record.verdict == "BLOCKED"
    assert "in use by run of another station" in ran.record.reason
    assert not [event for event in ran.events if isinstance(event, InstrumentFound)]
