"""Where the keys that sign certificates are kept, and the certificates by which a signature is known.

A set of keys is one folder that appears by a single rename: two processes that make one at the same time end with the
set of whoever came first. Trusted are the certificates of the own sets and every file in `trusted/`: there an installer
puts the `certificates.pem` of a factory, and there the certificates of a replaced set go, so that what it signed stays
genuine.

Nothing here is ever made good in silence: a set that is damaged is said, and stays until somebody puts it back from a
copy or replaces it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_data_dir

from station import disk
from station.report.issue import Certificates, KeyStoreError, Kind, SigningKeys, issue

OTHERWISE: Mapping[Kind, str] = {
    "station": "replace it with `station keys init --replace`",
    "simulated": "move the folder away: a new one is made, and what this one has signed is no longer known",
}
"""What to do about a damaged set of which there is no copy."""


class KeyStore:
    """The folder of keys: `station/`, `simulated/` and `trusted/`."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which need not exist yet."""
        self.folder = folder

    def init(self, kind: Kind, name: str, *, replace: bool = False) -> Certificates:
        """Make a new set for the station called `name`.

        Raises KeyStoreError when there is one already, unless `replace` is given: then the old private key is deleted,
        and the old certificates stay trusted.
        """
        keys = issue(kind, name, datetime.now(UTC))
        try:
            if replace:
                self._retire(kind)
            self._install(kind, keys)
        except OSError as problem:
            raise self._refusal(kind, problem) from None
        return keys.certificates

    def keys(self, kind: Kind) -> SigningKeys:
        """The set to sign with; a missing simulated one is made, a missing station one raises KeyStoreError."""
        if kind == "simulated" and not self._has(kind):
            self._make_simulated()
        folder = self.folder / kind
        if not folder.is_dir():
            raise KeyStoreError(f"{folder}: no {kind} key here; make one with `station keys init`")
        try:
            keys = SigningKeys((folder / "key.pem").read_bytes(), _read(folder / "certificates.pem"))
            if not keys.fit:
                raise ValueError("it does not belong to the certificate")
        except (KeyStoreError, OSError, TypeError, ValueError) as problem:
            message = f"{folder}: the {kind} key cannot be used: {_one_line(problem)}; put it back from a copy, or "
            raise KeyStoreError(message + OTHERWISE[kind]) from None
        return keys

    def trusted(self) -> tuple[Certificates, ...]:
        """The certificates of everybody whose signature counts; raises KeyStoreError for a file that is none."""
        own = [self.folder / kind / "certificates.pem" for kind in ("station", "simulated")]
        others = sorted((self.folder / "trusted").glob("*.pem"))
        return tuple(_read(path) for path in [*own, *others] if path.exists())

    def trust(self, certificates: Certificates) -> Path:
        """Let the signatures of another station count; returns the file that now says so."""
        folder = self.folder / "trusted"
        _private_folder(folder)
        path = folder / f"{certificates.kind}-{certificates.fingerprint[:16]}.pem"
        disk.replace(path, certificates.pem, 0o600)
        return path

    def _has(self, kind: Kind) -> bool:
        return (self.folder / kind).is_dir()

    def _make_simulated(self) -> None:
        try:
            self.init("simulated", "simulated bench")
        except KeyStoreError:
            if not self._has("simulated"):
                raise

    def _install(self, kind: Kind, keys: SigningKeys) -> None:
        _private_folder(self.folder)
        with TemporaryDirectory(prefix=f".{kind}.", dir=self.folder) as draft:
            new = Path(draft) / kind
            new.mkdir(mode=0o700)
            disk.create(new / "key.pem", keys.private)
            disk.create(new / "certificates.pem", keys.certificates.pem)
            disk.flush_folder(new)
            os.rename(new, self.folder / kind)
        disk.flush_folder(self.folder)

    def _refusal(self, kind: Kind, problem: OSError) -> KeyStoreError:
        if self._has(kind):
            return KeyStoreError(f"{self.folder / kind}: there is a {kind} key already; say so if it is to be replaced")
        return KeyStoreError(f"{self.folder}: a {kind} key cannot be stored: {problem.strerror}")

    def _retire(self, kind: Kind) -> None:
        """Keep trusting the old certificates, then make the old set vanish by a rename, as it appeared.

        Certificates that cannot be read are set aside, for whoever can make something of them.
        """
        old = self.folder / kind
        if not old.exists():
            return
        try:
            self.trust(_read(old / "certificates.pem"))
        except (KeyStoreError, FileNotFoundError):
            os.rename(old, self.folder / f"{kind}-damaged-{secrets.token_hex(4)}")
        else:
            with TemporaryDirectory(prefix=f".{kind}.", dir=self.folder) as gone:
                os.rename(old, Path(gone) / kind)


def default_folder() -> Path:
    """Where keys are kept: the environment's STATION_KEYS, else the user's own data folder."""
    chosen = os.environ.get("STATION_KEYS")
    return Path(chosen) if chosen else Path(user_data_dir("pack-test-station")) / "keys"


def _read(path: Path) -> Certificates:
    """Read a file of certificates; FileNotFoundError is left to the caller."""
    try:
        return Certificates.from_pem(path.read_bytes())
    except FileNotFoundError:
        raise
    except (OSError, TypeError, ValueError) as problem:
        raise KeyStoreError(f"{path}: a signer's certificate followed by its CA's was expected: {problem}") from None


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
