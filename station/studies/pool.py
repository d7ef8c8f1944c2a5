"""Many trials at once: worker processes that import once, keep what they have read, and die with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
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

    Whoever leaves the iterator early, by Ctrl-C or by closing it, ends the runs under way.
    """
    if not cases:
        return
    with tempfile.TemporaryDirectory(prefix="study-") as folder, _workers(jobs or jobs_by_default()) as workers:
        work = partial(try_out, sequence=sequence, bench=bench, serial_number=serial_number, folder=folder)
        for done in as_completed([workers.submit(work, case) for case in cases]):
            yield done.result()


@contextmanager
def _workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes; none is left behind."""
    others = multiprocessing.active_children()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_follow_parent) as workers:
        try:
            yield workers
        except BaseException:
            workers.shutdown(wait=False, cancel_futures=True)
            for own in set(multiprocessing.active_children()) - set(others):
                own.kill()
            raise


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, name="parent", daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
