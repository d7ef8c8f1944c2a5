"""The address of the central store as a bench file names it: an SQLAlchemy URL that holds no secret."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from station.model.files import nearest

DRIVERS = ("postgresql+psycopg", "sqlite")
"""What the station has a driver for, as a URL begins."""
EXAMPLES = ("postgresql+psycopg://station@mes.factory/records", "sqlite:////var/lib/station/records.sqlite")
SECRETS = frozenset({"password", "sslpassword"})
"""What libpq takes from the parameters of a URL (PostgreSQL manual, 34.1.2), and what nobody may read there."""


def store_url(text: str) -> str:
    """The URL as it was written; raises ValueError, without quoting what may hold a password."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(f"`store`: this is no SQLAlchemy URL; write it as `{'` or `'.join(EXAMPLES)}`") from None
    if url.password is not None or SECRETS & {*url.query}:
        raise ValueError("`store`: a password has no place in a file; it comes from PGPASSFILE, or PGPASSWORD")
    if url.drivername not in DRIVERS:
        raise ValueError(f"`store`: unknown dialect `{url.drivername}`{nearest(url.drivername, DRIVERS)}")
    if url.drivername == "sqlite" and not _is_absolute(url.database or ""):
        raise ValueError(f"`store`: write the whole path of the file, from the root: `{EXAMPLES[1]}`")
    return text


def _is_absolute(path: str) -> bool:
    """On whichever system; a bench file may be checked on another one than its bench has."""
    return PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()


StoreUrl = Annotated[str, AfterValidator(store_url), WithJsonSchema({"type": "string", "examples": [*EXAMPLES]})]
