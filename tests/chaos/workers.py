"""Processes for the chaos: each does one thing after the other, none is left waiting when somebody leaves early."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
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
