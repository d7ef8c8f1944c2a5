"""The names by which faults change the simulated bench."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from station.clock import VirtualClock
from station.model.library import Library
from station.run.plan import Files
from station.twin.parameters import PARAMETERS, Parameter, UnknownParameter, assign, value_at
from station.twin.states import read_state
from station.twin.world import Twin

PLACES = {
    "<protection>": "cell_overvoltage",
    "<register>": "cell_overvoltage.trip",
    "[i]": "[1]",
    "<line>": "rs485_a",
    "<role>": "load",
    "<number>": "2",
    "<channel>": "201",
}


@pytest.fixture(scope="module")
def root() -> Iterator[Twin]:
    """A whole bench that is never started; every test puts back what it has set."""
    files, state = Files(Library.default()), read_state("factory_fresh")
    pack = files.pack("bali48")
    twin = Twin(files.bench("simulated"), pack, files.protocol(pack), state, VirtualClock(), serial_number="")
    twin.bus.packs = 2
    yield twin
    twin.stop()


def example(name: str) -> str:
    for place, word in PLACES.items():
        name = name.replace(place, word)
    return name


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_every_name_of_the_table_leads_somewhere_and_takes_a_value(root: Twin, parameter: Parameter) -> None:
    name = example(parameter.name)
    present = value_at(root, name)
    if isinstance(present, (bool, np.bool_)):
        value: str | float | bool = not present
    elif parameter.words:
        value = parameter.words[0]
    else:
        value = "2026-07-01 12:00:00" if isinstance(present, str) else 3
    put_back = assign(root, name, value)
    assert value_at(root, name) == value
    put_back()
    assert value_at(root, name) == present


def test_the_table_names_each_parameter_once() -> None:
    assert len({parameter.name for parameter in PARAMETERS}) == len(PARAMETERS)


@pytest.mark.parametrize(
    ("text", "expected"), [("1.5 mOhm", 1.5e-3), ("times 3", 0.75e-3 * 3), ("plus 2 mOhm", 2.75e-3), (0.01, 0.01)]
)
def test_numbers_may_have_units_or_be_relative(root: Twin, text: str | float, expected: float) -> None:
    put_back = assign(root, "bms.charge_fet.resistance", text)
    assert root.bms.charge_fet.resistance == pytest.approx(expected)
    put_back()
    assert root.bms.charge_fet.resistance == 0.75e-3


def test_one_cell_or_all_cells(root: Twin) -> None:
    before = root.cells.r0.copy()
    put_back = assign(root, "cells.r0[7]", "times 5")
    assert root.cells.r0[6] == pytest.approx(5 * before[6])
    assert (np.delete(root.cells.r0, 6) == np.delete(before, 6)).all()
    put_back()
    put_back = assign(root, "cells.r0", 0.5)
    assert (root.cells.r0 == 0.5).all()
    put_back()
    assert (root.cells.r0 == before).all()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("bms.parameters.cell_overvoltage.trip", "3.6 V", 3.6),
        ("bms.parameters.cell_sleep_delay", "10 min", 600),
        ("bms.parameters.pack_sn", "BALI48-000007", "BALI48-000007"),
        ("bms.protections.charge_overcurrent.delay_factor", 3, 3),
    ],
)
def test_settings_and_protections_go_by_their_names(
    root: Twin, name: str, value: str | float, expected: str | float
) -> None:
    present = value_at(root, name)
    put_back = assign(root, name, value)
    assert value_at(root, name) == expected
    put_back()
    assert value_at(root, name) == present


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
        ("lines.rs485_a.polls", "polit", "did you mean `polite`"),
        ("sensors.blind", "L5", "it takes RUN or ALM"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(root: Twin, name: str, value: str | float | bool, message: str) -> None:
    with pytest.raises(UnknownParameter, match=message) as caught:
        assign(root, name, value)
    assert "\n" not in str(caught.value)
