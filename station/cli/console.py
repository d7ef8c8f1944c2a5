"""The console of a run: somebody who stops reading it (`station run ... | head`) ends nothing."""

from __future__ import annotations

from rich.console import Console

from station.cli.stops import silence


class RunConsole(Console):
    """As rich has it, but for a reader that goes away, which there ends the program with the status of a FAIL."""

    def on_broken_pipe(self) -> None:
        """Fall silent."""
        self.quiet = True
        silence(self.file.fileno())
