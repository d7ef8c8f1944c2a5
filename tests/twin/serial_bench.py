"""A pack with its serial lines and a clock, for tests: no sockets, no terminals, no instruments."""

from __future__ import annotations

from dataclasses import dataclass, field

from pymodbus.framer import FramerRTU
from twin.rig import Rig, new_pack, protocol

from station.codecs.pace_commands import Commands
from station.twin.bms import Bms
from station.twin.line import Line
from station.twin.pack import Pack
from station.twin.serial_side import SerialSide, read_commands

COMMANDS: Commands = read_commands(protocol())
PORTS = ("rs485_a", "rs485_b", "rs232")


def framed(text: str) -> bytes:
    """A Modbus frame: hexadecimal bytes, and their CRC."""
    body = bytes.fromhex(text)
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


READ = framed("01 03 0000 0025")
"""The 37 data registers of pack 1."""
TEXTS = framed("01 03 00A0 0014")
"""Both serial numbers of pack 1, which do not change."""


@dataclass
class SerialBench:
    """A running pack; `ask` and `wait` move the time on as the world of the twin does."""

    rig: Rig = field(default_factory=lambda: Rig().started())
    seed: int = 1
    serial: SerialSide = field(init=False)
    heard: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        now = self.rig.now

        def neighbour(address: int) -> Pack:
            return new_pack("factory_fresh", seed=address)

        self.now = now
        self.serial = SerialSide(PORTS, self.rig.pack, protocol(), COMMANDS, neighbour, lambda: self.now, self.seed)

    @property
    def bms(self) -> Bms:
        return self.rig.bms

    @property
    def line(self) -> Line:
        return self.serial.lines["rs485_a"]

    def wait(self, seconds: float) -> bytes:
        """Let time pass; what the station hears on the lines meanwhile."""
        self.heard.clear()
        ends = self.now + seconds
        while self.now < ends - 1e-9:
            self.now = min(ends, self.now + 0.05)
            self.serial.tick(self.now)
        return bytes(self.heard)

    def send(self, data: bytes, port: str = "rs485_a") -> bytes:
        """Send, and hear until the exchange is over."""
        self.heard.clear()
        for seconds in self.serial.lines[port].exchange(data, self.heard.extend):
            self.now += seconds
            self.serial.tick(self.now)
        return bytes(self.heard)

    def ask(self, data: bytes, port: str = "rs485_a") -> bytes:
        """Keep the gap, send, and hear until the exchange is over."""
        self.wait(0.1)
        return self.send(data, port)
