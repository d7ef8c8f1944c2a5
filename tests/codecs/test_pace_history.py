"""Records of a BMS's history, as PACE ASCII carries them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.codecs.pace_ascii import Frame, Rtn, parse
from station.codecs.pace_history import HistoryEntry, history, history_number, history_request
from station.codecs.pace_values import BadInformation

RECORDED = (
    b"~25004600709018021D020038100D970D990D9A0D990D990D970D990D980D990D980D800D980D980D990D980D98"
    b"060B740B750B770B760B710B79FF6ED9D7286A286A0000000000060043FFFFFFFFDDE3\r"
)
"""What PbmsTools read from a real board of 16 cells (syssi/esphome-pace-bms, docs)."""
ENTRY = HistoryEntry(
    time=datetime(2026, 11, 23, 20, 30),
    cells=(3.336,) * 15,
    temperatures=(25.0, 25.1, 24.9, None, -5.0, 31.2),
    current=-20.5,
    voltage=50.04,
    remaining=87.5,
    full=100.0,
    protection=0x0201,
    fault=4,
    warning=0x8001,
    instruction=6,
    cycles=300,
    faults_8=0x40,
    faults_10=1,
    happened=1,
)


def test_a_recorded_entry_is_understood_and_built_again_byte_for_byte() -> None:
    frame = parse(RECORDED)
    entry = history(frame.info)
    assert entry is not None
    assert (entry.time, len(entry.cells), entry.cells[10]) == (datetime(2024, 2, 29, 2, 0, 56), 16, 3.456)
    assert (entry.current, entry.voltage, entry.remaining, entry.full) == (-1.46, 55.767, 103.46, 103.46)
    assert (entry.instruction, entry.cycles, entry.happened) == (6, 67, 0xFFFF)
    assert Frame(frame.address, Rtn.OK, entry.encode()).wire() == RECORDED


def test_the_flags_are_in_the_order_of_the_document() -> None:
    info = ENTRY.encode()
    assert len(info) == 70
    assert info[-12:].hex(" ") == "01 02 04 01 80 06 01 2c 40 01 00 01"
    assert history(info) == ENTRY


def test_an_empty_answer_means_that_there_are_no_more() -> None:
    assert history(b"") is None


@given(st.sampled_from((13, 15, 16)), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(-32768, 32767))
def test_any_entry_comes_back_as_it_was(cells: int, protection: int, warning: int, current: int) -> None:
    entry = replace(ENTRY, cells=(3.3,) * cells, protection=protection, warning=warning, current=current / 100)
    assert history(entry.encode()) == entry


@given(st.integers(1, 69))
def test_an_entry_that_is_not_whole_is_refused(length: int) -> None:
    with pytest.raises(BadInformation):
        history(ENTRY.encode()[:length])


@given(st.binary(min_size=1, max_size=100))
def test_no_information_upsets_the_decoder(info: bytes) -> None:
    with suppress(BadInformation):
        assert history(info) is not None


@given(st.integers(0, 0xFFFF))
def test_a_record_is_asked_for_by_its_number(number: int) -> None:
    assert history_number(history_request(number)) == number


@pytest.mark.parametrize("info", [b"", b"\x00", b"\x00\x00\x00"])
def test_what_is_no_number_is_refused(info: bytes) -> None:
    with pytest.raises(BadInformation, match="are no number of a record"):
        history_number(info)
