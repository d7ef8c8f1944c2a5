"""The central store: one SQL table with a copy of every run, from stations that are often offline.

The journal is the truth and the folder of a run its evidence; what is here can be sent again at any time. Nothing in
the store is ever changed: the same run sent twice is there once, and another record of the same run is refused.

PostgreSQL in a factory, or a SQLite file. SQLAlchemy Core; importing it takes a third of a second, so only what sends
imports this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    LargeBinary,
    MetaData,
    NullPool,
    Table,
    Text,
    create_engine,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)

from station import disk
from station.model.record import Record, canonical_json
from station.records.journal import StillWritten, held
from station.records.store import RunFolder

RUNS = Table(
    "runs",
    MetaData(),
    Column("run", Text, primary_key=True, doc="Identity of the run: sorts by time, unique everywhere."),
    Column("serial_number", Text, nullable=False, index=True),
    Column("product", Text, nullable=False),
    Column("sequence", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, doc="UTC; SQLite keeps it without saying so."),
    Column("simulated", Boolean, nullable=False),
    Column("partial", Boolean, nullable=False, doc="Some steps of the sequence only: no verdict on a pack."),
    Column("bench", Text, nullable=False),
    Column("record", Text, nullable=False, doc="Canonical JSON, to the byte as in record.json."),
    Column("record_sha256", Text, nullable=False),
    Column("certificate", LargeBinary, doc="The signed PDF; NULL for a run that has none."),
    Column("certificate_sha256", Text),
)
CONNECT_WITHIN, ANSWER_WITHIN = 3, 10
"""Seconds for the store to be reached and to answer: so much can a network that is down cost after each run."""
_CONNECT: Mapping[str, Mapping[str, object]] = {
    "postgresql": {
        "connect_timeout": CONNECT_WITHIN,
        "tcp_user_timeout": 1000 * ANSWER_WITHIN,
        "keepalives_idle": CONNECT_WITHIN,
        "keepalives_interval": CONNECT_WITHIN,
        "keepalives_count": 2,
        "prepare_threshold": None,
    },
    "sqlite": {"timeout": CONNECT_WITHIN},
}
"""What a driver is told, by dialect. Statements are not prepared: a pooler in between may lose what was."""
_INSERT: Mapping[str, Callable[[Table], postgresql.Insert | sqlite.Insert]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}
_FLUSHED = text(
    "SELECT set_config('synchronous_commit', 'local', true) WHERE current_setting('synchronous_commit') = 'off'"
)
"""A PostgreSQL may be set up to lose its last commits when it crashes; not those of a run that is marked as sent."""


class StoreFailed(Exception):
    """The store took nothing more; the message says why, and what is not marked as sent still waits."""


class Unreachable(StoreFailed):
    """The store cannot be reached, or fell silent."""


class _OtherEvidence(Exception):
    """The store has another record of the same run."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One run on its way to the store."""

    folder: RunFolder
    trouble: str = ""
    """Why it still waits, in one line; empty: it is in the store and marked as sent."""


def send(store: str, folders: Iterable[RunFolder]) -> Iterator[Sending]:
    """Send runs to the store at that URL, in this order, each in a transaction of its own.

    What is wrong with one run keeps no other from being sent. Raises Unreachable or StoreFailed where the store takes
    none; those that were yielded before are there for good.
    """
    url = make_url(store)
    with _told(), _connected(store) as connection:
        _ensure_table(connection)
        for folder in folders:
            yield Sending(folder, _trouble(connection, url.render_as_string(), folder))


def _trouble(connection: Connection, store: str, folder: RunFolder) -> str:
    """Send one run, mark it as sent, and say what was in the way, if anything."""
    try:
        with held(folder.journal):
            row = _row(folder)
            _insert(connection, row)
            disk.replace(folder.sent, _mark(store, row))
    except StillWritten:
        return f"run {folder.run} is held by another process"
    except _OtherEvidence:
        return f"the store has another record of run {folder.run}, which is not overwritten"
    except (DataError, IntegrityError) as error:
        return f"the store does not take run {folder.run} ({_reason(error)})"
    except ValueError as error:
        return f"run {folder.run} has a record that cannot be read: {_first_line(error)}"
    except OSError as error:
        return f"run {folder.run} cannot be read, or not be marked as sent: {error.strerror or error}"
    return ""


def _row(folder: RunFolder) -> dict[str, object]:
    """A run as the store keeps it; raises OSError, or ValueError for what is no record."""
    content = folder.record.read_bytes()
    record = Record.model_validate_json(content)
    certificate = folder.certificate.read_bytes() if folder.certificate.exists() else None
    return {
        "run": record.run,
        "serial_number": record.serial_number,
        "product": record.product,
        "sequence": record.sequence,
        "verdict": record.verdict.value,
        "purpose": record.purpose,
        "started_at": datetime.fromisoformat(record.started_at).astimezone(UTC),
        "simulated": record.simulation is not None,
        "partial": record.partial,
        "bench": record.bench,
        "record": content.decode(),
        "record_sha256": sha256(content).hexdigest(),
        "certificate": certificate,
        "certificate_sha256": None if certificate is None else sha256(certificate).hexdigest(),
    }


def _mark(store: str, row: Mapping[str, object]) -> bytes:
    sent_at = datetime.now(UTC).isoformat(timespec="seconds")
    return canonical_json({"store": store, "sent_at": sent_at, "record_sha256": row["record_sha256"]})


# ------------------------------------------------------------------------------------------------ the database


@contextmanager
def _told() -> Iterator[None]:
    """What a driver raises, in the station's words."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Unreachable(f"cannot be reached ({_reason(error)})") from error
    except SQLAlchemyError as error:
        raise StoreFailed(f"takes no records ({_reason(error)})") from error


def _reason(error: SQLAlchemyError) -> str:
    """The first line of what the database itself said, without the address, which the bench file has."""
    said = _first_line(error.orig if isinstance(error, DBAPIError) else error)
    return said.rpartition("failed: ")[2]


def _first_line(said: object) -> str:
    return " ".join(str(said).strip().partition("\n")[0].split())


@contextmanager
def _connected(store: str) -> Iterator[Connection]:
    """One connection, which nobody keeps; raises what the driver raises."""
    engine = create_engine(store, poolclass=NullPool, connect_args={**_CONNECT[make_url(store).get_backend_name()]})
    with engine.connect() as connection:
        yield connection


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    """Committed and flushed as a whole, or not at all; a store that does not answer in time ends it."""
    with connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL statement_timeout = '{ANSWER_WITHIN}s'"))
            connection.execute(_FLUSHED)
        yield


def _ensure_table(connection: Connection) -> None:
    """Create the table where it is missing; another station may do so at the same moment."""
    try:
        with _transaction(connection):
            RUNS.create(connection, checkfirst=True)
    except DatabaseError:
        with _transaction(connection):
            if not inspect(connection).has_table(RUNS.name):
                raise


def _insert(connection: Connection, row: Mapping[str, object]) -> None:
    """Insert a run that is not there yet, and read back which record is; raises _OtherEvidence."""
    insert = _INSERT[connection.dialect.name](RUNS).values(**row).on_conflict_do_nothing(index_elements=[RUNS.c.run])
    kept = select(RUNS.c.record_sha256).where(RUNS.c.run == row["run"])
    with _transaction(connection):
        connection.execute(insert)
        if connection.execute(kept).scalar_one() != row["record_sha256"]:
            raise _OtherEvidence
