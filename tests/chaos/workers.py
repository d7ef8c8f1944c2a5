"""What the programs of the chaos share: processes that do one thing after the other, and what a sample is drawn by."""

from __future__ import annotations

import multiprocessing
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TypeVar

Given = TypeVar("Given")
Done = TypeVar("Done")


def each(work: Callable[[Given], Done], things: Iterable[Given], jobs: int) -> Iterator[Done]:
    """What comes of each thing, in the order in which they are done; raises BrokenProcessPool if a worker dies."""
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as workers:
        try:
            for done in as_completed([workers.submit(work, thing) for thing in things]):
                yield done.result()
        finally:
            workers.shutdown(wait=False, cancel_futures=True)


def commit() -> str:
    """The commit of this checkout, by which a sample is drawn; empty outside of one."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True)
    return found.stdout.strip()
