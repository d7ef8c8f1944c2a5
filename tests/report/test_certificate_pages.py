"""What stands on a certificate, as somebody else's program reads it."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import certificate_samples as samples
import certificate_tools as tools
import pypdf
import pytest

from station.model.record import Channel, Instrument, Mark, Proof, Record, Step, Waveform
from station.model.verdict import Verdict
from station.report.layout import build

RECORDS = {
    "pass": samples.record(),
    "fail": samples.failed_record(),
    "error": samples.error_record(),
    "aborted": samples.aborted_record(),
    "blocked": samples.blocked_record(),
    "early": samples.early_record(),
    "simulated": samples.simulated_record(),
}
WORDING = samples.wording()
LONG = "W" * 90
HOSTILE = f"<b>no markup</b> & {LONG} _{'x_' * 60} 中文 \u202e\u0007 end"


def drawn(record: Record) -> bytes:
    return build(record, WORDING, record.canonical())


def stored(record: Record, folder: Path) -> Path:
    path = folder / "certificate.pdf"
    path.write_bytes(drawn(record))
    return path


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: stored(record, tmp_path_factory.mktemp(name)) for name, record in RECORDS.items()}


@pytest.mark.parametrize("name", RECORDS)
def test_the_verdict_stands_on_every_page_with_report_number_and_page(name: str, pages: dict[str, Path]) -> None:
    record = RECORDS[name]
    texts = tools.text(pages[name]).split("\f")[:-1]
    for number, text in enumerate(texts, 1):
        head = "\n".join(text.splitlines()[:4])
        assert f"{record.serial_number} · {record.verdict}" in head
        assert f"Report {record.run} · Page {number} of {len(texts)}" in head


@pytest.mark.parametrize("name", RECORDS)
def test_the_reason_and_how_the_pack_was_left_are_told_on_the_first_page(name: str, pages: dict[str, Path]) -> None:
    record = RECORDS[name]
    first = " ".join(tools.text(pages[name]).split("\f")[0].split())
    assert record.reason in first
    assert record.thresholds in first
    assert record.safe_state in first


@pytest.mark.parametrize("name", RECORDS)
def test_no_two_words_overlap_and_none_leaves_the_margins(name: str, pages: dict[str, Path]) -> None:
    found = [word for word in tools.words(pages[name]) if word.y2 - word.y1 < 60]
    assert len(found) > 80
    assert tools.overlaps(found) == []
    margin = 15 / 25.4 * 72 - 1
    outside = [w for w in found if w.x1 < margin or w.x2 > 595.3 - margin or w.y1 < margin or w.y2 > 841.9 - margin]
    assert outside == []


@pytest.mark.parametrize("name", ["blocked", "early"])
def test_a_run_that_ended_early_shows_no_empty_sections(name: str, pages: dict[str, Path]) -> None:
    text = tools.text(pages[name])
    for section in ("measurements", "waveforms", "requirements"):
        assert WORDING.sections[section] not in text.splitlines()
    assert "No measurement was taken" in text
    assert "End of certificate" in text


def test_a_run_without_steps_or_instruments_has_no_tables_for_them(pages: dict[str, Path]) -> None:
    lines = [line.strip() for line in tools.text(pages["early"]).splitlines()]
    assert WORDING.sections["summary"] not in lines
    assert WORDING.sections["instruments"] not in lines


def test_a_failing_measurement_is_shown_with_its_reason_among_the_others(pages: dict[str, Path]) -> None:
    lines = tools.text(pages["fail"]).splitlines()
    row = next(i for i, line in enumerate(lines) if line.strip().startswith("cell_resistance 9"))
    assert re.search(r"0\.580 +1\.204 +0\.880 +mΩ +0\.018 +0\.595 +0\.865 +c +FAIL", lines[row])
    assert "cell 9 has 1.7 times the others" in " ".join(lines[row + 1 : row + 3])


def test_every_measurement_step_and_instrument_of_the_record_is_on_the_paper(pages: dict[str, Path]) -> None:
    text = " ".join(tools.text(pages["pass"]).split())
    record = RECORDS["pass"]
    for name in (m.name.split()[0] for m in record.measurements):
        assert name in text
    for step in record.steps:
        assert step.id in text
    for instrument in record.instruments:
        assert instrument.serial_number in text
    for proof in record.requirements:
        assert proof.id in text


def test_units_and_signs_survive_text_extraction(tmp_path: Path) -> None:
    found = [samples.measured("s", f"m{i}", 1.0, unit) for i, unit in enumerate(("Ohm", "mOhm", "degC", "us"))]
    odd = samples.measured("s", "odd", "1 \u2126, 2 \u03bcs, ≤ 3 ± 1")
    path = stored(samples.record(measurements=(*found, odd)), tmp_path)
    text = tools.text(path) + "".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
    for sign in ("Ω", "mΩ", "°C", "µs", "1 Ω, 2 µs, ≤ 3 ± 1", "±U"):
        assert text.count(sign) >= 2


def test_simulated_stands_twice_on_every_page_of_a_simulated_run_and_on_no_other(pages: dict[str, Path]) -> None:
    for name, path in pages.items():
        counts = {page.extract_text().count("SIMULATED") for page in pypdf.PdfReader(path).pages}
        assert counts == ({2} if name == "simulated" else {0})


def test_only_embedded_fonts_are_used(pages: dict[str, Path]) -> None:
    for path in pages.values():
        fonts = tools.run("pdffonts", path).splitlines()[2:]
        assert fonts
        assert all(re.search(r"\+DejaVuSansCondensed.* yes +yes +yes ", font) for font in fonts)


def test_the_record_is_attached_byte_for_byte(pages: dict[str, Path], tmp_path: Path) -> None:
    canonical = RECORDS["fail"].canonical()
    tools.run("pdfdetach", "-saveall", "-o", tmp_path, pages["fail"])
    assert (tmp_path / "record.json").read_bytes() == canonical
    attachments = pypdf.PdfReader(pages["fail"]).attachments
    assert {name: list(data) for name, data in attachments.items()} == {"record.json": [canonical]}
    assert sha256(canonical).hexdigest() in tools.text(pages["fail"])


def test_the_attachment_is_declared_as_the_data_of_the_document(pages: dict[str, Path]) -> None:
    catalog = pypdf.PdfReader(pages["pass"]).trailer["/Root"].get_object()
    assert isinstance(catalog, pypdf.generic.DictionaryObject)
    files = catalog["/AF"]
    assert isinstance(files, pypdf.generic.ArrayObject)
    associated = files[0].get_object()
    assert associated["/AFRelationship"] == "/Data"
    assert associated["/F"] == associated["/UF"] == "record.json"
    assert associated["/EF"]["/F"]["/Params"]["/Size"] == len(RECORDS["pass"].canonical())


def test_the_same_record_gives_the_same_bytes() -> None:
    assert drawn(samples.failed_record()) == drawn(samples.failed_record())


def test_the_document_says_when_the_run_ended(pages: dict[str, Path]) -> None:
    metadata = pypdf.PdfReader(pages["pass"]).metadata
    assert metadata is not None
    assert str(metadata["/CreationDate"]) == "D:20261123184831+00'00'"


def test_texts_of_any_length_and_script_wrap_and_are_never_markup(tmp_path: Path) -> None:
    hostile = HOSTILE.removeprefix(" ")
    step = Step(id="s/" + LONG, title=hostile, verdict=Verdict.FAIL, reason=hostile, started_s=0, duration_s=1e5)
    record = samples.failed_record(
        reason=hostile,
        serial_number="SN" * 40,
        run="R" * 80,
        operator=hostile,
        product_title=hostile,
        identity={hostile: hostile},
        steps=(step,),
        measurements=(
            samples.measured(step.id, LONG, hostile, low=hostile, reason=hostile, verdict=Verdict.FAIL),
            samples.measured("other", "x_" * 60, -123456.123456, "V" * 9, -1e12, 1e12, 1e-8, hostile),
        ),
        waveforms=(
            Waveform(
                step="s",
                title=hostile,
                channels=(Channel(name=hostile, unit="A", t_s=(0.0, 1.0), values=(5.0, 5.0)),),
                marks=tuple(Mark(label=f"{n} {LONG}", at_s=0.5, level=5.0, unit="A") for n in range(7)),
            ),
        ),
        requirements=(Proof(id="REQ-1-01", text=hostile, state="failed", by=(hostile,)),),
        warnings=(hostile,),
        thresholds="NOT RESTORED: " + hostile,
        safe_state=hostile,
    )
    path = stored(record, tmp_path)
    found = [word for word in tools.words(path) if word.y2 - word.y1 < 60]
    assert tools.overlaps(found) == []
    assert [w for w in found if w.x2 > 595.3 - 41.5 or w.y2 > 841.9 - 41.5] == []
    text = tools.text(path)
    assert "<b>no markup</b> &" in text
    assert "[U+4E2D][U+6587] [U+202E][U+0007] end" in " ".join(text.split())


def test_waveforms_and_steps_with_nothing_in_them_do_no_harm(tmp_path: Path) -> None:
    empty = Waveform(step="s", title="never sampled", channels=(Channel(name="i", unit="A", t_s=(), values=()),))
    record = samples.record(waveforms=(empty,), identity={"empty": ""}, operator="", files=(), requirements=())
    assert "never sampled" not in tools.text(stored(record, tmp_path))


def test_pages_without_end_are_numbered_to_the_last(tmp_path: Path) -> None:
    many = tuple(samples.measured("window", f"value_{n}", 1.0, "V", 0.0, 2.0, 0.01) for n in range(700))
    texts = tools.text(stored(samples.record(measurements=many), tmp_path)).split("\f")[:-1]
    assert len(texts) > 12
    assert f"Page {len(texts)} of {len(texts)}" in texts[-1]
    assert all(text.count("Accepted") <= 1 for text in texts[2:10])


def test_texts_of_many_pages_never_cost_a_run_its_certificate(tmp_path: Path) -> None:
    long = "a reason that goes on and on, " * 800
    step = Step(id=long, title=long, verdict=Verdict.FAIL, reason=long, started_s=0, duration_s=1, notes=(long,) * 9)
    record = samples.failed_record(
        reason=long,
        serial_number=long,
        run=long,
        product_title=long,
        identity={long: long},
        thresholds="NOT RESTORED: " + long,
        steps=(step,),
        measurements=(
            samples.measured(long, long, long, low=long, reason=long, verdict=Verdict.FAIL),
            samples.measured("s", long.replace(" ", "_"), 1.0, long, 3.0, 4.0, 0.1, long, reason=long),
        ),
        waveforms=(samples.trip(long, 100.0), samples.trip("x", 90.0)),
        instruments=(Instrument(role=long, model=long, serial_number=long, firmware=long),),
        requirements=tuple(
            Proof(id=long, text=long, state=state, by=(long,) * 50) for state in ("failed", "not tested", "proven")
        ),
        decision_rule=long,
        warnings=(long,),
    )
    path = stored(record, tmp_path)
    text = " ".join(tools.text(path).split())
    assert text.count("goes on and on, a reason") > 800 * 3
    assert "End of certificate" in text
    assert tools.overlaps([word for word in tools.words(path) if word.page < 4]) == []
