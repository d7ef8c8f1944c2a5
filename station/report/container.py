"""The signature container as the station writes it, to the last byte (CMS SignedData, RFC 5652, in DER).

Most of a container is not covered by its own signature, and readers overlook changes in it. But nothing in it is free:
the signature protects the signed attributes, the certificates are known beforehand, and the rest is always the same. So
the one container that may be in the file is rebuilt here, and any other is a forgery.
"""

from __future__ import annotations

from cryptography import x509

from station.report.issue import Certificates

SEQUENCE, SET, OCTETS, FIRST = 0x30, 0x31, 0x04, 0xA0
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
DATA = bytes.fromhex("06092a864886f70d010701")
SHA256 = bytes.fromhex("300d06096086480165030402010500")
ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
VERSION_1 = bytes.fromhex("020101")


def container(certificates: Certificates, signed_attributes: bytes, signature: bytes) -> bytes:
    """The container with this signature over these attributes (contents of the SET), with both certificates in it."""
    signed_data = _tlv(
        SEQUENCE,
        VERSION_1,
        _tlv(SET, SHA256),
        _tlv(SEQUENCE, DATA),
        _tlv(FIRST, *sorted((certificates.leaf, certificates.ca))),
        _tlv(SET, _signer_info(certificates.leaf, signed_attributes, signature)),
    )
    return _tlv(SEQUENCE, SIGNED_DATA, _tlv(FIRST, signed_data))


def _signer_info(leaf: bytes, signed_attributes: bytes, signature: bytes) -> bytes:
    certificate = x509.load_der_x509_certificate(leaf)
    number = certificate.serial_number
    serial = _tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))
    return _tlv(
        SEQUENCE,
        VERSION_1,
        _tlv(SEQUENCE, certificate.issuer.public_bytes(), serial),
        SHA256,
        _tlv(FIRST, signed_attributes),
        ECDSA_WITH_SHA256,
        _tlv(OCTETS, signature),
    )


def _tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([tag]) + _length(len(content)) + content


def _length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets
