"""What `station coverage` prints: trials by class, gaps, margins, and at the end what is not as it must be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from station.cli.run import COLOURS
from station.studies.coverage import Coverage
from station.studies.trial import Margin, Outcome, Tried

TIGHTEST, LONGEST_SETTING, LONGEST_REASON = 20, 60, 120
"""Margins that are shown; characters of what is wrong, and of why."""


def show(found: Coverage, console: Console) -> None:
    """Print everything; the last line sums it up."""
    _trials(console, "Faults", found.faults)
    _listed(console, "Gaps: this sequence cannot see them", found, Outcome.GAP)
    _listed(console, "Not done: there is no occasion for them", found, Outcome.NOT_DONE)
    _margins(console, found.worst_margins())
    _trials(console, "Escaped, or not as they must be", found.wrong)
    _trials(console, "Good packs that were rejected", found.rejected)
    console.print(f"[bold]{found.summary()}", highlight=False)


def data_of(found: Coverage) -> dict[str, object]:
    """Everything, for programs."""
    return {
        "summary": found.summary(),
        "good": found.good,
        "runs": [_run(each) for each in (*found.faults, *found.good_packs)],
        "margins": [_margin(margin, seed) for margin, seed in found.worst_margins()],
    }


def _trials(console: Console, title: str, tried: Iterable[Tried]) -> None:
    groups = list(_alike(tried))
    if not groups:
        return
    table = Table(
        "fault", "what", "seed", "must", "verdict", "step", "reason", "CPU/s", title=title, title_justify="left"
    )
    section = groups[0][0].case.class_
    for group in groups:
        if group[0].case.class_ != section:
            table.add_section()
            section = group[0].case.class_
        table.add_row(*_row(group))
    console.print(table, highlight=False)


def _alike(tried: Iterable[Tried]) -> Iterator[list[Tried]]:
    """Trials that differ in nothing but the seed, together; each good pack by itself."""
    groups: dict[tuple[object, ...], list[Tried]] = {}
    for each in tried:
        key = (each.case.class_, each.case.name, each.case.magnitude, each.verdict, each.step, each.outcome)
        groups.setdefault(key, []).append(each)
    yield from groups.values()


def _row(group: list[Tried]) -> Iterator[str]:
    first, case = group[0], group[0].case
    colour = COLOURS[first.verdict].partition(" on ")[2] if first.verdict else "white"
    yield escape(case.name)
    yield "" if case.is_good_pack else escape(_short(case.setting, LONGEST_SETTING))
    yield ", ".join(str(each.case.seed) for each in group)
    yield escape(" or ".join(" ".join([each.verdict, *each.steps]) for each in case.expected))
    yield f"[{colour}]{first.verdict or '-'}[/]" + ("" if first.outcome.good else f" [bold red]{first.outcome}[/]")
    yield escape(first.step)
    yield escape(_short(first.reason, LONGEST_REASON))
    yield f"{max(each.cpu_s for each in group):.1f}"


def _listed(console: Console, title: str, found: Coverage, outcome: Outcome) -> None:
    known = {each.case.name: each for each in found.faults if each.outcome is outcome}
    if known:
        console.print(f"\n[bold]{title}")
    for name, each in known.items():
        why = next((expected.gap for expected in each.case.expected if expected.gap), each.reason)
        console.print(f"  {name}: {why}", highlight=False, markup=False)


def _margins(console: Console, worst: tuple[tuple[Margin, int], ...]) -> None:
    if not worst:
        return
    title = "Tightest margins of good packs (100 %: in the middle of what is accepted)"
    table = Table("measurement", "margin", "value", "accepted", "pack", title=title, title_justify="left")
    for margin, seed in worst[:TIGHTEST]:
        limits = " to ".join("" if limit is None else f"{limit:.5g}" for limit in (margin.low, margin.high))
        value = f"{margin.value:.5g} {margin.unit}"
        table.add_row(margin.measurement, f"{100 * margin.share:.0f} %", value, limits.strip(), str(seed))
    console.print(table, highlight=False)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _run(each: Tried) -> dict[str, object]:
    case = each.case
    return {
        "fault": case.name, "class": case.class_, "magnitude": case.magnitude, "seed": case.seed,
        "setting": case.setting, "expected": [expected.model_dump(mode="json") for expected in case.expected],
        "outcome": each.outcome, "verdict": each.verdict, "step": each.step, "reason": each.reason,
        "cpu_s": round(each.cpu_s, 3),
    }  # fmt: skip


def _margin(margin: Margin, seed: int) -> dict[str, object]:
    return {
        "measurement": margin.measurement, "margin": round(margin.share, 4), "value": margin.value,
        "low": margin.low, "high": margin.high, "unit": margin.unit, "pack": seed,
    }  # fmt: skip
