"""A run that writes a parameter and went well, made once: what its journal would be had it died is cut from it."""

from __future__ import annotations

import pytest
from bench_runs import rig
from short_sequences import IDENTITY, START, WRITE_BACK, sequence_file


@pytest.fixture(scope="session")
def shifting(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A short sequence that writes a parameter."""
    return sequence_file(tmp_path_factory.mktemp("sequences"), "shifting", START, IDENTITY, WRITE_BACK)


@pytest.fixture(scope="session")
def passed(shifting: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The journal of a run of it that went well."""
    with rig(sequence=shifting) as bench:
        ran = bench.run(tmp_path_factory.mktemp("passed"))
    assert ran.record.verdict == "PASS", ran.record.reason
    return ran.folder.journal.read_bytes()
