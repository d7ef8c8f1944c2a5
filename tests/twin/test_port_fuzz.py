"""Random bytes on the serial ports: nothing crashes, hangs or corrupts the pack, and the next request is answered.

More than 400 000 inputs; always the same ones.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from twin.rig import Rig, protocol
from twin.serial_bench import COMMANDS, SerialBench, framed

from station.codecs.modbus import is_sound, with_crc
from station.codecs.pace_ascii import Frame, Rtn, parse
from station.twin.ascii_board import AsciiBoard
from station.twin.bms import Bms
from station.twin.pace_ascii import PaceAsciiServer
from station.twin.pace_modbus import PATIENCE, PaceServer

MODBUS_INPUTS, ASCII_INPUTS, LINE_INPUTS = 240_000, 160_000, 6_000
CHECK_EVERY = 40

Mutation = Callable[[bytearray, random.Random], None]


def _flip(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _behead(data: bytearray, rng: random.Random) -> None:
    del data[: rng.randrange(len(data) + 1)]


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.randrange(1, 9))


def _repeat(data: bytearray, rng: random.Random) -> None:
    data *= rng.randrange(2, 4)


def _replace(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice((0, 1, 3, 16, 0x7E, 0x0D, 0xFF, rng.randrange(256)))


MUTATIONS: tuple[Mutation, ...] = (_flip, _cut, _behead, _insert, _repeat, _replace)


def mutated(frame: bytes, rng: random.Random) -> bytes:
    data = bytearray(frame)
    for _ in range(rng.randrange(1, 4)):
        rng.choice(MUTATIONS)(data, rng)
    return bytes(data[:600])


def in_pieces(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """The data at once, or in a few pieces anywhere."""
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 0, 0, 1, 2))))
    return (data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if end > begin)


# --- Modbus -----------------------------------------------------------------------------------------------------------


def a_write(rng: random.Random) -> bytes:
    """A frame that writes to a few registers, mostly those that are there, mostly what they could hold."""
    begin = rng.choice((rng.randrange(55, 118), rng.randrange(145, 185), rng.randrange(65536)))
    count = rng.choice((1, 1, 2, 5, rng.randrange(1, 124)))
    words = b"".join(rng.choice((rng.randrange(65536), 3650, 100, 10, 0x2020)).to_bytes(2, "big") for _ in range(count))
    return with_crc(bytes((1, 16)) + begin.to_bytes(2, "big") + bytes((0, count, 2 * count)) + words)


def a_read(rng: random.Random) -> bytes:
    begin, count = rng.choice((0, 9, 60, 150, rng.randrange(200))), rng.choice((0, 1, 10, 37, 125, 126, 65535))
    return with_crc(bytes((rng.choice((0, 1, 1, 1, 2)), 3)) + begin.to_bytes(2, "big") + count.to_bytes(2, "big"))


def modbus_input(rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.15:
        return rng.randbytes(rng.choice((1, 2, 5, 8, 40, 300)))
    if kind < 0.3:
        return with_crc(bytes((rng.choice((1, 1, 2)), rng.randrange(256))) + rng.randbytes(rng.randrange(12)))
    if kind < 0.4:
        return mutated(b"~250246900000FDA4\r", rng)
    frame = a_write(rng) if rng.random() < 0.5 else a_read(rng)
    return frame if kind < 0.65 else mutated(frame, rng)


@dataclass
class ModbusPort:
    """A port with its silence, and what should be in the memory behind it by what was acknowledged."""

    bms: Bms
    patience: float
    server: PaceServer = field(init=False)
    now: float = 10.0

    def __post_init__(self) -> None:
        self.server = PaceServer(self.bms, protocol(), patience=self.patience)
        self.expected = dict(self.bms.memory.words)

    def hear(self, data: bytes, pause: float) -> bytes | None:
        self.now += pause + self.server.seconds(len(data))
        self.server.received(data, self.now)
        return self.server.reply(self.now + 0.03)

    def throw(self, data: bytes, rng: random.Random) -> None:
        whole = bytearray()
        for piece in in_pieces(data, rng):
            whole += piece
            reply = self.hear(piece, rng.choice((0.0, 0.002, 0.03, 0.1)))
            self.note(bytes(whole), reply)

    def note(self, heard: bytes, reply: bytes | None) -> None:
        """Expect in the memory what was acknowledged, found in the bytes that came before."""
        if reply is None:
            return
        assert is_sound(reply), reply
        assert reply[0] == 1
        if reply[1] == 16:
            begin, count = int.from_bytes(reply[2:4], "big"), int.from_bytes(reply[4:6], "big")
            at = heard.rindex(b"\x01" + reply[1:6] + bytes((2 * count,))) + 7
            words = (int.from_bytes(heard[at + 2 * i : at + 2 * i + 2], "big") for i in range(count))
            self.expected.update(enumerate(words, begin))


@pytest.mark.parametrize("patience", [0.0, PATIENCE])
def test_no_bytes_upset_the_modbus_port(patience: float) -> None:
    rng = random.Random(f"modbus {patience}")
    port = ModbusPort(Rig().started().bms, patience)
    untouched = dict(port.expected)
    for number in range(MODBUS_INPUTS // 2):
        port.throw(modbus_input(rng), rng)
        if number % CHECK_EVERY == 0:
            words = [port.expected[at] for at in range(60, 115)]
            answer = framed("01 03 6E" + b"".join(word.to_bytes(2, "big") for word in words).hex())
            assert port.hear(framed("01 03 003C 0037"), 0.06) == answer
            assert port.bms.memory.words == port.expected
    assert port.expected != untouched, "no write was taken: the inputs are not good enough"


# --- ASCII ------------------------------------------------------------------------------------------------------------

CODES = (
    *COMMANDS.commands.values(),
    *(code for kind in COMMANDS.parameters.values() for code in (kind.read, kind.write)),
)
WRITES = {kind.write: kind for kind in COMMANDS.parameters.values()}
TEXTS = {COMMANDS.commands["write_model_sn"]: "model_sn", COMMANDS.commands["write_pack_sn"]: "pack_sn"}


def some_information(code: int, rng: random.Random) -> bytes:
    if code in WRITES and rng.random() < 0.7:
        words = {name: rng.choice((rng.randrange(65536), 3650, 100, 10, 1)) for name in WRITES[code].names}
        return WRITES[code].encode(words, protocol().by_name)
    if code in TEXTS and rng.random() < 0.7:
        return bytes(rng.randrange(0x20, 0x7F) for _ in range(20))
    return rng.randbytes(rng.choice((0, 0, 1, 1, 2, 3, 6, 20)))


def ascii_input(rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.1:
        return rng.randbytes(rng.choice((1, 2, 20, 300)))
    code = rng.choice(CODES) if rng.random() < 0.9 else rng.randrange(256)
    frame = Frame(rng.randrange(4), code, some_information(code, rng)).wire()
    return frame if kind < 0.6 else mutated(frame, rng)


class AsciiPort:
    """The same for the RS232 port; a pack that was sent to sleep is woken again."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.bms = rig, rig.bms
        self.server = PaceAsciiServer(AsciiBoard(rig.bms, protocol(), COMMANDS), COMMANDS)
        self.delivered = dict(self.bms.memory.words)
        self.expected = dict(self.delivered)
        self.heard = b""

    def hear(self, data: bytes) -> bytes | None:
        self.heard = (self.heard + data)[-2 * 4096 :]
        self.server.received(data, self.rig.now)
        return self.server.reply(self.rig.now)

    def throw(self, data: bytes, rng: random.Random) -> None:
        for line in (line for piece in in_pieces(data, rng) for line in re.split(rb"(?<=\r)", piece)):
            reply = self.hear(line)
            if reply is not None and parse(reply).code == Rtn.OK:
                begin = self.heard.rindex(b"~")
                self.note(parse(self.heard[begin : self.heard.index(b"\r", begin) + 1]))

    def note(self, request: Frame) -> None:
        registers = protocol().by_name
        if request.code in WRITES:
            for name, word in WRITES[request.code].decode(request.info, registers, answer=False).items():
                self.expected[registers[name].address] = word
        elif request.code in TEXTS:
            words = (int.from_bytes(request.info[at : at + 2], "big") for at in range(0, 20, 2))
            self.expected.update(enumerate(words, registers[TEXTS[request.code]].address))
        elif request.code == COMMANDS.commands["restore_defaults"]:
            self.expected.update((at, word) for at, word in self.delivered.items() if at < 150)

    def wake(self) -> None:
        if not self.bms.answers:
            self.bms.power.enter("running", self.rig.now)
            self.rig.wait(0.2)


def test_no_characters_upset_the_ascii_port() -> None:
    rng = random.Random("ascii")
    port = AsciiPort(Rig().started())
    for number in range(ASCII_INPUTS):
        port.throw(ascii_input(rng), rng)
        port.wake()
        if number % CHECK_EVERY == 0:
            assert port.hear(b"~25014699E00206FD1F\r") is not None
            assert port.hear(Frame(1, 0x90).wire()) == Frame(1, Rtn.OK, b"\x01").wire()
            assert port.bms.memory.words == port.expected
    port.rig.wait(1.0)
    assert port.hear(Frame(1, 0x42, b"\x01").wire()) is not None


# --- whole lines ------------------------------------------------------------------------------------------------------


def faults(rng: random.Random) -> dict[str, object]:
    choices: dict[str, tuple[object, ...]] = {
        "polls": ("none", "polite", "colliding"),
        "echo": (False, True),
        "bit_errors": (0.0, 0.1),
        "bad_frames": (0.0, 0.5),
        "truncated": (0, 1, 50),
        "delay": (0.0, 0.05, 0.4, 3.0),
        "one_behind": (False, True),
        "address_error": (0, 1, -1, 300),
        "deaf": (False, True),
        "stuck": (False, True),
    }
    return {name: rng.choice(values) if rng.random() < 0.3 else values[0] for name, values in choices.items()}


def test_no_faults_and_no_bytes_upset_the_lines_for_good() -> None:
    rng = random.Random("lines")
    bench = SerialBench()
    bench.serial.bus.packs = 3
    healthy = faults(random.Random("")) | dict.fromkeys(("polls",), "none")
    for number in range(LINE_INPUTS):
        port = rng.choice(("rs485_a", "rs485_b", "rs232"))
        data = ascii_input(rng) if port == "rs232" or rng.random() < 0.1 else modbus_input(rng)
        bench.send(data, port)
        if number % 50 == 0:
            for name, value in faults(rng).items():
                setattr(bench.serial.lines[port], name, value)
        if number % 500 == 0:
            see_health(bench, healthy)


def see_health(bench: SerialBench, healthy: dict[str, object]) -> None:
    """With every fault gone, each line answers the next request."""
    for line in bench.serial.lines.values():
        for name, value in healthy.items():
            setattr(line, name, type(value)())
        line.polls = "none"
    bench.wait(4.0)
    if not bench.bms.answers:
        bench.bms.power.enter("running", bench.rig.now)
        bench.rig.wait(0.2)
    for name in ("rs485_a", "rs485_b"):
        assert bench.ask(framed("01 03 003C 0037"), name)[:3] == bytes((1, 3, 110))
    assert parse(bench.ask(Frame(1, 0x90).wire(), "rs232")).info == b"\x03"
