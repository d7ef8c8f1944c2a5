"""The few sizes, greys and paragraph shapes of which every page is made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Literal

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_CENTER, TA_LEFT, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Paragraph

from station.report import glyphs
from station.report.glyphs import BOLD, REGULAR, printable

INK = HexColor("#14181d")
MUTED = HexColor("#59616b")
LINE = HexColor("#c3c9d0")
SHADE = HexColor("#eef1f4")
PAPER = HexColor("#ffffff")
ALERT = HexColor("#fdecea")
"""Behind what is not accepted; a light grey in a black and white print."""


LONGEST, LONGEST_NAME, LONGEST_UNIT = 500, 120, 16
"""Characters of a text, of a name and of a unit in the cell of a table."""


def _style(
    size: float,
    *,
    bold: bool = False,
    colour: Color = INK,
    align: Literal[0, 1, 2] = TA_LEFT,
    before: float = 0,
    after: float = 0,
    indent: float = 0,
) -> ParagraphStyle:
    return ParagraphStyle(
        f"{size}-{bold}-{align}-{colour.hexval()}",
        fontName=BOLD if bold else REGULAR,
        fontSize=size,
        leading=size * 1.25,
        textColor=colour,
        alignment=align,
        spaceBefore=before,
        spaceAfter=after,
        leftIndent=indent,
        bulletFontName=BOLD,
        bulletFontSize=size,
        splitLongWords=1,
    )


TITLE = _style(19, bold=True)
SUBTITLE = _style(9.5, colour=MUTED)
HEADING = _style(10.5, bold=True, before=12, after=3)
BODY = _style(8)
TEXT = _style(8, indent=3, after=2)
NOTE = _style(6.3, colour=MUTED, indent=3, before=2)
GROUP = _style(7, bold=True, before=5, after=2, indent=3)
SERIAL = _style(13, bold=True, after=2)
REASON = _style(9.5, bold=True)
CELL = _style(7)
SMALL = _style(6.3, colour=MUTED)
COLUMN = _style(6.3, bold=True, colour=MUTED)
COLUMN_RIGHT = _style(6.3, bold=True, colour=MUTED, align=TA_RIGHT)
COLUMN_CENTRE = _style(6.3, bold=True, colour=MUTED, align=TA_CENTER)
RIGHT = _style(7, align=TA_RIGHT)
END = _style(8, bold=True, align=TA_CENTER, before=10)
HEAD_RIGHT = _style(7, colour=MUTED, align=TA_RIGHT)


def plain(text: str, style: ParagraphStyle = CELL) -> Paragraph:
    """A paragraph of a text that is taken literally, short enough for the cell of a table."""
    return Paragraph(marked(text), style)


def whole(text: str, style: ParagraphStyle) -> Paragraph:
    """The same for a paragraph that stands alone, and may go on for pages."""
    return Paragraph(escape(printable(text), quote=False), style)


def marked(text: str, most: int = LONGEST) -> str:
    """A text ready to stand inside reportlab's markup, with at most about `most` characters."""
    return escape(printable(short(text, most)), quote=False)


def short(text: str, most: int = LONGEST_NAME) -> str:
    """A row that is higher than a page cannot be printed: what is longer than `most` is only in the attached record."""
    return text if len(text) <= most else f"{text[:most]} [\N{HORIZONTAL ELLIPSIS}]"


def strong(text: str) -> str:
    """The same in bold."""
    return f"<b>{marked(text)}</b>"


def muted(text: str) -> str:
    """The same small and grey."""
    return f'<font size="6.3" color="{MUTED.hexval().replace("0x", "#")}">{marked(text)}</font>'


class Name(Flowable):
    """A name such as `cell_resistance`, folded behind its underlines and strokes where its cell is too narrow."""

    def __init__(self, text: str) -> None:
        """Show `text` as a cell of a table."""
        super().__init__()
        self.words = printable(short(text)).split(" ")

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Fold it to `width`."""
        lines = [""]
        for part in self._parts(width):
            if lines[-1] and glyphs.width(lines[-1] + part.rstrip(), CELL.fontSize) > width:
                lines.append("")
            lines[-1] += part
        self.folded = Paragraph("<br/>".join(escape(line, quote=False) for line in lines), CELL)
        return self.folded.wrap(width, height)

    def _parts(self, width: float) -> Iterator[str]:
        for word in self.words:
            whole = glyphs.width(word, CELL.fontSize) <= width
            yield from [f"{word} "] if whole else re.findall("[^_/]+[_/]?|[_/]", f"{word} ")

    def draw(self) -> None:
        """Draw it at the origin."""
        self.folded.drawOn(self.canv, 0, 0)
