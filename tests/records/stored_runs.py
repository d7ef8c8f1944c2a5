"""Folders of runs that are over, as small as they can be, and what a store that they were sent to has of them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Row, create_engine, select

from station.model.record import Record, Simulation, Software
from station.model.verdict import Verdict
from station.records import RunFolder
from station.records.central import RUNS, send

SERIAL = "BALI48-000001"


def record(run: str, **other: object) -> Record:
    """The record of a run that passed, but for what is said otherwise."""
    known: dict[str, object] = {
        "run": run, "verdict": Verdict.PASS, "reason": "", "simulation": None, "serial_number": SERIAL,
        "product": "bali48", "product_title": "A pack of 48 V, 25 °C", "sequence": "eol", "sequence_title": "Test",
        "plan_sha256": "0" * 64, "floor_s": 1.5, "bench": "line-1", "bench_title": "Bench 1",
        "purpose": "production", "started_at": "2026-03-29T00:30:00+00:00", "ended_at": "2026-03-29T00:33:00+00:00",
        "bench_time_s": 180.0, "steps": (), "measurements": (), "safe_state": "off", "thresholds": "never touched",
        "software": Software(version="1", python="3", platform="any"),
    }  # fmt: skip
    return Record.model_validate(known | other)


def finished(data: Path, number: int = 1, certificate: bytes | None = b"%PDF \x00\xff", **other: object) -> RunFolder:
    """The folder of a run that is over; a higher number is a later run."""
    run = f"20260329T003000000Z-{number:08x}"
    folder = RunFolder(data / "runs" / SERIAL / run)
    folder.path.mkdir(parents=True)
    folder.journal.write_bytes(b"\n")
    folder.record.write_bytes(record(run, **other).canonical())
    if certificate is not None:
        folder.certificate.write_bytes(certificate)
    return folder


def simulation() -> Simulation:
    """What a simulated run says of itself."""
    return Simulation(twin="factory_fresh", seed=1, time="virtual")


def sent(store: str, *folders: RunFolder) -> list[str]:
    """Send runs; what was in the way of each, empty where nothing was."""
    return [each.trouble for each in send(store, folders)]


def stored(store: str) -> list[Row[tuple[object, ...]]]:
    """Every row of a store, oldest run first."""
    engine = create_engine(store)
    try:
        with engine.connect() as connection:
            return list(connection.execute(select(RUNS).order_by(RUNS.c.run)))
    finally:
        engine.dispose()
