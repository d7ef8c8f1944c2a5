"""What stands on every page: whose certificate it is, its verdict and number, and whether it was only simulated."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportlab.graphics.barcode.qr import QrCode
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, Table

from station.report import glyphs
from station.report.glyphs import BOLD, printable
from station.report.sheet import BARE, Cell, Sheet
from station.report.style import (
    CELL,
    HEAD_RIGHT,
    INK,
    LINE,
    PAPER,
    SERIAL,
    SMALL,
    SUBTITLE,
    TITLE,
    marked,
    plain,
    short,
    strong,
)

WIDTH, HEIGHT = A4
BAND = 15.0
FOOT = 14.0
GAP = 7.0
SLOPE = 55.0
WATERMARK = HexColor("#e8ebee")
QR_SIZE = 22 * mm


@dataclass(frozen=True, slots=True)
class Page:
    """Head, foot and watermark around the area for the sections."""

    sheet: Sheet
    margin: float

    @property
    def top(self) -> float:
        """Upper edge of the area for the sections, in points from the bottom of the paper."""
        band = BAND if self.sheet.record.simulation else 0.0
        return HEIGHT - self.margin - band - self._head(1, 1)[1] - GAP

    @property
    def bottom(self) -> float:
        """Lower edge of the same area."""
        return self.margin + FOOT

    def draw(self, canvas: Canvas, number: int, pages: int) -> None:
        """Draw all of it for page `number` of `pages`."""
        top = HEIGHT - self.margin
        if self.sheet.record.simulation:
            self._watermark(canvas)
            self._band(canvas, top - BAND)
            top -= BAND
        head, height = self._head(number, pages)
        head.drawOn(canvas, self.margin, top - height)
        self._rule(canvas, top - height - 1)
        self._foot(canvas)

    def _head(self, number: int, pages: int) -> tuple[Table, float]:
        record, texts = self.sheet.record, self.sheet.wording.header
        parts = (
            self.sheet.wording.title,
            short(record.serial_number),
            self.sheet.wording.verdicts[record.verdict].word,
        )
        left = strong(" \N{MIDDLE DOT} ".join(parts))
        page = texts.page.format(page=number, pages=pages)
        right = f"{marked(texts.report.format(run=short(record.run)))} \N{MIDDLE DOT} {strong(page)}"
        widths = [self.sheet.width * 0.5] * 2
        head = Table([[Paragraph(left, CELL), Paragraph(right, HEAD_RIGHT)]], colWidths=widths, style=list(BARE))
        return head, float(head.wrap(self.sheet.width, HEIGHT)[1])

    def _foot(self, canvas: Canvas) -> None:
        texts = self.sheet.wording.header
        digest = plain(texts.digest.format(sha256=self.sheet.sha256), SMALL)
        widths = [self.sheet.width * 0.68, self.sheet.width * 0.32]
        right = Paragraph(f'<para alignment="right">{marked(texts.scope)}</para>', SMALL)
        foot = Table([[digest, right]], colWidths=widths, style=list(BARE))
        height = foot.wrap(self.sheet.width, HEIGHT)[1]
        self._rule(canvas, self.margin + FOOT - 4)
        foot.drawOn(canvas, self.margin, self.margin + FOOT - 6 - height)

    def _rule(self, canvas: Canvas, y: float) -> None:
        canvas.setStrokeColor(LINE)
        canvas.setLineWidth(0.8)
        canvas.line(self.margin, y, WIDTH - self.margin, y)

    def _band(self, canvas: Canvas, y: float) -> None:
        text = printable(self.sheet.wording.header.simulated)
        canvas.setFillColor(INK)
        canvas.rect(self.margin, y + 3, self.sheet.width, BAND - 3, stroke=0, fill=1)
        canvas.setFillColor(PAPER)
        size = min(8.0, 8.0 * (self.sheet.width - 8) / glyphs.width(text, 8, BOLD))
        canvas.setFont(BOLD, size)
        canvas.drawCentredString(WIDTH / 2, y + 6.2, text)

    def _watermark(self, canvas: Canvas) -> None:
        text = printable(self.sheet.wording.header.watermark)
        canvas.saveState()
        canvas.translate(WIDTH / 2, HEIGHT / 2)
        canvas.rotate(SLOPE)
        size = 0.72 * math.hypot(WIDTH, HEIGHT) / glyphs.width(text, 1, BOLD)
        canvas.setFillColor(WATERMARK)
        canvas.setFont(BOLD, size)
        canvas.drawCentredString(0, -size * 0.36, text)
        canvas.restoreState()


class Frames(Flowable):
    """Comes last in the document: only here it is known how many pages there are.

    Each page has drawn a form that did not exist yet; now they are made.
    """

    def __init__(self, page: Page) -> None:
        """Make what `page` draws."""
        super().__init__()
        self.page = page

    @staticmethod
    def name(number: int) -> str:
        """Name of the form that stands on page `number`."""
        return f"page-{number}"

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Take no room."""
        return 0, 0

    def draw(self) -> None:
        """Make a form for each page so far."""
        pages = self.canv.getPageNumber()
        for number in range(1, pages + 1):
            self.canv.beginForm(self.name(number))
            self.page.draw(self.canv, number, pages)
            self.canv.endForm()


def title(sheet: Sheet) -> Flowable:
    """The title of the certificate, with a code that carries the serial number and the hash of the record."""
    record = sheet.record
    words: Cell = [
        plain(sheet.wording.title, TITLE),
        plain(short(record.serial_number), SERIAL),
        plain(short(record.product_title), SUBTITLE),
        plain(short(record.sequence_title), SUBTITLE),
    ]
    code = QrCode(
        f"{short(record.serial_number)} SHA256:{sheet.sha256}".upper(), width=QR_SIZE, height=QR_SIZE, qrBorder=0
    )
    return Table([[words, code]], colWidths=[sheet.width - QR_SIZE, QR_SIZE], style=list(BARE))
