"""`station twin`: the simulated bench on its own."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated, Literal

import typer
from ruamel.yaml import YAML

from station.cli.errors import WrongUsage
from station.cli.simulate import DEFAULT_STATE, read_simulated, serving
from station.clock import WallClock
from station.model.bench import Bench
from station.model.files import build
from station.model.library import Library
from station.run.plan import Files
from station.twin.parameters import PARAMETERS

twin = typer.Typer(help="The simulated bench on its own.", no_args_is_help=True, rich_markup_mode=None)


@twin.command()
def serve(
    bench: Annotated[str, typer.Option("--bench", help="A simulated bench")] = "simulated",
    state: Annotated[str, typer.Option("--twin", help="State of the pack")] = DEFAULT_STATE,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="A fault, by name or file; may be repeated")
    ] = None,
    time: Annotated[Literal["wall", "stepped"], typer.Option("--time", help="Time of the twin")] = "wall",
    ready: Annotated[
        Path | None, typer.Option("--ready", help="File that gets the bench file with the real ports, when they answer")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Which pack of its make is simulated")] = 1,
    pack: Annotated[str, typer.Option("--pack", help="Product on the bench")] = "bali48",
    serial: Annotated[str, typer.Option("--serial", help="Serial number that the pack says it has")] = "BALI48-000001",
) -> int:
    """Serve the simulated bench until it is stopped: SCPI on TCP, Modbus on a serial line, for any program that
    speaks them.
    """
    if time == "stepped":
        raise WrongUsage("--time stepped: this version serves wall time only")
    files = Files(Library.default())
    document = files.open("bench", bench)
    bench_file = build(document, Bench)
    if bench_file.kind != "simulated":
        raise WrongUsage(f"--bench: {bench_file.bench} is a real bench, the twin serves simulated ones")
    product = files.pack(pack)
    simulated = read_simulated(files, state, fault or [], seed)
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), lambda number, frame: stop.set())
    with serving(bench_file, product, files.protocol(product), simulated, WallClock(), serial) as world:
        for role, address in world.server.addresses.items():
            typer.echo(f"{role:<12} {address}")
        if ready is not None:
            _write_ready(ready, document.data, world.server.addresses)
        while not stop.wait(0.2):
            pass
    return 0


def _write_ready(path: Path, data: dict[str, object], addresses: dict[str, str]) -> None:
    """The bench file as it was, with the addresses at which the twin answers; there at once or not at all."""
    shared, slots = data.get("shared"), data.get("slots")
    groups = [shared, *(slots.values() if isinstance(slots, dict) else ())]
    for group in groups:
        for role, entry in group.items() if isinstance(group, dict) else ():
            if isinstance(entry, dict) and role in addresses:
                entry["at"] = addresses[role]
    part = path.with_suffix(path.suffix + ".part")
    with part.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(data, file)
    part.replace(path)


@twin.command()
def parameters() -> int:
    """List what a fault file can change in the pack and its circuit, with unit and meaning."""
    width = max(len(each.name) for each in PARAMETERS)
    for each in PARAMETERS:
        typer.echo(f"{each.name:<{width}}  {each.unit:<26}  {each.meaning}")
    return 0
