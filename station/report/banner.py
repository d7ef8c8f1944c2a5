"""The verdict of the run, so large that nobody reads it wrong, in colour or in grey.

PASS stands dark on light in a plain frame. Everything else stands light on dark in a thick hatched frame: it cannot be
taken for a PASS on the worst copy.
"""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.lib.colors import Color, HexColor, linearlyInterpolatedColor
from reportlab.platypus import Flowable

from station.report import glyphs
from station.report.glyphs import BOLD, REGULAR, printable
from station.report.style import INK, PAPER
from station.report.symbols import draw_symbol
from station.report.wording import VerdictTexts

HEIGHT = 66.0
FRAME = 7.0
WORD_SIZE = 34.0
FACT_SIZE = 8.5


class Banner(Flowable):
    """Symbol and word on the left, a few counts on the right, over the whole width."""

    def __init__(self, texts: VerdictTexts, facts: Sequence[str], *, passed: bool) -> None:
        """Show the verdict that `texts` describe."""
        super().__init__()
        self.texts = texts
        self.facts = [printable(fact) for fact in facts]
        self.passed = passed
        self.spaceBefore, self.spaceAfter = 6.0, 6.0

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Take the whole width."""
        self.width = width
        return width, HEIGHT

    def draw(self) -> None:
        """Draw it at the origin."""
        colour = HexColor(self.texts.colour)
        if self.passed:
            self._plain_frame(colour)
        else:
            self._hatched_frame(colour)
        self._words(colour if self.passed else PAPER)

    def _plain_frame(self, colour: Color) -> None:
        self.canv.setFillColor(linearlyInterpolatedColor(PAPER, colour, 0, 1, 0.08))
        self.canv.setStrokeColor(colour)
        self.canv.setLineWidth(2)
        self.canv.rect(1, 1, self.width - 2, HEIGHT - 2, fill=1)

    def _hatched_frame(self, colour: Color) -> None:
        canvas = self.canv
        canvas.saveState()
        canvas.rect(0, 0, self.width, HEIGHT, stroke=0, fill=0)
        clip = canvas.beginPath()
        clip.rect(0, 0, self.width, HEIGHT)
        canvas.clipPath(clip, stroke=0, fill=0)
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(3.4)
        for x in range(-int(HEIGHT), int(self.width), 9):
            canvas.line(x, -2, x + HEIGHT + 4, HEIGHT + 2)
        canvas.restoreState()
        canvas.setStrokeColor(PAPER)
        canvas.setFillColor(colour)
        canvas.setLineWidth(1.5)
        canvas.rect(FRAME, FRAME, self.width - 2 * FRAME, HEIGHT - 2 * FRAME, fill=1)

    def _words(self, colour: Color) -> None:
        word = printable(self.texts.word)
        draw_symbol(self.canv, self.texts.symbol, FRAME + 14, HEIGHT / 2 - 16, 32, colour)
        self.canv.setFillColor(colour)
        self.canv.setFont(BOLD, self._word_size(word))
        self.canv.drawString(FRAME + 62, HEIGHT / 2 - WORD_SIZE * 0.365, word)
        self.canv.setFont(REGULAR, FACT_SIZE)
        top = HEIGHT / 2 + (len(self.facts) - 1) * 6 - 3
        for row, fact in enumerate(self.facts):
            self.canv.drawRightString(self.width - FRAME - 12, top - 12 * row, fact)

    def _word_size(self, word: str) -> float:
        """Smaller where the word of another language would run into the facts."""
        widest = max((glyphs.width(fact, FACT_SIZE) for fact in self.facts), default=0.0)
        room = self.width - 2 * FRAME - 62 - 12 - 20 - widest
        return min(WORD_SIZE, WORD_SIZE * room / glyphs.width(word, WORD_SIZE, BOLD))
