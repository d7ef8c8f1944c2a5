"""What a pack file must say before the words of a sequence can rely on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.model import pack_rules
from station.model.files import build, parse
from station.model.library import Library
from station.model.pack import Pack

TEXT = Path(Library.default().find("pack", "bali48")).read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (", limiter_offer: 30 A", "", "`charge_limiter` needs `limiter_offer` among the currents"),
        ("highest_cell at least 3.60 V", "hottest_cell at least 3.60 V", "`hottest_cell` is no part of a condition"),
        ("rested at least 10 s", "rested at least 10 V", "`at least 10 V`: expected a range in s"),
        ("highest_cell at least 3.60 V", "highest_cell at least 3.60 A", "`at least 3.60 A`: expected a range in V"),
        ("unlocked: 5 s, ", "", "`unlocked` is missing"),
        ("accepts: 2.5 V to 4.5 V", "accepts: 2.5 V to 3.65 V", "`trip`: `3.7 V` is outside of what the BMS accepts"),
        ("  clock_error:   ", "  clock_errors:  ", "`clock_error` is missing"),
    ],
)
def test_what_is_missing_or_cannot_be_is_said_in_one_line(old: str, new: str, message: str) -> None:
    assert old in TEXT
    document = parse(TEXT.replace(old, new).encode(), Path("mine.yaml"))
    [told] = [fault.message for fault in pack_rules.check(document, build(document, Pack))]
    assert told.startswith(message)


def test_the_pack_file_as_it_stands_is_good() -> None:
    document = parse(TEXT.encode(), Path("bali48.yaml"))
    assert not list(pack_rules.check(document, build(document, Pack)))
