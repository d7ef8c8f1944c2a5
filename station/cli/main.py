"""The command `station`: parses what was typed, starts what was asked for, shows what came of it. No test logic.

Exit status: 0 PASS, 1 FAIL, 2 wrong usage or an invalid file, 3 ERROR (any uncaught exception too), 4 ABORTED, 5
BLOCKED.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from station import __version__
from station.cli.approve import approve
from station.cli.check import check, schema
from station.cli.coverage import coverage
from station.cli.errors import WrongUsage
from station.cli.export import export
from station.cli.keys import keys
from station.cli.plan import plan, trace
from station.cli.restore import restore
from station.cli.run import run
from station.cli.twin import twin
from station.cli.verify import verify
from station.clock import ClockRefused
from station.model.files import InvalidFile

USAGE = 2
ERROR = 3
ABORTED = 4
BLOCKED = 5
INTERRUPTED = 130
"""What typer returns for a KeyboardInterrupt."""

app = typer.Typer(
    name="station",
    help="Tests 48 V LiFePO4 battery packs on a bench, real or simulated, and signs a certificate for every one.\n\n"
    "Try:  station run eol --serial BALI48-000001 --bench simulated",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (run, restore, check, plan, approve, trace, coverage, verify, export, schema):
    app.command()(command)
app.add_typer(twin, name="twin")
app.add_typer(keys, name="keys")


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"pack-test-station {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of the command itself."""


def main() -> None:
    """Run the command and exit with its status; an uncaught exception is ERROR, never FAIL."""
    sys.exit(status(sys.argv[1:]))


def status(arguments: list[str]) -> int:
    """Run the command with these arguments and return its exit status."""
    try:
        result = app(arguments, standalone_mode=False)
    except TyperException as error:
        typer.echo(f"{error.format_message()}  (`station --help` tells what can be said)", err=True)
        return USAGE
    except typer.Exit as leave:
        return leave.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _stopped_early()
    except (InvalidFile, WrongUsage) as error:
        typer.echo(str(error), err=True)
        return USAGE
    except ClockRefused as error:
        typer.echo(str(error), err=True)
        return BLOCKED
    except Exception as error:
        typer.echo(f"error: {type(error).__name__}: {' '.join(str(error).split())}", err=True)
        return ERROR
    if result == INTERRUPTED:
        return _stopped_early()
    return result if isinstance(result, int) else 0


def _stopped_early() -> int:
    typer.echo("stopped before anything was energised", err=True)
    return ABORTED
