"""Keys are private, never mixed and never lost by accident."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from station import disk
from station.report.issue import Certificates, KeyStoreError
from station.report.keys import KeyStore, default_folder


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys")


def make(folder: str) -> str:
    try:
        return KeyStore(Path(folder)).init("station", "race").fingerprint
    except KeyStoreError:
        return ""


def use_simulated(folder: str) -> str:
    return KeyStore(Path(folder)).keys("simulated").certificates.fingerprint


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes; the user's folder protects its files")
def test_keys_are_readable_by_their_owner_alone_whatever_the_umask(store: KeyStore) -> None:
    before = os.umask(0)
    try:
        store.init("station", "EOL line 1")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (store.folder, *store.folder.rglob("*"))}
    assert modes == {"keys": 0o700, "station": 0o700, "key.pem": 0o600, "certificates.pem": 0o600}


def test_the_key_of_the_ca_is_kept_nowhere(store: KeyStore) -> None:
    certificates = store.init("station", "EOL line 1")
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["certificates.pem", "key.pem"]
    private = load_pem_private_key(store.keys("station").private, None)
    assert private.public_key() == x509.load_der_x509_certificate(certificates.leaf).public_key()


def test_the_signer_has_the_profile_that_readers_of_documents_trust(store: KeyStore) -> None:
    certificates = store.init("station", "EOL line 1")
    leaf, ca = (x509.load_der_x509_certificate(der) for der in (certificates.leaf, certificates.ca))
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.content_commitment
    assert not usage.value.key_cert_sign
    purposes = {oid.dotted_string for oid in leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value}
    assert purposes == {ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string, "1.3.6.1.5.5.7.3.36"}
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    ca_usage = ca.extensions.get_extension_for_class(x509.KeyUsage).value
    assert ca_usage.key_cert_sign
    assert ca_usage.crl_sign
    assert not ca_usage.digital_signature


def test_a_key_is_not_overwritten_unless_that_is_asked_for(store: KeyStore) -> None:
    first = store.init("station", "EOL line 1")
    with pytest.raises(KeyStoreError, match="already"):
        store.init("station", "EOL line 1")
    assert store.keys("station").certificates == first
    second = store.init("station", "EOL line 1", replace=True)
    assert store.keys("station").certificates == second != first
    assert [c.fingerprint for c in store.trusted()] == [second.fingerprint, first.fingerprint]
    assert len(list(store.folder.rglob("key.pem"))) == 1


def test_replacing_what_is_not_there_makes_it(store: KeyStore) -> None:
    assert store.init("station", "EOL line 1", replace=True) == store.keys("station").certificates


def test_a_missing_station_key_says_how_to_make_one(store: KeyStore) -> None:
    with pytest.raises(KeyStoreError, match="station keys init"):
        store.keys("station")
    assert store.trusted() == ()


def test_the_simulated_key_makes_itself_and_says_what_it_is(store: KeyStore) -> None:
    certificates = store.keys("simulated").certificates
    assert store.keys("simulated").certificates == certificates
    assert certificates.kind == "simulated"
    for der in (certificates.leaf, certificates.ca):
        subject = x509.load_der_x509_certificate(der).subject
        assert "SIMULATED" in subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert store.init("station", "EOL line 1").kind == "station"


def test_the_kind_is_read_from_the_certificate_and_not_from_its_folder(store: KeyStore) -> None:
    store.keys("simulated")
    store.init("station", "SIMULATED")
    os.rename(store.folder / "station", store.folder / "away")
    os.rename(store.folder / "simulated", store.folder / "station")
    assert [certificates.kind for certificates in store.trusted()] == ["simulated"]


def test_processes_that_make_a_key_at_once_end_with_one_whole_set(tmp_path: Path) -> None:
    folder = str(tmp_path / "keys")
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        made = [fingerprint for fingerprint in pool.map(make, [folder] * 8) if fingerprint]
        used = set(pool.map(use_simulated, [folder] * 8))
    keys = KeyStore(Path(folder)).keys("station")
    assert made == [keys.certificates.fingerprint]
    assert len(used) == 1
    private = load_pem_private_key(keys.private, None)
    assert private.public_key() == x509.load_der_x509_certificate(keys.certificates.leaf).public_key()
    assert {path.name for path in Path(folder).iterdir()} == {"station", "simulated"}


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "é" * 21, "two\nlines"])
def test_a_name_that_fits_no_certificate_is_refused_in_one_line(name: str, store: KeyStore) -> None:
    with pytest.raises(KeyStoreError, match="is no name for a station") as caught:
        store.init("station", name)
    assert "\n" not in str(caught.value)
    assert not store.folder.exists()


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(KeyStoreError, match="cannot be stored"):
        KeyStore(tmp_path / "keys").init("station", "EOL line 1")


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"]
)
def test_a_trusted_file_that_is_none_is_named(content: bytes, store: KeyStore) -> None:
    (store.folder / "trusted").mkdir(parents=True)
    (store.folder / "trusted" / "factory.pem").write_bytes(content)
    with pytest.raises(KeyStoreError, match=r"factory\.pem"):
        store.trusted()


def test_certificates_of_two_sets_do_not_go_together(tmp_path: Path) -> None:
    one, other = (KeyStore(tmp_path / name).init("station", "EOL line 1") for name in ("one", "other"))
    with pytest.raises(ValueError, match="not issued by the second"):
        Certificates.from_pem(Certificates(one.leaf, other.ca).pem)


@pytest.mark.parametrize("damage", [b"", b"rubbish", None])
def test_a_key_that_does_not_fit_its_certificate_signs_nothing(damage: bytes | None, store: KeyStore) -> None:
    store.init("station", "EOL line 1")
    other = store.keys("simulated").private
    (store.folder / "station" / "key.pem").write_bytes(other if damage is None else damage)
    with pytest.raises(KeyStoreError, match="cannot be used") as caught:
        store.keys("station")
    assert "\n" not in str(caught.value)


def test_a_private_key_is_never_printed(store: KeyStore) -> None:
    store.init("station", "EOL line 1")
    assert "PRIVATE" not in repr(store.keys("station"))


def test_the_folder_is_the_environments_or_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STATION_KEYS", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv("STATION_KEYS")
    assert default_folder().parts[-2:] == ("pack-test-station", "keys")


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "certificate.pdf"
    disk.replace(path, b"old")
    disk.replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
