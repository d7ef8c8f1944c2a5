"""What a bench lacks is told when a run is planned, and never found out by a run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from station.model.files import InvalidFile
from station.model.library import Library
from station.run.plan import Files, make_plan


@pytest.mark.parametrize(
    ("old", "new", "step", "message"),
    [
        (", L4: 301.5", "", "start", "the lamps of bench simulated have no input for L4"),
        (", low: 104", "", "contacts-at-rest", "the contacts of bench simulated have no input for low"),
        (
            "rs485_a:     {at: auto, address: 1, loop_back: 203}",
            "rs485_a:     {at: auto, address: 1}",
            "shutdown",
            "`silent: rs485_a` is shown only by a line that proves good, and rs485_a of bench simulated has no",
        ),
        (
            "voltage: 57 V",
            "voltage: 52 V",
            "window",
            "`terminal_voltage` is 51.5 V to 53.5 V, and the envelope of bench simulated allows 52 V",
        ),
    ],
)
def test_what_the_bench_cannot_see_or_show_is_refused(
    old: str, new: str, step: str, message: str, tmp_path: Path
) -> None:
    text = Library.default().find("bench", "simulated").read_text(encoding="utf-8")
    assert old in text
    bench = tmp_path / "other.yaml"
    bench.write_text(text.replace(old, new), encoding="utf-8")
    files = Files(Library.default())
    with pytest.raises(InvalidFile) as caught:
        make_plan(files, "eol", files.bench(str(bench)), "BALI48-000001")
    told = str(caught.value).splitlines()
    [line] = [each for each in told if f"step `{step}`" in each and message in each]
    assert re.match(r".*eol\.yaml:\d+:\d+: ", line)


def test_a_part_cannot_settle_in_less_than_no_time(tmp_path: Path) -> None:
    text = Library.default().find("bench", "simulated").read_text(encoding="utf-8")
    bench = tmp_path / "other.yaml"
    bench.write_text(text.replace("settle: 50 ms", "settle: -50 ms"), encoding="utf-8")
    with pytest.raises(InvalidFile, match="`settle`: `-50 ms` must not be less than nothing"):
        Files(Library.default()).bench(str(bench))


@pytest.mark.parametrize(
    ("role", "step"),
    [
        ("voltmeter", "window"),
        ("case", "window"),
        ("ambient", "readings-at-rest"),
        ("contact_isolation", "contacts-at-rest"),
        ("shunt", "discharge-overcurrent"),
        ("clock", "charge-overcurrent"),
        ("pins_free", "pins"),
    ],
)
def test_an_uncertainty_that_is_not_stated_is_missed_before_anything_is_energised(
    role: str, step: str, tmp_path: Path
) -> None:
    text = Library.default().find("bench", "simulated").read_text(encoding="utf-8")
    uncertain, stated = text.index("\nuncertainty:"), re.compile(rf"\n  {role}: .*")
    bench = tmp_path / "other.yaml"
    bench.write_text(text[:uncertain] + stated.sub("", text[uncertain:], count=1), encoding="utf-8")
    files = Files(Library.default())
    with pytest.raises(InvalidFile) as caught:
        make_plan(files, "eol", files.bench(str(bench)), "BALI48-000001")
    told = str(caught.value).splitlines()
    assert any(f"step `{step}`: bench simulated states no uncertainty of its {role}" in line for line in told)
