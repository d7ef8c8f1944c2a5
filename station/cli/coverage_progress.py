"""How a study tells that it goes on: a bar on a terminal, now and then a line where there is none."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from station.clock import Clock
from station.studies.trial import Tried

SHARE, SECONDS = 0.1, 30.0
"""A line is said after that share of the runs, or after so long."""


def watched(total: int, trials: Iterator[Tried], console: Console, clock: Clock) -> Iterator[Tried]:
    """The trials, and how far they are on `console`; Ctrl-C ends them, and what is known by then counts."""
    tell = _bar if console.is_terminal else _lines
    try:
        yield from tell(total, trials, console, clock)
    except KeyboardInterrupt:
        return


def _lines(total: int, trials: Iterator[Tried], console: Console, clock: Clock) -> Iterator[Tried]:
    wrong, said, since = 0, 0, clock.now()
    for done, each in enumerate(trials, 1):
        wrong += not each.outcome.good
        if done - said >= SHARE * total or clock.now() - since >= SECONDS:
            said, since = done, clock.now()
            console.print(f"{done} of {total} runs, {_wrong(wrong)}", highlight=False)
        yield each


def _bar(total: int, trials: Iterator[Tried], console: Console, _: Clock) -> Iterator[Tried]:
    wrong = 0
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=total, rate="")
        for each in trials:
            wrong += not each.outcome.good
            said, speed = f"[red]{_wrong(wrong)}[/]" if wrong else _wrong(wrong), bar.tasks[0].speed
            bar.update(task, advance=1, description=said, rate=f"{speed:.2f} runs/s" if speed else "")
            yield each


def _wrong(count: int) -> str:
    return f"{count} wrong" if count else "none wrong"
