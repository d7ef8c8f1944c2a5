"""Records as tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from station.model.record import Record

COLUMNS = (
    "run", "serial_number", "product", "sequence", "run_verdict", "step", "attempt", "name", "value", "unit",
    "low", "high", "uncertainty", "verdict", "reason", "at_s",
)  # fmt: skip


def measurements(data: Path) -> tuple[pd.DataFrame, list[str]]:
    """One row for each measurement of each run below `data`, and a line for each record that could not be read."""
    rows: list[dict[str, object]] = []
    unreadable: list[str] = []
    for path in sorted((data / "runs").glob("*/*/record.json")):
        try:
            record = Record.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            unreadable.append(f"{path} is no record: {str(error).splitlines()[0]}")
            continue
        rows.extend(_rows(record))
    return pd.DataFrame(rows, columns=list(COLUMNS)), unreadable


def _rows(record: Record) -> list[dict[str, object]]:
    run: dict[str, object] = {name: getattr(record, name) for name in ("run", "serial_number", "product", "sequence")}
    own = [name for name in COLUMNS if name not in run and name != "run_verdict"]
    return [
        run | {"run_verdict": record.verdict} | {name: getattr(each, name) for name in own}
        for each in record.measurements
    ]
