"""The verdicts as shapes: each has one of its own, so that a print without colour, or an eye without, sees the same."""

from __future__ import annotations

from collections.abc import Callable

from reportlab.lib.colors import Color, HexColor
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from station.report import glyphs
from station.report.glyphs import BOLD, REGULAR, printable
from station.report.style import MUTED, PAPER
from station.report.wording import SymbolName, VerdictTexts


def draw_symbol(canvas: Canvas, symbol: SymbolName, x: float, y: float, size: float, colour: Color) -> None:
    """Draw a symbol into the square with its lower left corner at (x, y), in points."""
    canvas.saveState()
    canvas.translate(x, y)
    canvas.scale(size, size)
    canvas.setStrokeColor(colour)
    canvas.setFillColor(colour)
    canvas.setLineWidth(0.16)
    canvas.setLineCap(1)
    canvas.setLineJoin(1)
    _SHAPES[symbol](canvas)
    canvas.restoreState()


class VerdictMark(Flowable):
    """Symbol and word of a verdict, for a cell of a table; inverted unless it is quiet, as PASS is."""

    HEIGHT = 9.0
    SIZE = 6.6

    def __init__(self, texts: VerdictTexts, *, quiet: bool) -> None:
        """Show the verdict that `texts` describe."""
        super().__init__()
        self.word = printable(texts.word)
        self.symbol = texts.symbol
        self.colour = HexColor(texts.colour)
        self.quiet = quiet

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Take what symbol and word need."""
        return self.mark_width(self.word), self.HEIGHT

    @classmethod
    def mark_width(cls, word: str) -> float:
        """Width of the mark with `word` in points."""
        return 12 + glyphs.width(word, cls.SIZE, BOLD) + 3

    def draw(self) -> None:
        """Draw it at the origin."""
        colour = self.colour if self.quiet else PAPER
        if not self.quiet:
            self.canv.setFillColor(self.colour)
            self.canv.roundRect(0, 0, self.mark_width(self.word), self.HEIGHT, 1.5, stroke=0, fill=1)
        draw_symbol(self.canv, self.symbol, 3, 1.7, 5.6, colour)
        self.canv.setFillColor(colour)
        self.canv.setFont(BOLD, self.SIZE)
        self.canv.drawString(12, 2.2, self.word)


class RecordedMark(Flowable):
    """Says that a value was recorded and not judged."""

    def __init__(self, word: str) -> None:
        """Show `word`."""
        super().__init__()
        self.word = printable(word)

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Take what the word needs."""
        return 12 + glyphs.width(self.word, VerdictMark.SIZE), VerdictMark.HEIGHT

    def draw(self) -> None:
        """Draw it at the origin."""
        self.canv.setFillColor(MUTED)
        self.canv.setFont(REGULAR, VerdictMark.SIZE)
        self.canv.drawString(12, 2.2, self.word)


def _check(canvas: Canvas) -> None:
    _line(canvas, (0.08, 0.45), (0.38, 0.14), (0.94, 0.86))


def _cross(canvas: Canvas) -> None:
    _line(canvas, (0.12, 0.12), (0.88, 0.88))
    _line(canvas, (0.12, 0.88), (0.88, 0.12))


def _triangle(canvas: Canvas) -> None:
    canvas.setLineWidth(0.11)
    _line(canvas, (0.04, 0.06), (0.96, 0.06), (0.5, 0.95), (0.04, 0.06))
    _line(canvas, (0.5, 0.62), (0.5, 0.38))
    canvas.circle(0.5, 0.2, 0.06, stroke=0, fill=1)


def _square(canvas: Canvas) -> None:
    canvas.rect(0.12, 0.12, 0.76, 0.76, stroke=0, fill=1)


def _bar(canvas: Canvas) -> None:
    canvas.setLineWidth(0.13)
    canvas.circle(0.5, 0.5, 0.42, stroke=1, fill=0)
    _line(canvas, (0.22, 0.78), (0.78, 0.22))


def _dash(canvas: Canvas) -> None:
    _line(canvas, (0.2, 0.5), (0.8, 0.5))


def _line(canvas: Canvas, *points: tuple[float, float]) -> None:
    path = canvas.beginPath()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    canvas.drawPath(path, stroke=1, fill=0)


_SHAPES: dict[SymbolName, Callable[[Canvas], None]] = {
    "check": _check,
    "cross": _cross,
    "triangle": _triangle,
    "square": _square,
    "bar": _bar,
    "dash": _dash,
}
