"""The table of measurements, step by step: limits, value, uncertainty, accepted range, margin and verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reportlab.lib.colors import Color
from reportlab.platypus import Flowable, Paragraph

from station.model.record import Measurement
from station.model.verdict import Verdict
from station.report import glyphs
from station.report.figures import figures, magnitude, number
from station.report.glyphs import BOLD
from station.report.margin import MarginBar, scale
from station.report.sheet import RULED, Cell, Command, Sheet, table
from station.report.style import (
    ALERT,
    COLUMN,
    COLUMN_CENTRE,
    COLUMN_RIGHT,
    LONGEST_UNIT,
    NOTE,
    SHADE,
    SMALL,
    Name,
    muted,
    plain,
    short,
    strong,
)

NAME, LOW, VALUE, HIGH, UNIT, UNCERTAINTY, FROM, TO, RULE, MARGIN, VERDICT = range(11)
NUMERIC = (LOW, VALUE, HIGH, UNCERTAINTY, FROM, TO)
SIZE = 7.0
NARROWEST, UNIT_WIDTH, RULE_WIDTH = 24.0, 22.0, 25.0
BAR, NARROWEST_BAR, NARROWEST_NAME = 70.0, 40.0, 138.0
PADDING = 6.0


@dataclass(frozen=True, slots=True)
class Row:
    """Cells with what shapes them; a tied row stays on the page of the next one."""

    cells: Sequence[Cell]
    spans: tuple[tuple[int, int], ...] = ()
    background: Color | None = None
    bold: bool = False
    tied: bool = False


@dataclass(frozen=True, slots=True)
class Pivot:
    """Room in a column before and from the decimal point on, in points."""

    before: float
    after: float


def measurements(sheet: Sheet) -> list[Flowable]:
    """The table and what must be known to read it; nothing when nothing was measured."""
    found = sheet.record.measurements
    if not found:
        return []
    rules = {rule: _letter(i) for i, rule in enumerate(dict.fromkeys(m.rule for m in found if m.rule))}
    rows = list(_rows(sheet, rules))
    pivots = {column: _pivot(row.cells[column] for row in rows) for column in NUMERIC}
    commands = [*RULED, *_alignment(pivots)]
    for index, row in enumerate(rows, 1):
        commands += _shape(index, row)
    body = table([_header(sheet), *(row.cells for row in rows)], _widths(sheet, pivots), commands)
    return [body, *_notes(sheet, rules)]


def _rows(sheet: Sheet, rules: Mapping[str, str]) -> Iterator[Row]:
    for (step, attempt), group in _by_step(sheet.record.measurements).items():
        yield _group(sheet, step, attempt)
        for measurement in group:
            yield from _measurement(sheet, measurement, rules)


def _by_step(found: Iterable[Measurement]) -> dict[tuple[str, int], list[Measurement]]:
    groups: dict[tuple[str, int], list[Measurement]] = {}
    for measurement in found:
        groups.setdefault((measurement.step, measurement.attempt), []).append(measurement)
    return groups


def _group(sheet: Sheet, step: str, attempt: int) -> Row:
    """The head of a step: its name and title, and its own verdict."""
    done = next((s for s in sheet.record.steps if (s.id, s.attempt) == (step, attempt)), None)
    text = strong(step)
    if done is not None:
        text += f"&nbsp;&nbsp;{muted(done.title)}"
    if attempt > 1:
        text += "&nbsp;&nbsp;" + muted(sheet.wording.measurements.attempt.format(attempt=attempt))
    cells = _cells({NAME: Paragraph(text, plain("").style), VERDICT: sheet.mark(done.verdict) if done else ""})
    return Row(cells, spans=((NAME, MARGIN),), background=SHADE, tied=True)


def _measurement(sheet: Sheet, measurement: Measurement, rules: Mapping[str, str]) -> Iterator[Row]:
    cells = _numbers(sheet, measurement) if _is_numeric(measurement) else _words(sheet, measurement)
    cells |= {NAME: _name(sheet, measurement), VERDICT: sheet.mark(measurement.verdict)}
    cells[RULE] = rules.get(measurement.rule, "")
    bad = measurement.verdict not in (Verdict.PASS, None)
    background = ALERT if bad else None
    spans = () if _is_numeric(measurement) else ((LOW, UNIT), (UNCERTAINTY, TO))
    told = bad and bool(measurement.reason)
    yield Row(_cells(cells), spans, background, bold=bad, tied=told)
    if told:
        yield Row(_cells({NAME: plain(measurement.reason)}), ((NAME, VERDICT),), background)


def _cells(cells: Mapping[int, Cell]) -> list[Cell]:
    return [cells.get(column, "") for column in range(VERDICT + 1)]


def _name(sheet: Sheet, measurement: Measurement) -> Cell:
    if not measurement.carried_over:
        return Name(measurement.name)
    return [Name(measurement.name), plain(sheet.wording.measurements.carried_over, SMALL)]


def _is_numeric(measurement: Measurement) -> bool:
    """Whether the row has figures; a text or a state is told in words, and so is what has neither value nor limit."""
    given = [x for x in (measurement.value, measurement.low, measurement.high) if x is not None]
    return bool(given) and all(number(x) is not None for x in given)


def _numbers(sheet: Sheet, measurement: Measurement) -> dict[int, Cell]:
    unit, factor = sheet.wording.scale(measurement.unit, magnitude(measurement))
    printed = figures(measurement, factor)
    return {
        LOW: printed.low,
        VALUE: printed.value or "\N{EN DASH}",
        HIGH: printed.high,
        UNIT: plain(short(unit, LONGEST_UNIT)),
        UNCERTAINTY: printed.uncertainty,
        FROM: printed.accept_low,
        TO: printed.accept_high,
        MARGIN: MarginBar(measurement, sheet.colour(Verdict.FAIL)) if scale(measurement) else "",
    }


def _words(sheet: Sheet, measurement: Measurement) -> dict[int, Cell]:
    texts = sheet.wording.measurements
    limits = [_word(sheet, x) for x in (measurement.low, measurement.high) if x is not None]
    expected = texts.expected.format(expected=" \N{EN DASH} ".join(dict.fromkeys(limits))) if limits else ""
    found = texts.no_value if measurement.value is None else _word(sheet, measurement.value)
    unit = sheet.wording.unit(measurement.unit)
    return {LOW: Paragraph(strong(f"{found} {unit}".rstrip()), plain("").style), UNCERTAINTY: plain(expected)}


def _word(sheet: Sheet, value: float | str | bool) -> str:
    texts = sheet.wording.measurements
    if isinstance(value, bool):
        return texts.yes if value else texts.no
    return value if isinstance(value, str) else f"{value:g}"


def _header(sheet: Sheet) -> list[Cell]:
    texts = sheet.wording.measurements
    right = {LOW: texts.low, VALUE: texts.value, HIGH: texts.high, UNCERTAINTY: texts.uncertainty}
    right |= {FROM: texts.accept_low, TO: texts.accept_high}
    cells: dict[int, Cell] = {column: plain(text, COLUMN_RIGHT) for column, text in right.items()}
    left = {NAME: texts.name, UNIT: texts.unit, VERDICT: texts.verdict}
    cells |= {column: plain(text, COLUMN) for column, text in left.items()}
    cells |= {column: plain(text, COLUMN_CENTRE) for column, text in {RULE: texts.rule, MARGIN: texts.margin}.items()}
    return _cells(cells)


def _pivot(cells: Iterable[Cell]) -> Pivot:
    texts = [cell for cell in cells if isinstance(cell, str)]
    before = max((glyphs.width(text.partition(".")[0], SIZE, BOLD) for text in texts), default=0.0)
    after = max((glyphs.width("".join(text.partition(".")[1:]), SIZE, BOLD) for text in texts), default=0.0)
    return Pivot(before, after)


def _widths(sheet: Sheet, pivots: Mapping[int, Pivot]) -> list[float]:
    """Every column as wide as its figures; the bars give way to the names, which take what is left."""
    fixed = {UNIT: UNIT_WIDTH, RULE: RULE_WIDTH, VERDICT: sheet.mark_width}
    fixed |= {column: max(NARROWEST, p.before + p.after) + PADDING for column, p in pivots.items()}
    fixed[MARGIN] = min(BAR, max(NARROWEST_BAR, sheet.width - sum(fixed.values()) - NARROWEST_NAME))
    return [fixed.get(column, sheet.width - sum(fixed.values())) for column in range(VERDICT + 1)]


def _alignment(pivots: Mapping[int, Pivot]) -> Iterator[Command]:
    yield ("FONT", (0, 1), (-1, -1), glyphs.REGULAR, SIZE, SIZE * 1.25)
    yield ("VALIGN", (0, 0), (-1, 0), "BOTTOM")
    yield ("ALIGN", (RULE, 1), (RULE, -1), "CENTER")
    yield ("TOPPADDING", (MARGIN, 1), (VERDICT, -1), 1.4)
    yield ("BOTTOMPADDING", (MARGIN, 1), (VERDICT, -1), 0.6)
    for column, pivot in pivots.items():
        yield ("ALIGN", (column, 1), (column, -1), "DECIMAL")
        yield ("RIGHTPADDING", (column, 1), (column, -1), pivot.after + PADDING / 2)


def _shape(index: int, row: Row) -> Iterator[Command]:
    for first, last in row.spans:
        yield ("SPAN", (first, index), (last, index))
        yield ("ALIGN", (first, index), (first, index), "LEFT")
        yield ("RIGHTPADDING", (first, index), (first, index), PADDING / 2)
    if row.background is not None:
        yield ("BACKGROUND", (0, index), (-1, index), row.background)
    if row.bold:
        yield ("FONTNAME", (VALUE, index), (VALUE, index), BOLD)
    if row.tied:
        yield ("NOSPLIT", (0, index), (-1, index + 1))
        yield ("LINEBELOW", (0, index), (-1, index), 0.35, row.background)


def _notes(sheet: Sheet, rules: Mapping[str, str]) -> list[Flowable]:
    texts = sheet.wording.measurements
    listed = "; ".join(f"{letter}: {rule}" for rule, letter in rules.items())
    return [plain(texts.legend, NOTE), *([plain(texts.rules.format(rules=listed), NOTE)] if listed else [])]


def _letter(index: int) -> str:
    """A to z, then aa, ab and so on."""
    letter = chr(ord("a") + index % 26)
    return letter if index < 26 else _letter(index // 26 - 1) + letter
