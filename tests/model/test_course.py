"""Steps at the wrong place: what they need of the pack, and what the ones before them have left of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.model.course import check_order
from station.model.files import build, parse, read
from station.model.pack import Pack
from station.model.sequence import Step, read_sequence

ROOT = Path(__file__).parents[2]
PACK = build(read(ROOT / "fixtures/packs/bali48.yaml"), Pack)
HEAD = "sequence: mine\ntitle: A test\npack: bali48\nsteps:\n"
TRIP = "{step: early, trip: discharge_overcurrent, by: direct_drive}"
SHIFT = "{step: early, under: {charge: standard}, trip: charge_overcurrent, by: shift}"
START = "{step: start, press_key: start, expect: {answers: rs485_a}}"
SHUTDOWN = "{step: shutdown, press_key: shutdown, expect: {silent: rs485_a, terminals: dead}}"


def told(*steps: str, used: str = "") -> list[str]:
    """What is wrong with the order of these steps; `used` is the step that every `use` brings."""
    lines = (f"  - {step}\n" for step in steps)
    document = parse((HEAD + "".join(lines)).encode(), Path("mine.yaml"))
    return [fault.message for fault in check_order(document, read_sequence(document), PACK, lambda name: step_of(used))]


def step_of(words: str) -> Step:
    [step] = read_sequence(parse(f"{HEAD}  - {words}\n".encode(), Path("other.yaml"))).steps
    assert isinstance(step, Step)
    return step


# ------------------------------------------------------------------------------------------------ protections


@pytest.mark.parametrize(
    ("steps", "step"),
    [
        (["{step: back, expect: {released: discharge_overcurrent}}"], "back"),
        (["{step: stays, expect: {locked: discharge_overcurrent, for: lock_proof}}", TRIP], "stays"),
        ([TRIP, "{step: back, expect: {released: discharge_overcurrent}}"], ""),
        (["{step: it, trip: cell_overvoltage, by: shift, expect: {released: after_restore}}"], ""),
        (["{use: other/trip}", "{step: back, expect: {released: discharge_overcurrent}}"], ""),
    ],
)
def test_what_lets_go_was_tripped_before(steps: list[str], step: str) -> None:
    found = told(*steps, used=TRIP)
    assert found == ([f"step `{step}`: no step before this one trips `discharge_overcurrent`"] if step else [])


@pytest.mark.parametrize(
    "step",
    [
        "{step: later, resistance: two_level}",
        "{step: later, discharge: full, until: charge_headroom}",
        "{step: later, under: {discharge: probe}, measure: current_error}",
        "{step: later, balance: stop}",
        "{step: later, trip: discharge_overcurrent, by: direct_drive}",
    ],
)
def test_no_current_is_asked_for_that_an_overcurrent_which_stands_lets_not_through(step: str) -> None:
    [found] = told(TRIP, step)
    assert found.startswith("step `later`: `discharge_overcurrent` still stands, tripped by step `early`, and lets no")
    for between in (
        "{step: back, expect: {released: discharge_overcurrent}}",
        "{step: reset, press_key: reset}",
        "{step: unlock, charge: probe, for: unlock_time, expect: {released: discharge_overcurrent}}",
    ):
        assert not told(TRIP, between, step)


@pytest.mark.parametrize(
    "step",
    [
        "{step: later, limiter: on_command}",
        "{step: later, charge: probe, for: unlock_time}",
        "{step: outer, under: {charge: standard}, steps: [{step: inner, measure: current_error}]}",
    ],
)
def test_nor_a_charge_after_an_overcurrent_of_the_charge(step: str) -> None:
    assert "`charge_overcurrent` still stands" in told(SHIFT, step)[0]
    assert not told(TRIP, step)


def test_what_the_other_direction_may_do_while_it_stands_is_not_refused() -> None:
    assert not told(SHIFT, "{step: later, discharge: full, until: charge_headroom}")
    assert not told("{step: it, trip: [discharge_overcurrent, discharge_overcurrent], by: direct_drive}")
    assert not told("{step: it, under: {charge: standard}, trip: cell_overvoltage, by: shift}", "{use: other/one}",
                    used="{step: later, charge: probe, for: unlock_time}")  # fmt: skip


def test_a_current_around_a_step_is_refused_there_too() -> None:
    inner = "steps: [{step: early, trip: charge_overcurrent, by: shift}, {step: later, measure: current_error}]"
    [found] = told(f"{{step: outer, under: {{charge: standard}}, {inner}}}")
    assert found.startswith("step `later`: `charge_overcurrent` still stands, tripped by step `early`")


# ------------------------------------------------------------------------------------------------ on and off

NEED_IT_ON = [
    ("{step: it, measure: terminal_voltage, limit: factory_window}", "measure: terminal_voltage"),
    ("{step: it, talk: rs485_a}", "talk"),
    ("{step: it, require: serial_number}", "require: serial_number"),
    ("{step: it, parameters: compare}", "parameters"),
    ("{step: it, resistance: two_level}", "resistance"),
    ("{step: it, expect: {answers: rs485_a}}", "expect: answers"),
    ("{step: it, expect: {terminals: alive}}", "expect: terminals"),
    ("{step: it, under: {charge: probe}, measure: pins_free}", "under"),
]
OFF_WILL_DO = [
    "{step: it, measure: pins_free}",
    "{step: it, expect: {lamps: asleep}}",
    "{step: it, expect: {contacts: dead}}",
    "{step: it, record: time_since_charge}",
    "{step: it, require: charger_voltage}",
    "{step: it, charge: probe, until: answers}",
]


@pytest.mark.parametrize(("step", "what"), NEED_IT_ON)
def test_what_needs_a_pack_that_is_on_comes_after_its_start_and_before_its_shutdown(step: str, what: str) -> None:
    assert told(step, START) == [f"step `it`: `{what}` needs a pack that is on, and it is started only by step `start`"]
    assert told(START, SHUTDOWN, step) == [
        f"step `it`: `{what}` needs a pack that is on, and it was switched off by step `shutdown`"
    ]
    assert not told(START, step, SHUTDOWN)


@pytest.mark.parametrize("step", OFF_WILL_DO)
def test_what_a_pack_that_is_off_can_show_may_stand_anywhere(step: str) -> None:
    assert not told(step, START, SHUTDOWN)
    assert not told(START, SHUTDOWN, step)


@pytest.mark.parametrize(("step", "what"), NEED_IT_ON)
def test_nobody_knows_whether_a_pack_that_is_never_started_is_on(step: str, what: str) -> None:
    assert not told(step), what
    assert not told(step, "{step: reset, press_key: reset}")
    assert not told("{step: soc, press_key: show_soc}", step)


def test_a_charger_wakes_it_and_a_press_that_is_a_remedy_starts_it_only_then() -> None:
    wake = "{step: wake, charge: probe, until: answers}"
    assert not told(START, SHUTDOWN, wake, "{step: it, talk: rs485_a}")
    assert not told("{step: it, talk: rs485_a, expect: {answers: rs485_a}, otherwise: [{step: up, press_key: start}]}")
    assert not told("{use: other/start}", "{step: it, talk: rs485_a}", used=START)
    assert told("{step: it, talk: rs485_a}", "{use: other/start}", used=START)
