"""The circuit: Kirchhoff's laws for every combination of pack, supply and load."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.twin.circuit import DIODE, DIODE_RESISTANCE, Branch, Circuit, Contactor, Found, Ramp, drawn, node_voltage
from station.twin.terminals import SinkTerminals, SourceTerminals

PACK = Branch(52.4, 12e-3)
DROP = 0.65
NO_CHARGE = Branch(52.4, 12e-3, charge_drop=math.inf, discharge_drop=DROP)
NO_DISCHARGE = Branch(52.4, 12e-3, charge_drop=DROP, discharge_drop=math.inf)
OFF = Branch(52.4, 12e-3, math.inf, math.inf)


def connected(**options: float | bool) -> Circuit:
    circuit = Circuit(supply_contactor=Contactor(closed=True), load_contactor=Contactor(closed=True))
    for name, value in options.items():
        setattr(circuit, name, value)
    return circuit


def solve(
    branch: Branch = PACK,
    supply: SourceTerminals | None = None,
    load: SinkTerminals | None = None,
    circuit: Circuit | None = None,
    dt: float = 0.01,
) -> Found:
    return (circuit or connected()).solve(branch, supply or SourceTerminals(), load or SinkTerminals(), dt)


def supply(volts: float, amps: float) -> SourceTerminals:
    return SourceTerminals(on=True, voltage=volts, current=amps)


def load(amps: float) -> SinkTerminals:
    return SinkTerminals(on=True, mode="CC", current=amps)


def test_a_pack_at_rest_shows_its_emf() -> None:
    assert solve().terminal_voltage == pytest.approx(52.4, abs=1e-5)
    assert solve().current == pytest.approx(0, abs=1e-4)


def test_a_load_draws_its_current_and_the_pack_sags() -> None:
    sink = load(100)
    found = solve(load=sink)
    assert found.current == pytest.approx(-100, abs=1e-3)
    assert found.terminal_voltage == pytest.approx(52.4 - 100 * 12e-3, abs=1e-3)
    assert found.shunt_voltage == pytest.approx(-100 * 0.25e-3, rel=1e-4)
    assert sink.terminal_current == pytest.approx(100)
    assert sink.terminal_voltage == found.load_voltage < found.terminal_voltage


def test_a_supply_charges_at_its_current_limit_or_holds_its_voltage() -> None:
    limited, holding = supply(54.7, 20), supply(52.5, 20)
    assert solve(supply=limited).current == pytest.approx(20, abs=1e-3)
    assert limited.mode == "CC"
    assert 0 < solve(supply=holding).current < 20
    assert holding.mode == "CV"
    assert holding.terminal_voltage == pytest.approx(52.5)


def test_a_supply_below_the_pack_gives_nothing_and_sees_the_pack() -> None:
    source = supply(48, 20)
    found = solve(supply=source)
    assert found.supply_current == 0
    assert source.mode == "CV"
    assert source.terminal_voltage == pytest.approx(52.4, abs=1e-4)


def test_supply_and_load_at_once_share_the_node() -> None:
    found = solve(supply=supply(54, 20), load=load(100))
    assert found.current == pytest.approx(-80, abs=1e-3)
    assert found.supply_current == pytest.approx(20)
    assert found.load_current == pytest.approx(100)


def test_power_limits_the_supply() -> None:
    source, circuit = supply(60, 100), connected()
    source.power = 1000
    for _ in range(20):
        solve(supply=source, circuit=circuit)
    assert source.mode == "CP"
    assert source.terminal_voltage * source.terminal_current == pytest.approx(1000, rel=1e-3)


@pytest.mark.parametrize(
    ("set_points", "quantity", "value"),
    [
        ({"mode": "CV", "voltage": 51.0}, lambda sink: sink.terminal_voltage, 51.0),
        ({"mode": "CR", "resistance": 5.0}, lambda sink: sink.terminal_voltage / sink.terminal_current, 5.0),
        ({"mode": "CP", "power": 2000.0}, lambda sink: sink.terminal_voltage * sink.terminal_current, 2000.0),
    ],
)
def test_each_mode_of_the_load_holds_its_quantity(
    set_points: dict[str, object], quantity: Callable[[SinkTerminals], float], value: float
) -> None:
    sink, circuit = SinkTerminals(on=True), connected()
    for name, number in set_points.items():
        setattr(sink, name, number)
    for _ in range(20):
        solve(load=sink, circuit=circuit)
    assert quantity(sink) == pytest.approx(value, rel=0.02 if sink.mode == "CV" else 1e-3)


def test_an_open_charge_fet_blocks_charging_and_discharges_through_its_diode() -> None:
    assert solve(NO_CHARGE, supply(54.7, 20)).current == pytest.approx(0, abs=1e-4)
    found = solve(NO_CHARGE, load=load(20))
    assert found.current == pytest.approx(-20, abs=1e-3)
    assert found.terminal_voltage == pytest.approx(52.4 - DROP - 20 * 12e-3, abs=1e-3)


def test_an_open_discharge_fet_blocks_discharging_and_charges_through_its_diode() -> None:
    assert solve(NO_DISCHARGE, load=load(20)).current == pytest.approx(0, abs=1e-3)
    found = solve(NO_DISCHARGE, supply(54.7, 20))
    assert found.current == pytest.approx(20, abs=1e-3)
    assert found.terminal_voltage == pytest.approx(52.4 + DROP + 20 * 12e-3, abs=1e-3)


def test_a_pack_that_is_off_floats_and_collapses_under_a_kilohm() -> None:
    floating = solve(OFF).terminal_voltage
    assert 40 < floating < 51.5
    bleed = SinkTerminals(on=True, mode="CR", resistance=1000)
    assert solve(OFF, load=bleed).terminal_voltage < 0.1


def test_the_packs_own_limiter_holds_the_charging_current_but_not_the_discharge() -> None:
    limited = PACK._replace(charge_limit=20.6)
    source = supply(54.7, 60)
    assert solve(limited, source).current == pytest.approx(20.6, abs=0.01)
    assert source.mode == "CV"
    assert solve(limited, load=load(100)).current == pytest.approx(-100, abs=1e-3)


def test_a_lead_that_was_pulled_leaves_the_pack_alone() -> None:
    sink = load(100)
    found = solve(load=sink, circuit=connected(lead_open=True))
    assert found.current == 0
    assert found.terminal_voltage == pytest.approx(52.4, abs=1e-4)
    assert sink.terminal_current == pytest.approx(0, abs=1e-6)
    assert sink.terminal_voltage == pytest.approx(0, abs=1e-3)


def test_open_contactors_separate_and_welded_ones_do_not() -> None:
    circuit = connected()
    circuit.main.closed = False
    assert solve(load=load(20), circuit=circuit).current == 0
    circuit.main.stuck = "closed"
    assert solve(load=load(20), circuit=circuit).current == pytest.approx(-20, abs=1e-3)
    circuit.supply_contactor = Contactor(closed=True, stuck="open")
    source = supply(54, 20)
    assert solve(supply=source, circuit=circuit).supply_voltage == 54
    assert (source.mode, source.terminal_current) == ("CV", 0)


def test_leads_on_the_wrong_posts_show_a_negative_voltage() -> None:
    circuit = connected(reversed=True)
    circuit.main.closed = False
    found = solve(circuit=circuit)
    assert found.sensed_voltage == pytest.approx(-52.4, abs=1e-4)
    assert found.terminal_voltage == pytest.approx(52.4, abs=1e-4)
    assert found.supply_voltage == 0


def test_a_reversed_pack_behind_closed_contactors_is_a_short_circuit() -> None:
    assert solve(circuit=connected(reversed=True)).current < -1000


def test_contact_resistance_shows_between_post_and_load_only() -> None:
    clean, worn = solve(load=load(20)), solve(load=load(20), circuit=connected(contact=50e-3))
    assert worn.terminal_voltage == pytest.approx(clean.terminal_voltage, abs=1e-3)
    assert clean.load_voltage - worn.load_voltage == pytest.approx(20 * 49.5e-3, abs=1e-3)


def test_the_case_is_dead_unless_its_insulation_is_broken() -> None:
    assert solve().case_voltage == 0
    assert solve(circuit=connected(insulation_plus=10e3)).case_voltage > 50
    assert solve(circuit=connected(insulation_plus=10e3, insulation_minus=10e3)).case_voltage == pytest.approx(
        26.2, abs=0.1
    )


def test_the_case_shows_no_voltage_to_the_post_that_it_touches_and_all_of_it_to_the_other() -> None:
    found = solve(circuit=connected(insulation_minus=100.0))
    assert found.case_voltage == 0
    assert found.case_plus_voltage == pytest.approx(-52.4, abs=0.1)
    assert solve().case_plus_voltage == 0


def test_an_open_sense_lead_blinds_the_voltmeter_only() -> None:
    found = solve(circuit=connected(sense_open=True))
    assert found.sensed_voltage == 0.0
    assert found.terminal_voltage == pytest.approx(52.4, abs=1e-4)


@pytest.mark.parametrize(("reversed_leads", "sign"), [(False, -1.0), (True, 1.0)])
def test_exchanged_sense_leads_turn_the_sign_over(reversed_leads: bool, sign: float) -> None:
    circuit = Circuit(sense_reversed=True, reversed=reversed_leads)
    found = circuit.solve(Branch(52.0, 0.015), SourceTerminals(), SinkTerminals(), 0.0)
    assert found.sensed_voltage == pytest.approx(sign * 52.0, abs=1e-3)


def test_a_supply_that_a_reversed_pack_overruns_conducts_its_limit_and_its_diode_through_one_lead() -> None:
    circuit = Circuit(reversed=True, supply_contactor=Contactor(closed=True), supply_lead=9.7e-3)
    supply = SourceTerminals(on=True, voltage=54.0, current=50.0)
    found = circuit.solve(Branch(50.0, 0.1), supply, SinkTerminals(), 0.1)
    assert found.supply_current > 300
    assert found.supply_voltage == pytest.approx(-DIODE - (found.supply_current - 50.0) * DIODE_RESISTANCE)


def test_the_load_rises_and_falls_with_its_slew_rates() -> None:
    circuit, sink = connected(), load(100)
    sink.slew_rise, sink.slew_fall = 1000, 500
    rising = [-solve(load=sink, circuit=circuit).current for _ in range(12)]
    assert rising[:3] == pytest.approx([10, 20, 30], abs=0.01)
    assert rising[-1] == pytest.approx(100, abs=0.01)
    sink.current = 20
    assert -solve(load=sink, circuit=circuit).current == pytest.approx(95, abs=0.01)


def test_the_load_starts_at_its_von_and_stays_on() -> None:
    circuit, sink = connected(), load(20)
    sink.von = 50.0
    assert solve(load=sink, circuit=circuit).current == pytest.approx(0, abs=1e-3)
    assert solve(load=sink, circuit=circuit).current == pytest.approx(-20, abs=1e-3)
    sagging = PACK._replace(emf=45.0)
    solve(sagging, load=sink, circuit=circuit)
    assert solve(sagging, load=sink, circuit=circuit).current == pytest.approx(-20, abs=1e-3)


def test_a_load_whose_pack_comes_back_draws_again() -> None:
    circuit, sink = connected(), load(20)
    solve(load=sink, circuit=circuit)
    assert solve(OFF, load=sink, circuit=circuit).current == pytest.approx(0, abs=1e-3)
    assert solve(load=sink, circuit=circuit).current == pytest.approx(-20, abs=1e-3)


def test_the_supply_rises_with_its_slew_rates() -> None:
    circuit, source = connected(), supply(54, 20)
    source.slew_current = 100
    currents = [solve(supply=source, circuit=circuit).current for _ in range(25)]
    assert currents[:2] == pytest.approx([1, 2], abs=0.01)
    assert currents[-1] == pytest.approx(20, abs=0.01)


volts, ohms = st.floats(0, 100), st.floats(1e-4, 10)
branches = st.builds(
    Branch,
    emf=st.floats(-60, 60),
    resistance=ohms,
    charge_drop=st.sampled_from((0.0, DROP, math.inf)),
    discharge_drop=st.sampled_from((0.0, DROP, math.inf)),
    leakage=st.just(1e6),
    charge_limit=st.sampled_from((20.6, math.inf)),
)
sources = st.builds(
    SourceTerminals, on=st.booleans(), voltage=volts, current=st.floats(0, 100), power=st.floats(1, 5000)
)
sinks = st.builds(
    SinkTerminals,
    on=st.booleans(),
    mode=st.sampled_from(("CC", "CV", "CR", "CP")),
    current=st.floats(0, 1000),
    voltage=volts,
    resistance=st.floats(0, 1e4),
    power=st.floats(0, 1e4),
    slew_rise=st.sampled_from((math.inf, 1000.0, 0.0)),
    von=st.floats(0, 60),
)
circuits = st.builds(
    Circuit,
    main=st.builds(Contactor, closed=st.booleans()),
    supply_contactor=st.builds(Contactor, closed=st.booleans()),
    load_contactor=st.builds(Contactor, closed=st.booleans()),
    contact=ohms,
    lead_open=st.booleans(),
    reversed=st.booleans(),
)


@settings(max_examples=400, deadline=None)
@given(branches, sources, sinks, circuits, st.sampled_from((0.0, 1e-4, 0.05, 1.0)))
def test_any_combination_has_a_finite_solution_that_loses_no_current(
    branch: Branch, source: SourceTerminals, sink: SinkTerminals, circuit: Circuit, dt: float
) -> None:
    for _ in range(4):
        found = circuit.solve(branch, source, sink, dt)
        assert all(math.isfinite(value) for value in found)
        assert source.terminal_current >= 0
        assert sink.terminal_current >= 0
        diodes = min(found.supply_voltage, found.load_voltage) < 0
        if not (circuit.reversed or circuit.lead_open or diodes) and circuit.main.closed:
            balance = found.supply_current - found.load_current - found.current
            assert balance == pytest.approx(0, abs=1e-4 + 1e-9 * abs(found.current))


ramps = st.builds(
    Ramp,
    st.floats(-100, 100),
    st.floats(1e-6, 1e4),
    st.sampled_from((-math.inf, -100.0, 0.0)),
    st.sampled_from((0.0, 100.0, math.inf)),
)


@given(st.lists(ramps, max_size=8))
def test_the_node_voltage_is_where_nothing_is_left_over(parts: list[Ramp]) -> None:
    parts.append(Ramp(0.0, 1e-7))
    node = node_voltage(parts)
    scale = max(abs(part.current(node)) for part in parts) + sum(part.conductance for part in parts) * 1e-9
    assert drawn(parts, node) == pytest.approx(0, abs=1e-6 + 1e-6 * scale)
