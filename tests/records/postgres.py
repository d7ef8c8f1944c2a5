"""A PostgreSQL of the tests' own: Debian's programs, a folder that is gone afterwards, a port of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

FAST = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c shared_buffers=16MB"
"""Nothing of it has to survive a power cut; and commits are not flushed, unless the station asks for it."""


@dataclass(frozen=True)
class Server:
    """One cluster, which can be stopped and started; anybody of this machine may connect."""

    programs: Path
    folder: Path
    port: int

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Where it answers."""
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Returns when it answers."""
        listen = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories=''"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", f"{listen} {FAST}", "start")

    def stop(self) -> None:
        """As suddenly as in a crash; returns when it is down."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Carry statements out as the owner of everything."""
        engine = create_engine(self.url(database), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def create(self) -> None:
        """Make the cluster."""
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C")

    def _run(self, program: str, *arguments: str) -> None:
        """PostgreSQL refuses to be root; Debian has made a user for it."""
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        command = [*user, str(self.programs / program), "-D", str(self.folder / "data"), *arguments]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.folder, check=False)
        assert done.returncode == 0, done.stderr


@contextmanager
def postgresql() -> Iterator[Server]:
    """A server that runs while the block does."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.fail("postgresql is not installed; tests/need-debian-packages does it")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = Server(found[-1].parent, folder, port)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
