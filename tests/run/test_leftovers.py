"""What somebody has set on an instrument and left behind neither fails a pack nor stops its test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from actions.short_runs import short_rig

from station.instruments.scpi import Scpi

LEFT: Mapping[str, tuple[str, ...]] = {
    "load": (
        "FOO?", "CONF:REM ON", "CONF:OCP 10", "CONF:OPP 100", "CONF:VOLT:ON 60", "CONF:VOLT:LATC ON",
        "CURR:STAT:RISE 0.01", "CURR:STAT:FALL 0.01", "MODE CRH", "RES:L1 1", "MODE CV", "VOLT:L1 40",
        "CURR:STAT:L1 9999",
    ),
    "supply": (
        "FOO?", ":CONF:REM ON", ":SOUR:VOLT:SLEW 0.01", ":SOUR:CURR:SLEW 0.01", ":SOUR:VOLT 20", ":SOUR:CURR 5",
        ":CONF:OUTP ON", ":SOUR:VOLT:PROT:HIGH 12", ":SOUR:CURR:PROT:HIGH 2", ":SOUR:VOLT:LIMIT:HIGH 10",
        ":SOUR:VOLT 9999",
    ),
    "voltmeter": (
        "FOO?", "CONF:VOLT:DC 0.1", "SENS:VOLT:DC:NPLC 100", "SENS:VOLT:DC:NULL:VAL 10",
        "SENS:VOLT:DC:NULL:STAT ON", "CALC:AVER:STAT ON", "FORM:DATA REAL", "FORM:BORD SWAP", "SAMP:COUN 100",
        "TRIG:SOUR BUS", "TRIG:COUN 5", "INIT",
    ),
    "switch": (
        "FOO?", "CONF:VOLT:DC 10,(@101:106)", "CALC:SCAL:GAIN 3,(@101)", "CALC:SCAL:STAT ON,(@101)",
        "CONF:TEMP TC,K,(@105)", "SENS:VOLT:DC:NPLC 200,(@101)", "FORM:READ:UNIT ON", "FORM:READ:CHAN ON",
        "FORM:READ:TIME ON", "UNIT:TEMP F,(@105)", "SOUR:DIG:DATA:BYTE 255,(@301)",
        "SOUR:DIG:DATA:BYTE 255,(@302)", "ROUT:CLOS (@201,202,203,204,205)", "ROUT:SCAN (@101:106)",
        "TRIG:SOUR TIM", "TRIG:TIM 1", "TRIG:COUN INF", "INIT",
    ),
}  # fmt: skip
"""What others leave in each instrument: modes, limits, slow slews, ranges, formats, scans, closed relays, errors."""
USED = "eol/start, eol/window, eol/identity, eol/standby, eol/resistance, eol/charger"


@pytest.mark.parametrize("role", LEFT)
def test_a_run_begins_with_instruments_as_they_are_by_default(role: str, tmp_path: Path) -> None:
    with short_rig(tmp_path, "", known=USED) as bench:
        for message in LEFT[role]:
            bench.twin.instruments[role].execute(message)
        ran = bench.run(tmp_path)
    assert (ran.record.verdict, ran.record.reason) == ("PASS", "")


@pytest.mark.parametrize(("stranger", "expected"), [("", set(LEFT)), *((role, set()) for role in LEFT)])
def test_no_instrument_is_reset_before_all_are_known(
    stranger: str, expected: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one of them is another than the bench file names, somebody may be at work there."""
    told: list[str] = []
    monkeypatch.setattr(Scpi, "reset", lambda scpi: told.append(scpi.role))
    change = {f"{stranger}.identity": "Somebody,Else,1,1"} if stranger else {}
    with short_rig(tmp_path, "", change) as bench:
        ran = bench.run(tmp_path)
    assert ran.record.verdict == ("BLOCKED" if stranger else "PASS")
    assert set(told) == expected
