"""The file of wording: every fault in it is one line that says where, what, and what was meant."""

from __future__ import annotations

from pathlib import Path

import certificate_samples as samples
import certificate_tools as tools
import pytest

from station.report.layout import build
from station.report.wording_file import WordingError, load_wording

SOURCE = samples.WORDING_FILE.read_text("utf-8")


def load(text: str, folder: Path) -> object:
    path = folder / "certificate.yaml"
    path.write_text(text, "utf-8")
    return load_wording(path)


def place(text: str, found: str) -> str:
    line = next(n for n, line in enumerate(text.splitlines(), 1) if found in line)
    return f"{line}:{text.splitlines()[line - 1].index(found) + 1}"


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        (
            "  PASS: {word",
            "  PASS: {wrd",
            "wrd",
            "verdicts.PASS.wrd is not known here; did you mean word?",
        ),
        ("{page} of", "{pge} of", "page: ", "{pge} cannot be filled in; known here: page, pages"),
        ("margin: 15 mm", "margin: 5 mm", "margin", "margin"),
        ("  PASS: {", "  PAS: {", "PAS:", "PASS"),
        ("title: Test certificate", "title: 12", "title: 12", "title"),
        ('colour: "#0f6b3a"', "colour: green", "colour: green", "verdicts.PASS.colour"),
        ("symbol: check, m", "symbol: tick, m", "symbol: tick", "verdicts.PASS.symbol"),
        ("  summary: Steps\n", "", "sections:", "missing: summary"),
        ("language: en", "language: en\nlanguage: de", "", "duplicate"),
        ("units: {", "units: [", "", "expected"),
        ("report: certificate", "report: letter", "report", "report"),
    ],
)
def test_a_fault_is_one_line_with_its_place(old: str, new: str, at: str, said: str, tmp_path: Path) -> None:
    assert old in SOURCE
    broken = SOURCE.replace(old, new, 1)
    with pytest.raises(WordingError) as caught:
        load(broken, tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert said in message
    assert message.startswith(f"{tmp_path / 'certificate.yaml'}:{place(broken, at) if at else ''}")


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WordingError, match="cannot be read") as caught:
        load_wording(tmp_path / "none.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "just words", "- a\n- list", "\x00"])
def test_what_is_no_wording_at_all_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(WordingError) as caught:
        load(text, tmp_path)
    assert str(tmp_path / "certificate.yaml") in str(caught.value)


def test_the_order_of_the_sections_is_free(tmp_path: Path) -> None:
    moved = SOURCE.replace("  instruments: Instruments\n", "", 1).replace(
        '  verdict: ""\n', '  verdict: ""\n  instruments: Instruments\n', 1
    )
    (tmp_path / "w.yaml").write_text(moved, "utf-8")
    wording = load_wording(tmp_path / "w.yaml")
    record = samples.record()
    path = tmp_path / "c.pdf"
    path.write_bytes(build(record, wording, record.canonical()))
    text = tools.text(path)
    assert text.index("\nInstruments") < text.index("\nItem tested") < text.index("\nSteps")


def test_another_language_reaches_the_paper(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    german = SOURCE.replace("title: Test certificate", "title: Prüfzeugnis").replace(
        "word: FAIL", "word: NICHT BESTANDEN"
    )
    path.write_text(german, "utf-8")
    record = samples.failed_record()
    pdf = tmp_path / "c.pdf"
    pdf.write_bytes(build(record, load_wording(path), record.canonical()))
    text = tools.text(pdf)
    assert "Prüfzeugnis" in text
    assert text.count("NICHT BESTANDEN") >= 4
    assert tools.overlaps(tools.words(pdf)) == []
