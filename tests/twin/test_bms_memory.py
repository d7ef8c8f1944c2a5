"""What the BMS lets be written, what it stores, and what it answers for each register."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twin.rig import DEFAULTS, TEXTS, Rig, protocol, words

from station.model.ordering import violations
from station.twin.bms import Refused
from station.twin.bms.memory import ACCEPTS, Memory


def memory() -> Memory:
    return Memory(protocol(), words(), TEXTS)


def code(write: Callable[[], object]) -> int:
    with pytest.raises(Refused) as caught:
        write()
    return caught.value.code


def test_settings_read_back_by_name_and_by_address() -> None:
    stored = memory()
    assert stored.values == pytest.approx(DEFAULTS)
    assert stored["pack_sn"] == "BALI48-000001"
    stored.write(65, [3650])
    assert stored["cell_overvoltage.trip"] == 3.65
    assert stored.words[65] == 3650


def test_a_missing_setting_is_said_by_name() -> None:
    lacking = words()
    del lacking[65]
    with pytest.raises(ValueError, match=r"no word for cell_overvoltage\.trip"):
        Memory(protocol(), lacking, TEXTS)


@pytest.mark.parametrize(
    ("address", "content", "expected"),
    [
        (180, [0], 2),  # beyond the map
        (65000, [0], 2),
        (0, [0], 3),  # read-only
        (150, [0], 3),
        (40, [0], 3),  # reserved
        (114, [4, 0], 3),  # the second word is reserved
        (65, [4600], 3),  # outside the accepted range
        (69, [51000], 3),
        (111, [21], 3),
        (65, [3300], 3),  # trip below its release
        (76, [130], 3),  # alarm not below its trip
        (160, [0x0141], 3),  # no text
    ],
)
def test_what_is_not_allowed_is_refused(address: int, content: list[int], expected: int) -> None:
    stored = memory()
    before = dict(stored.words)
    assert code(lambda: stored.write(address, content)) == expected
    assert stored.words == before


def test_a_frame_is_taken_or_refused_as_a_whole() -> None:
    stored = memory()
    assert code(lambda: stored.write(64, [3500, 3650, 3700])) == 3
    assert stored["cell_overvoltage.alarm"] == 3.6
    stored.write(64, [3300, 3310, 3200])
    assert stored["cell_overvoltage.trip"] == 3.31


def test_values_that_would_be_refused_one_by_one_pass_in_one_frame() -> None:
    stored = memory()
    assert code(lambda: stored.write(65, [3300])) == 3
    stored.write(64, [3300, 3300, 3250])


def test_texts_can_be_written_in_whole() -> None:
    stored = memory()
    stored.write(170, protocol().by_name["pack_sn"].encode("BALI48-000777"))
    stored.reload()
    assert stored["pack_sn"] == "BALI48-000777"


def test_a_faulty_memory_ignores_or_spoils_what_is_written() -> None:
    stored = memory()
    stored.ignores = True
    stored.write(65, [3650])
    assert stored["cell_overvoltage.trip"] == 3.7
    stored.ignores, stored.wrong_by = False, 5
    stored.write(65, [3650])
    assert stored["cell_overvoltage.trip"] == 3.655


def test_a_setting_can_be_spoilt_past_all_rules() -> None:
    stored = memory()
    stored["cell_overvoltage.trip"] = 9.9
    stored.reload()
    assert stored["cell_overvoltage.trip"] == 9.9


@given(st.integers(60, 114), st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=55))
def test_whatever_is_accepted_is_in_range_and_in_order(address: int, content: list[int]) -> None:
    stored = memory()
    try:
        stored.write(address, content)
    except Refused:
        assert stored.words == memory().words
        return
    assert violations(stored.values) == ()
    for name, value in stored.values.items():
        low, high = ACCEPTS.get(name) or ACCEPTS.get(name.partition(".")[0]) or (-math.inf, math.inf)
        assert low - 1e-9 <= value <= high + 1e-9


def test_the_manuals_set_lies_within_what_the_firmware_accepts() -> None:
    stored = memory()
    stored.write(60, [stored.words[at] for at in range(60, 115)])


@pytest.fixture
def rig() -> Rig:
    """A running pack."""
    return Rig().started()


def test_readings_agree_with_the_truth(rig: Rig) -> None:
    rig.discharge(20)
    rig.wait(2)
    assert rig.value("current") == pytest.approx(-20, abs=0.3)
    volts = [rig.value(f"cell_voltage_{cell}") for cell in range(1, 16)]
    assert volts == pytest.approx(list(rig.pack.cells.voltages(-20.0)), abs=3e-3)
    assert rig.value("pack_voltage") == pytest.approx(sum(volts), abs=0.1)
    assert rig.value("cell_voltage_16") == 0
    for name in ("cell_temperature_1", "mosfet_temperature", "ambient_temperature"):
        assert rig.value(name) == pytest.approx(25, abs=1.5)
    assert (rig.value("design_capacity"), rig.value("full_capacity"), rig.value("soh")) == (100, 100, 100)
    assert rig.flags("status") == {"discharging", "charge_fet", "discharge_fet"}


def test_reserved_registers_read_as_zero_within_a_block(rig: Rig) -> None:
    block = rig.bms.read(0, 119)
    assert block[8] == block[13] == block[14] == 0
    assert block[37:60] == [0] * 23
    assert block[65] == 3700


def test_a_block_that_reaches_beyond_the_map_is_refused(rig: Rig) -> None:
    assert len(rig.bms.read(170, 10)) == 10
    assert code(lambda: rig.bms.read(171, 10)) == 2
    assert code(lambda: rig.bms.read(300, 1)) == 2


def test_charge_is_counted(rig: Rig) -> None:
    before = rig.value("remaining_capacity")
    rig.discharge(100)
    rig.wait(36)
    assert before - rig.value("remaining_capacity") == pytest.approx(1.0, abs=0.03)


def test_the_version_can_be_another(rig: Rig) -> None:
    rig.bms.version = "P15S100A-V1.3"
    register = protocol().by_name["version"]
    assert register.decode(rig.bms.read(150, 10)) == "P15S100A-V1.3"


# --- measuring ------------------------------------------------------------------------------------------------------


def test_a_frozen_front_end_repeats_itself(rig: Rig) -> None:
    rig.bms.adc.frozen = True
    before = rig.bms.read(0, 37)
    rig.discharge(100)
    rig.wait(5)
    assert rig.bms.read(15, 16) == before[15:31]
    assert rig.value("current") == pytest.approx(0, abs=0.2)


def test_an_open_sense_wire_reads_nothing_and_its_neighbour_double(rig: Rig) -> None:
    rig.bms.adc.cell_wires[4] = "open"
    rig.wait(0.2)
    assert rig.value("cell_voltage_5") == 0
    assert rig.value("cell_voltage_6") > 6


def test_swapped_sense_wires_read_one_cell_backwards(rig: Rig) -> None:
    rig.bms.adc.swapped_wire = 5
    rig.wait(0.2)
    assert [rig.value(f"cell_voltage_{cell}") > 6 for cell in (5, 6, 7)] == [True, False, True]
    assert "cell_fault" in rig.flags("status")


@pytest.mark.parametrize(("word", "reading"), [("open", -40), ("short", 120)])
def test_a_broken_temperature_sensor_reads_its_end_and_says_so(rig: Rig, word: str, reading: float) -> None:
    rig.bms.adc.sensors[2] = word  # type: ignore[call-overload] # a parametrised word
    rig.wait(2)
    assert rig.value("cell_temperature_3") == pytest.approx(reading, abs=1)
    assert "sensor_fault" in rig.flags("status")
    assert rig.flags("protection")


@pytest.mark.parametrize(
    ("name", "value", "register", "shift"),
    [
        ("current_offset", 1.5, "current", 1.5),
        ("pack_voltage_offset", 0.7, "pack_voltage", 0.7),
        ("cell_gain", 1.01, "cell_voltage_1", 0.035),
    ],
)
def test_errors_of_the_converters_show_in_the_registers(
    rig: Rig, name: str, value: float, register: str, shift: float
) -> None:
    before = rig.value(register)
    setattr(rig.bms.adc, name, value)
    rig.wait(0.2)
    assert rig.value(register) - before == pytest.approx(shift, abs=0.1 if register != "cell_voltage_1" else 0.005)


def test_readings_are_whole_counts(rig: Rig) -> None:
    seen = rig.bms.readings
    assert seen is not None
    assert [round(volts, 3) for volts in seen.cell_voltages] == list(seen.cell_voltages)
    assert round(seen.pack_voltage, 2) == seen.pack_voltage
    assert [round(degrees, 1) for degrees in seen.temperatures] == list(seen.temperatures)


def test_the_same_seed_gives_the_same_readings() -> None:
    one, two = (Rig().started() for _ in range(2))
    assert one.bms.read(0, 37) == two.bms.read(0, 37)


# --- firmware that does otherwise, and counters ---------------------------------------------------------------------


def test_a_firmware_may_clip_what_is_out_of_range_or_take_it() -> None:
    stored = memory()
    stored.out_of_range = "clipped"
    stored.write(65, [4600])
    assert stored["cell_overvoltage.trip"] == 4.5
    stored.write(111, [99])
    assert stored["short_circuit.delay"] == pytest.approx(500e-6)
    stored.out_of_range = "taken"
    stored.write(65, [4600])
    assert stored["cell_overvoltage.trip"] == 4.6


@given(st.integers(60, 114), st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=55))
def test_whatever_is_clipped_is_in_range(address: int, content: list[int]) -> None:
    stored = memory()
    stored.out_of_range, stored.ordered = "clipped", False
    try:
        stored.write(address, content)
    except Refused:
        return
    for name, value in stored.values.items():
        low, high = ACCEPTS.get(name) or ACCEPTS.get(name.partition(".")[0]) or (-math.inf, math.inf)
        assert low - 1e-9 <= value <= high + 1e-9


def test_a_firmware_may_accept_less_and_not_mind_the_order() -> None:
    stored = memory()
    stored.highest["pack_undervoltage"] = 45.0
    assert code(lambda: stored.write(70, [45100])) == 3
    stored.write(70, [44900])
    stored.ordered = False
    stored.write(65, [3300])
    assert stored["cell_overvoltage.trip"] == 3.3


def test_a_firmware_may_call_a_read_only_register_unknown() -> None:
    stored = memory()
    stored.read_only_code = 2
    assert code(lambda: stored.write(0, [0])) == 2


def test_the_delivered_settings_come_back_and_the_texts_stay() -> None:
    stored = memory()
    stored.write(65, [3650])
    stored.write(170, protocol().by_name["pack_sn"].encode("BALI48-000777"))
    stored.restore_defaults()
    stored.reload()
    assert stored["cell_overvoltage.trip"] == 3.7
    assert stored["pack_sn"] == "BALI48-000777"


def test_a_firmware_may_take_nothing_while_a_protection_stands(rig: Rig) -> None:
    rig.bms.memory.locked_by_protection = True
    rig.set(cell_sleep_delay=600)
    rig.discharge(132)
    rig.wait(2)
    assert code(lambda: rig.set(cell_sleep_delay=300)) == 3
    assert rig.value("cell_sleep_delay") == 600


def test_charge_and_discharge_are_totalled_and_make_cycles(rig: Rig) -> None:
    rig.bms.gauge.design = 1.0
    rig.discharge(100)
    rig.wait(80)
    assert rig.value("cycles") == 2
    assert rig.bms.gauge.discharged == pytest.approx(80 / 36, abs=0.05)
    assert rig.bms.gauge.charged == pytest.approx(0, abs=0.01)
    rig.discharge(0)
    rig.charge(20)
    rig.wait(36)
    assert rig.bms.gauge.charged == pytest.approx(0.2, abs=0.01)
