"""`station send`: what waits here goes to the central store. A run sends it too, when all else is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from station.cli.errors import WrongUsage
from station.model.library import Library
from station.model.verdict import EXIT_STATUS, Verdict
from station.records import waiting_runs
from station.run.plan import Files

NOT_SENT = EXIT_STATUS[Verdict.ERROR]
MANY = 20
"""Runs from which on somebody wants to see how far they are."""


def send(
    bench: Annotated[str, typer.Option("--bench", help="Name of the bench whose file names the `store`, or a file")],
    data: Annotated[Path, typer.Option("--data", help="Folder with the runs")] = Path("data"),
) -> int:
    """Send the runs that wait in a data folder to the central store of a bench, oldest first.

    `station run` on that bench does so by itself when all else is done; this is for a station that was offline and
    will not run soon, and says for each run what is in its way. A run that was sent has a `sent.json` beside its
    record. What is there already is not sent again, and nothing there is ever changed. Simulated runs are sent too,
    marked as such. Exit status: 0 nothing waits any more, 2 wrong usage or a bench without `store`, 3 some still wait.
    """
    bench_file = Files(Library.default()).bench(bench)
    if bench_file.store is None:
        raise WrongUsage(f"--bench: {bench_file.bench} has no central store; add the key `store` with its URL")
    sent, troubles = _sent(bench_file.store, data, Console(stderr=True))
    for trouble in troubles:
        typer.echo(f"central store: {trouble}", err=True)
    left = len(waiting_runs(data))
    still = f"{_runs(left)} still {'waits' if left == 1 else 'wait'}" if left else "nothing waits"
    typer.echo(f"{_runs(sent)} sent; {still} in {data}")
    return NOT_SENT if left else 0


def send_after_run(store: str, data: Path, console: Console, stopped: Callable[[], bool]) -> None:
    """Send what waits, until somebody stops it, and say in one line what came of it.

    Raises no Exception: neither the verdict nor the exit status of the run depends on the store.
    """
    try:
        sent, troubles = _sent(store, data, console, stopped)
        said = _in_one_line(sent, troubles, len(waiting_runs(data)))
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())}; what waits here goes with the next run"
    console.print(f"central store: {said}", markup=False, highlight=False, soft_wrap=True)


def _in_one_line(sent: int, troubles: Sequence[str], left: int) -> str:
    if not left:
        return f"{_runs(sent)} sent"
    why = troubles[0] if troubles else f"{_runs(sent)} sent"
    more = f" (and {len(troubles) - 1} more)" if troubles[1:] else ""
    wait = "waits here and is" if left == 1 else "wait here and are"
    return f"{why}{more}; {_runs(left)} {wait} sent after the next run, or with `station send`"


def _sent(
    store: str, data: Path, console: Console, stopped: Callable[[], bool] = lambda: False
) -> tuple[int, list[str]]:
    """How many of the waiting runs were sent, and what was in the way of others; many are shown as a bar."""
    from station.records.central import StoreFailed, send

    sent, troubles, waiting = 0, list[str](), waiting_runs(data)
    hidden = len(waiting) < MANY or not console.is_terminal
    sendings = send(store, waiting) if waiting and not stopped() else ()
    try:
        for each in track(sendings, "central store", len(waiting), console=console, transient=True, disable=hidden):
            sent += not each.trouble
            troubles += [each.trouble] if each.trouble else []
            if stopped():
                break
    except StoreFailed as error:
        troubles.insert(0, str(error))
    if stopped():
        troubles.insert(0, "stopped")
    return sent, troubles


def _runs(count: int) -> str:
    return f"{count or 'no'} run{'' if count == 1 else 's'}"
