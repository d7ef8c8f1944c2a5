"""What a person sees while a run goes on: one line for each step that is done, and a bar against the floor of the
plan.

Events come through a bounded queue into a thread of its own, so that a slow terminal can never slow a run down; what
does not fit is left out of the display and of nothing else.
"""

from __future__ import annotations

import queue
import threading
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from station.model.events import Answered, Asked, Event, Measured, Noted, RunStarted, StepEnded, StepStarted
from station.model.record import Step
from station.model.verdict import Verdict

WAITING = 1000
"""Events that may wait to be shown."""
SHOWN_WITHIN = 5.0
"""Seconds that a prompt may wait for its place: there the run waits for a person anyway."""
MARKS = {
    Verdict.PASS: "[green]✔[/] ",
    Verdict.FAIL: "[bold red]✘[/] ",
    Verdict.ERROR: "[bold magenta]![/] ",
    Verdict.ABORTED: "[bold yellow]■[/] ",
    Verdict.BLOCKED: "[bold yellow]‖[/] ",
    Verdict.NOT_TESTED: "[dim]–[/] ",
}


class ProgressDisplay:
    """A listener of a run; use it as a context manager around the run."""

    def __init__(self, console: Console) -> None:
        """Show on `console`; a bar only where somebody can see it move."""
        self._console = console
        self._waiting: queue.Queue[Event | None] = queue.Queue(WAITING)
        self._bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(30),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("start checks", total=None)
        self._failed: list[str] = []
        self._thread = threading.Thread(target=self._show_all, name="progress", daemon=True)

    def __call__(self, event: Event) -> None:
        """Take an event; never waits, but for a prompt, which nobody could answer unseen."""
        if isinstance(event, Noted):
            return
        try:
            self._waiting.put(event, timeout=SHOWN_WITHIN if isinstance(event, Asked) else 0.0)
        except queue.Full:
            return

    def __enter__(self) -> ProgressDisplay:
        """Begin to show."""
        self._bar.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show what is left and stop."""
        self._waiting.put(None)
        self._thread.join(timeout=5)
        self._bar.stop()

    def _show_all(self) -> None:
        while (event := self._waiting.get()) is not None:
            self._show(event)

    def _show(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._bar.update(self._task, total=max(event.floor_s * 1.4, 1.0))
            line = f"{event.product_title}, {event.serial_number} on {event.bench_title.lower()}"
            self._console.print(f"[bold]{escape(event.sequence_title)}[/]  {escape(line)}  [dim]run {event.run}[/]")
            self._console.print(f"[dim]{'seconds':>44}   physics   wires  station[/]", highlight=False)
        elif isinstance(event, StepStarted):
            self._bar.update(self._task, description=event.step, completed=event.at_s)
        elif isinstance(event, Asked):
            self._ask(event)
        elif isinstance(event, Answered):
            said = "nobody answered" if event.answer is None else f"answered: {event.answer}"
            self._console.print(f"    [dim]{escape(said)}[/]", highlight=False)
            self._bar.start()
        elif isinstance(event, Measured) and event.measurement.verdict not in (Verdict.PASS, None):
            self._failed.append(f"{event.measurement.name}: {event.measurement.reason}")
        elif isinstance(event, StepEnded):
            self._step(event)

    def _ask(self, event: Asked) -> None:
        """Show a prompt, with no bar below it that moves while somebody types."""
        self._bar.stop()
        picture = f" [dim](see {escape(event.picture)})[/]" if event.picture else ""
        self._console.print(f"  [bold cyan]?[/] [bold]{escape(event.text)}[/]{picture}\n    {escape(event.hint)}")

    def _step(self, event: StepEnded) -> None:
        step, indent = event.step, "  " * (event.depth + 1)
        again = f" (attempt {step.attempt})" if step.attempt > 1 else ""
        name = step.id.rpartition("/")[2]
        self._console.print(
            f"{indent}{MARKS[step.verdict]}{name:<{34 - len(indent)}}{step.duration_s:8.1f}{_spent(step)}{again}",
            highlight=False,
        )
        reasons = self._failed or ([step.reason] if step.verdict is not Verdict.PASS and step.reason else [])
        for reason in reasons:
            self._console.print(
                f"{indent}    {escape(reason)}",
                highlight=False,
                style="dim" if step.verdict is Verdict.NOT_TESTED else "",
            )
        self._failed.clear()


def _spent(step: Step) -> str:
    """How much of a step was physics, communication and station."""
    station = max(0.0, step.duration_s - step.physics_s - step.communication_s - step.operator_s)
    return f"  [dim]{step.physics_s:8.1f} {step.communication_s:7.1f} {station:8.1f}[/]"
