"""The command `station`: parses what was typed, starts what was asked for, shows what came of it. No test logic.

Exit status: 0 PASS, 1 FAIL, 2 wrong usage or an invalid file, 3 ERROR (any uncaught exception too), 4 ABORTED, 5
BLOCKED.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Annotated

import typer
from typer.exceptions import TyperException

from station import __version__
from station.cli.errors import WrongUsage
from station.clock import ClockRefused
from station.model.files import InvalidFile

USAGE = 2
ERROR = 3
ABORTED = 4
BLOCKED = 5
INTERRUPTED = 130
"""What typer returns for a KeyboardInterrupt."""

COMMANDS: Mapping[str, str] = {
    "run": "run",
    "restore": "restore",
    "check": "check",
    "plan": "plan",
    "approve": "approve",
    "trace": "plan",
    "coverage": "coverage",
    "verify": "verify",
    "export": "export",
    "send": "send",
    "schema": "check",
    "twin": "twin",
    "keys": "keys",
}
"""Each command and the module of `station.cli` that has it, read only when it is typed: all of them take a second."""


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"pack-test-station {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of the command itself."""


def _app(names: Iterable[str]) -> typer.Typer:
    """The command line with these commands."""
    app = typer.Typer(
        name="station",
        help="Tests 48 V LiFePO4 battery packs on a bench, real or simulated, and signs a certificate for every one."
        "\n\nTry:  station run eol --serial BALI48-000001 --bench simulated",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    for name in names:
        command = getattr(import_module(f"station.cli.{COMMANDS[name]}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command()(command)
    return app


def main() -> None:
    """Run the command and exit with its status; an uncaught exception is ERROR, never FAIL."""
    sys.exit(status(sys.argv[1:]))


def status(arguments: list[str]) -> int:
    """Run the command with these arguments and return its exit status; with none, say what can be typed."""
    arguments = arguments or ["--help"]
    try:
        typed = arguments[:1] if arguments[0] in COMMANDS else COMMANDS
        result = _app(typed)(arguments, standalone_mode=False)
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
