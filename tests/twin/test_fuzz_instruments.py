"""More than six hundred thousand inputs, the same ones on every machine, that must not crash, hang or corrupt the twin:
messages to all seven instruments, and circuits of every kind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from random import Random
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from instrument_makers import MAKERS

from station.twin.circuit import Branch, Circuit, Contactor
from station.twin.instruments import MODELS
from station.twin.scpi import Instrument
from station.twin.scpi.instrument import LONGEST_WAIT
from station.twin.terminals import SinkTerminals, SourceTerminals

MESSAGES = 60_000
"""To each of the seven instruments."""
CIRCUITS, BLOCKS = 200_000, 8
LOOKED_AT = 50
"""Every so many messages the whole instrument is looked at."""
GARBAGE = (
    *(
        " ",
        "\t",
        ",",
        ";",
        ";:",
        ":",
        "?",
        "*",
        "(@",
        "(@101)",
        "(@101:305,201)",
        ")",
        "((((",
        '"',
        "'",
        "\x00",
        "é",
        "\r",
    ),
    *("VOLT", "CURR", "OUTP ON", "LOAD ON", "INIT", "FETC?", "READ?", "*TRG", "*IDN?", "*RST", "ROUT:CLOS"),
)
VALUES = (
    *("0", "1", "-1", "5", "53.5", "100", "1e3", "-1e3", "1e9", "1e9999", "1e-9999", ".5", "5.", "+7", "#H1F", "#B101"),
    *(
        "#HFFFFFFFFFFFFFFFFFF",
        "MIN",
        "MAX",
        "DEF",
        "INF",
        "NAN",
        "ON",
        "OFF",
        "1kV",
        "5 mA",
        "3.5kW",
        "0.2 S",
        "1 furlong",
    ),
    *(
        "(@101)",
        "(@101:104,110)",
        "(@201,202)",
        "(@301)",
        "(@999)",
        "(@)",
        '"VOLT"',
        "'x;y,z'",
        '"',
        "IMM",
        "BUS",
        "TIM",
    ),
    *("VOLT", "CURR", "CCH", "CPH", "CRH", "CVH", "CCDH", "TC,K", "ONCE", "WAIT", "ALAR", "CVTOCC"),
)
_NODE = re.compile(r"(\[?):?(\*?[A-Za-z][A-Za-z0-9]*)(?:<(\d+)-\d+>)?:?\]?")

Terminals = SourceTerminals | SinkTerminals


# ------------------------------------------------------------------------------------------------ messages


def header(declared: str, chance: Random) -> str:
    """One of the ways to write a header: short or long, with or without its optional nodes, in any case."""
    nodes = []
    for optional, name, first in _NODE.findall(declared):
        if not optional or chance.random() < 0.5:
            word = name if chance.random() < 0.5 else re.sub("[a-z]", "", name)
            nodes.append(chance.choice((word, word.lower(), word.upper())) + first)
    return chance.choice(("", ":")) * (not declared.startswith("*")) + ":".join(nodes) + "?" * declared.endswith("?")


def real(instrument: Instrument, chance: Random) -> str:
    """A message of commands that the instrument has, with values that may or may not suit them."""
    units = []
    for declared in chance.choices(instrument.headers, k=chance.choice((1, 1, 1, 2, 3))):
        values = chance.choices(VALUES, k=chance.choice((0, 0, 1, 1, 1, 2, 3)))
        units.append(f"{header(declared, chance)} {','.join(values)}")
    return ";".join(units)


def mutated(message: str, chance: Random) -> str:
    """The message with characters dropped, doubled, replaced, or with something strewn in."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(message) + 1)
        message = chance.choice(
            (
                message[:at] + message[at + 1 :],
                message[:at] + message[max(0, at - 3) :],
                message[:at] + chr(chance.randrange(256)) + message[at + 1 :],
                message[:at] + chance.choice(GARBAGE) + message[at:],
            )
        )
    return message


def messages(instrument: Instrument, chance: Random, count: int) -> Iterator[str]:
    """Real messages, mutated ones and noise."""
    for _ in range(count):
        kind = chance.random()
        if kind < 0.45:
            yield real(instrument, chance)
        elif kind < 0.85:
            yield mutated(real(instrument, chance), chance)
        else:
            yield "".join(chance.choices(GARBAGE + VALUES, k=chance.randint(1, 8)))


def terminals(instrument: Instrument) -> list[Terminals]:
    """What the instrument has at its posts."""
    parts = [instrument, getattr(instrument, "output", None)]
    found = [getattr(part, name, None) for part in parts for name in ("terminals", "source", "sink")]
    return [each for each in found if isinstance(each, Terminals)]


def numbers(part: Terminals) -> Iterator[float]:
    """Every number of the terminals."""
    return (value for each in fields(part) if isinstance(value := getattr(part, each.name), float))


def told(instrument: Instrument, message: str) -> str | None:
    """One exchange as the server has it; the reply is one line of text or nothing."""
    steps = instrument.run(message)
    while True:
        try:
            wait = next(steps)
        except StopIteration as done:
            reply: str | None = done.value
            assert reply is None or (reply and reply.isascii() and "\n" not in reply), message
            return reply
        assert 0 < wait <= LONGEST_WAIT, message
        instrument.tick(instrument.now + min(wait, 0.05))


def sound(instrument: Instrument) -> None:
    """Nothing is corrupted: its queue, its registers, its posts, its name."""
    status = instrument.status
    assert len(status.errors) <= status.depth
    assert all(0 <= each.event <= 0xFFFF and 0 <= each.enable <= 0x7FFF for each in (status.operation, status.standard))
    for part in terminals(instrument):
        assert not any(map(math.isnan, numbers(part)))
        assert min(part.voltage, part.current, part.power) >= 0
    assert instrument.execute("*CLS;*IDN?") == instrument.identity
    assert instrument.execute("SYST:ERR?") in ('0,"No error"', '+0,"No error"')


@pytest.mark.parametrize("model", MODELS)
def test_no_message_crashes_hangs_or_corrupts_an_instrument(model: str) -> None:
    instrument, chance = MAKERS[model](), Random(model)
    for number, message in enumerate(messages(instrument, chance, MESSAGES), 1):
        told(instrument, message)
        if number % LOOKED_AT == 0:
            for part in terminals(instrument):
                part.terminal_voltage, part.terminal_current = chance.uniform(-60, 110), chance.uniform(0, 400)
            instrument.tick(instrument.now + chance.choice((1e-4, 0.01, 1.0)))
            sound(instrument)


@pytest.mark.parametrize("model", MODELS)
def test_a_refused_command_leaves_the_posts_as_they_were(model: str) -> None:
    instrument, chance, refused = MAKERS[model](), Random(f"{model} refuses"), 0
    for _ in range(3_000):
        instrument.execute("*CLS")
        before = [replace(part) for part in terminals(instrument)]
        told(instrument, f"{header(chance.choice(instrument.headers), chance)} {chance.choice(VALUES)}")
        if instrument.status.errors:
            refused += 1
            assert terminals(instrument) == before
    assert refused > 500


@settings(max_examples=700, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=st.binary(max_size=300), model=st.sampled_from(sorted(MODELS)))
def test_any_bytes_are_dealt_with(instruments: dict[str, Instrument], message: bytes, model: str) -> None:
    told(instruments[model], message.decode("latin-1"))
    sound(instruments[model])


@pytest.fixture(scope="module")
def instruments() -> dict[str, Instrument]:
    return {model: make() for model, make in MAKERS.items()}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "message",
    [
        "\x00" * 70_000,
        "\xff" * 10_000,
        "(" * 16_000,
        "VOLT " + "(" * 16_000,
        "VOLT '" + "a" * 16_000,
        "VOLT " + "9" * 16_000 + "!",
        "VOLT 1" + " " * 16_000 + "!",
        "VOLT " + "1e" * 8_000,
        ":" * 16_000,
        ";" * 16_000,
        "A" * 16_000,
        "A:" * 8_000,
        "ROUT:CLOS (@" + "101:122," * 2_000 + "201)",
        "*IDN?;" * 2_700,
        "VOLT" + "1" * 16_000,
        "VOLT #H" + "F" * 16_000,
        "SAMP:COUN 1e9;:TRIG:COUN 1e9;:READ?",
        "ROUT:SCAN (@101:120);:TRIG:COUN 50000;:READ?",
        "SAMP:SOUR TIM;TIM 3600;COUN 1e9;:INIT;:*OPC?",
    ],
    ids=lambda message: f"{message[:12]!r}-{len(message)}",
)
def test_long_and_deep_messages_are_dealt_with(message: str, model: str) -> None:
    instrument = MAKERS[model]()
    told(instrument, message)
    instrument.execute("ABOR")
    sound(instrument)


# ------------------------------------------------------------------------------------------------ circuits


def log(low: float, high: float) -> Callable[[Random], float]:
    """A number of any order of magnitude between the two."""
    return lambda chance: math.exp(chance.uniform(math.log(low), math.log(high)))


ohms, diodes = log(1e-4, 1e4), (0.0, 0.0, 0.7, math.inf)
STUCK: tuple[Literal["closed", "open"] | None, ...] = (None, None, None, "closed", "open")


def a_branch(chance: Random) -> Branch:
    """A pack in any state, the wrong way round too."""
    limit = chance.choice((20.6, math.inf, math.inf))
    emf = chance.choice((0.0, chance.uniform(-60, 60), chance.uniform(40, 55)))
    leakage = log(1e3, 1e8)(chance)
    return Branch(emf, log(1e-3, 10)(chance), chance.choice(diodes), chance.choice(diodes), leakage, limit)


def a_source(chance: Random) -> SourceTerminals:
    """A supply with any settings."""
    slews = chance.choice((math.inf, 1e4, 100.0)), chance.choice((math.inf, 1e3, 1.0))
    return SourceTerminals(
        chance.random() < 0.7, chance.uniform(0, 100), chance.uniform(0, 100), *slews, log(1, 1e4)(chance)
    )


def a_sink(chance: Random) -> SinkTerminals:
    """A load in any mode, with any settings."""
    return SinkTerminals(
        on=chance.random() < 0.7,
        mode=chance.choice(("CC", "CV", "CR", "CP")),
        current=chance.uniform(0, 1000),
        voltage=chance.uniform(0, 100),
        resistance=chance.choice((0.0, ohms(chance))),
        power=chance.uniform(0, 1e4),
        slew_rise=chance.choice((math.inf, 1e6, 10.0)),
        slew_fall=chance.choice((math.inf, 1e6, 10.0)),
        von=chance.choice((0.0, chance.uniform(0, 60))),
    )


def a_circuit(chance: Random) -> Circuit:
    """Leads, contactors and mistakes of every kind."""
    closed = [chance.random() < 0.7 for _ in range(3)]
    main, supply, load = (
        Contactor(each, chance.choice((0.0, log(1e-5, 1)(chance))), chance.choice(STUCK)) for each in closed
    )
    return Circuit(
        main,
        supply,
        load,
        lead=log(1e-4, 10)(chance),
        contact=log(1e-5, 1e3)(chance),
        supply_lead=chance.choice((0.0, log(1e-4, 1)(chance))),
        load_lead=chance.choice((0.0, log(1e-4, 1)(chance))),
        meter=chance.choice((0.0, log(1e3, 1e9)(chance))),
        lead_open=chance.random() < 0.1,
        reversed=chance.random() < 0.2,
        sense_open=chance.random() < 0.1,
        insulation_plus=chance.choice((math.inf, 0.0, 1e5)),
        insulation_minus=chance.choice((math.inf, 0.0, 1e5)),
    )


STEPS = (0.0, 1e-6, 1e-3, 0.05, 10.0)


def flows(circuit: Circuit) -> bool:
    """Whether pack, supply and load are one node."""
    return circuit.main.conducts and not circuit.lead_open


def solved(circuit: Circuit, branch: Branch, source: SourceTerminals, sink: SinkTerminals, dt: float) -> None:
    """One step: everything is a finite number, within its bounds, and no current is lost at the node."""
    found = circuit.solve(branch, source, sink, dt)
    assert all(map(math.isfinite, found))
    assert min(source.terminal_current, sink.terminal_current) >= 0
    if math.isinf(source.slew_current) and found.supply_voltage >= 0:
        assert source.terminal_current <= source.current * source.on + 1e-6
    if sink.mode == "CC" and math.isinf(sink.slew_fall) and found.load_voltage >= 0:
        assert sink.terminal_current <= sink.current * sink.on + 1e-6
    if flows(circuit) and not circuit.reversed and min(found.supply_voltage, found.load_voltage) >= 0:
        lost = found.supply_current - found.load_current - found.current
        metered = abs(found.terminal_voltage) + abs(found.current) * outside(circuit)
        assert abs(lost) <= metered / max(circuit.meter, 1.0) + 1e-9 * abs(found.current) + 1e-6


def outside(circuit: Circuit) -> float:
    """Ohms between the pack's posts and the node."""
    return circuit.lead + circuit.contact + circuit.shunt + circuit.main.resistance


@pytest.mark.parametrize("block", range(BLOCKS))
def test_any_circuit_has_one_finite_solution_in_which_no_current_is_lost(block: int) -> None:
    chance = Random(block)
    circuit, branch, source, sink = a_circuit(chance), a_branch(chance), a_source(chance), a_sink(chance)
    for _ in range(CIRCUITS // BLOCKS):
        what = chance.randrange(6)
        if what == 0:
            circuit = a_circuit(chance)
        elif what == 1:
            branch = a_branch(chance)
        elif what == 2:
            source = replace(a_source(chance), terminal_voltage=source.terminal_voltage)
        elif what == 3:
            sink = replace(a_sink(chance), terminal_voltage=sink.terminal_voltage)
        solved(circuit, branch, source, sink, chance.choice(STEPS))
