"""What every section is drawn from, and the shapes of table that they share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from reportlab.lib.colors import Color, HexColor
from reportlab.platypus import CondPageBreak, Flowable, HRFlowable, Table

from station.model.record import Record
from station.model.verdict import Verdict
from station.report.glyphs import REGULAR
from station.report.issue import Certificates
from station.report.style import BODY, COLUMN, HEADING, INK, LINE, SMALL, TEXT, plain, whole
from station.report.symbols import RecordedMark, VerdictMark
from station.report.wording import SectionName, Wording

Cell = str | Flowable | list[Flowable]
Command = tuple[str, tuple[int, int], tuple[int, int], *tuple[Any, ...]]
"""One of reportlab's: a name, two corners, and whatever that name takes."""

NEEDED = 90.0
"""Points that must be left on a page for a section to begin there."""
NEEDED_FOR_CHARTS = 200.0

GRID: tuple[Command, ...] = (
    ("FONT", (0, 0), (-1, -1), REGULAR, 7),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 3),
    ("RIGHTPADDING", (0, 0), (-1, -1), 3),
    ("TOPPADDING", (0, 0), (-1, -1), 1.8),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2.2),
)
BARE: tuple[Command, ...] = (
    *GRID,
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 0),
)
RULED: tuple[Command, ...] = (
    *GRID,
    ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
    ("LINEBELOW", (0, 1), (-1, -1), 0.35, LINE),
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A record on its way to paper: what it says, in which words, and how wide the paper is (points)."""

    record: Record
    wording: Wording
    sha256: str
    signer: Certificates | None
    width: float

    def heading(self, section: SectionName) -> list[Flowable]:
        """The title of a section with a line below it; nothing where the wording gives none."""
        title = self.wording.sections[section]
        if not title:
            return []
        needed = NEEDED_FOR_CHARTS if section == "waveforms" else NEEDED
        return [CondPageBreak(needed), plain(title, HEADING), HRFlowable("100%", 0.8, color=LINE, spaceAfter=3)]

    def mark(self, verdict: Verdict | None) -> Flowable:
        """The verdict of a step or a measurement; None is only recorded."""
        if verdict is None:
            return RecordedMark(self.wording.measurements.recorded)
        quiet = verdict in (Verdict.PASS, Verdict.NOT_TESTED)
        return VerdictMark(self.wording.verdicts[verdict], quiet=quiet)

    @property
    def mark_width(self) -> float:
        """Width of a column that takes any verdict, in points."""
        words = [texts.word for texts in self.wording.verdicts.values()]
        return max(VerdictMark.mark_width(word) for word in words) + 7

    def colour(self, verdict: Verdict) -> Color:
        """The colour of a verdict."""
        return HexColor(self.wording.verdicts[verdict].colour)


def table(rows: Sequence[Sequence[Cell]], widths: Sequence[float], commands: Iterable[Command] = RULED) -> Table:
    """A table whose first row is repeated on each page."""
    return Table([list(row) for row in rows], colWidths=list(widths), repeatRows=1, style=list(commands))


def columns(*titles: str) -> list[Cell]:
    """The first row of a table."""
    return [plain(title, COLUMN) for title in titles]


def pairs(items: Sequence[tuple[str, str]], width: float, across: int) -> list[Flowable]:
    """Names with their values below them, `across` side by side; an empty value is left out."""
    cells: list[Cell] = [_pair(name, value) for name, value in items if value]
    cells += [""] * (-len(cells) % across)
    rows = [cells[i : i + across] for i in range(0, len(cells), across)]
    return [Table(rows, colWidths=[width / across] * across, style=list(GRID))] if rows else []


def wide_pairs(items: Sequence[tuple[str, str]], width: float) -> list[Flowable]:
    """Names with their values beside them, one to a row; an empty value is left out."""
    rows: list[list[Cell]] = [[plain(name, SMALL), plain(value)] for name, value in items if value]
    return [Table(rows, colWidths=[width * 0.23, width * 0.77], style=list(GRID))] if rows else []


def _pair(name: str, value: str) -> list[Flowable]:
    cell: list[Flowable] = [plain(name, SMALL), plain(value, BODY)]
    return cell


def paragraphs(*texts: str) -> list[Flowable]:
    """One paragraph for each text that is not empty."""
    return [whole(text, TEXT) for text in texts if text]
