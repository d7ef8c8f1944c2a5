"""`station verify`: whether a certificate is genuine and untouched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from station.cli.errors import WrongUsage
from station.report.issue import Certificates, KeyStoreError
from station.report.keys import KeyStore, default_folder


def verify(
    certificate: Annotated[Path, typer.Argument(help="The certificate: certificate.pdf")],
    simulated: Annotated[bool, typer.Option("--simulated", help="Accept the certificate of a simulated run")] = False,
    trust: Annotated[
        list[Path] | None, typer.Option("--trust", help="certificates.pem of another station to trust as well")
    ] = None,
) -> int:
    """Check that a certificate is genuine and untouched; print who signed what and when. Exit status 1 if it is not."""
    from station.report.verify import verify as examine

    found = examine(certificate, _trusted(trust or []), accept_simulated=simulated)
    signed = found.signed
    typer.echo(f"{'genuine' if found.genuine else 'NOT GENUINE'}: {found.reason}")
    if signed is not None:
        typer.echo(
            f"{signed.verdict} for {signed.serial_number}, run {signed.run}{', SIMULATED' if signed.simulated else ''}"
        )
        typer.echo(f"signed by {signed.signer} on {signed.at:%Y-%m-%d %H:%M:%S %Z}, key {signed.fingerprint[:16]}")
    if signed is not None and signed.simulated and not simulated:
        typer.echo("add --simulated to accept the certificate of a simulated run")
    if found.sha256:
        typer.echo(f"sha256 {found.sha256}")
    return 0 if found.genuine else 1


def _trusted(extra: list[Path]) -> list[Certificates]:
    try:
        return [*KeyStore(default_folder()).trusted(), *(Certificates.from_pem(path.read_bytes()) for path in extra)]
    except KeyStoreError as error:
        raise WrongUsage(str(error)) from None
    except (OSError, ValueError) as error:
        raise WrongUsage(f"--trust: {error}") from None
