"""From a record to the signed certificate in its place."""

from __future__ import annotations

from pathlib import Path

from station import disk
from station.model.record import Record
from station.report.keys import KeyStore
from station.report.layout import build
from station.report.sign import sign, statement
from station.report.wording import Wording


class NoCertificateError(Exception):
    """A run that leaves no certificate; the text says why."""


def write_certificate(record: Record, path: Path, keys: KeyStore, wording: Wording) -> Path:
    """Draw, sign and store the certificate of `record` at `path`; returns `path`.

    A simulated run is signed with the simulated key, any other with the station's. Raises NoCertificateError for a
    partial run, KeyStoreError without a key, OSError when the file cannot be written.
    """
    if record.partial:
        raise NoCertificateError(f"run {record.run} was partial: only a whole run leaves a certificate")
    signing = keys.keys("station" if record.simulation is None else "simulated")
    attachment = record.canonical()
    pdf = build(record, wording, attachment, signer=signing.certificates)
    disk.replace(path, sign(pdf, signing, statement(record, attachment)))
    return path
