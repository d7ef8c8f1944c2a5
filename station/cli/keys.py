"""`station keys`: the keys that sign certificates."""

from __future__ import annotations

import platform
from typing import Annotated

import typer

from station.cli.errors import WrongUsage
from station.report.issue import KeyStoreError
from station.report.keys import KeyStore, default_folder

keys = typer.Typer(
    help="The keys that sign certificates, kept outside of any repository.", no_args_is_help=True, rich_markup_mode=None
)


@keys.command()
def init(
    name: Annotated[
        str, typer.Option("--name", help="Name of the station as it stands in its certificates")
    ] = platform.node()[:40] or "station",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the key; what the old one signed stays genuine")
    ] = False,
) -> int:
    """Make the key that signs certificates of real benches; mode 0600. The simulated one is made by itself."""
    store = KeyStore(default_folder())
    try:
        certificates = store.init("station", name, replace=replace)
    except KeyStoreError as error:
        raise WrongUsage(str(error)) from None
    typer.echo(f"key of {certificates.name} made in {store.folder / 'station'}, fingerprint {certificates.fingerprint}")
    typer.echo(f"give {store.folder / 'station' / 'certificates.pem'} to whoever verifies certificates of this station")
    return 0


@keys.command()
def show() -> int:
    """Show whose signatures count on this machine."""
    store = KeyStore(default_folder())
    typer.echo(str(store.folder))
    for certificates in store.trusted():
        typer.echo(f"{certificates.kind:<10} {certificates.fingerprint[:16]}  {certificates.name}")
    return 0
