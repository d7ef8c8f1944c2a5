"""The station's own command, which dies by SIGKILL as soon as its journal has flushed a certain line.

`dies.py LINE TOLD ARGUMENTS ...`: LINE counts the flushed lines from 1; each of them is written to TOLD, too.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import BinaryIO
from unittest.mock import patch

from station.cli.main import status
from station.model.events import Event
from station.records import Journal


class Dying(Journal):
    """A journal that knows when its process must die."""

    def __init__(self, path: Path, second_book: BinaryIO, lines: int) -> None:
        """Create the file; so many lines are flushed, each also written to the second book."""
        super().__init__(path)
        self._second_book, self._left = second_book, lines

    def __call__(self, event: Event) -> None:
        """Append; what comes after the last line is never done."""
        super().__call__(event)
        if not event.durable:
            return
        self._second_book.write(event.model_dump_json().encode() + b"\n")
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main(line: int, told: Path, arguments: list[str]) -> int:
    """The exit status of a run that ended before it could die."""
    with told.open("xb", buffering=0) as second_book:
        dying = partial(Dying, second_book=second_book, lines=line)
        with patch("station.run.session.Journal", dying):
            return status(arguments)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
