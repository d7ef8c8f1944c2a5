"""The sections of a certificate, each drawn from the record; one that has nothing to say is empty."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reportlab.platypus import Flowable, Paragraph, Spacer, Table

from station.model.record import Instrument, Measurement, Step
from station.model.verdict import Verdict
from station.report.banner import Banner
from station.report.measurements import measurements
from station.report.plot import Chart
from station.report.receipt import as_left
from station.report.requirements import requirements
from station.report.sheet import GRID, Cell, Command, Sheet, columns, pairs, paragraphs, table, wide_pairs
from station.report.style import (
    ALERT,
    BODY,
    CELL,
    COLUMN_RIGHT,
    END,
    INK,
    NOTE,
    REASON,
    RIGHT,
    SMALL,
    TEXT,
    marked,
    muted,
    plain,
    strong,
    whole,
)
from station.report.wording import SectionName

Section = Callable[[Sheet], list[Flowable]]

NOT_RESTORED = "NOT RESTORED"
"""How the record begins to tell that a pack does not have its thresholds."""
LONGEST_NOTES = 1500
"""Characters of the notes on one step."""
BETWEEN = 14.0
"""Points between two charts that stand side by side."""


def verdict(sheet: Sheet) -> list[Flowable]:
    """The banner, and in one sentence why."""
    record = sheet.record
    texts = sheet.wording.verdicts[record.verdict]
    banner = Banner(texts, _facts(sheet), passed=record.verdict is Verdict.PASS)
    reason = [whole(record.reason, REASON)] if record.reason else []
    return [banner, *reason, plain(texts.meaning, BODY), *_not_restored(sheet)]


def identity(sheet: Sheet) -> list[Flowable]:
    """Which item was tested and when, what it says of itself, and how it was left."""
    record, texts = sheet.record, sheet.wording.identity
    purpose = ": ".join(part for part in (record.purpose, record.purpose_reason) if part)
    items = [
        (texts.serial_number, record.serial_number),
        (texts.product, f"{record.product_title} ({record.product})"),
        (texts.purpose, purpose),
        (texts.started, _moment(record.started_at)),
        (texts.ended, _moment(record.ended_at)),
        (texts.attempt, str(record.attempt)),
        *((texts.reported.format(name=name.replace("_", " ")), value) for name, value in record.identity.items()),
    ]
    left = [*as_left(sheet), (texts.thresholds, record.thresholds), (texts.safe_state, record.safe_state)]
    return [*pairs(items, sheet.width, across=3), *wide_pairs(left, sheet.width)]


def summary(sheet: Sheet) -> list[Flowable]:
    """Every attempt of every step, with its verdict, its time and what there is to say about it."""
    if not sheet.record.steps:
        return []
    texts = sheet.wording.summary
    head = [*columns(texts.step, texts.verdict), plain(texts.duration, COLUMN_RIGHT), *columns(texts.reason)]
    mark, time = sheet.mark_width, 40.0
    rest = sheet.width - mark - time
    rows = [head, *(_step(sheet, step) for step in sheet.record.steps)]
    return [table(rows, [rest * 0.5, mark, time, rest * 0.5])]


def waveforms(sheet: Sheet) -> list[Flowable]:
    """Two charts side by side; a single one takes the whole width."""
    drawn = [waveform for waveform in sheet.record.waveforms if any(channel.t_s for channel in waveform.channels)]
    if not drawn:
        return []
    if len(drawn) == 1:
        return [Chart(drawn[0], sheet.wording, sheet.width)]
    half = (sheet.width - BETWEEN) / 2
    charts: list[Cell] = [Chart(waveform, sheet.wording, half) for waveform in drawn]
    charts += [""] * (len(charts) % 2)
    rows = [charts[i : i + 2] for i in range(0, len(charts), 2)]
    style = [*GRID, ("LEFTPADDING", (0, 0), (-1, -1), 0)]
    return [Table(rows, colWidths=[half + BETWEEN, half], style=style)]


def instruments(sheet: Sheet) -> list[Flowable]:
    """What measured and supplied, as it identified itself."""
    if not sheet.record.instruments:
        return []
    texts = sheet.wording.instruments
    head = columns(texts.role, texts.model, texts.serial_number, texts.firmware, texts.calibrated_until)
    rows = [head, *(_instrument(sheet, instrument) for instrument in sheet.record.instruments)]
    return [table(rows, [sheet.width * share for share in (0.2, 0.28, 0.18, 0.17, 0.17)])]


def conditions(sheet: Sheet) -> list[Flowable]:
    """Who tested, with what, by which plan; and the hashes by which all of it can be found again."""
    record, texts = sheet.record, sheet.wording.conditions
    software = record.software
    versions = texts.versions.format(version=software.version, python=software.python, platform=software.platform)
    items = [
        (texts.operator, record.operator),
        (texts.bench, texts.slot.format(title=record.bench_title, bench=record.bench, slot=record.slot)),
        (texts.sequence, f"{record.sequence_title} ({record.sequence})"),
        (texts.earlier_runs, ", ".join(record.earlier_runs)),
        (texts.time, texts.seconds.format(bench=f"{record.bench_time_s:.1f}", floor=f"{record.floor_s:.1f}")),
        (texts.simulation, _simulation(sheet)),
        (texts.software, versions),
        (texts.libraries, ", ".join(f"{name} {version}" for name, version in sorted(software.libraries.items()))),
        (texts.record, sheet.sha256),
        (texts.plan, record.plan_sha256),
        (texts.approval, record.approval),
    ]
    files = [(file.path, file.sha256) for file in record.files]
    hashes = [Spacer(0, 3), plain(texts.files, NOTE), *wide_pairs(files, sheet.width)] if files else []
    return [*wide_pairs(items, sheet.width), *hashes]


def gaps(sheet: Sheet) -> list[Flowable]:
    """The faults that a pack may have in spite of a PASS, and why."""
    told = (f"{strong(gap.title)}. {marked(gap.why)}." for gap in sheet.record.gaps)
    return [Paragraph(text, TEXT, bulletText="\N{EN DASH}") for text in told]


def decision(sheet: Sheet) -> list[Flowable]:
    """By which rule it was decided, and what the decision holds for."""
    texts = sheet.wording.decision
    judged = (sheet.record.decision_rule, texts.uncertainty) if sheet.record.measurements else ()
    return paragraphs(*judged, texts.scope)


def warnings(sheet: Sheet) -> list[Flowable]:
    """What the reader must know before relying on it."""
    return [Paragraph(marked(text, len(text)), TEXT, bulletText="!") for text in sheet.record.warnings]


def signature(sheet: Sheet) -> list[Flowable]:
    """Who answers for it, how to check it, and the end of it."""
    texts = sheet.wording.signature
    signer = sheet.signer
    items = [(texts.tested_by, sheet.record.operator)]
    if signer is not None:
        items += [(texts.signed_by, signer.name), (texts.fingerprint, signer.fingerprint)]
    notes = paragraphs(texts.how, texts.check)
    return [*wide_pairs(items, sheet.width), *notes, plain(f"\N{EM DASH} {texts.end} \N{EM DASH}", END)]


SECTIONS: Mapping[SectionName, Section] = {
    "verdict": verdict,
    "identity": identity,
    "summary": summary,
    "measurements": measurements,
    "waveforms": waveforms,
    "instruments": instruments,
    "conditions": conditions,
    "requirements": requirements,
    "gaps": gaps,
    "decision": decision,
    "warnings": warnings,
    "signature": signature,
}
"""What draws each section; the wording says in which order."""
WHOLE: frozenset[SectionName] = frozenset(("identity", "instruments", "gaps", "decision", "warnings", "signature"))
"""Sections that are not torn apart by the end of a page, where they fit on one."""


def _not_restored(sheet: Sheet) -> list[Flowable]:
    """A pack that lost its protection is told of at once, not only in the small print."""
    if not sheet.record.thresholds.startswith(NOT_RESTORED):
        return []
    text = plain(f"{sheet.wording.identity.thresholds}: {sheet.record.thresholds}", REASON)
    box: list[Command] = [*GRID, ("BACKGROUND", (0, 0), (-1, -1), ALERT), ("BOX", (0, 0), (-1, -1), 1.5, INK)]
    return [Spacer(0, 4), Table([[text]], colWidths=[sheet.width], style=box)]


def _facts(sheet: Sheet) -> list[str]:
    texts, record = sheet.wording.banner, sheet.record
    steps = texts.steps.format(steps=len(record.steps), seconds=f"{record.bench_time_s:.0f}")
    return [*_counts(sheet, record.measurements), *([steps] if record.steps else [])]


def _counts(sheet: Sheet, found: tuple[Measurement, ...]) -> list[str]:
    texts = sheet.wording.banner
    if not found:
        return [texts.nothing]
    verdicts = [measurement.verdict for measurement in found]
    recorded, passed, failed = (verdicts.count(verdict) for verdict in (None, Verdict.PASS, Verdict.FAIL))
    judged = len(found) - recorded
    others = (
        (failed, texts.failed.format(failed=failed)),
        (judged - passed - failed, texts.not_judged.format(count=judged - passed - failed)),
        (recorded, texts.recorded.format(count=recorded)),
    )
    rest = ", ".join(text for count, text in others if count)
    return [texts.counts.format(passed=passed, judged=judged), *([rest] if rest else [])]


def _step(sheet: Sheet, step: Step) -> list[Cell]:
    texts = sheet.wording.summary
    tags = [texts.gate] if step.gate else []
    tags += [texts.attempt.format(attempt=step.attempt)] if step.attempt > 1 else []
    name = f"{strong(step.id)} {muted(', '.join(tags))}<br/>{marked(step.title)}"
    said: list[Flowable] = [plain(step.reason)] if step.reason else []
    said += [Paragraph(marked("; ".join(step.notes), LONGEST_NOTES), SMALL)] if step.notes else []
    return [Paragraph(name, CELL), sheet.mark(step.verdict), plain(f"{step.duration_s:.1f}", RIGHT), said]


def _instrument(sheet: Sheet, instrument: Instrument) -> list[Cell]:
    until = instrument.calibrated_until or sheet.wording.instruments.no_calibration
    texts = (instrument.role, instrument.model, instrument.serial_number, instrument.firmware, until)
    return [plain(text) for text in texts]


def _simulation(sheet: Sheet) -> str:
    simulation, texts = sheet.record.simulation, sheet.wording.conditions
    if simulation is None:
        return ""
    faults = ", ".join(simulation.faults) or texts.no_faults
    return texts.simulated.format(twin=simulation.twin, seed=simulation.seed, time=simulation.time, faults=faults)


def _moment(text: str) -> str:
    """ISO 8601 as people read it: a space between date and time, no part of a second."""
    return text.replace("T", " ").split(".")[0].removesuffix("Z").removesuffix("+00:00")
