"""What docs/safety.md promises is shown by tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/safety.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+?\.py)(?:::(test_\w+)(?:\.\.\.)?)?`", TEXT)))
ROWS = re.findall(r"^\|(?!---)(.+)\| (.+) \|$", TEXT[TEXT.index("## What is promised") :], re.MULTILINE)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_that_the_document_names_exists(path: str, name: str) -> None:
    assert f"def {name}" in (ROOT / path).read_text(encoding="utf-8")


def test_every_promise_names_a_test_or_says_that_there_is_none() -> None:
    promised = [(what, shown) for what, shown in ROWS if shown != "shown by"]
    assert len(promised) > 20
    assert not [what for what, shown in promised if "`tests/" not in shown and not shown.startswith("not tested")]
