"""What a mere question need not bring the world up to, and what it must."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from visa_wires import visa_wire

from station.clock import VirtualClock
from station.twin.exchanges import GLANCE, glance
from station.twin.scpi import Dialect, Instrument
from station.twin.server import Server
from station.wires.visa import VisaWire

RESPONSE = 0.002


@dataclass
class World:
    """Where its time was brought, and what is due there next."""

    due: float = math.inf
    moved: list[float] = field(default_factory=list)
    clock: VirtualClock = field(default_factory=VirtualClock)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def wire(world: World) -> Iterator[VisaWire]:
    server = Server(world.clock, world.moved.append, lambda: world.due)
    world.clock.attach(lambda time: None, server)
    meter = Instrument("Maker,Model,1,0", Dialect(), [])
    meter.response_time = RESPONSE
    server.add_instrument("meter", meter)
    server.start()
    with visa_wire(server.addresses["meter"], world.clock) as wire:
        yield wire
    server.stop()


@pytest.mark.parametrize(
    "message", ["*IDN?", " *STB?;*ESR? ", "MEAS:VOLT?;:MEAS:CURR?", "MEAS:VOLT:DC? (@101)", "A?;;B?"]
)
def test_a_question_will_do_with_the_world_as_it_was_a_moment_ago(message: str) -> None:
    assert glance(message.encode()) == GLANCE


@pytest.mark.parametrize("message", ["SENS:DIG:DATA:BYTE? (@301)", ":sense:digital:data? (@301);SENS:DIG:DATA? (@302)"])
def test_a_look_at_a_digital_input_needs_no_step_of_the_world(message: str) -> None:
    assert glance(message.encode()) == math.inf
    assert glance(message.encode() + b";:MEAS:VOLT:DC? (@101)") == GLANCE


@pytest.mark.parametrize(
    "message", ["*RST", "VOLT 5", "VOLT 5;:VOLT?", "VOLT?;VOLT 5", 'DISP:TEXT "why?;who?"', "*CLS;*IDN?", "VOLT 5?"]
)
def test_a_message_with_a_command_in_it_does_more_than_ask(message: str) -> None:
    assert glance(message.encode()) == 0


def test_questions_that_follow_soon_see_the_world_as_it_was_a_moment_ago(world: World, wire: VisaWire) -> None:
    for _ in range(30):
        wire.query("*IDN?")
    assert world.clock.now() == pytest.approx(30 * RESPONSE)
    gaps = [later - earlier for earlier, later in zip(world.moved, world.moved[1:], strict=False)]
    assert all(GLANCE < gap <= GLANCE + RESPONSE for gap in gaps)
    assert world.moved[-1] > world.clock.now() - GLANCE - RESPONSE


def test_a_question_sees_what_was_due_before_it(world: World, wire: VisaWire) -> None:
    wire.query("*IDN?")
    world.due = 1.5 * RESPONSE
    wire.query("*IDN?")
    assert world.moved == pytest.approx([RESPONSE, 2 * RESPONSE])


def test_a_command_finds_the_world_in_the_present(world: World, wire: VisaWire) -> None:
    for _ in range(3):
        wire.query("*CLS;*IDN?")
    assert world.moved == pytest.approx([RESPONSE, 2 * RESPONSE, 3 * RESPONSE])


def test_a_question_sees_what_came_of_the_command_before_it(world: World, wire: VisaWire) -> None:
    wire.query("*CLS;*IDN?")
    wire.query("*IDN?")
    wire.query("*IDN?")
    assert world.moved == pytest.approx([RESPONSE, 2 * RESPONSE])
