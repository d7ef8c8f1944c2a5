"""The files of a plan, and what is wrong with them before anything is planned: sequence, packs, protocol, bench."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from station.instruments import DRIVERS
from station.instruments import roles as instrument_roles
from station.instruments.unconnected import unconnected
from station.model import bench as bench_file
from station.model import pack_rules
from station.model.bench import AnyEntry, Bench, InstrumentEntry
from station.model.course import check_order
from station.model.direction import Direction
from station.model.files import Document, Fault, InvalidFile, Location, build, nearest, shown
from station.model.language import check_currents, check_names, check_waits
from station.model.library import Library
from station.model.pack import Pack
from station.model.protocol import NotEncodable, Protocol, Register, read_protocol
from station.model.quantity import Quantity
from station.model.record import FileHash
from station.model.sequence import Sequence, Step, Use, read_sequence, walk

_PLAYERS: Mapping[str, type] = {
    "supply": instrument_roles.Supply,
    "load": instrument_roles.Load,
    "voltmeter": instrument_roles.Voltmeter,
    "switch": instrument_roles.Switch,
}
"""What an instrument must be able to do to play a role."""


ASKED_FOR = frozenset({"key"})
"""The roles that a person can fill on this station: what it is told to do is shown by what the pack does next."""


class NoSuchStep(LookupError):
    """A `use` that leads nowhere; the message says why."""


class Files:
    """Opens the files of a plan and remembers each: its hash, and where its parts stand."""

    def __init__(self, library: Library) -> None:
        """Nothing is open yet."""
        self.library = library
        self.hashes: dict[str, FileHash] = {}
        self.documents: dict[str, Document] = {}
        """The last document of each kind."""
        self._sequences: dict[str, tuple[Document, Sequence]] = {}
        self._packs: dict[str, Pack] = {}
        self._protocols: dict[str, tuple[Protocol, Document]] = {}

    def open(self, kind: str, name: str) -> Document:
        """Read a file; raises InvalidFile."""
        document = self.library.open(kind, name)
        path = f"{kind}/{Path(document.path).stem}"
        self.hashes[path] = FileHash(path=path, sha256=document.sha256)
        self.documents[kind] = document
        return document

    def sequence(self, name: str) -> tuple[Document, Sequence]:
        """Read a sequence by its name or path; raises InvalidFile."""
        if name not in self._sequences:
            document = self.open("sequence", name)
            sequence = read_sequence(document)
            self._sequences[name] = self._sequences.setdefault(sequence.sequence, (document, sequence))
        return self._sequences[name]

    def step(self, name: str, document: Document) -> Step:
        """The step `file/step` that a `use` in `document` names, from beside it or from the library.

        Raises NoSuchStep, and InvalidFile for what is wrong with that other file.
        """
        file, _, wanted = name.partition("/")
        if file not in self._sequences:
            self._sequences[file] = self.sequence(self._beside(file, document))
        steps = {each.step: each for each in self._sequences[file][1].steps if isinstance(each, Step)}
        if wanted not in steps:
            raise NoSuchStep(f"sequence {file} has no step {shown(wanted)}{nearest(wanted, steps)}")
        return steps[wanted]

    def _beside(self, file: str, document: Document) -> str:
        """The path of a sequence in the folder of `document`, or its name for the library."""
        beside = document.path.parent / f"{file}.yaml"
        if beside.is_file():
            return str(beside)
        try:
            self.library.find("sequence", file)
        except InvalidFile as error:
            raise NoSuchStep(error.faults[0].message) from None
        return file

    def bench(self, name: str) -> Bench:
        """Read and check a bench file; raises InvalidFile."""
        document = self.open("bench", name)
        bench = build(document, Bench)
        if faults := tuple(check_bench(document, bench)):
            raise InvalidFile(faults)
        return bench

    def pack(self, name: str) -> Pack:
        """Read and check a pack file; raises InvalidFile."""
        if name not in self._packs:
            document = self.open("pack", name)
            found = build(document, Pack)
            if faults := tuple(pack_rules.check(document, found)):
                raise InvalidFile(faults)
            self._packs[name] = found
        return self._packs[name]

    def protocol(self, pack: Pack) -> Protocol:
        """Read the register map that a pack names, and see that it has a register for all that the pack stores.

        Raises InvalidFile.
        """
        name = pack.protocol.name
        if name not in self._protocols:
            self._protocols[name] = read_protocol(self.library.find("protocol", name)), self.open("protocol", name)
        found, document = self._protocols[name]
        texts = {pack.serial_number.stored_in, pack.firmware.stored_in}
        if missing := sorted((texts | set(pack.released)) - set(found.by_name)):
            message = f"pack {pack.pack} stores {missing[0]}, and there is no such register here"
            raise document.refuse(("registers",), f"{message}{nearest(missing[0], found.by_name)}")
        for stored, quantity in pack.released.items():
            if message := _unstorable(found.by_name[stored], quantity):
                raise document.refuse(("registers", stored), f"pack {pack.pack}: {message}")
        return found


def _unstorable(register: Register, quantity: Quantity) -> str:
    """Why a register cannot hold a value as it stands in the pack file; empty if it can."""
    try:
        back = register.decode(register.encode(quantity.si))
    except NotEncodable as error:
        return str(error)
    if isinstance(back, float | int) and abs(back - quantity.si) <= 1e-6 * max(1.0, abs(quantity.si)):
        return ""
    return f"{register.name} is {quantity}, and this register holds steps of {register.step:g} {register.unit}"


# ------------------------------------------------------------------------------------------------ sequences


def check_sequence(files: Files, document: Document, sequence: Sequence) -> tuple[list[Fault], list[str]]:
    """Everything wrong with a sequence on any bench, and notes on packs that it could not be checked against."""
    known = files.library.names("pack")
    packs = [files.pack(name) for name in sequence.pack if name in known]
    absent = [name for name in sequence.pack if name not in known]
    faults: list[Fault] = []
    if not packs:
        hint = nearest(sequence.pack[0], known)
        faults.append(document.fault(("pack", absent[0]), f"there is no pack file for {' or '.join(absent)}{hint}"))
    others: dict[str, tuple[Document, Sequence]] = {}
    faults += _check_uses(files, document, sequence, others)
    for here, each in ((document, sequence), *others.values()):
        for pack in packs:
            faults += check_names(here, each, pack)
        for pack in packs if not faults else ():
            used = partial(files.step, document=here)
            found = (
                *check_order(here, each, pack, used),
                *check_currents(here, each, pack, used),
                *check_waits(here, each, pack, used),
            )
            faults += (fault for fault in found if fault not in faults)
    return faults, [f"{document.path}: no pack file for {name} here, not checked against it" for name in absent]


def _check_uses(
    files: Files, document: Document, sequence: Sequence, others: dict[str, tuple[Document, Sequence]]
) -> Iterator[Fault]:
    """What is wrong with each `use`; the other sequences that are used are left in `others`."""
    for step, at in walk(sequence.steps):
        for name in step.use if isinstance(step, Use) else ():
            try:
                _follow(files, document, name, (), others)
            except NoSuchStep as error:
                yield document.fault((*at, "use", name), f"`{name}`: {error}")
            except InvalidFile as error:
                yield from error.faults


def _follow(
    files: Files, document: Document, name: str, trail: tuple[str, ...], others: dict[str, tuple[Document, Sequence]]
) -> None:
    """Follow a `use` to its end; raises NoSuchStep where it leads nowhere, or back to itself, and InvalidFile."""
    if name in trail:
        raise NoSuchStep(f"a step cannot use itself: {' uses '.join((*trail, name))}")
    step = files.step(name, document)
    found = files.sequence(name.partition("/")[0])
    if found[0].path != document.path:
        others[str(found[0].path)] = found
    for inner, _ in walk((step,)):
        for used in inner.use if isinstance(inner, Use) else ():
            _follow(files, found[0], used, (*trail, name), others)


def pack_for(files: Files, sequence: Sequence, serial_number: str) -> Pack:
    """The product that a scanned serial number belongs to; raises InvalidFile with what was expected."""
    known = files.library.names("pack")
    packs = [files.pack(name) for name in sequence.pack if name in known]
    for found in packs:
        if found.serial_number.fits(serial_number):
            others = {f"pack/{each.pack}" for each in packs} - {f"pack/{found.pack}"}
            files.hashes = {name: each for name, each in files.hashes.items() if name not in others}
            return found
    patterns = " or ".join(f"{each.pack} (`{each.serial_number.pattern}`)" for each in packs)
    message = f"{shown(serial_number)} is no serial number of {patterns or 'a pack of this sequence'}"
    raise InvalidFile([Fault("--serial", 1, 1, message)])


# ------------------------------------------------------------------------------------------------ benches


def check_bench(document: Document, bench: Bench) -> Iterator[Fault]:
    """What is wrong with a bench file beyond its form, and what its instruments cannot do."""
    yield from bench_file.check(document, bench)
    groups: list[tuple[Location, Mapping[str, AnyEntry]]] = [(("shared",), bench.shared)]
    groups += [(("slots", str(slot)), roles) for slot, roles in bench.slots.items()]
    for at, roles in groups:
        for role, entry in roles.items():
            if isinstance(entry, InstrumentEntry) and (message := _unplayable(role, entry.model)):
                yield document.fault((*at, role, "model"), message)
    told = {message for slot in bench.slots for message in _beyond_ratings(bench, slot)}
    yield from (document.fault(("envelope", word), message) for word, message in told)


def _unplayable(role: str, model: str) -> str:
    """Why there is no instrument of that model in that role; empty if there is."""
    if model not in DRIVERS:
        return f"unknown model {shown(model)}{nearest(model, DRIVERS)}"
    wanted = {name for name in dir(_PLAYERS.get(role, object)) if not name.startswith("_")}
    return f"a {model} cannot be the {role}" if wanted - set(dir(unconnected(model, role))) else ""


def _beyond_ratings(bench: Bench, slot: int) -> Iterator[tuple[str, str]]:
    """Every word of the envelope that goes beyond what an instrument of a slot can do, as (word, message)."""
    envelope = bench.envelope
    directions: tuple[tuple[str, Direction], ...] = (("supply", "charge"), ("load", "discharge"))
    for role, direction in directions:
        entry = bench.roles(slot).get(role)
        if not isinstance(entry, InstrumentEntry) or entry.model not in DRIVERS:
            continue
        ratings = unconnected(entry.model, role).ratings
        for word, asked, most, unit in (
            ("voltage", envelope.voltage.si, ratings.voltage, "V"),
            (f"{direction}_current", envelope.current(direction).si, ratings.current, "A"),
            (f"{direction}_power", envelope.power(direction).si, ratings.power, "W"),
        ):
            if 0 < most < asked:
                yield word, f"`{word}`: {asked:g} {unit} is beyond the {most:g} {unit} of the {role} ({entry.model})"


def usable_roles(bench: Bench, slot: int) -> frozenset[str]:
    """The roles of a slot that this station can use; of those that a person fills, the ones it knows to ask for."""
    return frozenset(role for role in bench.roles(slot) if role in ASKED_FOR or not bench.by_person(slot, role))
