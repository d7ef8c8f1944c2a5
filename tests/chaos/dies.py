"""The station's own command, which dies by SIGKILL as soon as its journal has flushed a certain line.

`dies.py LINE TOLD ARGUMENTS ...`: LINE counts the flushed lines from 1; each of them is written to TOLD, too.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import station.run.session
from station.cli.main import status
from station.model.events import Event
from station.records import Journal


def main(line: int, told: Path, arguments: list[str]) -> int:
    """The exit status of a run that ended before it could die."""
    flushed = 0
    with told.open("xb", buffering=0) as second_book:

        class Dying(Journal):
            """A journal that knows when its process must die."""

            def __call__(self, event: Event) -> None:
                """Append; what comes after the last line is never done."""
                nonlocal flushed
                super().__call__(event)
                if not event.durable:
                    return
                second_book.write(event.model_dump_json().encode() + b"\n")
                flushed += 1
                if flushed == line:
                    os.kill(os.getpid(), signal.SIGKILL)

        setattr(station.run.session, "Journal", Dying)  # noqa: B010  # no name that it exports: what writes every line
        return status(arguments)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
