"""Many trials at once: worker processes that import once, keep what they have read, and die with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial

from station.studies.trial import Case, Tried, try_out


def jobs_by_default() -> int:
    """One for each core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def try_all(
    cases: Sequence[Case], sequence: str, bench: str, serial_number: str, jobs: int | None = None
) -> Iterator[Tried]:
    """The trials in the order in which they end; raises BrokenProcessPool if a worker dies.

    Leaving the iterator early lets the runs under way end and begins no other.
    """
    if not cases:
        return
    with _workers(min(jobs or jobs_by_default(), len(cases))) as workers:
        work = partial(try_out, sequence=sequence, bench=bench, serial_number=serial_number)
        for done in as_completed([workers.submit(work, case) for case in cases]):
            yield done.result()


@contextmanager
def _workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    spawn = multiprocessing.get_context("spawn")
    workers = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_deaf)
    try:
        yield workers
    finally:
        workers.shutdown(wait=True, cancel_futures=True)


def _deaf() -> None:
    """Leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
