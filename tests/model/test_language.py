"""The sequence language: what may run inside a wait, what a step may ask of a protection, what stands where."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.model.bench import Bench
from station.model.files import Document, InvalidFile, build, parse, read
from station.model.language import CHANGES, check_currents, check_names, check_waits, disturbs, wait_of
from station.model.pack import Pack
from station.model.sequence import ACTIONS, Sequence, Step, Use, read_sequence, walk

ROOT = Path(__file__).parents[2]
PACK = build(read(ROOT / "fixtures/packs/bali48.yaml"), Pack)
HEAD = "sequence: mine\ntitle: A test\npack: bali48\nsteps:\n"


def document_of(steps: str) -> Document:
    return parse((HEAD + steps).encode(), Path("mine.yaml"))


def sequence_of(steps: str) -> Sequence:
    return read_sequence(document_of(steps))


def step_of(words: str) -> Step:
    [step] = sequence_of(f"  - {{step: it, {words}}}").steps
    assert isinstance(step, Step)
    return step


def refused(steps: str) -> list[str]:
    with pytest.raises(InvalidFile) as caught:
        sequence_of(steps)
    return [fault.message for fault in caught.value.faults]


def names_refused(words: str) -> list[str]:
    document = document_of(f"  - {{step: it, {words}}}")
    return [fault.message for fault in check_names(document, read_sequence(document), PACK)]


# ------------------------------------------------------------------------------------------------ waits

LAMPS = "expect: {lamps: standby}"
RELEASED = "expect: {released: discharge_overcurrent}"
DRAWN = "discharge: full, until: charge_headroom"


@pytest.mark.parametrize(
    ("outer", "inner", "clash"),
    [
        (LAMPS, "measure: [pack_voltage_error, current_zero]", ""),
        (LAMPS, "talk: [rs485_a, rs232]", ""),
        (LAMPS, "expect: {contacts: healthy}", ""),
        (LAMPS, "parameters: compare", ""),
        (LAMPS, "press_key: show_soc", "current lamps"),
        (LAMPS, "discharge: standard, for: unlock_time", "current"),
        (LAMPS, "measure: polarity, under: {charge: probe}", "current"),
        (LAMPS, "trip: cell_overvoltage, by: shift", "current lamps"),
        (LAMPS, "alarm: high", "lamps"),
        (LAMPS, RELEASED, "current lamps"),
        (LAMPS, "expect: {terminals: dead}", "current"),
        ("expect: {answers: rs485_a}", "program: pack_sn", "line"),
        ("expect: {flags: none_set}", "parameters: restore", "thresholds"),
        ("expect: {flags: none_set}", "parameters: {write_back: cell_sleep_delay}", ""),
        (RELEASED, "expect: {lamps: discharge_protection, contacts: {alarm: closed}}", ""),
        (RELEASED, "expect: {contacts: {alarm: open}}", "contacts"),
        (RELEASED, "expect: {contacts: alarm}", ""),
        (RELEASED, "expect: {lamps: charge_protection}", "current lamps"),
        (RELEASED, "expect: {lamps: standby}", "current lamps"),
        (RELEASED, "expect: {contacts: healthy}", "contacts"),
        (RELEASED, "measure: current_zero", "current"),
        (RELEASED, "measure: cell_count", ""),
        (DRAWN, "alarm: [high, low], expect: {lamps: discharging_alarm, contacts: alarm}", ""),
        (DRAWN, "expect: {lamps: charging_alarm}", "current"),
        (DRAWN, "measure: terminal_voltage", "current"),
        (DRAWN, "charge: standard, for: unlock_time", "current"),
        ("expect: {lamps: discharging}, under: {discharge: standard}", "measure: cell_spread_rest", "current"),
        ("press_key: start, expect: {lamps: lamp_test}", "expect: {contacts: healthy}", "contacts"),
    ],
)
def test_what_runs_in_a_wait_neither_changes_nor_depends_on_what_the_wait_changes(
    outer: str, inner: str, clash: str
) -> None:
    around = wait_of(step_of(outer), PACK)
    assert around is not None
    assert disturbs(step_of(inner), around) == frozenset(clash.split())


def test_a_step_deep_inside_a_meanwhile_and_one_that_is_used_there_are_seen() -> None:
    text = (
        "  - step: outer\n    expect: {lamps: standby}\n    meanwhile:\n"
        "      - step: group\n        steps:\n          - {step: deep, press_key: reset}\n"
        "      - use: other/press\n"
    )
    document = document_of(text)
    press = step_of("press_key: start")
    found = [
        (fault.line, fault.message)
        for fault in check_waits(document, read_sequence(document), PACK, lambda name: press)
    ]
    message = "disturbs the wait of `outer`: current and lamps must stay as they are"
    assert found == [(10, f"step `deep` {message}"), (11, f"step `it` {message}")]


def test_contacts_of_the_other_polarity_are_shown_by_a_protection_just_the_same() -> None:
    alarm = PACK.contacts["alarm"].model_copy(update={"healthy": "closed", "alarm": "open", "dead": "open"})
    other = PACK.model_copy(update={"contacts": {**PACK.contacts, "alarm": alarm}})
    around = wait_of(step_of(RELEASED), other)
    assert around is not None
    assert not disturbs(step_of("expect: {contacts: {alarm: open}}"), around)
    assert disturbs(step_of("expect: {contacts: {alarm: closed}}"), around)


def test_a_step_without_a_wait_has_none() -> None:
    assert wait_of(step_of("measure: polarity"), PACK) is None
    assert wait_of(step_of(LAMPS), PACK) is not None


def test_the_tables_of_the_language_only_know_its_words() -> None:
    assert set(CHANGES) <= set(ACTIONS)
    assert set(ACTIONS) <= set(Step.model_fields)


# ------------------------------------------------------------------------------------------------ currents


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("trip: cell_overvoltage, by: shift", "`cell_overvoltage` is shifted while a current flows; write `under`"),
        (
            "trip: mosfet_overtemperature, by: shift",
            "`mosfet_overtemperature` is shifted while a current flows; write `under` with its `charge` or `discharge`",
        ),
        (
            "under: {discharge: standard}, trip: cell_overvoltage, by: shift",
            "`cell_overvoltage` stops no discharge, and that is what flows here",
        ),
        ("alarm: high, expect: {contacts: alarm}", "alarms are shown while a current flows"),
        ("balance: start", "cells are bled while they are charged"),
        ("under: {discharge: probe}, balance: start", "cells are bled while they are charged"),
        (
            "under: {charge: probe}, steps: [{step: inner, require: charger_voltage}]",
            "`charger_voltage` is looked at before anything is connected, and a charge goes on here",
        ),
        (
            "under: {discharge: standard}, press_key: reset",
            "a press for `reset` switches the pack off, and a discharge goes on here",
        ),
        (
            "under: {charge: probe}, ask: [{text: Warm?, answer: none}]",
            "`ask` waits for a person, and a charge goes on here",
        ),
        ("ask: [{text: Warm?, answer: none}]", ""),
        ("under: {discharge: standard}, press_key: show_soc", ""),
        ("under: {charge: standard}, require: charger_voltage, measure: current_error", ""),
        ("under: {charge: standard}, trip: cell_overvoltage, by: shift", ""),
        ("under: {charge: standard}, steps: [{step: inner, trip: cell_overvoltage, by: shift}]", ""),
        ("discharge: full, until: answers, meanwhile: [{step: inner, alarm: low}]", ""),
        ("trip: charge_overcurrent, by: extrapolation", ""),
        ("trip: discharge_overcurrent, by: direct_drive", ""),
    ],
)
def test_a_step_that_needs_a_current_has_one(words: str, message: str) -> None:
    document = document_of(f"  - {{step: it, {words}}}")
    told = [fault.message for fault in check_currents(document, read_sequence(document), PACK)]
    assert len(told) == bool(message), told
    assert all(message in each for each in told)


def test_a_step_that_is_used_within_a_current_is_seen_there() -> None:
    document = document_of("  - step: outer\n    under: {charge: probe}\n    steps:\n      - use: eol/charger\n")
    charger = step_of("require: charger_voltage")
    [told] = check_currents(document, read_sequence(document), PACK, lambda name: charger)
    assert (told.line, "and a charge goes on here" in told.message) == (8, True)


# ------------------------------------------------------------------------------------------------ words together


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("title: nothing", "step `it`: does nothing; name an action: "),
        ("trip: cell_overvoltage", "step `it`: `trip` needs `by: direct_drive` or `by: shift`"),
        ("by: shift, record: soc", "step `it`: `by` says how a protection is tripped, and there is no `trip`"),
        ("charge: probe", "step `it`: say when it ends: `until: <condition>` or `for: <time>`"),
        (
            "record: soc, for: unlock_time",
            "step `it`: `until` and `for` end a `charge` or a `discharge`, and there is none",
        ),
        ("charge: probe, discharge: probe, for: unlock_time", "step `it`: one current at a time: "),
        ("charge: probe, for: unlock_time, under: {discharge: probe}", "step `it`: one current at a time: "),
        ("record: soc, limit: factory_window", "step `it`: there is a `limit`, and nothing is measured"),
        (
            "charge: probe, for: unlock_time, attempts: 2",
            "step `it`: `attempts` is only for steps that energise nothing",
        ),
        (
            "measure: polarity, under: {charge: probe}, attempts: 2",
            "step `it`: `attempts` is only for steps that energise",
        ),
        ("measure: [polarity, polarity]", "step `it`: `polarity` is measured twice"),
        ("record: soc, otherwise: [{step: other, record: soc}]", "step `it`: after a remedy of `otherwise` nothing"),
        ("record: soc, attempts: 11", "`attempts`: found `11`, expected at most 10"),
        ("record: [soc, {a: b}]", "`record`: expected a name, a list of names, or `name: limit` lines"),
        ("record: soc, under: {}", "`under`: write either `discharge: <current>` or `charge: <current>`"),
        ("expect: {}", "`expect`: nothing is expected here; name a state, such as `lamps: standby`"),
        ("expect: {for: 2 periods}", "`expect`: nothing is expected here; name a state, such as `lamps: standby`"),
        ("expect: {lamps: standby, for: 0 periods}", "`for`: `0 periods` is no time; write `2 periods`"),
        (
            "parameters: compere",
            "`parameters`: found `compere`, expected `compare` or `restore` or `name: value` lines; did",
        ),
        ("measure: 5", "`5`: no number stands in a sequence; name a row of the pack file"),
        ("title: Holds 3.65 V, record: soc", "`3.65 V`: no number with a unit stands in a sequence; name a row"),
        (
            "record: soc, press_key: -3 %",
            "`-3 %`: no number with a unit stands in a sequence; name a row of the pack file",
        ),
    ],
)
def test_words_that_make_no_sense_are_refused(words: str, message: str) -> None:
    [told] = refused(f"  - {{step: it, {words}}}")
    assert told.startswith(message)


@pytest.mark.parametrize(
    "title",
    ["PACE V1.4 on RS485 A", "Step 3 of 4", "2 periods", "8 cells at most", "REQ-4.2-59 s", "3 Ampere", "48V/100Ah?"],
)
def test_a_number_without_a_unit_may_stand_in_a_text(title: str) -> None:
    if title == "48V/100Ah?":
        assert refused(f"  - {{step: it, record: soc, title: '{title}'}}")
    else:
        assert step_of(f"record: soc, title: '{title}'").title == title


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "trip: cell_overvoltage, by: direct_drive",
            "`cell_overvoltage` cannot be tripped by direct_drive: no load drives",
        ),
        (
            "trip: charger_overvoltage, by: shift",
            "`charger_overvoltage` cannot be tripped by shift: its row has no `tolerance`",
        ),
        (
            "expect: {released: cell_overvoltage}",
            "`cell_overvoltage` does not come back by itself; write `released: after",
        ),
        ("expect: {locked: pack_overvoltage, for: lock_proof}", "`pack_overvoltage` does not come back by itself"),
        ("expect: {locked: discharge_overcurrent}", "say for how long it must not come back: `for: <time>`"),
        (
            "trip: [cell_overvoltage, cell_overvoltage], by: shift",
            "`cell_overvoltage` does not come back by itself, so it cannot be tripped twice",
        ),
        (
            "trip: cell_overvoltage, by: extrapolation",
            "`cell_overvoltage` cannot be tripped by extrapolation: it does not watch a current",
        ),
        ("expect: {released: after_restore}", "`after_restore` belongs to a `trip` by shift, and this step has none"),
        (
            "trip: discharge_overcurrent_2, by: direct_drive",
            "`discharge_overcurrent_2` acts after 0.1 s, and `trip_time` is 0.5 s to 2.0 s, so no pack could pass",
        ),
        ("expect: {lamps: {RUM: lit}}", "`RUM` is no lamp; did you mean `RUN`?"),
        ("expect: {lamps: {RUN: on}}", "`on` is no lamp word; known: as_soc"),
        ("expect: {contacts: {alarm: shut}}", "`shut` is no state of a contact; known: closed, open"),
        ("under: {charge: standrad}, measure: current_error", "`standrad` is no current; did you mean `standard`?"),
        (
            "parameters: {write_back: cell_sleep_dely}",
            "`cell_sleep_dely` is no parameter; did you mean `cell_sleep_delay`?",
        ),
        ("record: {terminal_voltage: factory_windw}", "`factory_windw` is no limit; did you mean `factory_window`?"),
        ("charge: probe, until: standby", "`standby` is no condition; known: alarm_cleared, answers, charge_headroom"),
        ("record: soc, verifies: REQ-4.2-99", "`REQ-4.2-99` is no requirement; did you mean"),
        ("measure: polarity, limit: factory_window", "`factory_window` is no limit for polarity; did you mean"),
    ],
)
def test_names_and_trips_that_the_pack_does_not_have_are_refused(words: str, message: str) -> None:
    [told] = names_refused(words)
    assert told.startswith(message) or (told.startswith(message.partition(";")[0]) and "known" in told)


def test_what_is_used_comes_after_its_use_in_a_walk() -> None:
    sequence = sequence_of("  - use: [other/a, other/b]\n  - {step: c, record: soc, otherwise: []}\n")
    inner = step_of("record: soc")
    walked = [(type(step).__name__, at) for step, at in walk(sequence.steps, used=lambda name: inner)]
    assert walked == [
        ("Use", ("steps", 0)),
        ("Step", ("steps", 0, "use", 0)),
        ("Step", ("steps", 0, "use", 1)),
        ("Step", ("steps", 1)),
    ]
    assert isinstance(sequence.steps[0], Use)


def test_an_uncertainty_is_a_share_of_the_value_and_a_fixed_part() -> None:
    bench = build(read(ROOT / "fixtures/benches/simulated.yaml"), Bench)
    assert bench.u("voltmeter", "voltage", -50.0) == pytest.approx(50 * 0.004e-2 + 0.6e-3)
    assert bench.u("voltmeter", "current", 1.0) is None
    assert bench.u("nobody", "voltage", 1.0) is None
