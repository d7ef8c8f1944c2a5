"""What became of each requirement of the product in this run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import get_args

from reportlab.platypus import CondPageBreak, Flowable, Paragraph, Table

from station.model.record import Proof
from station.report.glyphs import printable, width
from station.report.sheet import GRID, RULED, Cell, Command, Sheet, columns, table
from station.report.style import ALERT, CELL, GROUP, TEXT, Name, marked, muted, plain, short
from station.report.wording import State

TOLD: tuple[State, ...] = ("not tested", "elsewhere", "not testable here")
"""Told with their texts, and why; of what was proven or recorded the identity is enough."""
LISTED: tuple[State, ...] = ("recorded", "proven")
NEEDED = 45.0
"""Points that must be left on a page for a state to begin there."""
MOST_CAUSES = 20
"""What is named of the measurements in which one requirement failed."""
DENSE: tuple[Command, ...] = (
    *GRID,
    ("TOPPADDING", (0, 0), (-1, -1), 0),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
)


def requirements(sheet: Sheet) -> list[Flowable]:
    """How many are in which state, then the failed ones, then the rest by state."""
    proofs = sorted(sheet.record.requirements, key=_natural)
    if not proofs:
        return []
    rest = [flowable for state in (*TOLD, *LISTED) for flowable in _state(sheet, state, proofs)]
    return [_counts(sheet, proofs), *_failed(sheet, proofs), *rest]


def _natural(proof: Proof) -> list[tuple[int, str]]:
    """The order of chapters: 4.2 before 4.10."""
    return [(int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", proof.id)]


def _counts(sheet: Sheet, proofs: Sequence[Proof]) -> Flowable:
    texts = sheet.wording.requirements
    count = Counter(proof.state for proof in proofs)
    found: list[State] = [state for state in get_args(State) if count[state]]
    parts = [texts.counts.format(count=count[state], state=texts.states[state]) for state in found]
    return plain(" \N{MIDDLE DOT} ".join(parts), TEXT)


def _failed(sheet: Sheet, proofs: Sequence[Proof]) -> list[Flowable]:
    failed = [proof for proof in proofs if proof.state == "failed"]
    if not failed:
        return []
    texts = sheet.wording.requirements
    head = columns(texts.id, texts.text, texts.by)
    rows = [head, *(_row(proof) for proof in failed)]
    widths = [sheet.width * share for share in (0.14, 0.46, 0.4)]
    commands: list[Command] = [*RULED, ("BACKGROUND", (0, 1), (-1, -1), ALERT)]
    return [plain(texts.states["failed"], GROUP), table(rows, widths, commands)]


def _row(proof: Proof) -> list[Cell]:
    by: list[Flowable] = [Name(name) for name in proof.by[:MOST_CAUSES]]
    return [plain(short(proof.id)), plain(proof.text), by]


def _state(sheet: Sheet, state: State, proofs: Sequence[Proof]) -> Iterator[Flowable]:
    chosen = [proof for proof in proofs if proof.state == state]
    if not chosen:
        return
    yield CondPageBreak(NEEDED)
    yield plain(sheet.wording.requirements.states[state], GROUP)
    if state in TOLD:
        yield _grid(chosen, sheet.width, 2, lambda proof: [plain(short(proof.id)), _told(proof)], (0.2, 0.8))
    else:
        yield _grid(chosen, sheet.width, 8, lambda proof: [_id(proof, sheet.width / 8)], (1.0,))


def _id(proof: Proof, room: float) -> Cell:
    """A bare text is drawn many times faster than a paragraph, which only a long one needs."""
    text = printable(proof.id)
    return text if width(text, 7) < room - 6 else plain(short(proof.id))


def _told(proof: Proof) -> Flowable:
    by = ", ".join(proof.by)
    return Paragraph(f"{marked(proof.text)} {muted(f'({by})') if by else ''}", CELL)


def _grid(
    proofs: Sequence[Proof],
    width: float,
    across: int,
    cells: Callable[[Proof], list[Cell]],
    shares: Sequence[float],
) -> Flowable:
    """The proofs row by row, `across` side by side, each in columns of the given shares."""
    rows = []
    for start in range(0, len(proofs), across):
        row = [cell for proof in proofs[start : start + across] for cell in cells(proof)]
        rows.append(row + [""] * (across * len(shares) - len(row)))
    return Table(rows, colWidths=[width / across * share for share in shares] * across, style=list(DENSE))
