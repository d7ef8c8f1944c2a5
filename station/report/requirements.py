"""What became of each requirement of the product in this run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import get_args

from reportlab.platypus import Flowable, Paragraph, Table

from station.model.record import Proof
from station.report.sheet import GRID, RULED, Cell, Command, Sheet, columns, table
from station.report.style import ALERT, GROUP, TEXT, marked, plain, strong
from station.report.wording import State

TOLD = ("failed", "not tested")
"""What is told in full; of the rest the identity is enough, since each has its text in the attached record."""
ACROSS = 8


def requirements(sheet: Sheet) -> list[Flowable]:
    """How many are in which state, then those that call for attention, then the rest by state."""
    proofs = sheet.record.requirements
    if not proofs:
        return []
    return [_counts(sheet, proofs), *_told(sheet, proofs), *_others(sheet, proofs)]


def _counts(sheet: Sheet, proofs: Sequence[Proof]) -> Flowable:
    texts = sheet.wording.requirements
    count = Counter(proof.state for proof in proofs)
    parts = [
        texts.counts.format(count=count[state], state=texts.states[state]) for state in get_args(State) if count[state]
    ]
    return plain(" \N{MIDDLE DOT} ".join(parts), TEXT)


def _told(sheet: Sheet, proofs: Sequence[Proof]) -> list[Flowable]:
    chosen = [proof for proof in proofs if proof.state in TOLD]
    if not chosen:
        return []
    texts = sheet.wording.requirements
    rows = [columns(texts.id, texts.text, texts.state, texts.by)]
    rows += [_row(sheet, proof) for proof in chosen]
    shares = (0.13, 0.42, 0.12, 0.33)
    failed = [row for row, proof in enumerate(chosen, 1) if proof.state == "failed"]
    commands: list[Command] = [*RULED, *(("BACKGROUND", (0, row), (-1, row), ALERT) for row in failed)]
    return [table(rows, [sheet.width * share for share in shares], commands)]


def _row(sheet: Sheet, proof: Proof) -> list[Cell]:
    state = sheet.wording.requirements.states[proof.state]
    shown = strong(state) if proof.state == "failed" else marked(state)
    return [plain(proof.id), plain(proof.text), Paragraph(shown, plain("").style), plain(", ".join(proof.by))]


def _others(sheet: Sheet, proofs: Sequence[Proof]) -> Iterator[Flowable]:
    groups: dict[str, list[str]] = {}
    for proof in proofs:
        if proof.state not in TOLD:
            groups.setdefault(_group(sheet, proof), []).append(proof.id)
    for name, ids in groups.items():
        yield plain(name, GROUP)
        yield _ids(ids, sheet.width)


def _group(sheet: Sheet, proof: Proof) -> str:
    """Proven ones stand together; where another sequence or a reason answers, that is part of the name."""
    texts = sheet.wording.requirements
    state = texts.states[proof.state]
    if proof.state in ("proven", "recorded") or not proof.by:
        return state
    return texts.others.format(state=state, by=", ".join(proof.by))


def _ids(ids: list[str], width: float) -> Flowable:
    cells: list[Cell] = [plain(text) for text in ids]
    cells += [""] * (-len(cells) % ACROSS)
    rows = [cells[i : i + ACROSS] for i in range(0, len(cells), ACROSS)]
    return Table(
        rows,
        colWidths=[width / ACROSS] * ACROSS,
        style=[*GRID, ("TOPPADDING", (0, 0), (-1, -1), 0), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)],
    )
