"""The end-of-line test as a whole, over the wires, on good and bad packs."""

import os
from pathlib import Path

import pytest
from bench_runs import SERIAL, Ran, assert_left_safe, rig

from station.clock import DeadlineExceeded, WallClock
from station.model.events import MadeSafe, OriginalsKept, OutputChanging, ParametersChanging, StepStarted
from station.model.fault import FaultFile
from station.model.files import build
from station.model.library import Library
from station.records import project, read_journal

LIBRARY = Library.default()


def assert_thresholds_as_found(ran: Ran) -> None:
    kept = [event for event in ran.events if isinstance(event, OriginalsKept)]
    for event in kept:
        words = ran.twin.bms.memory.words
        assert {key: words[int(key)] for key in event.words} == event.words


def test_a_good_pack_passes_and_everything_is_proven_over_the_wires(tmp_path: Path) -> None:
    with rig() as bench:
        ran = bench.run(tmp_path)
        counts = bench.twin.server.counts
    record = ran.record
    assert record.verdict == "PASS", record.reason
    assert record.reason == ""
    assert not ran.bad_steps
    assert_left_safe(ran.twin)
    assert_thresholds_as_found(ran)
    assert record.thresholds == "restored and read back"
    assert {proof.id for proof in record.requirements if proof.state == "proven"} >= {
        "REQ-6.6-01", "REQ-4.2-42", "REQ-4.2-46", "REQ-4.2-03", "REQ-4.2-50", "REQ-4.2-60",
    }  # fmt: skip
    for role in ("supply", "load", "voltmeter", "switch", "rs485_a"):
        received, sent, answers = counts[role]
        assert received > 200 if role == "rs485_a" else received > 50, (role, counts[role])
        assert sent > 50
        assert answers > 3


def test_a_run_goes_over_sockets_where_there_are_no_pseudo_terminals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "openpty")
    with rig() as bench:
        lines = [at for at in bench.twin.server.addresses.values() if at.startswith("socket://")]
        ran = bench.run(tmp_path)
    assert (len(lines), ran.record.verdict, ran.record.reason) == (3, "PASS", "")


FAULTS = ("welded-discharge-fet", "dead-led", "breaker-off", "voltmeter-lost", "trip-at-136a", "silent-bms")
"""One of each kind; `station coverage` runs them all, and its own test a sample drawn anew."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_gets_its_verdict_at_its_step_with_a_reason(name: str, tmp_path: Path) -> None:
    fault = build(LIBRARY.open("fault", name), FaultFile)
    assert fault.expect is not None
    with rig([name]) as bench:
        ran = bench.run(tmp_path)
    assert ran.record.verdict == fault.expect.verdict, ran.record.reason
    assert ran.record.reason
    caught = (fault.expect.caught_by,) if isinstance(fault.expect.caught_by, str) else fault.expect.caught_by
    verdicts = {step.id: step.verdict for step in ran.record.steps}
    assert any(verdicts.get(str(step)) == fault.expect.verdict for step in caught or ("start-checks",))
    assert_left_safe(ran.twin)
    assert_thresholds_as_found(ran)
    if fault.expect.verdict == "BLOCKED":
        assert not [event for event in ran.events if isinstance(event, OutputChanging | ParametersChanging)]


@pytest.mark.parametrize("seed", [2, 3, 5, 8, 13])
def test_good_packs_of_other_seeds_pass(seed: int, tmp_path: Path) -> None:
    with rig(seed=seed) as bench:
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "PASS", ran.record.reason


@pytest.mark.parametrize(("amperes", "verdict"), [(-1.7, "PASS"), (-2.3, "FAIL"), (1.6, "PASS"), (2.1, "FAIL")])
def test_a_discharge_threshold_is_judged_by_its_guarded_tolerance(amperes: float, verdict: str, tmp_path: Path) -> None:
    with rig() as bench:
        bench.twin.set("bms.adc.current_gain", 1.0)
        bench.twin.set("bms.adc.current_offset", 0.0)
        bench.twin.set("bms.overcurrent.trip_shift", amperes)
        ran = bench.run(tmp_path)
    assert ran.step("discharge-overcurrent").verdict == verdict, ran.step("discharge-overcurrent").reason


STOPS = ("start", "standby/readings-at-rest", "discharge-overcurrent", "charge-trips/shifted", "charge-trips/balancing")


@pytest.mark.parametrize("at", STOPS)
def test_a_stop_at_any_step_is_aborted_and_leaves_everything_safe(at: str, tmp_path: Path) -> None:
    with rig() as bench:
        bench.listeners.append(
            lambda event: bench.scopes.stop("by hand") if isinstance(event, StepStarted) and event.step == at else None
        )
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ABORTED"
    assert "by hand" in ran.record.reason
    assert_left_safe(ran.twin)
    assert_thresholds_as_found(ran)


def test_a_stop_while_a_threshold_is_shifted_puts_it_back(tmp_path: Path) -> None:
    with rig() as bench:
        bench.listeners.append(
            lambda event: bench.scopes.stop("by hand") if isinstance(event, ParametersChanging) else None
        )
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ABORTED"
    assert ran.record.thresholds == "restored and read back"
    assert_thresholds_as_found(ran)
    assert_left_safe(ran.twin)


def test_originals_are_on_the_disk_before_the_first_threshold_is_written(tmp_path: Path) -> None:
    with rig() as bench:
        ran = bench.run(tmp_path)
    kinds = [type(event) for event in read_journal(ran.folder.journal)]
    assert kinds.index(OriginalsKept) < kinds.index(ParametersChanging)
    assert OriginalsKept.durable
    assert ParametersChanging.durable
    assert OutputChanging.durable


def test_the_record_is_a_projection_of_the_journal(tmp_path: Path) -> None:
    with rig(["dead-led"]) as bench:
        ran = bench.run(tmp_path)
        pack = bench.plan.pack
    assert project(read_journal(ran.folder.journal), pack) == ran.record
    assert ran.folder.record.read_bytes() == ran.record.canonical()


def test_a_blank_board_is_given_its_serial_number_and_passes(tmp_path: Path) -> None:
    with rig() as bench:
        bench.twin.set("bms.parameters.pack_sn", "")
        ran = bench.run(tmp_path)
        assert bench.twin.bms.memory["pack_sn"] == SERIAL
    assert ran.record.verdict == "PASS", ran.record.reason


def test_a_silent_pack_on_a_broken_station_line_is_an_error(tmp_path: Path) -> None:
    with rig(["silent-bms"]) as bench:
        bench.twin.set("lines.rs485_a.loop_back_broken", True)
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ERROR"
    assert "loop-back" in ran.record.reason


def test_a_load_that_switches_itself_off_is_an_error_and_not_a_trip(tmp_path: Path) -> None:
    with rig() as bench:

        def trip(event: object) -> None:
            if isinstance(event, OutputChanging) and event.role == "load" and event.setting.startswith("128"):
                bench.twin.load.trip(1)  # type: ignore[attr-defined] # a simulated load can be tripped

        bench.listeners.append(trip)
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ERROR", ran.record.reason
    assert_left_safe(ran.twin)


def test_an_open_emergency_stop_chain_blocks_the_run(tmp_path: Path) -> None:
    with rig() as bench:
        bench.twin.set("sensors.estop_closed", False)
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "BLOCKED"
    assert "emergency stop" in ran.record.reason


def test_a_welded_contactor_blocks_the_run_before_anything_is_switched_on(tmp_path: Path) -> None:
    with rig() as bench:
        bench.twin.set("circuit.main.stuck", "closed")
        bench.twin.bms.power.enter("running", 0.0)
        bench.clock.wait(3.0)
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "BLOCKED"
    assert "welded" in ran.record.reason


def test_a_swapped_instrument_blocks_the_run(tmp_path: Path) -> None:
    with rig() as bench:
        bench.twin.set("load.identity", "Chroma,63210A-150-1000,OTHER,01.20")
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "BLOCKED"
    assert "serial number" in ran.record.reason


def test_the_last_word_of_a_run_is_the_safe_state_then_the_verdict(tmp_path: Path) -> None:
    with rig() as bench:
        ran = bench.run(tmp_path)
    assert [event for event in ran.events if isinstance(event, MadeSafe)][-1].trouble == ()
    assert ran.record.safe_state == "load off, supply off, 0.00 A, contactor open, key released"


def test_wall_time_gives_the_same_verdicts_at_the_start_of_the_test(tmp_path: Path) -> None:
    with rig(clock=WallClock()) as bench:
        bench.listeners.append(
            lambda event: (
                bench.scopes.stop("far enough") if isinstance(event, StepStarted) and event.step == "standby" else None
            )
        )
        ran = bench.run(tmp_path)
    assert [(step.id, step.verdict) for step in ran.record.steps][:4] == [
        ("start", "PASS"), ("window", "PASS"), ("identity", "PASS"), ("parameters", "PASS"),
    ]  # fmt: skip
    assert ran.record.verdict == "ABORTED"
    assert_left_safe(ran.twin)


@pytest.mark.parametrize(
    ("role", "step"),
    [
        ("load", "discharge-overcurrent"),
        ("load", "discharge-trips"),
        ("supply", "charge-trips/shifted"),
        ("supply", "charge-trips/balancing"),
        ("switch", "discharge-overcurrent"),
        ("switch", "charge-trips/shifted"),
        ("voltmeter", "charge-trips/shifted"),
    ],
)
def test_an_instrument_lost_while_current_flows_is_an_error_and_current_stops(
    role: str, step: str, tmp_path: Path
) -> None:
    with rig() as bench:

        def cut(event: object) -> None:
            if isinstance(event, StepStarted) and event.step == step:
                bench.twin.set(f"connections.{role}.cut", True)

        bench.listeners.append(cut)
        ran = bench.run(tmp_path)
        bench.clock.wait(1.0)
    assert ran.record.verdict == "ERROR"
    assert role in ran.record.reason
    assert abs(bench.twin.pack.current) < 0.1
    assert_thresholds_as_found(ran)


@pytest.mark.parametrize("step", ["parameters", "discharge-overcurrent-recovery", "charge-trips/shifted"])
def test_a_line_that_is_cut_is_never_a_verdict_on_the_pack(step: str, tmp_path: Path) -> None:
    with rig() as bench:

        def cut(event: object) -> None:
            if isinstance(event, StepStarted) and event.step == step:
                bench.twin.set("lines.rs485_a.cut", True)

        bench.listeners.append(cut)
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ERROR", ran.record.reason
    assert not bench.twin._sink.on
    assert not bench.twin._source.on


@pytest.mark.parametrize("error", [DeadlineExceeded("too late"), RuntimeError("a driver with a bug")])
def test_nothing_that_one_instrument_raises_keeps_the_others_from_being_made_safe(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object) -> None:
        raise error

    with rig() as bench:

        def break_driver(event: object) -> None:
            if isinstance(event, ParametersChanging):
                monkeypatch.setattr("station.instruments.chroma_63210a.Chroma63210A.off", broken)
                bench.scopes.stop("by hand")

        bench.listeners.append(break_driver)
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ERROR"
    assert str(error) in ran.record.safe_state
    assert not bench.twin.circuit.main.closed
    assert not bench.twin._source.on
    assert ran.record.thresholds == "restored and read back"
    assert_thresholds_as_found(ran)
