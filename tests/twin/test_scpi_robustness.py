"""No bytes whatever may crash or stop a simulated instrument."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from instrument_makers import everything

from station.twin.scpi import Instrument

PIECES = (
    *("*IDN?", "*RST", "*OPC", "*OPC?", "*WAI", "*TRG", "*CLS", "*STB?", "SYST:ERR?", "STAT:QUES:ENAB #HFFFF", "CONF?"),
    *("SOUR:VOLT", "CURR", "CONF:OUTP ON", "LOAD ON", "MODE CCH", "CURR:STAT:L1", "MEAS:VOLT?", "FETC:STAT?", "LOAD?"),
    *(
        "VOLT:NPLC",
        "SAMP:COUN",
        "TRIG:COUN INF",
        "TRIG:SOUR BUS",
        "INIT",
        "FETC?",
        "R?",
        "DATA:REM? 3",
        "ABOR",
        "READ?",
    ),
    *(
        "MEAS:VOLT:DC?",
        "MEAS:RES?",
        "MEAS:TEMP? TC,K,",
        "ROUT:CLOS",
        "ROUT:OPEN:ALL",
        "ROUT:SCAN",
        "SENS:DIG:DATA:BYTE?",
    ),
    *(
        "SOUR:DIG:DATA:BYTE",
        "VOLT:DC:RANG",
        "FUNC",
        "DISP:TEXT",
        "TRIG:TIM",
        "SAMP:SOUR TIM",
        "SAMP:TIM",
        "CURR:DYN:T1",
    ),
    *(
        " ",
        " ",
        " ",
        ",",
        ";",
        ";:",
        ":",
        "?",
        "(@101)",
        "(@101:305,201)",
        "(@",
        ")",
        "(((((",
        '"',
        "'",
        '"VOLT"',
        "\x00",
    ),
    *(
        "1",
        "-1",
        "1e9999",
        "1e-9999",
        "#H1F",
        "#HFFFFFFFFFFFFFFFFFF",
        "MIN",
        "MAX",
        "DEF",
        "NAN",
        "INF",
        "5 kV",
        "mV",
        "é",
    ),
)


def survives(instrument: Instrument, message: bytes | str) -> None:
    """One exchange, after which the instrument still knows its name."""
    wait = instrument.latency(message)
    assert 0 <= wait < 1e4
    instrument.tick(instrument.now + min(wait, 0.1))
    reply = instrument.execute(message)
    assert reply is None or ("\n" not in reply and reply.isascii() and reply)
    assert instrument.execute("ABOR;*CLS;*IDN?") == instrument.identity


def test_twelve_thousand_mutated_messages_crash_nothing() -> None:
    chance = random.Random(20_240_607)
    instruments = everything()
    for number in range(12_000):
        message = "".join(chance.choices(PIECES, k=chance.randint(1, 9)))
        survives(instruments[number % 4], message)


@pytest.fixture(scope="module")
def instruments() -> list[Instrument]:
    return everything()


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=st.binary(max_size=300), which=st.integers(0, 3))
def test_any_bytes_crash_nothing(instruments: list[Instrument], message: bytes, which: int) -> None:
    survives(instruments[which], message)


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize(
    "message",
    [
        b"\x00" * 70_000,
        b"\xff" * 10_000,
        b"(" * 16_000,
        b"VOLT " + b"(" * 16_000,
        b"VOLT '" + b"a" * 16_000,
        b"VOLT " + b"9" * 16_000 + b"!",
        b"VOLT 1" + b" " * 16_000 + b"!",
        b"VOLT " + b"1e" * 8_000,
        b":" * 16_000,
        b";" * 16_000,
        b"A" * 16_000,
        b"A:" * 8_000,
        b"ROUT:CLOS (@" + b"101:122," * 2_000 + b"201)",
        b"*IDN?;" * 2_700,
        b"VOLT" + b"1" * 16_000,
        b"VOLT #H" + b"F" * 16_000,
        b"SAMP:COUN 1e9;:TRIG:COUN 1e9;:READ?",
        b"ROUT:SCAN (@101:120);:TRIG:COUN 50000;:READ?",
        b"SAMP:SOUR TIM;TIM 3600;COUN 1e9;:INIT;:*OPC?",
    ],
    ids=lambda message: message[:12].decode("latin-1") + f"-{len(message)}",
)
def test_long_and_deep_messages_are_dealt_with(message: bytes, which: int) -> None:
    survives(everything()[which], message)
