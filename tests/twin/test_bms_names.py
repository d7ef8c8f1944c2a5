"""The words and units that the parameters of the firmware take, and the packs that other cell counts make."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twin.rig import Rig, new_pack

from station.model.ordering import violations
from station.twin.bms import NEVER_SET
from station.twin.parameters import UnknownParameter, assign


def root(rig: Rig) -> SimpleNamespace:
    return SimpleNamespace(pack=rig.pack, bms=rig.bms, cells=rig.pack.cells, circuit=rig.circuit)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("bms.lamps.L3", "drak", "did you mean `dark`"),
        ("bms.discharge_fet.stuck", "on", "it takes closed or open"),
        ("bms.limiter.stuck", "closed", "it takes on or off"),
        ("bms.contacts.low.dead", "shut", "it takes closed or open"),
        ("bms.buzzer.stuck", "loud", "it takes sounding or silent"),
        ("bms.memory.out_of_range", "ignored", "refused or clipped or taken"),
        ("bms.adc.sensors[2]", "opne", "did you mean `open`"),
        ("bms.charge_fet.resistance", "3 V", "`3 V` is a voltage; expected Ohm"),
        ("bms.parameters.cell_overvoltage.trip", "3.6 A", "`3.6 A` is a current; expected V"),
        ("bms.recovery.locks_after", "3 s", "expected times"),
        ("bms.clock.date", "yesterday", "does not take `yesterday`"),
        ("pack.cells", 14, "no single value; name one of its own, such as `cells.count`"),
    ],
)
def test_a_word_or_unit_that_does_not_fit_is_refused(name: str, value: str | int, message: str) -> None:
    with pytest.raises(UnknownParameter, match=message):
        assign(root(Rig()), name, value)


def test_temperatures_rise_by_differences_and_shares_are_per_cents() -> None:
    rig = Rig()
    twin = root(rig)
    assign(twin, "cells.temperature[3]", "plus 8 K")
    assert rig.pack.cells.temperature[2] == pytest.approx(rig.pack.cells.temperature[3] + 8, abs=0.5)
    assign(twin, "cells.soc", "40 %")
    assert rig.pack.cells.soc.tolist() == pytest.approx([0.4] * 15)
    assign(twin, "bms.parameters.soc_low.alarm", "20 %")
    assert rig.bms.memory["soc_low.alarm"] == 20
    assign(twin, "bms.memory.highest.pack_undervoltage", "45 V")
    assert rig.bms.memory.highest["pack_undervoltage"] == 45


# --- other cell counts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [13, 14, 16])
def test_a_pack_of_another_height_is_whole_but_for_its_voltage(count: int) -> None:
    rig = Rig(new_pack("shelf_2w"))
    whole = float(rig.pack.cells.voltages(0.0).sum())
    assign(root(rig), "cells.count", count)
    assign(root(rig), "bms.cells", count)
    rig.started()
    rig.discharge(20)
    rig.wait(2)
    volts = [rig.value(f"cell_voltage_{cell}") for cell in range(1, 17)]
    assert [volt > 3.2 for volt in volts] == [cell < count for cell in range(16)]
    assert rig.value("pack_voltage") == pytest.approx(whole * count / 15, abs=0.3)
    assert rig.found.current == pytest.approx(-20, abs=0.1)
    assert rig.flags("status") == {"discharging", "charge_fet", "discharge_fet"}


def test_a_board_that_is_set_for_a_cell_too_many_misses_it() -> None:
    rig = Rig(new_pack("shelf_2w"))
    rig.bms.cells = 16
    rig.press(3.5)
    rig.wait(3)
    assert rig.value("cell_voltage_16") == 0
    assert "cell_fault" in rig.flags("status")
    assert rig.bms.lamp_state == "failure"
    assert len(rig.bms.bleed) == 15


def test_a_board_that_is_set_for_a_cell_too_few_does_not_see_it() -> None:
    rig = Rig(new_pack("shelf_2w"))
    rig.bms.cells = 14
    rig.started()
    assert rig.value("cell_voltage_15") == 0
    assert rig.value("pack_voltage") > 50
    assert rig.bms.lamp_state == "standby"


def test_the_number_of_cells_can_be_put_back() -> None:
    rig = Rig(new_pack("shelf_2w"))
    undo = [assign(root(rig), name, 14) for name in ("cells.count", "bms.cells")]
    for each in undo:
        each()
    rig.started()
    assert rig.value("cell_voltage_15") > 3.2


def test_a_new_board_has_its_makers_parameters_no_serial_number_and_no_time() -> None:
    rig = Rig(new_pack("new_board")).started()
    settings = rig.bms.memory
    assert settings["pack_overvoltage.trip"] == 59.2
    assert settings["discharge_overcurrent.trip"] == 110
    assert settings["pack_sn"] == ""
    assert set(rig.bms.read(170, 10)) == {0}
    assert violations(settings.values) == ()
    assert rig.bms.clock.read(0.0) == NEVER_SET
    assert rig.bms.lamp_state == "standby"


@pytest.mark.parametrize("blanks", ["", " " * 20])
def test_a_blank_serial_number_reads_as_none_whatever_fills_it(blanks: str) -> None:
    rig = Rig()
    assign(root(rig), "bms.parameters.pack_sn", blanks)
    assert rig.bms.memory["pack_sn"] == ""
