"""What a fault file can do to the instruments of the bench, and what their users then see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from instrument_makers import MAKERS, errors
from ruamel.yaml import YAML

from station.clock import VirtualClock
from station.model.bench import Bench
from station.model.library import Library
from station.run.plan import Files
from station.twin.instruments.powered import PoweredInstrument
from station.twin.parameters import UnknownParameter, assign
from station.twin.states import read_state
from station.twin.world import Twin

POWERED = tuple(model for model, make in MAKERS.items() if isinstance(make(), PoweredInstrument))
BOXES = ("ea-psb-10080-340", "itech-it6010c-80-300", "keysight-rp7935a")
FILES = Files(Library.default())


def bench(box: str | None) -> Bench:
    """The simulated bench, or the same with one box as supply and load."""
    data = YAML(typ="safe", pure=True).load(FILES.open("bench", "simulated").text)
    if box is not None:
        data["shared"] = {"supply": data["shared"]["supply"] | {"model": box}, "load": {"by": "supply"}}
    return Bench.model_validate(data)


@pytest.fixture(params=[None, *BOXES], ids=lambda box: box or "supply and load")
def twin(request: pytest.FixtureRequest) -> Iterator[Twin]:
    """A whole bench that is never served."""
    pack = FILES.pack("bali48")
    state = read_state("factory_fresh")
    made = Twin(bench(request.param), pack, FILES.protocol(pack), state, VirtualClock(), serial_number="")
    yield made
    made.stop()


def ask(twin: Twin, role: str, message: str) -> str:
    """What the instrument of a role answers now."""
    reply = twin.instruments[role].execute(message)
    assert reply is not None, message
    return reply


@pytest.mark.parametrize("role", ["supply", "load"])
@pytest.mark.parametrize(
    "name",
    [
        *("gain", "offset", "response_time", "voltmeter.gain", "voltmeter.offset", "voltmeter.set_gain"),
        *("ammeter.gain", "ammeter.offset", "ammeter.noise", "ammeter.set_gain", "ammeter.set_offset"),
    ],
)
def test_every_supply_and_load_has_the_same_names(twin: Twin, role: str, name: str) -> None:
    twin.set(f"{role}.{name}", 1.5)
    put_back = assign(twin, f"{role}.{name}", "plus 0.5")
    put_back()


def test_a_quantity_of_another_kind_is_refused(twin: Twin) -> None:
    with pytest.raises(UnknownParameter, match=r"load\.offset"):
        twin.set("load.offset", "3 V")


@pytest.mark.parametrize("model", POWERED)
def test_a_fault_trips_a_protection_which_refuses_on_until_it_is_cleared(model: str) -> None:
    device = MAKERS[model]()
    assert isinstance(device, PoweredInstrument)
    on, state, clear = SWITCHES[model]
    device.execute(on)
    assert device.execute(state) in ("1", "+1", "ON")
    assign(device, "trips", "otp")
    assert device.trips == "otp"
    assert not any(part.on for part in posts(device))
    device.execute(on)
    assert not any(part.on for part in posts(device))
    device.execute(clear)
    errors(device)
    device.execute(on)
    assert errors(device) == []
    assert device.execute(state) in ("1", "+1", "ON")


SWITCHES = {
    "chroma-62050p-100-100": ("CONF:OUTP ON", "CONF:OUTP?", "OUTP:PROT:CLE"),
    "chroma-63210a-150-1000": ("LOAD ON", "LOAD?", "LOAD:PROT:CLE"),
    "ea-psb-10080-340": ("SYST:LOCK ON;:OUTP ON", "OUTP?", "SYST:ERR:ALL?"),
    "itech-it6010c-80-300": ("OUTP ON", "OUTP?", "OUTP OFF;PROT:CLE"),
    "keysight-rp7935a": ("OUTP ON", "OUTP?", "OUTP OFF;PROT:CLE"),
}


def posts(device: PoweredInstrument) -> list[object]:
    """Its terminals, whichever it has."""
    output = getattr(device, "output", device)
    return [part for name in ("terminals", "source", "sink") if (part := getattr(output, name, None)) is not None]


@pytest.mark.parametrize("model", POWERED)
def test_a_protection_that_it_does_not_have_is_said(model: str) -> None:
    with pytest.raises(UnknownParameter, match="it has ovp, ocp"):
        assign(MAKERS[model](), "trips", "smoke")


def test_what_is_set_wrongly_shows_in_the_reading() -> None:
    device = MAKERS["chroma-63210a-150-1000"]()
    assert isinstance(device, PoweredInstrument)
    device.ammeter.set_gain, device.ammeter.set_offset = 1.02, 0.5
    device.execute("MODE CCH;:CURR:STAT:L1 100;:LOAD ON")
    sink = posts(device)[0]
    assert sink.current == pytest.approx(102.5)  # type: ignore[attr-defined]  # a list of either kind of terminals
    device.terminals.terminal_current = 102.5  # type: ignore[attr-defined]  # the load of this test has them
    assert float(device.execute("FETC:CURR?") or "") == pytest.approx(102.5, abs=0.01)


@pytest.mark.parametrize("meter", ["voltmeter", "ammeter"])
def test_a_frozen_meter_repeats_its_last_reading(twin: Twin, meter: str) -> None:
    query = {"voltmeter": "MEAS:VOLT?", "ammeter": "MEAS:CURR?"}[meter]
    before = ask(twin, "supply", query)
    twin.set(f"supply.{meter}.frozen", True)
    twin.set(f"supply.{meter}.offset", 5.0)
    assert ask(twin, "supply", query) == before
    twin.set(f"supply.{meter}.frozen", False)
    assert ask(twin, "supply", query) != before


def test_the_voltmeter_lies_as_it_is_told(twin: Twin) -> None:
    volts = float(ask(twin, "voltmeter", "READ?"))
    twin.set("voltmeter.digitiser.frozen", True)
    twin.set("circuit.sense_reversed", True)
    twin.advance(0.2)
    assert float(ask(twin, "voltmeter", "READ?")) == volts
    twin.set("voltmeter.digitiser.frozen", False)
    assert float(ask(twin, "voltmeter", "READ?")) == pytest.approx(-volts, abs=1.0)
    twin.set("voltmeter.digitiser.overload", True)
    assert float(ask(twin, "voltmeter", "READ?")) == 9.9e37


def test_a_stuck_range_overloads_what_does_not_fit_in_it(twin: Twin) -> None:
    twin.set("voltmeter.range_stuck", "10 V")
    assert abs(float(ask(twin, "voltmeter", "READ?"))) == 9.9e37
    twin.set("voltmeter.range_stuck", "100 V")
    assert abs(float(ask(twin, "voltmeter", "READ?"))) < 60


def test_a_stuck_relay_moves_what_it_switches_at_once_and_believes_in_its_orders(twin: Twin) -> None:
    put_back = assign(twin, "switch.relays.stuck.201", "closed")
    twin.advance(0.1)
    assert twin.circuit.main.closed
    assert ask(twin, "switch", "ROUT:CLOS? (@201)") == "0"
    put_back()
    twin.advance(0.2)
    assert not twin.circuit.main.closed


@pytest.mark.parametrize("role", ["supply", "voltmeter", "switch"])
def test_any_instrument_may_claim_to_be_another(twin: Twin, role: str) -> None:
    twin.set(f"{role}.identity", "Chroma,62050P-100-100,OTHER,01.70")
    assert ask(twin, role, "*IDN?") == "Chroma,62050P-100-100,OTHER,01.70"
