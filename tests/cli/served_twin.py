"""`station twin serve` as a process of its own, for tests that use it from another one."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from station.model.bench import Bench
from station.model.files import build
from station.model.library import Library
from station.run.plan import Files

PATIENCE = 60.0
"""Wall seconds for a process on a busy machine."""


@dataclass
class Served:
    """A twin that is being served."""

    process: subprocess.Popen[str]
    ready: Path

    @property
    def bench(self) -> Bench:
        return build(Files(Library.default()).open("bench", str(self.ready)), Bench)

    @property
    def clock(self) -> str:
        assert self.bench.served is not None
        return self.bench.served.clock

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Served]:
    ready = folder / "served.yaml"
    command = [sys.executable, "-m", "station", "twin", "serve", "--ready", str(ready), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until(lambda: ready.is_file() or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0]
        yield Served(process, ready)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE)


def until(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.01)
