"""The journal, the folder of a run, and the record that is drawn from the journal."""

from station.records.journal import Journal, read_journal
from station.records.project import NotARun, project
from station.records.store import (
    BadSerialNumber,
    NotWritable,
    RunFolder,
    earlier_runs,
    new_run,
    plain_serial_number,
    write_atomically,
)

__all__ = [
    "BadSerialNumber", "Journal", "NotARun", "NotWritable", "RunFolder", "earlier_runs", "new_run", "plain_serial_number",
    "project", "read_journal", "write_atomically",
]  # fmt: skip
