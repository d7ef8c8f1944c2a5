"""Signs a certificate: PAdES baseline B, as a certification that allows no change afterwards.

pyHanko takes most of a second to load; it is imported where it is used.
"""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

from station.model.record import Record
from station.report.issue import SigningKeys

if TYPE_CHECKING:
    from pyhanko.sign.signers import SimpleSigner

ATTACHMENT = "record.json"
"""Name under which the record travels in the certificate."""
RESERVED = 8192
"""Characters kept free for the signature in hexadecimal; the longest names need about 5200."""


def statement(record: Record, attachment: bytes) -> str:
    """What the signature states in its own words, and what `verify` holds against the attached record."""
    digest = sha256(attachment).hexdigest()
    return f"{record.verdict} {record.serial_number}, run {record.run}, record SHA-256 {digest}"


def sign(pdf: bytes, keys: SigningKeys, reason: str) -> bytes:
    """The PDF with one invisible signature over all of it; `reason` is what the signer states."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, sign_pdf

    meta = PdfSignatureMetadata(
        field_name="Station",
        name=keys.certificates.name,
        reason=reason,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        subfilter=SigSeedSubFilter.PADES,
        md_algorithm="sha256",
    )
    signed = BytesIO()
    sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), meta, _signer(keys), bytes_reserved=RESERVED, output=signed)
    return signed.getvalue()


def _signer(keys: SigningKeys) -> SimpleSigner:
    from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import CertificateRegistry

    leaf, ca = load_certs_from_pemder_data(keys.certificates.pem)
    private = load_private_key_from_pemder_data(keys.private, passphrase=None)
    return SimpleSigner(signing_cert=leaf, signing_key=private, cert_registry=CertificateRegistry.build([ca]))
