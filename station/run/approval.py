"""Which version of a sequence may test products: somebody approves it, and its files stay as they were.

An approval is a file of the data folder, `approvals/SEQUENCE/BENCH/TIME.json`, signed with the station's key; the last
one counts. A sequence of which no version was ever approved there may run as it is, and the record says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from station import disk
from station.model.record import FileHash, Part, canonical_json
from station.records.store import new_run_id
from station.report.issue import Certificates, KeyStoreError, Kind, SigningKeys
from station.report.keys import KeyStore
from station.run.plan import Files, Plan

FOLDER = "approvals"
NONE = "no approved version"
"""What a record says where nobody has approved anything."""
_KINDS = ("sequence/", "pack/", "protocol/", "bench/")
"""The files that decide what is done and by which limits."""
_ALGORITHM = ec.ECDSA(SHA256())


class Approval(Part):
    """A version of a sequence that somebody has approved for a bench."""

    sequence: str
    bench: str
    by: str
    at: str
    """UTC, ISO 8601."""
    plan_sha256: str
    files: tuple[FileHash, ...]

    def __str__(self) -> str:
        """Who approved it, and when."""
        return f"approved by {self.by} on {self.at}"

    def differing(self, files: Iterable[FileHash]) -> list[str]:
        """The files of a plan that are not those which were approved."""
        known = {file.path: file.sha256 for file in self.files}
        return [file.path for file in _deciding(files) if known.get(file.path) != file.sha256]


class _Signed(Part):
    """An approval with its signature (ECDSA of its canonical JSON, hexadecimal) and the signer's certificates (PEM)."""

    approval: Approval
    signature: str
    certificates: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the record says of the approval of a plan, and why the plan may test no product; empty where it may."""

    words: str
    against: str = ""


def kind_of(plan: Plan) -> Kind:
    """The key that approves for the bench of a plan."""
    return "simulated" if plan.bench.kind == "simulated" else "station"


def approve(data: Path, files: Files, plan: Plan, by: str, now: datetime, keys: SigningKeys) -> Approval:
    """Approve the files of a sequence as they are, for all of its products; raises InvalidFile or OSError."""
    for name in set(plan.sequence.pack) & set(files.library.names("pack")):
        files.protocol(files.pack(name))
    approval = Approval(
        sequence=plan.sequence.sequence,
        bench=plan.bench.bench,
        by=by,
        at=now.isoformat(timespec="seconds"),
        plan_sha256=plan.sha256,
        files=tuple(_deciding(files.hashes[name] for name in sorted(files.hashes))),
    )
    private = load_pem_private_key(keys.private, password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    signature = private.sign(_content(approval), _ALGORITHM).hex()
    signed = _Signed(approval=approval, signature=signature, certificates=keys.certificates.pem.decode())
    folder = data / FOLDER / approval.sequence / approval.bench
    folder.mkdir(parents=True, exist_ok=True)
    before = max((path.stem for path in folder.glob("*.json")), default="")
    disk.create(folder / f"{new_run_id(now, before)}.json", canonical_json(signed.model_dump(mode="json")))
    return approval


def standing(data: Path, plan: Plan, keys: KeyStore) -> Standing:
    """How a plan stands to what was approved in a data folder."""
    sequence, bench = plan.sequence.sequence, plan.bench.bench
    approved = data / FOLDER / sequence
    command = f"`station approve {sequence} --bench {bench} --by NAME`"
    if not any(approved.glob("*/*.json")):
        return Standing(NONE)
    path = max((approved / bench).glob("*.json"), default=None)
    if path is None:
        return Standing(
            NONE, f"{sequence} is approved for other benches and not for {bench}: have it approved, {command}"
        )
    try:
        approval = _read(path, keys.trusted(), kind_of(plan))
    except (KeyStoreError, OSError, ValueError) as error:
        why = " ".join(str(error).split())
        return Standing(
            NONE, f"approval {path} does not count ({why[:200]}): have {sequence} approved again, {command}"
        )
    changed = approval.differing(plan.files)
    if not changed:
        return Standing(str(approval))
    differ = f"{' and '.join(changed)} {'is' if len(changed) == 1 else 'are'} not as {approval}"
    return Standing(differ, f"{differ}: take the approved files back, or have these approved, {command}")


def _read(path: Path, trusted: Iterable[Certificates], kind: Kind) -> Approval:
    """An approval that is genuine; raises ValueError for any other, or OSError."""
    signed = _Signed.model_validate_json(path.read_bytes())
    signer = Certificates.from_pem(signed.certificates.encode())
    if signer not in trusted or signer.kind != kind:
        raise ValueError(f"{signer.name} is nobody whose approval counts here")
    public = x509.load_der_x509_certificate(signer.leaf).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    try:
        public.verify(bytes.fromhex(signed.signature), _content(signed.approval), _ALGORITHM)
    except InvalidSignature:
        raise ValueError("it was altered after it was signed") from None
    return signed.approval


def _content(approval: Approval) -> bytes:
    return canonical_json(approval.model_dump(mode="json"))


def _deciding(files: Iterable[FileHash]) -> Iterator[FileHash]:
    return (file for file in files if file.path.startswith(_KINDS))
