"""Is this certificate genuine and untouched? Whatever is not proven is refused."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from station.model.record import Record
from station.model.verdict import Verdict
from station.report.container import container
from station.report.issue import Certificates
from station.report.sign import ATTACHMENT, statement

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature


for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
"""Their complaints about a damaged file are ours to tell, in one line."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed what and when; every word of it is under the signature."""

    signer: str
    fingerprint: str
    """SHA-256 of the signer's certificate."""
    at: datetime
    """By the clock of the station, in UTC."""
    simulated: bool
    verdict: Verdict
    serial_number: str
    run: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of a check. Only `genuine` counts: a simulated certificate that is refused has `signed` too."""

    genuine: bool
    reason: str
    """One line: why it is genuine, or why not."""
    sha256: str
    """Of the whole file; empty when it could not be read."""
    signed: Signed | None = None


class NotGenuineError(Exception):
    """The certificate is refused; the text is the reason."""


def verify(path: Path, trusted: Sequence[Certificates], *, accept_simulated: bool = False) -> Verification:
    """Check the file at `path` against the certificates that are trusted; never raises for what is in it."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        return Verification(False, f"{path} cannot be read: {problem.strerror}", "")
    digest = sha256(data).hexdigest()
    try:
        signed = _examine(data, trusted)
    except NotGenuineError as refusal:
        return Verification(False, str(refusal), digest)
    except Exception as problem:
        return Verification(False, f"not a readable certificate: {_one_line(problem)}", digest)
    if signed.simulated and not accept_simulated:
        return Verification(False, "of a simulated run: it proves nothing about a real pack", digest, signed)
    return Verification(True, f"signed by {signed.signer} and unchanged since", digest, signed)


def _examine(data: bytes, trusted: Sequence[Certificates]) -> Signed:
    from pyhanko.pdf_utils.reader import PdfFileReader

    reader = PdfFileReader(BytesIO(data))
    signature = _only_signature(reader)
    certificates = _known(signature, trusted)
    _check_container(data, signature, certificates)
    at = _check_signature(signature, certificates)
    record = _check_record(reader, signature, certificates)
    return Signed(
        signer=certificates.name,
        fingerprint=certificates.fingerprint,
        at=at,
        simulated=certificates.kind == "simulated",
        verdict=record.verdict,
        serial_number=record.serial_number,
        run=record.run,
    )


def _only_signature(reader: PdfFileReader) -> EmbeddedPdfSignature:
    signatures: list[EmbeddedPdfSignature] = reader.embedded_signatures
    if len(signatures) != 1:
        raise NotGenuineError(f"it carries {len(signatures)} signatures, not one")
    return signatures[0]


def _known(signature: EmbeddedPdfSignature, trusted: Sequence[Certificates]) -> Certificates:
    der = signature.signer_cert.dump()
    for certificates in trusted:
        if certificates.leaf == der:
            return certificates
    raise NotGenuineError(f"signed by {signature.signer_cert.subject.human_friendly!r}, which is not trusted here")


def _check_container(data: bytes, signature: EmbeddedPdfSignature, certificates: Certificates) -> None:
    """Between the two signed ranges stands the one possible container, in upper-case digits, and zeros to fill."""
    start, before, after, rest = signature.byte_range
    if start != 0 or after + rest != len(data):
        raise NotGenuineError("the signature does not cover the whole file")
    info = signature.signer_info
    expected = container(certificates, info["signed_attrs"].contents, info["signature"].native).hex().upper()
    if data[before:after] != b"<" + expected.encode().ljust(after - before - 2, b"0") + b">":
        raise NotGenuineError("the signature's container was changed")


def _check_signature(signature: EmbeddedPdfSignature, certificates: Certificates) -> datetime:
    """Check it as of the signing time, which the signature covers: what was signed outlives the signer."""
    from pyhanko.keys import load_certs_from_pemder_data
    from pyhanko.sign.fields import MDPPerm
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    at = signature.self_reported_timestamp
    if at is None:
        raise NotGenuineError("the time of signing is missing")
    roots = list(load_certs_from_pemder_data(certificates.ca))
    context = ValidationContext(trust_roots=roots, moment=at, allow_fetching=False)
    status = validate_pdf_signature(signature, signer_validation_context=context)
    if not (status.intact and status.valid):
        raise NotGenuineError("it was changed after it was signed")
    if status.coverage != SignatureCoverageLevel.ENTIRE_FILE or not status.docmdp_ok:
        raise NotGenuineError("something was added after it was signed")
    if signature.docmdp_level != MDPPerm.NO_CHANGES:
        raise NotGenuineError("its signature would allow changes, as no station signs")
    if not status.bottom_line:
        raise NotGenuineError(f"the signer's certificate does not hold: {_one_line(status.summary())}")
    return at.astimezone(UTC)


def _check_record(reader: PdfFileReader, signature: EmbeddedPdfSignature, certificates: Certificates) -> Record:
    attachment = _attachment(reader)
    record = Record.model_validate_json(attachment)
    if signature.sig_object.get("/Reason") != statement(record, attachment):
        raise NotGenuineError("the attached record is not the one that was signed for")
    if (record.simulation is not None) != (certificates.kind == "simulated"):
        raise NotGenuineError(f"signed with a {certificates.kind} key, but its record says otherwise")
    return record


def _attachment(reader: PdfFileReader) -> bytes:
    names = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    if len(names) != 2 or names[0] != ATTACHMENT:
        raise NotGenuineError(f"it does not carry exactly one file, {ATTACHMENT}")
    return bytes(names[1]["/EF"]["/F"].data)


def _one_line(problem: object) -> str:
    text = " ".join(str(problem).split())
    return text[:200] or type(problem).__name__
