"""A certificate is genuine only as it was signed; whatever else is done to it is refused."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import certificate_samples as samples
import certificate_tools as tools
import pypdf
import pytest

from station.model.record import Record
from station.model.verdict import Verdict
from station.report.container import container
from station.report.issue import Certificates
from station.report.keys import KeyStore
from station.report.layout import build
from station.report.sign import sign, statement
from station.report.verify import Verification, verify
from station.report.write import NoCertificateError, write_certificate

WORDING = samples.wording()
RECORD = samples.blocked_record()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    keys = KeyStore(tmp_path_factory.mktemp("store") / "keys")
    keys.init("station", "EOL line 1")
    return keys


@pytest.fixture(scope="module")
def genuine(store: KeyStore, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("genuine") / "certificate.pdf"
    return write_certificate(RECORD, path, store, WORDING).read_bytes()


@pytest.fixture
def check(store: KeyStore, tmp_path: Path) -> Callable[[bytes], Verification]:
    def check(data: bytes) -> Verification:
        path = tmp_path / "certificate.pdf"
        path.write_bytes(data)
        return verify(path, store.trusted())

    return check


def gap(data: bytes) -> tuple[int, int]:
    """Where the container stands, with its angle brackets."""
    found = re.search(rb"/ByteRange \[0 (\d+) (\d+) \d+", data)
    assert found
    return int(found[1]), int(found[2])


def flipped(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def signed_with(store: KeyStore, data: bytes, reason: str) -> bytes:
    return sign(data, store.keys("station"), reason)


def unsigned(record: Record = RECORD) -> bytes:
    return build(record, WORDING, record.canonical())


def test_a_genuine_certificate_says_who_signed_what_and_when(
    genuine: bytes, check: Callable[[bytes], Verification]
) -> None:
    found = check(genuine)
    assert found.genuine, found.reason
    assert found.signed is not None
    assert found.signed.signer == "EOL line 1"
    assert found.signed.verdict is Verdict.BLOCKED
    assert (found.signed.serial_number, found.signed.run) == (RECORD.serial_number, RECORD.run)
    assert found.signed.at.utcoffset() is not None
    assert not found.signed.simulated
    assert len(found.sha256) == 64


def test_the_signer_is_named_on_the_paper(genuine: bytes, store: KeyStore, tmp_path: Path) -> None:
    path = tmp_path / "c.pdf"
    path.write_bytes(genuine)
    text = tools.text(path)
    assert "EOL line 1" in text
    assert store.keys("station").certificates.fingerprint in text


def test_every_flipped_bit_under_the_signature_is_found(genuine: bytes, check: Callable[[bytes], Verification]) -> None:
    start, end = gap(genuine)
    outside = [place for place in range(len(genuine)) if not start <= place < end]
    chance = random.Random(1)
    for place in chance.sample(outside, 150):
        assert not check(flipped(genuine, place, chance.randrange(8))).genuine, place


def test_every_flipped_bit_in_the_container_is_found(genuine: bytes, check: Callable[[bytes], Verification]) -> None:
    start, end = gap(genuine)
    chance = random.Random(2)
    for place in [start, end - 1, end - 2, *chance.sample(range(start, end), 250)]:
        assert not check(flipped(genuine, place, chance.randrange(8))).genuine, place


def test_a_digit_of_the_container_in_lower_case_is_found(
    genuine: bytes, check: Callable[[bytes], Verification]
) -> None:
    start, end = gap(genuine)
    same_value = genuine[:start] + genuine[start:end].lower() + genuine[end:]
    assert same_value != genuine
    assert "container" in check(same_value).reason


@pytest.mark.parametrize("tail", [b"\n", b"%", b"% a comment\n", b"\x00" * 16])
def test_appended_bytes_are_found(tail: bytes, genuine: bytes, check: Callable[[bytes], Verification]) -> None:
    assert not check(genuine + tail).genuine


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.9999])
def test_a_truncated_file_is_refused(share: float, genuine: bytes, check: Callable[[bytes], Verification]) -> None:
    assert not check(genuine[: int(len(genuine) * share)]).genuine


def test_an_unsigned_certificate_is_refused(check: Callable[[bytes], Verification]) -> None:
    assert "0 signatures" in check(unsigned()).reason


def test_an_incremental_update_is_refused(genuine: bytes, check: Callable[[bytes], Verification]) -> None:
    writer = pypdf.PdfWriter(BytesIO(genuine), incremental=True)
    writer.add_blank_page()
    updated = BytesIO()
    writer.write(updated)
    assert updated.getvalue().startswith(genuine)
    assert not check(updated.getvalue()).genuine


def test_a_second_signature_is_refused(genuine: bytes, store: KeyStore, check: Callable[[bytes], Verification]) -> None:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.signers import PdfSignatureMetadata, sign_pdf

    from station.report.sign import _signer

    data = unsigned()
    for name in ("Station", "More"):
        meta = PdfSignatureMetadata(field_name=name)
        data = sign_pdf(IncrementalPdfFileWriter(BytesIO(data)), meta, _signer(store.keys("station"))).getvalue()
    assert "2 signatures" in check(data).reason


def test_the_key_of_a_foreign_ca_is_refused_even_under_the_same_name(
    check: Callable[[bytes], Verification], tmp_path: Path
) -> None:
    forger = KeyStore(tmp_path / "forger")
    forger.init("station", "EOL line 1")
    forged = write_certificate(RECORD, tmp_path / "forged.pdf", forger, WORDING).read_bytes()
    assert "not trusted" in check(forged).reason


def test_a_container_that_carries_a_foreign_certificate_is_refused(store: KeyStore, tmp_path: Path) -> None:
    """A leaf that is trusted, but came with a CA that is not its own."""
    path = write_certificate(RECORD, tmp_path / "c.pdf", store, WORDING)
    other = KeyStore(tmp_path / "other").init("station", "EOL line 1")
    mixed = Certificates(store.keys("station").certificates.leaf, other.ca)
    assert not verify(path, [mixed]).genuine


@pytest.mark.parametrize(
    "reason", ["", "PASS BALI48-000123", statement(samples.record(), samples.record().canonical())]
)
def test_a_record_other_than_the_one_signed_for_is_refused(
    reason: str, store: KeyStore, check: Callable[[bytes], Verification]
) -> None:
    assert "not the one that was signed for" in check(signed_with(store, unsigned(), reason)).reason


@pytest.mark.parametrize("attachment", [b"", b"{}", b"not json", RECORD.canonical().replace(b'"run":', b'"ran":')])
def test_an_attachment_that_is_no_record_is_refused(
    attachment: bytes, store: KeyStore, check: Callable[[bytes], Verification]
) -> None:
    data = build(RECORD, WORDING, attachment)
    assert not check(signed_with(store, data, statement(RECORD, attachment))).genuine


def test_a_simulated_run_under_the_key_of_the_station_is_refused(
    store: KeyStore, check: Callable[[bytes], Verification]
) -> None:
    record = samples.simulated_record()
    data = signed_with(store, unsigned(record), statement(record, record.canonical()))
    assert "its record says otherwise" in check(data).reason


def test_a_real_run_under_the_simulated_key_is_refused(store: KeyStore, tmp_path: Path) -> None:
    data = sign(unsigned(), store.keys("simulated"), statement(RECORD, RECORD.canonical()))
    path = tmp_path / "c.pdf"
    path.write_bytes(data)
    assert not verify(path, store.trusted(), accept_simulated=True).genuine


def test_a_simulated_certificate_is_genuine_only_for_whoever_accepts_simulated_ones(
    store: KeyStore, tmp_path: Path
) -> None:
    path = write_certificate(samples.simulated_record(), tmp_path / "c.pdf", store, WORDING)
    refused = verify(path, store.trusted())
    assert not refused.genuine
    assert refused.signed is not None
    assert refused.signed.simulated
    assert verify(path, store.trusted(), accept_simulated=True).genuine


def test_a_signature_that_would_allow_changes_is_refused(
    store: KeyStore, check: Callable[[bytes], Verification]
) -> None:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, sign_pdf

    from station.report.sign import RESERVED, _signer

    meta = PdfSignatureMetadata(
        field_name="Station",
        reason=statement(RECORD, RECORD.canonical()),
        certify=True,
        docmdp_permissions=MDPPerm.ANNOTATE,
        subfilter=SigSeedSubFilter.PADES,
        md_algorithm="sha256",
    )
    signer = _signer(store.keys("station"))
    lax = sign_pdf(IncrementalPdfFileWriter(BytesIO(unsigned())), meta, signer, bytes_reserved=RESERVED)
    assert "would allow changes" in check(lax.getvalue()).reason


def test_what_a_replaced_key_signed_stays_genuine(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    store.init("station", "EOL line 1")
    path = write_certificate(RECORD, tmp_path / "c.pdf", store, WORDING)
    store.init("station", "EOL line 1", replace=True)
    assert verify(path, store.trusted()).genuine


def test_an_installer_who_trusts_the_station_finds_its_certificates_genuine(
    genuine: bytes, store: KeyStore, tmp_path: Path
) -> None:
    laptop = KeyStore(tmp_path / "laptop")
    path = tmp_path / "c.pdf"
    path.write_bytes(genuine)
    assert not verify(path, laptop.trusted()).genuine
    laptop.trust(Certificates.from_pem((store.folder / "station" / "certificates.pem").read_bytes()))
    assert verify(path, laptop.trusted()).genuine


def test_a_missing_file_is_not_genuine(store: KeyStore, tmp_path: Path) -> None:
    found = verify(tmp_path / "none.pdf", store.trusted())
    assert (found.genuine, found.sha256) == (False, "")
    assert "cannot be read" in found.reason


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"\x00" * 4096, b"%PDF-1.4\n" + b"<<" * 20_000])
def test_rubbish_is_refused_in_one_line(data: bytes, check: Callable[[bytes], Verification]) -> None:
    found = check(data)
    assert not found.genuine
    assert "\n" not in found.reason


def test_longest_names_fit_into_the_room_for_the_signature(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    store.init("station", "電" * 13)
    path = write_certificate(RECORD, tmp_path / "c.pdf", store, WORDING)
    assert verify(path, store.trusted()).genuine


def test_a_partial_run_leaves_no_certificate(store: KeyStore, tmp_path: Path) -> None:
    with pytest.raises(NoCertificateError, match="partial"):
        write_certificate(samples.record(partial=True), tmp_path / "c.pdf", store, WORDING)
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_that_cannot_be_put_in_its_place_leaves_nothing_behind(store: KeyStore, tmp_path: Path) -> None:
    (tmp_path / "c.pdf").mkdir()
    with pytest.raises(OSError, match=r"c\.pdf"):
        write_certificate(RECORD, tmp_path / "c.pdf", store, WORDING)
    assert [path.name for path in tmp_path.iterdir()] == ["c.pdf"]


def test_pdfsig_finds_the_whole_document_signed_by_a_trusted_signer(
    genuine: bytes, store: KeyStore, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(b"-----BEGIN" + store.keys("station").certificates.pem.split(b"-----BEGIN")[2])
    database = tmp_path / "nss"
    database.mkdir()
    tools.run("certutil", "-N", "-d", f"sql:{database}", "--empty-password")
    tools.run("certutil", "-A", "-d", f"sql:{database}", "-n", "CA", "-t", "CT,C,C", "-i", ca)
    path = tmp_path / "c.pdf"
    path.write_bytes(genuine)
    said = tools.run("pdfsig", "-no-ocsp", "-nssdir", f"sql:{database}", path)
    for line in ("Signature is Valid.", "Certificate is Trusted.", "Total document signed"):
        assert line in said
    start, _ = gap(genuine)
    path.write_bytes(flipped(genuine, start // 2, 0))
    assert "Signature is Valid." not in tools.run("pdfsig", "-no-ocsp", "-nssdir", f"sql:{database}", path)


def test_the_container_is_rebuilt_to_the_last_byte(genuine: bytes, store: KeyStore) -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader

    signature = PdfFileReader(BytesIO(genuine)).embedded_signatures[0]
    info = signature.signer_info
    rebuilt = container(store.keys("station").certificates, info["signed_attrs"].contents, info["signature"].native)
    assert signature.pkcs7_content.rstrip(b"\0") == rebuilt.rstrip(b"\0")


def test_a_damaged_file_is_told_of_in_the_result_and_nowhere_else(
    genuine: bytes, store: KeyStore, tmp_path: Path
) -> None:
    path = tmp_path / "c.pdf"
    path.write_bytes(genuine.replace(b"/ETSI.CAdES", b"/ETSX.CAdES"))
    code = (
        "import sys; from pathlib import Path; from station.report.keys import KeyStore;"
        "from station.report.verify import verify;"
        "print(verify(Path(sys.argv[1]), KeyStore(Path(sys.argv[2])).trusted()).genuine)"
    )
    command = [sys.executable, "-c", code, str(path), str(store.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("False", "")


def test_importing_the_room_loads_neither_signer_nor_layout() -> None:
    code = (
        "import sys, station.report, station.report.keys, station.report.sign, station.report.verify;"
        "print([name for name in ('pyhanko', 'reportlab') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
