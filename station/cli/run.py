"""`station run`: one sequence on one pack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from station.actions.recording import ANSWERED
from station.cli.certify import sign_certificate
from station.cli.console import RunConsole
from station.cli.errors import WrongUsage
from station.cli.progress import ProgressDisplay
from station.cli.send import send_after_run
from station.cli.simulate import DEFAULT_STATE, Simulated, read_simulated, serving, simulation_of, time_of, told
from station.cli.stops import silence, stoppable
from station.cli.typist import Typist
from station.clock import Clock, HeldClock, Scopes
from station.model.bench import Bench
from station.model.events import Event
from station.model.files import InvalidFile, build, nearest, read
from station.model.library import Library
from station.model.prompt import Person
from station.model.record import Record, Simulation
from station.model.verdict import EXIT_STATUS, Verdict
from station.records import BadSerialNumber, NotWritable, RunFolder, plain_serial_number
from station.report.issue import KeyStoreError
from station.report.keys import KeyStore, default_folder
from station.run.golden import PURPOSES
from station.run.history import PRODUCTION
from station.run.plan import Files, Plan, make_plan
from station.run.recovery import close_dead_runs
from station.run.session import Request, carry_out
from station.twin.person import TwinPerson

COLOURS = {
    Verdict.PASS: "white on green",
    Verdict.FAIL: "white on red",
    Verdict.ERROR: "white on magenta",
    Verdict.ABORTED: "black on yellow",
    Verdict.BLOCKED: "black on yellow",
}
SERVED = "served by another process"
"""What stands in a record for the state of a twin that only `station twin serve` knows."""


def run(
    sequence: Annotated[str, typer.Argument(help="Name of a sequence in sequences/, or a file: eol")],
    serial: Annotated[str, typer.Option("--serial", help="Serial number as scanned from the label: BALI48-000001")],
    bench: Annotated[
        str,
        typer.Option("--bench", help="Name of a bench in fixtures/benches/, or a file; `simulated` needs no hardware"),
    ],
    data: Annotated[Path, typer.Option("--data", help="Folder for journals, records and certificates")] = Path("data"),
    slot: Annotated[int, typer.Option("--slot", help="Slot of the bench")] = 1,
    operator: Annotated[str, typer.Option("--operator", help="Badge of the operator")] = "",
    purpose: Annotated[
        str,
        typer.Option(
            "--purpose",
            help="Purpose of the run: production (as on a real bench, if not said), retest, rework, golden, or words "
            "of your own",
        ),
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why it is run again")] = "",
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers",
            help="File with what line or MES know of this pack: `cell_lots: A123456789`, `time_since_charge: 70 min`",
        ),
    ] = None,
    time: Annotated[
        Literal["virtual", "wall"] | None,
        typer.Option("--time", help="Time of a simulated bench; virtual is the default there"),
    ] = None,
    twin: Annotated[
        str | None,
        typer.Option(
            "--twin", help=f"State of the simulated pack: {DEFAULT_STATE}, shelf_2w, shipped_30pct, or a file"
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="Fault of the simulated bench or pack, by name or file; may be repeated"),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Which pack of its make is simulated")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else")] = False,
) -> int:
    """Run a sequence on one pack and sign its certificate.

    Exit status: 0 PASS, 1 FAIL, 2 wrong usage or invalid file, 3 ERROR, 4 ABORTED, 5 BLOCKED.
    """
    console = RunConsole(stderr=as_json)
    with stoppable() as stops:
        files = Files(Library.default())
        bench_file = build(files.open("bench", bench), Bench)
        answered = {} if answers is None else read_answers(answers)
        options = {"--twin": twin, "--fault": fault, "--seed": seed is not None}
        if not (bench_file.served and bench_file.served.clock):
            options["--time virtual"] = time == "virtual"
        refuse_twin_elsewhere(bench_file, options)
        if purpose not in PURPOSES and (meant := get_close_matches(purpose, PURPOSES, 1)):
            raise WrongUsage(f"--purpose: `{purpose}` is not known here; did you mean `{meant[0]}`?")
        plan = make_plan(files, sequence, bench_file, plain_serial(serial), slot)
        simulated = (
            read_simulated(files, twin or DEFAULT_STATE, fault or [], 1 if seed is None else seed)
            if bench_file.needs_twin
            else None
        )
        keys = _keys(bench_file)
        certify = partial(sign_certificate, keys=keys, library=files.library)
        for line in close_dead_runs(data, Files(files.library).pack, certify):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        with ExitStack() as open_:
            clock = open_.enter_context(time_of(bench_file, time))
            display = open_.enter_context(ProgressDisplay(console))
            served, ears, person = open_.enter_context(_served(bench_file, plan, simulated, clock, serial))
            simulation = simulation_on(bench_file, simulated, clock)
            why = purpose or ("" if simulation else PRODUCTION)
            request = Request(
                plan, serial, data, operator, why, reason, simulation, bench,
                listeners=(display, *ears), answers=answered, person=person, keys=keys,
                certify=certify,
            )  # fmt: skip
            stops.scopes = Scopes(clock)
            record, folder = _carried_out(request, served, stops.scopes)
        certificate = folder.certificate if folder.certificate.exists() else None
        _show(console, record, folder, certificate, plan)
        if as_json:
            _say(json.dumps(_summary(record, folder, certificate), ensure_ascii=False))
        if bench_file.store is not None:
            send_after_run(bench_file.store, data, console, lambda: stops.heeded)
        return EXIT_STATUS[record.verdict]


@contextmanager
def _served(
    bench: Bench, plan: Plan, simulated: Simulated | None, clock: Clock, serial: str
) -> Iterator[tuple[Bench, tuple[Callable[[Event], None], ...], Person]]:
    """The bench with the addresses at which it answers, who must hear how the run goes on, and who can be asked."""
    if simulated:
        with serving(bench, plan.pack, plan.protocol, simulated, clock, serial, plan.slot) as world:
            yield world.served(bench, plan.slot), (told(world),), TwinPerson(world, clock, serial)
    else:
        yield bench, ((told(clock),) if isinstance(clock, HeldClock) else ()), Typist(clock)


def simulation_on(bench: Bench, simulated: Simulated | None, clock: Clock) -> Simulation | None:
    """What the record says of a simulated bench; of one that another process serves, what its bench file says."""
    if simulated:
        return simulation_of(simulated, clock)
    if bench.served is not None:
        return Simulation(twin=bench.served.twin, faults=bench.served.faults, seed=bench.served.seed, time=clock.kind)
    return Simulation(twin=SERVED, seed=0, time=clock.kind) if bench.kind == "simulated" else None


def _say(line: str) -> None:
    """Print a line to standard output, which somebody may have closed by now."""
    try:
        typer.echo(line)
    except OSError:
        silence(1)


def read_answers(path: Path) -> dict[str, str]:
    """What is known of this pack outside the bench, by the name under which it is recorded; raises InvalidFile."""
    document = read(path)
    wrong = [
        document.fault((name,), f"`{name}` is nothing that can be answered{nearest(name, ANSWERED)}")
        if name not in ANSWERED
        else document.fault((name,), f"`{name}`: expected a text or a quantity")
        for name, value in document.data.items()
        if name not in ANSWERED or not isinstance(value, str | int | list)
    ]
    if wrong:
        raise InvalidFile(wrong)
    return {
        name: " ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in document.data.items()
    }


def plain_serial(serial: str) -> str:
    """A serial number as typed; raises WrongUsage for what can be none."""
    try:
        return plain_serial_number(serial)
    except BadSerialNumber as error:
        raise WrongUsage(f"--serial: {error}") from None


def refuse_twin_elsewhere(bench: Bench, options: Mapping[str, object]) -> None:
    """Raise WrongUsage for an option of the twin that was given with a bench which this command does not simulate."""
    for option, value in options.items():
        if value and bench.kind == "real":
            raise WrongUsage(f"{option} is for a simulated bench; {bench.bench} is a real one")
        if value and not bench.needs_twin:
            raise WrongUsage(f"{option} is for `station twin serve`, which serves {bench.bench} already")


def _keys(bench: Bench) -> KeyStore:
    """The key store, seen to have the key that this run needs before anything is energised."""
    store = KeyStore(default_folder())
    try:
        store.keys("simulated" if bench.kind == "simulated" else "station")
    except KeyStoreError as error:
        raise WrongUsage(str(error)) from None
    return store


def _carried_out(request: Request, bench: Bench, scopes: Scopes) -> tuple[Record, RunFolder]:
    try:
        _, record, folder = carry_out(request, bench, scopes)
        return record, folder
    except NotWritable as error:
        raise WrongUsage(str(error.strerror)) from None


def _summary(record: Record, folder: RunFolder, certificate: Path | None) -> dict[str, object]:
    return {
        "verdict": record.verdict,
        "reason": record.reason,
        "run": record.run,
        "serial_number": record.serial_number,
        "record": str(folder.record),
        "certificate": None if certificate is None else str(certificate),
        "bench_time_s": record.bench_time_s,
        "floor_s": record.floor_s,
    }


def _show(console: Console, record: Record, folder: RunFolder, certificate: Path | None, plan: Plan) -> None:
    title = f" {record.verdict} "
    simulated = "  SIMULATED" if record.simulation else ""
    lines = [
        f"{record.serial_number}  {plan.sequence.title}{simulated}",
        f"bench time {record.bench_time_s:.1f} s, floor {record.floor_s:.1f} s",
    ]
    if record.reason:
        lines.insert(1, record.reason)
    console.print(
        Panel(
            escape("\n".join(lines)),
            title=f"[bold {COLOURS[record.verdict]}]{title}[/]",
            title_align="left",
            expand=False,
        )
    )
    console.print(
        f"certificate  {certificate or 'none'}\nrecord       {folder.record}", highlight=False, soft_wrap=True
    )
