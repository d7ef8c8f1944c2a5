"""What the tests of bad input have in common."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_input import Refused

from station.cli.main import status


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """A command is carried out in a folder of its own, where it must be refused and leave nothing behind."""

    def run(*arguments: str) -> list[str]:
        before = {path for path in Path().rglob("*") if path.is_file()}
        assert status(list(arguments)) == 2
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        assert said.out == ""
        assert {path for path in Path().rglob("*") if path.is_file()} == before
        return said.err.splitlines()

    return run
