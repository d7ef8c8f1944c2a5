"""What the end-of-line test cannot see is in the plan, in the record and on the paper."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from bench_runs import rig
from pypdf import PdfReader

from station.model.fault import FaultFile
from station.model.files import build
from station.model.library import Library
from station.report.layout import build as draw
from station.report.wording_file import load_wording
from station.run.gaps import known_gaps

LIBRARY = Library.default()


def test_every_fault_file_with_a_gap_is_known_and_no_other() -> None:
    faults = (build(LIBRARY.open("fault", name), FaultFile) for name in LIBRARY.names("fault"))
    wanted = {fault.fault: fault.expect.gap for fault in faults if fault.expect and fault.expect.gap}
    assert {gap.fault: gap.why for gap in known_gaps(LIBRARY, "eol")} == wanted
    assert "low-capacity-cell" in wanted


def test_gaps_are_those_of_the_end_of_line_test_and_of_no_other() -> None:
    assert [*known_gaps(LIBRARY, "eol-full")] == [*known_gaps(LIBRARY, "eol")]
    assert not [*known_gaps(LIBRARY, "incoming")]


def test_a_certificate_tells_the_gaps_whatever_the_verdict(tmp_path: Path) -> None:
    with rig(["breaker-off"]) as bench:
        record = bench.run(tmp_path).record
    gaps = tuple(known_gaps(LIBRARY, "eol"))
    assert record.gaps == gaps
    pdf = draw(record, load_wording(LIBRARY.find("report", "certificate")), record.canonical())
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())
    for gap in gaps:
        assert gap.title in text
        assert gap.why in text
