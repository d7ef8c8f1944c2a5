"""The certificate of a run that is over, for every front door."""

from __future__ import annotations

from pathlib import Path

from station.model.library import Library
from station.model.record import Record
from station.records import RunFolder
from station.report.keys import KeyStore
from station.report.wording_file import load_wording


def sign_certificate(record: Record, folder: RunFolder, keys: KeyStore, library: Library) -> Path:
    """Draw, sign and store the certificate of a run; raises what can go wrong with wording, key or disk."""
    from station.report.write import write_certificate

    wording = load_wording(library.find("report", "certificate"))
    return write_certificate(record, folder.certificate, keys, wording)
