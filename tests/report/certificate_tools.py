"""Other people's programs that look at a certificate: poppler and NSS."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

PACKAGES = {
    "certutil": "libnss3-tools",
    "pdfdetach": "poppler-utils",
    "pdffonts": "poppler-utils",
    "pdfsig": "poppler-utils",
    "pdftotext": "poppler-utils",
}


@dataclass(frozen=True)
class Word:
    """One word on a page and the box around it, in points from the upper left corner."""

    page: int
    text: str
    x1: float
    y1: float
    x2: float
    y2: float


def run(program: str, *arguments: str | Path) -> str:
    """What `program` prints, in English; a missing program fails the test and says what to install."""
    if shutil.which(program) is None:
        pytest.fail(f"{program} is missing: apt-get install {PACKAGES[program]}")
    command = [program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"})
    return done.stdout


def text(path: Path) -> str:
    """The text of all pages, each ended by a form feed, as it stands on the page."""
    return run("pdftotext", "-layout", "-enc", "UTF-8", path, "-")


def words(path: Path) -> list[Word]:
    """Every word with its place."""
    tree = ElementTree.fromstring(run("pdftotext", "-bbox", "-enc", "UTF-8", path, "-"))
    space = "{http://www.w3.org/1999/xhtml}"
    return [
        Word(number, word.text or "", *(float(word.attrib[key]) for key in ("xMin", "yMin", "xMax", "yMax")))
        for number, page in enumerate(tree.iter(f"{space}page"), 1)
        for word in page.iter(f"{space}word")
    ]


def overlaps(found: list[Word]) -> list[tuple[Word, Word]]:
    """Words whose glyphs run into each other; a box is as high as the whole font, so a quarter at each edge is air."""
    return [
        (a, b)
        for i, a in enumerate(found)
        for b in found[i + 1 :]
        if a.page == b.page and _cross(a.x1 + 0.4, a.x2 - 0.4, b.x1, b.x2) and _cross(*_inner(a), *_inner(b))
    ]


def _inner(word: Word) -> tuple[float, float]:
    air = (word.y2 - word.y1) / 4
    return word.y1 + air, word.y2 - air


def _cross(a1: float, a2: float, b1: float, b2: float) -> bool:
    return a1 < b2 and b1 < a2
