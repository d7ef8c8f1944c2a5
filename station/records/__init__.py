"""The journal, the folder of a run, and the record that is drawn from the journal."""

from station.records.journal import Journal, StillWritten, append, damage, held, lines, read_journal
from station.records.project import DIED, NotARun, project
from station.records.store import (
    BadSerialNumber,
    NotWritable,
    RunFolder,
    earlier_runs,
    new_run,
    plain_serial_number,
    run_folders,
    waiting_runs,
)
from station.records.unrestored import Illegible, Unrestored, unrestored

__all__ = [
    "DIED", "BadSerialNumber", "Illegible", "Journal", "NotARun", "NotWritable", "RunFolder", "StillWritten",
    "Unrestored", "append", "damage", "earlier_runs", "held", "lines", "new_run", "plain_serial_number", "project",
    "read_journal", "run_folders", "unrestored", "waiting_runs",
]  # fmt: skip
