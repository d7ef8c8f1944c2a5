"""The typeface of the certificate, embedded in every file, and texts that it can print."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily, stringWidth
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD = "DejaVuSansCondensed", "DejaVuSansCondensed-Bold"


def load_fonts() -> None:
    """Make the two weights known to reportlab, which keeps one register of fonts for the whole process."""
    _fonts()


def printable(text: str) -> str:
    """`text` in glyphs that exist: the ohm sign becomes omega, Greek mu the micro sign, what is unknown its code."""
    composed = unicodedata.normalize("NFC", text).replace("\N{GREEK SMALL LETTER MU}", "\N{MICRO SIGN}")
    return "".join(_glyph(char) for char in composed)


def width(text: str, size: float, font: str = REGULAR) -> float:
    """Width of a printable text in points."""
    load_fonts()
    return float(stringWidth(text, font, size))


def wrapped(text: str, size: float, room: float, font: str = REGULAR) -> list[str]:
    """A printable text in lines no wider than `room` points; a word that is wider is broken where it must."""
    load_fonts()
    lines: list[str] = []
    for line in simpleSplit(text, font, size, room):
        while width(line, size, font) > room and len(line) > 1:
            fits = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or width(line[:n], size, font) <= room)
            lines.append(line[:fits])
            line = line[fits:]
        lines.append(line)
    return lines


def _glyph(char: str) -> str:
    if char.isspace():
        return " "
    return char if char.isprintable() and ord(char) in _known() else f"[U+{ord(char):04X}]"


@cache
def _fonts() -> tuple[TTFont, ...]:
    folder = Path(__file__).parent / "fonts"
    fonts = tuple(TTFont(name, str(folder / f"{name}.ttf")) for name in (REGULAR, BOLD))
    for font in fonts:
        registerFont(font)
    registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    return fonts


@cache
def _known() -> frozenset[int]:
    return frozenset.intersection(*(frozenset(font.face.charToGlyph) for font in _fonts()))
