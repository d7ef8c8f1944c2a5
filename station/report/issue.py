"""Makes a set of keys: a small CA, and under it the one signer that a station has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Kind = Literal["station", "simulated"]

VALID = timedelta(days=3652)
"""How long a set signs: ten years, about the life of a pack."""
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""Extended key usage for signing documents, RFC 9336."""
SIMULATED_UNIT = "SIMULATED"
"""Organizational unit in the subject of every certificate of the simulated kind, and of no other."""
LONGEST_NAME = 40
"""Bytes of a station's name in UTF-8; with what is put around it, it must fit into 64 (RFC 5280, ub-common-name)."""


class KeyStoreError(Exception):
    """Keys are missing, already there or unreadable; the text says where and what to do."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """The public half of a set: the signer's certificate and that of its CA, both DER."""

    leaf: bytes
    ca: bytes

    @classmethod
    def from_pem(cls, pem: bytes) -> Certificates:
        """Read the signer's certificate followed by its CA's; raises ValueError for anything else."""
        leaf, ca = x509.load_pem_x509_certificates(pem)
        try:
            leaf.verify_directly_issued_by(ca)
        except InvalidSignature:
            raise ValueError("the first certificate was not issued by the second") from None
        return cls(leaf.public_bytes(Encoding.DER), ca.public_bytes(Encoding.DER))

    @property
    def pem(self) -> bytes:
        """The signer's certificate followed by its CA's."""
        return b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in (self.leaf, self.ca))

    @property
    def name(self) -> str:
        """Who signs, as the subject of the certificate says."""
        return _text(self.leaf, NameOID.COMMON_NAME)

    @property
    def kind(self) -> Kind:
        """Which kind it is, as the subject says, wherever the file lay."""
        return "simulated" if _text(self.leaf, NameOID.ORGANIZATIONAL_UNIT_NAME) == SIMULATED_UNIT else "station"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the signer's certificate, in hexadecimal."""
        return x509.load_der_x509_certificate(self.leaf).fingerprint(SHA256()).hex()


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """A whole set: the private key (PEM, PKCS #8, not encrypted) and its certificates."""

    private: bytes
    certificates: Certificates

    @property
    def fit(self) -> bool:
        """Whether the private key is that of the certificate."""
        key = load_pem_private_key(self.private, password=None)
        return key.public_key() == x509.load_der_x509_certificate(self.certificates.leaf).public_key()

    def __repr__(self) -> str:
        """The set without its private key, fit for logs and tracebacks."""
        return f"SigningKeys({self.certificates.name!r})"


def issue(kind: Kind, name: str, now: datetime) -> SigningKeys:
    """Make a CA and one signer under it.

    The CA's private key signs this one certificate and is then forgotten, never stored: nobody can ever make a second
    signer that a reader who trusts this CA would accept. A renewal is a new set, and its certificates are handed out
    anew. Raises KeyStoreError for a name that does not fit into a certificate.
    """
    if not name.strip() or len(name.encode()) > LONGEST_NAME or not name.isprintable():
        raise KeyStoreError(f"{name!r} is no name for a station: it needs 1 to {LONGEST_NAME} bytes, all printable")
    ca_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, subject = _subject(kind, f"{name} CA"), _subject(kind, name)
    ca = _ca_certificate(issuer, ca_key, now)
    leaf = _leaf_certificate(subject, key.public_key(), ca, ca_key, now)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKeys(private, Certificates(leaf.public_bytes(Encoding.DER), ca.public_bytes(Encoding.DER)))


def _subject(kind: Kind, name: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Pack test station")
    if kind == "station":
        return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    unit = x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, SIMULATED_UNIT)
    return x509.Name([organization, unit, x509.NameAttribute(NameOID.COMMON_NAME, f"SIMULATED {name}")])


def _ca_certificate(name: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    return (
        _certificate(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, SHA256())
    )


def _leaf_certificate(
    name: x509.Name,
    public: ec.EllipticCurvePublicKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    return (
        _certificate(name, ca.subject, public, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING]), critical=False)
        .add_extension(_revocations(ca.subject), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, SHA256())
    )


def _revocations(issuer: x509.Name) -> x509.CRLDistributionPoints:
    """A place for revocations that is a name, not an address: nothing is fetched.

    Without any, NSS leaves an error behind a good result, and poppler's pdfsig then calls the certificate corrupted.
    """
    return x509.CRLDistributionPoints([x509.DistributionPoint([x509.DirectoryName(issuer)], None, None, None)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """A CA signs certificates and their revocation; a signer signs documents that nobody may deny later."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=not signs_certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _text(der: bytes, oid: x509.ObjectIdentifier) -> str:
    found = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""
