"""A current begins when it is set, whoever looks: over a wire, or at the world itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from visa_wires import visa_wire

from station.clock import VirtualClock
from station.model.library import Library
from station.run.plan import Files
from station.twin.states import read_state
from station.twin.world import PUT_OFF, Twin
from station.wires.visa import VisaWire

AMPERES = 50.0
COMMANDS = ("MODE CCH", f"CURR:STAT:L1 {AMPERES}", "LOAD ON")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def twin(clock: VirtualClock) -> Iterator[Twin]:
    """A started pack behind a closed contactor."""
    files = Files(Library.default())
    pack = files.pack("bali48")
    state = read_state("shipped_30pct")
    twin = Twin(files.bench("simulated"), pack, files.protocol(pack), state, clock, serial_number="BALI48-000001")
    twin.awaken()
    twin.start()
    twin.switch.execute("ROUT:CLOS (@201)")
    clock.wait(1.0)
    yield twin
    twin.stop()


@pytest.fixture
def load(twin: Twin, clock: VirtualClock) -> Iterator[VisaWire]:
    with visa_wire(twin.server.addresses["load"], clock) as wire:
        yield wire


@pytest.mark.parametrize("later", [0.001, 0.02, 0.9 * PUT_OFF, 2 * PUT_OFF])
def test_the_world_itself_is_in_the_present_once_it_was_told_to_catch_up(
    twin: Twin, clock: VirtualClock, later: float
) -> None:
    for command in COMMANDS:
        twin.load.execute(command)
    clock.wait(later)
    twin.catch_up()
    assert twin.pack.current == pytest.approx(-AMPERES, abs=0.5)


@pytest.mark.parametrize("later", [0.0, 0.001, 0.9 * PUT_OFF])
def test_a_question_over_the_wire_sees_the_current_that_a_command_has_just_set(
    load: VisaWire, clock: VirtualClock, later: float
) -> None:
    load.query("\n".join((*COMMANDS, "*OPC?")))
    clock.wait(later)
    assert float(load.query("MEAS:CURR?")) == pytest.approx(AMPERES, abs=0.5)


def test_a_current_flows_only_from_the_moment_in_which_it_was_set(
    twin: Twin, load: VisaWire, clock: VirtualClock
) -> None:
    full = charge_in(twin)
    clock.wait(0.9 * PUT_OFF)
    load.query("\n".join((*COMMANDS, "*OPC?")))
    clock.wait(0.02)
    load.query("MEAS:CURR?")
    assert full - charge_in(twin) < AMPERES * 0.03


def charge_in(twin: Twin) -> float:
    """Ampere-seconds in the cells."""
    return 3600 * float((twin.cells.soc * twin.cells.capacity).mean())
