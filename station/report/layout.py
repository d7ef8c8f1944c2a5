"""Draws a record as a PDF; the same record, wording and signer give the same bytes on every machine."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from io import BytesIO

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, KeepTogether, PageTemplate

from station.model.record import Record
from station.report.document import attach, state_time
from station.report.glyphs import REGULAR, load_fonts
from station.report.issue import Certificates
from station.report.page import HEIGHT, WIDTH, Frames, Page, title
from station.report.sections import SECTIONS, WHOLE
from station.report.sheet import Sheet
from station.report.wording import Wording


def build(record: Record, wording: Wording, attachment: bytes, *, signer: Certificates | None = None) -> bytes:
    """The certificate of `record`, not signed yet, with `attachment` (the canonical record) attached to it.

    `signer` is named on it where it is known.
    """
    load_fonts()
    margin = wording.margin_mm * mm
    sheet = Sheet(record, wording, sha256(attachment).hexdigest(), signer, WIDTH - 2 * margin)
    page = Page(sheet, margin)

    def begin_page(canvas: Canvas, document: BaseDocTemplate) -> None:
        if document.page == 1:
            _describe(canvas, sheet)
            attach(canvas, attachment, sheet.wording.title)
        canvas.doForm(Frames.name(document.page))

    area = Frame(
        page.margin,
        page.bottom,
        sheet.width,
        page.top - page.bottom,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )
    pdf = BytesIO()
    document = BaseDocTemplate(
        pdf,
        pagesize=(WIDTH, HEIGHT),
        pageTemplates=[PageTemplate(frames=[area], onPage=begin_page)],
        invariant=1,
        initialFontName=REGULAR,
        lang=sheet.wording.language,
    )
    document.build([*_story(sheet), Frames(page)])
    return pdf.getvalue()


def _story(sheet: Sheet) -> list[Flowable]:
    story = [title(sheet)]
    for name in sheet.wording.sections:
        drawn = SECTIONS[name](sheet)
        section = [*sheet.heading(name), *drawn] if drawn else []
        story += [KeepTogether(section)] if name in WHOLE else section
    return story


def _describe(canvas: Canvas, sheet: Sheet) -> None:
    """What a file manager shows; as the time of making, the end of the run."""
    record = sheet.record
    canvas.setTitle(f"{sheet.wording.title} {record.serial_number}")
    canvas.setSubject(f"{record.verdict} {record.serial_number}, run {record.run}")
    canvas.setAuthor(record.bench_title)
    canvas.setCreator(f"pack-test-station {record.software.version}")
    canvas.setProducer("reportlab")
    state_time(canvas, datetime.fromisoformat(record.ended_at))
