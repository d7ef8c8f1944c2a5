"""The names by which faults change the simulated pack."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from twin.rig import Rig

from station.twin.parameters import PARAMETERS, Parameter, UnknownParameter, assign, value_at


def twin() -> SimpleNamespace:
    rig = Rig()
    return SimpleNamespace(pack=rig.pack, bms=rig.bms, cells=rig.pack.cells, circuit=rig.circuit)


def example(name: str) -> str:
    named = name.replace("<protection>", "cell_overvoltage").replace("<register>", "cell_overvoltage.trip")
    return named.replace("[i]", "[1]")


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_every_name_of_the_table_leads_somewhere_and_takes_a_value(parameter: Parameter) -> None:
    root, name = twin(), example(parameter.name)
    present = value_at(root, name)
    if isinstance(present, (bool, np.bool_)):
        value: str | float | bool = not present
    elif parameter.words:
        value = parameter.words[0]
    else:
        value = "other" if isinstance(present, str) else 3
    assign(root, name, value)
    assert value_at(root, name) == value


def test_the_table_names_each_parameter_once() -> None:
    assert len({parameter.name for parameter in PARAMETERS}) == len(PARAMETERS)


@pytest.mark.parametrize(
    ("text", "expected"), [("1.5 mOhm", 1.5e-3), ("times 3", 0.75e-3 * 3), ("plus 2 mOhm", 2.75e-3), (0.01, 0.01)]
)
def test_numbers_may_have_units_or_be_relative(text: str | float, expected: float) -> None:
    root = twin()
    assign(root, "bms.charge_fet.resistance", text)
    assert root.bms.charge_fet.resistance == pytest.approx(expected)


def test_one_cell_or_all_cells() -> None:
    root = twin()
    before = root.cells.r0.copy()
    assign(root, "cells.r0[7]", "times 5")
    assert root.cells.r0[6] == pytest.approx(5 * before[6])
    assert (np.delete(root.cells.r0, 6) == np.delete(before, 6)).all()
    assign(root, "cells.leak", 0.5)
    assert (root.cells.leak == 0.5).all()


def test_settings_and_protections_go_by_their_names() -> None:
    root = twin()
    assign(root, "bms.parameters.cell_overvoltage.trip", "3.6 V")
    assert root.bms.memory["cell_overvoltage.trip"] == 3.6
    assign(root, "bms.parameters.cell_sleep_delay", "10 min")
    assert root.bms.memory["cell_sleep_delay"] == 600
    assign(root, "bms.protections.charge_overcurrent.delay_factor", 3)
    assert root.bms.protections["charge_overcurrent"].delay_factor == 3


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("bms.discharge_fet.stuk", "closed", "no parameter `stuk` there; did you mean `stuck`"),
        ("bms.protections.cell_overvolt.enabled", False, "no parameter `cell_overvolt` there"),
        ("bms.discharge_fet.stuck", "shut", "does not take `shut`"),
        ("bms.key.dead", 1, "does not take `1`; it is False now"),
        ("cells.r0[16]", 1e-3, "no element 16"),
        ("cells.r0[0]", 1e-3, "no element 0; they count from 1"),
        ("cells.r0[6]", "3 V and more", "is not a number with a unit"),
        ("bms._off", 1, "no parameter `_off`"),
        ("bms..key", 1, "is no name of a parameter"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(name: str, value: str | float | bool, message: str) -> None:
    with pytest.raises(UnknownParameter, match=message) as caught:
        assign(twin(), name, value)
    assert "\n" not in str(caught.value)
