"""Cases in which a station is easily wrong about whose fault something is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from bench_runs import Ran, assert_left_safe, rig, when

from station.bench import Port
from station.model.events import Event, OutputChanging, ParametersChanging, StepStarted
from station.twin.wiring import Sensors


def assert_station_takes_the_blame(ran: Ran, *words: str) -> None:
    assert ran.record.verdict == "ERROR", ran.record.reason
    assert all(word in ran.record.reason for word in words), ran.record.reason
    assert_left_safe(ran.twin)


def test_a_load_that_trips_just_when_the_pack_should_is_no_trip_of_the_pack(tmp_path: Path) -> None:
    with rig() as bench:
        twin = bench.twin
        twin.set("bms.protections.discharge_overcurrent.enabled", False)
        twin.set("bms.protections.discharge_overcurrent_2.enabled", False)
        at_132 = [False]

        def watch(event: Event) -> None:
            at_132[0] = at_132[0] or (isinstance(event, StepStarted) and event.step == "discharge-overcurrent")

        bench.listeners.append(watch)
        solve = twin.circuit.solve
        since: list[float] = []

        def with_trip(*arguments: object, **keywords: object) -> object:
            found = solve(*arguments, **keywords)  # type: ignore[arg-type] # handed on as it came
            if at_132[0] and found.load_current > 130:
                since[:] = since or [bench.clock.now()]
                if bench.clock.now() - since[0] > 1.0:
                    twin.load.trip(1)  # type: ignore[attr-defined] # a simulated load can be tripped
            return found

        object.__setattr__(twin, "circuit", _Handed(twin.circuit, with_trip))
        ran = bench.run(tmp_path)
    assert_station_takes_the_blame(ran, "load switched itself off")


class _Handed:
    """A circuit that solves by another function."""

    def __init__(self, circuit: object, solve: Callable[..., object]) -> None:
        self.__dict__["_circuit"], self.__dict__["solve"] = circuit, solve

    def __getattr__(self, name: str) -> object:
        return getattr(self.__dict__["_circuit"], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__dict__["_circuit"], name, value)


@pytest.mark.parametrize("ohms", ["500 mOhm", "80 mOhm"])
def test_a_supply_that_goes_to_constant_voltage_is_no_open_fet(ohms: str, tmp_path: Path) -> None:
    with rig() as bench:
        when(bench, StepStarted, lambda: bench.twin.set("circuit.lead", ohms), mentions="charge-trips")
        ran = bench.run(tmp_path)
    assert_station_takes_the_blame(ran, "leads")


def test_a_pack_that_is_too_full_for_the_charge_current_is_no_open_fet(tmp_path: Path) -> None:
    with rig() as bench:
        when(bench, StepStarted, lambda: bench.twin.set("cells.soc", 1.0035), mentions="charge-trips")
        ran = bench.run(tmp_path)
    assert_station_takes_the_blame(ran, "headroom")


def test_a_lead_that_is_pulled_while_a_current_is_held_is_no_trip(tmp_path: Path) -> None:
    with rig() as bench:
        when(bench, OutputChanging, lambda: bench.twin.set("circuit.lead_open", True), mentions="128.")
        ran = bench.run(tmp_path)
    assert_station_takes_the_blame(ran, "lead")


def test_a_lead_that_is_pulled_while_a_threshold_is_shifted_is_no_trip(tmp_path: Path) -> None:
    with rig() as bench:
        when(
            bench,
            ParametersChanging,
            lambda: bench.twin.set("circuit.lead_open", True),
            mentions="discharge_overtemperature",
        )
        ran = bench.run(tmp_path)
    assert_station_takes_the_blame(ran, "lead")


def test_readings_that_are_frozen_are_never_a_pass(tmp_path: Path) -> None:
    with rig() as bench:
        when(bench, StepStarted, lambda: bench.twin.set("bms.adc.frozen", True), mentions="standby")
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "FAIL", ran.record.reason


def test_a_sound_answer_from_another_address_is_nobodys_answer(tmp_path: Path) -> None:
    with rig() as bench:
        when(bench, StepStarted, lambda: bench.twin.set("lines.rs485_a.address_error", 1), mentions="parameters")
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ERROR", ran.record.reason
    assert not [event for event in ran.events if isinstance(event, OutputChanging) and event.role != "contactor"]


@pytest.mark.parametrize(
    ("warm", "verdict"), [("31 degC", "BLOCKED"), ("28.4 degC", "PASS"), ("-6 degC", "BLOCKED"), ("58 degC", "BLOCKED")]
)
def test_a_pack_that_is_too_warm_or_cold_for_its_thresholds_is_blocked_before_any_current(
    warm: str, verdict: str, tmp_path: Path
) -> None:
    with rig() as bench:
        for name in ("cells.temperature", "pack.ambient", "pack.mosfet"):
            bench.twin.set(name, warm)
        ran = bench.run(tmp_path)
    assert ran.record.verdict == verdict, ran.record.reason
    if verdict == "BLOCKED":
        assert "degC, test temperature is 21 degC to 29 degC" in ran.record.reason
        assert not [event for event in ran.events if isinstance(event, OutputChanging | ParametersChanging)]


@pytest.mark.parametrize(("gain", "verdict"), [(1.03, "ERROR"), (0.97, "ERROR")])
def test_an_ammeter_of_the_bench_that_is_wrong_is_the_stations_fault(gain: float, verdict: str, tmp_path: Path) -> None:
    with rig() as bench:
        bench.twin.set("circuit.shunt", f"{200 * gain:g} uOhm")
        ran = bench.run(tmp_path)
    assert ran.record.verdict == verdict, ran.record.reason
    assert "calibrated" in ran.record.reason


class OpenOnce(Sensors):
    """An emergency stop chain that one reading finds open and the next one closed, as garbled bytes may say."""

    looks = 0

    def __getattribute__(self, name: str) -> object:
        if name == "estop_closed" and object.__getattribute__(self, "armed"):
            self.looks += 1
            return self.looks % 2 == 0
        return object.__getattribute__(self, name)

    armed = False


def test_an_emergency_stop_that_one_reading_alone_has_seen_is_the_benches_fault(tmp_path: Path) -> None:
    with rig() as bench:
        sensors = OpenOnce()
        bench.twin._wiring.sensors = sensors
        when(bench, StepStarted, lambda: setattr(sensors, "armed", True), mentions="resistance")
        ran = bench.run(tmp_path)
    assert_station_takes_the_blame(ran, "is open, and at once that it is closed")


LATE_VOLTMETER = """\
fault: late-voltmeter
title: The voltmeter takes its time just when the current is high
class: bench
change: {connections.voltmeter.delay: 2.9 s}
when: {at: 21 s, for: 8 s}
expect: {verdict: ERROR}
cause: A busy network
remedy: Leave the network to the bench
"""


def test_a_voltage_that_is_read_late_is_no_resistance(tmp_path: Path) -> None:
    fault = tmp_path / "late-voltmeter.yaml"
    fault.write_text(LATE_VOLTMETER, "utf-8")
    with rig([str(fault)]) as bench:
        ran = bench.run(tmp_path)
    assert_station_takes_the_blame(ran, "voltmeter and shunt were read", "after their moment")


FOR_A_WHILE = """\
fault: for-a-while
title: Something is wrong for a while
class: bench
change: {%s}
when: {%s}
expect: {verdict: ERROR}
cause: Any
remedy: Any
"""


def wrong_for_a_while(tmp_path: Path, change: str, when: str) -> Ran:
    fault = tmp_path / "for-a-while.yaml"
    fault.write_text(FOR_A_WHILE % (change, when), "utf-8")
    with rig([str(fault)]) as bench:
        return bench.run(tmp_path)


@pytest.mark.parametrize(
    ("change", "when", "word"),
    [
        ("circuit.sense_open: true", "step: standby, for: 2 s", "0.00 V and the other end of the leads"),
        ("voltmeter.digitiser.offset: -0.3", "at: 0 s", "voltmeter says 52.18 V"),
        ("voltmeter.digitiser.offset: 2", "at: 0 s", "both the pack (52.47 V) and its cells"),
        ("circuit.sense_open: true", "step: as-left", "0.00 V and the other end of the leads"),
        ("voltmeter.digitiser.gain: 1.01", "step: as-left", "voltmeter says 50.8"),
    ],
)
def test_a_voltmeter_that_is_wrong_is_no_voltage_of_the_pack(change: str, when: str, word: str, tmp_path: Path) -> None:
    assert_station_takes_the_blame(wrong_for_a_while(tmp_path, change, when), word)


def test_a_sense_lead_that_hangs_loose_makes_no_dead_terminals(tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, "circuit.sense_open: true, bms.discharge_fet.stuck: closed", "step: shutdown")
    assert_station_takes_the_blame(ran, "other end of the leads")


def test_a_load_that_takes_nothing_of_its_small_current_shows_no_live_terminals(tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, "load.ammeter.set_offset: -1 A", "step: shutdown")
    assert_station_takes_the_blame(ran, "0.00 A of the 0.1 A")


@pytest.mark.parametrize("change", ["load.ammeter.set_offset: -4 A", "load.ammeter.set_gain: 1.05"])
def test_a_load_that_leaves_its_setting_in_the_last_step_is_no_threshold(change: str, tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, change, "step: discharge-overcurrent, once: {pack.current: below -129.5 A}")
    assert_station_takes_the_blame(ran, "the load was to take 131.9 A")


@pytest.mark.parametrize("change", ["load.ammeter.set_offset: 3 A", "load.ammeter.set_gain: 1.05"])
def test_a_load_that_takes_more_than_it_is_set_to_is_corrected_by_the_shunt(change: str, tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, change, "step: discharge-overcurrent")
    assert ran.record.verdict == "PASS", ran.record.reason
    held = ran.measurement("discharge-overcurrent/discharge_overcurrent_held").value
    assert held == pytest.approx(128.15, abs=0.1)


@pytest.mark.parametrize("step", ["resistance", "discharge-overcurrent"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_load_that_takes_less_than_it_is_set_to_is_no_pack_that_blocks(
    share: float, step: str, tmp_path: Path
) -> None:
    ran = wrong_for_a_while(tmp_path, f"load.ammeter.set_gain: {share}", f"step: {step}")
    assert_station_takes_the_blame(ran, "the pack would give more")


@pytest.mark.parametrize("noise", [800, 1000, 1500])
def test_a_shunt_that_scatters_is_no_current_of_an_open_pack(noise: int, tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, f"switch.digitiser.noise: {noise}", "at: 0 s")
    assert ran.record.verdict in ("PASS", "ERROR"), ran.record.reason


@pytest.mark.parametrize("step", ["resistance", "full-current/trips", "discharge-overcurrent"])
def test_an_ammeter_of_the_load_that_stands_still_fails_no_pack(step: str, tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, "load.ammeter.frozen: true", f"step: {step}")
    assert_station_takes_the_blame(ran, "the load says", "and the shunt", "have both calibrated")


def test_an_ammeter_that_stands_still_during_a_trip_is_no_slow_protection(tmp_path: Path) -> None:
    step, frozen = "charge-trips/shifted", list[float]()
    with rig() as bench:
        memory, cells, ammeter = bench.twin.bms.memory, bench.twin.cells, bench.twin.supply.ammeter

        def freeze() -> None:
            ammeter.frozen = True
            frozen.append(bench.clock.now())

        bench.at(step, freeze, lambda: memory.values["cell_overvoltage.trip"] < cells.voltages(20.0).max())
        bench.at(
            step,
            lambda: setattr(ammeter, "frozen", False),
            lambda: bool(frozen) and bench.clock.now() > frozen[0] + 2.2,
        )
        ran = bench.run(tmp_path)
    assert_station_takes_the_blame(ran, "its ammeter stood still")


def test_a_lead_that_is_loose_when_a_protection_comes_back_is_no_late_recovery(tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, "circuit.lead_open: true", "step: discharge-overcurrent-recovery, for: 65 s")
    assert_station_takes_the_blame(ran, "a lead came off")


def test_a_shunt_that_drifts_while_the_limiter_holds_the_current_is_no_limit_of_the_pack(tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, "circuit.shunt: times 1.15", "step: charge-limiter, for: 5 s")
    assert_station_takes_the_blame(ran, "calibrated")


def test_a_contactor_that_lets_go_for_a_moment_is_the_benches_fault(tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, "circuit.main.stuck: open", "at: 64.03 s, for: 60 ms")
    assert_station_takes_the_blame(ran, "stopped for a moment")


@pytest.mark.parametrize(
    ("change", "when", "kept"),
    [
        ("bms.discharge_fet.stuck: open", "step: full-current/low-alarms, for: 2 s", "full-current/low-alarms"),
        ("bms.charge_fet.stuck: open", "at: 28 s, for: 1 s", "charge-trips/charging"),
    ],
)
def test_a_current_that_the_pack_interrupts_for_a_second_fails_it(
    change: str, when: str, kept: str, tmp_path: Path
) -> None:
    ran = wrong_for_a_while(tmp_path, change, when)
    assert ran.record.verdict == "FAIL", ran.record.reason
    assert ran.record.reason.startswith(kept)
    assert "the pack interrupted it" in ran.record.reason


@pytest.mark.parametrize(
    "change", [{"bms.discharge_fet.stuck": "open"}, {"pack.breaker.resistance": "1 Ohm"}], ids=["dead", "too high"]
)
def test_a_path_that_lets_no_current_through_fails_the_pack(change: dict[str, str], tmp_path: Path) -> None:
    with rig() as bench:
        when(
            bench,
            StepStarted,
            lambda: [bench.twin.set(name, value) for name, value in change.items()],
            mentions="resistance",
        )
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "FAIL", ran.record.reason
    assert ran.step("resistance").verdict == "FAIL"
    assert "A were asked for and did not come" in ran.step("resistance").reason


@pytest.mark.parametrize(("sensor", "kelvin"), [(6, "4 K"), (6, "-4 K"), (5, "-5 K")])
def test_a_sensor_of_air_or_mosfets_that_is_off_fails_the_pack(sensor: int, kelvin: str, tmp_path: Path) -> None:
    with rig() as bench:
        bench.twin.set(f"bms.adc.temperature_offset[{sensor}]", kelvin)
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "FAIL", ran.record.reason
    assert "temperature_error" in ran.record.reason


def test_an_ammeter_of_the_pack_that_scatters_fails_it(tmp_path: Path) -> None:
    with rig() as bench:
        bench.twin.set("bms.adc.current_noise", "5 A")
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "FAIL", ran.record.reason


@pytest.mark.parametrize(
    ("line", "step"), [("rs485_a", "resistance"), ("rs485_b", "standby/ports"), ("rs232", "charge-limiter")]
)
def test_a_line_that_was_cut_until_it_is_proven_is_no_silence_of_the_pack(line: str, step: str, tmp_path: Path) -> None:
    with rig() as bench:
        wire = bench.twin.lines[line]
        bench.at(step, lambda: setattr(wire, "cut", True))
        bench.at(step, lambda: setattr(wire, "cut", False), lambda: wire.loop_back)
        ran = bench.run(tmp_path)
    assert_station_takes_the_blame(ran, "answers again")


@pytest.mark.parametrize(
    ("change", "verdict", "word"),
    [
        ("bms.silent: true", "FAIL", "proved good"),
        ("bms.power.standby: 20 s", "FAIL", "no current came back"),
        ("lines.rs485_a.cut: true", "ERROR", "does not prove good"),
    ],
)
def test_a_pack_that_is_silent_for_good_is_judged_even_though_it_keeps_what_was_shifted(
    change: str, verdict: str, word: str, tmp_path: Path
) -> None:
    ran = wrong_for_a_while(tmp_path, change, "step: discharge-overcurrent-recovery")
    assert ran.record.verdict == verdict, ran.record.reason
    assert "NOT RESTORED" in ran.record.thresholds
    assert word in ran.record.reason


def test_a_trip_time_that_a_slow_switch_unit_blurs_is_no_early_trip(tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, "connections.switch.delay: 0.24", "step: charge-overcurrent")
    assert_station_takes_the_blame(ran, "the trip took 0.", "known to 0.3")


def test_a_voltmeter_that_is_late_after_a_trip_shortens_no_recovery(tmp_path: Path) -> None:
    at_the_trip = "step: discharge-overcurrent, once: {pack.current: below -131 A}, for: 6 s"
    ran = wrong_for_a_while(tmp_path, "connections.voltmeter.delay: 3.66", at_the_trip)
    assert ran.record.verdict == "PASS", ran.record.reason


def test_a_load_that_is_late_when_the_current_comes_back_tells_no_recovery(tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, "connections.load.delay: 1.2", "step: discharge-overcurrent-recovery/pins")
    assert_station_takes_the_blame(ran, "an instrument took for one answer")


@pytest.mark.parametrize("fault", ["loop-back-relay-welded", "echo-hides-a-silent-pack"])
def test_a_line_that_hears_itself_whatever_its_relay_does_proves_no_silence_of_the_pack(
    fault: str, tmp_path: Path
) -> None:
    with rig([fault]) as bench:
        record = bench.run(tmp_path).record
    assert record.verdict == "ERROR"
    assert "rs485_a hears itself with its loop-back relay 203 open" in record.reason


@pytest.mark.parametrize(
    ("change", "word"),
    [("load.ammeter.frozen: true", "and the shunt 4.9"), ("load.ammeter.set_gain: 0", "the pack would give")],
)
def test_a_current_that_comes_back_unseen_or_that_nobody_takes_is_no_lasting_protection(
    change: str, word: str, tmp_path: Path
) -> None:
    ran = wrong_for_a_while(tmp_path, change, "step: discharge-overcurrent-recovery/buzzer")
    assert_station_takes_the_blame(ran, word)


@pytest.mark.parametrize(
    ("change", "when", "verdict"),
    [
        ("bms.power.reboots_above: 15 A", "at: 0 s", "FAIL"),
        ("bms.power.reboots_above: 90 A", "at: 0 s", "FAIL"),
        (
            "circuit.lead_open: true, circuit.sense_open: true, lines.rs485_a.cut: true",
            "step: resistance, once: {pack.current: below -15 A}",
            "ERROR",
        ),
    ],
)
def test_a_board_that_starts_anew_under_load_fails_and_a_pack_that_is_unplugged_does_not(
    change: str, when: str, verdict: str, tmp_path: Path
) -> None:
    record = wrong_for_a_while(tmp_path, change, when).record
    assert record.verdict == verdict, record.reason


@pytest.mark.parametrize("at", [21, 38, 51, 94, 159])
def test_a_board_that_starts_anew_again_and_again_fails_wherever_it_falls_silent(at: int, tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, "bms.key.stuck: true", f"at: {at} s")
    assert ran.record.verdict == "FAIL", ran.record.reason
    assert "its board starts anew" in ran.record.reason or "own line proved good" in ran.record.reason
    assert_left_safe(ran.twin)


def test_nothing_flows_while_a_line_is_proven(tmp_path: Path) -> None:
    flowed: list[float] = []
    with rig() as bench:
        when(bench, StepStarted, lambda: bench.twin.set("bms.silent", True), mentions="charge-alarm")
        works = Port.own_line_works

        def proven(port: Port) -> bool | None:
            bench.twin.catch_up()
            flowed.append(abs(bench.twin.pack.current))
            return works(port)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Port, "own_line_works", proven)
            bench.run(tmp_path)
    assert len(flowed) > 0
    assert max(flowed) < 0.1


def test_a_pack_that_the_bench_shorts_as_soon_as_it_starts_is_not_failed(tmp_path: Path) -> None:
    """A welded contactor joins leads that are reversed: the outputs of the instruments conduct backwards."""
    with rig(["contactor-welded", "leads-reversed"]) as bench:
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ERROR", ran.record.reason
    assert "the pack says short_circuit" in ran.record.reason
    assert ran.record.steps[-1].id == "start"


def test_a_pack_that_takes_nothing_for_an_over_current_fails(tmp_path: Path) -> None:
    with rig() as bench:
        bench.twin.set("bms.adc.current_offset", -200.0)
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "FAIL", ran.record.reason
    assert ran.record.reason.startswith("start: ")
    assert not bench.twin.bms.discharge_fet.closed


def test_a_sensor_that_reads_far_too_warm_is_the_packs_fault_and_no_current_flows_on(tmp_path: Path) -> None:
    ran = wrong_for_a_while(tmp_path, "'bms.adc.temperature_offset[2]': 25 K", "at: 0 s")
    assert ran.record.verdict == "FAIL", ran.record.reason
    assert (
        "a charge needs 0 degC to 45 degC; another has 25.4 degC: a cell or its sensor is bad"
        in ran.step("charge-trips").reason
    )
    assert [step.id for step in ran.record.steps][-1] == "charge-trips"
