"""Programs of others, unpatched, as a registry hands them out, against the twin as it is served: they believe it.

mbpoll, sigrok-cli and lxi come from Debian (`tests/need-debian-packages` installs them), minimalmodbus and pymeasure
from the Python registry. All of this runs in wall time; what cannot be installed here fails, and says so.
"""

from __future__ import annotations

import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pyvisa
from pymodbus.client import ModbusSerialClient
from ruamel.yaml import YAML

from station.clock import WallClock
from station.twin.instruments import EaPsb10000, ItechIt6000C, KeysightRp7900
from station.twin.server import Server
from station.twin.terminals import SinkTerminals, SourceTerminals

ROOT = Path(__file__).parents[2]
SERIAL = "BALI48-000321"
PYTHON_CLIENTS = ("minimalmodbus==2.1.1", "pymeasure==0.16.0")
PRESS = 1.3
"""Seconds; 1 s starts the pack (manual 3-2)."""
CELLS, THRESHOLDS = 15, 60
"""Where the registers of the cells and of the thresholds begin (PACE Modbus V1.3)."""
PATIENCE = 10.0
BOXES: Mapping[str, type[EaPsb10000 | ItechIt6000C | KeysightRp7900]] = {
    "ea-psb-10080-340": EaPsb10000,
    "itech-it6010c-80-300": ItechIt6000C,
    "keysight-rp7935a": KeysightRp7900,
}

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the clients are Debian's, the lines pseudo-terminals"),
    pytest.mark.xdist_group("installed-clients"),
]


@dataclass(frozen=True)
class Served:
    """Where the twin answers: a port for each instrument, a device for each line."""

    addresses: dict[str, str]

    def port(self, role: str) -> str:
        """The TCP port of an instrument."""
        return self.addresses[role].split("::")[2]

    def sigrok(self, driver: str, role: str, *options: str) -> str:
        """What sigrok-cli says to `options`."""
        return run("sigrok-cli", "-d", f"{driver}:conn=tcp-raw/127.0.0.1/{self.port(role)}", *options)

    def lxi(self, role: str, message: str) -> str:
        """What the instrument answers to a message that lxi sends."""
        return run("lxi", "scpi", "--raw", "-a", "127.0.0.1", "-p", self.port(role), message)

    def mbpoll(self, *options: str, address: int = 1) -> str:
        """What mbpoll prints: counted from 0, once, quietly, at the line's 9600 baud without parity."""
        fixed = ("-m", "rtu", "-b", "9600", "-P", "none", "-0", "-1", "-q", "-a", str(address))
        return run("mbpoll", *fixed, self.addresses["rs485_a"], *options)

    def registers(self, start: int, count: int) -> list[int]:
        """Registers as mbpoll reads them."""
        said = self.mbpoll("-r", str(start), "-c", str(count))
        return [int(value) for value in re.findall(r"^\[\d+\]:\s+(\d+)", said, re.MULTILINE)]


def run(program: str, *arguments: str) -> str:
    """Run a client to its end and return what it complained of, then what it said."""
    path = shutil.which(program)
    if path is None:
        pytest.fail(f"{program} is not installed; tests/need-debian-packages does it")
    done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
    return done.stderr + done.stdout


@contextmanager
def serving(folder: Path, bench: str) -> Iterator[Served]:
    """`station twin serve` in a process of its own, until it answers and as long as the block runs."""
    ready = folder / "ready.yaml"
    command = [str(Path(sys.executable).with_name("station")), "twin", "serve", "--bench", bench]
    command += ["--serial", SERIAL, "--ready", str(ready)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_for(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None, process.stdout and process.stdout.read()
        bench_file = YAML(typ="safe", pure=True).load(ready.read_text(encoding="utf-8"))
        (slot,) = bench_file["slots"].values()
        entries = {**bench_file["shared"], **slot}
        yield Served({role: entry["at"] for role, entry in entries.items() if "at" in entry})
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)


def wait_for(condition: Callable[[], object]) -> None:
    """Look every 50 ms until the condition holds, or fail."""
    end = time.monotonic() + 3 * PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The twin that every test here talks to, its pack asleep as it was delivered."""
    with serving(tmp_path_factory.mktemp("served"), "simulated") as twin:
        yield twin


@pytest.fixture(scope="module")
def awake(served: Served) -> Served:
    """The same; its key was pressed, by lxi through the switch unit, and the pack has started."""
    assert "timed out" in served.mbpoll("-r", "0", "-c", "1", "-o", "0.2")
    served.lxi("switch", "ROUT:CLOS (@202)")
    time.sleep(PRESS)
    served.lxi("switch", "ROUT:OPEN (@202)")
    wait_for(lambda: served.registers(CELLS, 1))
    return served


@pytest.fixture(scope="module")
def boxes() -> Iterator[Served]:
    """The three boxes that are supply and load at once, side by side on one server; their role is their model."""
    made = {
        model: box(serial="SN1", rng=np.random.default_rng(1), source=SourceTerminals(), sink=SinkTerminals())
        for model, box in BOXES.items()
    }

    def advance(now: float) -> None:
        for box in made.values():
            box.tick(now)

    server = Server(WallClock(), advance, lambda: min(box.next_due for box in made.values()))
    for model, box in made.items():
        server.add_instrument(model, box)
    server.start()
    yield Served(server.addresses)
    server.stop()


@pytest.fixture(scope="module")
def python_clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Python clients from the registry, apart from the station's own environment."""
    folder = tmp_path_factory.mktemp("clients")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", str(folder)]
    done = subprocess.run([*pip, *PYTHON_CLIENTS], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.fail(f"no package registry here: {done.stderr.strip().splitlines()[-1]}")
    return folder


def run_python(clients: Path, script: str, *arguments: str) -> list[str]:
    """The words that a script prints which can import the clients."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(
        command, env={"PYTHONPATH": str(clients)}, capture_output=True, text=True, timeout=3 * PATIENCE, check=True
    ).stdout.split()


# ------------------------------------------------------------------------------------------------ the pack, by mbpoll


def test_mbpoll_reads_cells_that_add_up_to_the_pack(awake: Served) -> None:
    cells = awake.registers(CELLS, 15)
    assert len(cells) == 15
    assert all(3200 < millivolts < 3600 for millivolts in cells)
    (pack,) = awake.registers(1, 1)
    assert pack * 10 == pytest.approx(sum(cells), abs=60)


def test_mbpoll_reads_the_serial_number_as_text(awake: Served) -> None:
    words = awake.registers(170, 10)
    text = b"".join(word.to_bytes(2, "big") for word in words)
    assert text.rstrip(b"\0 ").decode() == SERIAL


def test_mbpoll_writes_thresholds_and_reads_them_back(awake: Served) -> None:
    before = awake.registers(THRESHOLDS, 2)
    wanted = [value - 500 for value in before]
    assert "Written 2 references" in awake.mbpoll("-r", str(THRESHOLDS), *map(str, wanted))
    assert awake.registers(THRESHOLDS, 2) == wanted
    awake.mbpoll("-r", str(THRESHOLDS), *map(str, before))
    assert awake.registers(THRESHOLDS, 2) == before


def test_mbpoll_is_refused_the_function_that_the_pack_does_not_have(awake: Served) -> None:
    before = awake.registers(THRESHOLDS, 1)
    assert "Illegal function" in awake.mbpoll("-r", str(THRESHOLDS), "53000")
    assert awake.registers(THRESHOLDS, 1) == before


def test_mbpoll_hears_nothing_from_an_address_without_a_pack(awake: Served) -> None:
    assert "timed out" in awake.mbpoll("-r", "0", "-c", "1", "-o", "0.2", address=2)


# ------------------------------------------------------------------------------------------------ sigrok


def test_sigrok_finds_the_supply_with_its_ratings(served: Served) -> None:
    found = served.sigrok("scpi-pps", "supply", "--scan", "-l", "4")
    assert "Chroma 62050P-100-100" in found
    assert "rated for 100 V, 100 A and 5000 W" in found


def test_sigrok_sets_the_supply_and_reads_it_back(served: Served) -> None:
    """One value at a time: `--samples` with this supply kills sigrok 0.5.2 itself, before it has read an answer."""
    served.sigrok(
        "scpi-pps", "supply", "-g", "1", "--config", "voltage_target=54.0:current_limit=50:enabled=on", "--set"
    )
    time.sleep(0.2)
    expected = {"voltage_target": "54.0", "current_limit": "50.0", "enabled": "true", "current": "0.0"}
    found = {name: served.sigrok("scpi-pps", "supply", "-g", "1", "--get", name).split()[-1] for name in expected}
    assert found == expected
    volts = served.sigrok("scpi-pps", "supply", "-g", "1", "--get", "voltage").split()[-1]
    assert float(volts) == pytest.approx(54, abs=0.1)
    served.sigrok("scpi-pps", "supply", "-g", "1", "--config", "enabled=off", "--set")
    assert served.lxi("supply", "CONF:OUTP?").strip() == "OFF"


def test_sigrok_reads_the_voltage_of_the_pack(awake: Served) -> None:
    said = awake.sigrok("scpi-dmm", "voltmeter", "--samples", "3")
    volts = [float(value) for value in re.findall(r"P1: ([\d.]+) V DC", said)]
    (centivolts,) = awake.registers(1, 1)
    assert volts == [pytest.approx(centivolts / 100, abs=0.1)] * 3


@pytest.mark.parametrize(("quantity", "unit"), [("resistance", "inf"), ("current/dc", "A DC")])
def test_sigrok_changes_what_the_multimeter_measures(served: Served, quantity: str, unit: str) -> None:
    config = ("--config", f"measured_quantity={quantity}", "--samples", "1")
    assert unit in served.sigrok("scpi-dmm", "voltmeter", *config)
    assert "V DC" in served.sigrok(
        "scpi-dmm", "voltmeter", "--config", "measured_quantity=voltage/dc", "--samples", "1"
    )


# ------------------------------------------------------------------------------------------------ lxi


@pytest.mark.parametrize(
    ("role", "model", "fields"),
    [
        ("supply", "62050P-100-100", 4),
        ("load", "63210A-150-1000", 4),
        ("voltmeter", "34465A", 4),
        ("switch", "DAQ970A", 4),
    ],
)
def test_lxi_asks_every_instrument_of_the_bench(served: Served, role: str, model: str, fields: int) -> None:
    identity = served.lxi(role, "*IDN?").strip().split(",")
    assert (identity[1], len(identity)) == (model, fields)
    asks_the_rest(served, role)


@pytest.mark.parametrize(
    ("model", "name", "fields"),
    [
        ("ea-psb-10080-340", "PSB 10080-340", 5),
        ("itech-it6010c-80-300", "IT6010C-80-300", 6),
        ("keysight-rp7935a", "RP7935A", 4),
    ],
)
def test_lxi_asks_every_box_that_is_supply_and_load(boxes: Served, model: str, name: str, fields: int) -> None:
    identity = boxes.lxi(model, "*IDN?").strip().split(",")
    assert (identity[1], len(identity)) == (name, fields)
    asks_the_rest(boxes, model)


def asks_the_rest(served: Served, role: str) -> None:
    """What any client may ask of any instrument, in lower case too; a wrong command is one error and no answer."""
    served.lxi(role, "*cls")
    assert served.lxi(role, "*opc?").strip() == "1"
    assert re.fullmatch(r"[+-]?\d+", served.lxi(role, "*STB?").strip())
    assert "NOT:A:COMMAND" not in served.lxi(role, "NOT:A:COMMAND 1")
    assert re.match(r"-1\d\d,", served.lxi(role, "SYST:ERR?"))
    assert re.match(r'\+?0,"No error"', served.lxi(role, "system:error:next?"))


# ------------------------------------------------------------------------------------------------ several at once


def test_clients_of_one_instrument_do_not_hear_each_others_answers(served: Served) -> None:
    questions = {"*IDN?": "Keysight Technologies", "SYST:VERS?": "1994.0", "*OPC?": "1", "TRIG:SOUR?": "IMM"}
    with ThreadPoolExecutor(4) as pool:
        asked = list(questions) * 6
        answers = list(pool.map(lambda question: served.lxi("voltmeter", question), asked))
    assert [answer.startswith(questions[question]) for question, answer in zip(asked, answers, strict=True)] == [
        True
    ] * len(asked)


# ------------------------------------------------------------------------------------------------ clients in Python


def test_pymodbus_reads_and_writes_the_pack(awake: Served) -> None:
    with ModbusSerialClient(awake.addresses["rs485_a"], baudrate=9600, timeout=1, retries=0) as client:
        cells = client.read_holding_registers(CELLS, count=15, device_id=1)
        assert not cells.isError()
        before = client.read_holding_registers(THRESHOLDS, count=3, device_id=1).registers
        assert not client.write_registers(THRESHOLDS, before, device_id=1).isError()
    assert sum(cells.registers) == pytest.approx(sum(awake.registers(CELLS, 15)), abs=30)


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_pyvisa_drives_the_supply_with_either_line_ending(served: Served, ending: str) -> None:
    """CR LF is what PyVISA sends unless told otherwise."""
    manager = pyvisa.ResourceManager("@py")
    try:
        supply = manager.open_resource(served.addresses["supply"])
        assert isinstance(supply, pyvisa.resources.MessageBasedResource)
        supply.read_termination, supply.write_termination = "\n", ending
        supply.write(":SOUR:VOLT 48;CURR 10")
        assert supply.query(":SOUR:VOLT?;:SOUR:CURR?") == "48.000;10.000"
        assert supply.query_ascii_values("FETC:CURR?") == [pytest.approx(0.0, abs=0.1)]
        supply.close()
    finally:
        manager.close()


def test_minimalmodbus_reads_and_writes_the_pack(awake: Served, python_clients: Path) -> None:
    script = """
import sys, minimalmodbus
pack = minimalmodbus.Instrument(sys.argv[1], 1)
pack.serial.baudrate, pack.serial.timeout = 9600, 1
cells = pack.read_registers(15, 15)
pack.write_registers(60, pack.read_registers(60, 2))
print(sum(cells), pack.read_register(1, 2), pack.read_string(170, 10))
"""
    total, volts, serial = run_python(python_clients, script, awake.addresses["rs485_a"])
    assert int(total) / 1000 == pytest.approx(float(volts), abs=0.06)
    assert serial.strip("\0") == SERIAL


def test_pymeasure_reads_the_multimeter_as_its_elder_brother(awake: Served, python_clients: Path) -> None:
    script = """
import sys
from pymeasure.instruments.agilent import Agilent34410A
meter = Agilent34410A(sys.argv[1], visa_library="@py", read_termination="\\n")
print(meter.voltage_dc, meter.voltage_ac, meter.resistance, meter.id.split(",")[1])
"""
    dc, ac, ohms, model = run_python(python_clients, script, awake.addresses["voltmeter"])
    assert float(dc) == pytest.approx(awake.registers(1, 1)[0] / 100, abs=0.1)
    assert float(ac) == pytest.approx(0.0, abs=1e-4)
    assert (float(ohms), model) == (9.9e37, "34465A")


# ------------------------------------------------------------------------------------------------ a rude one, at last


def test_a_client_that_is_killed_leaves_the_instrument_to_the_others(served: Served) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", int(served.port("voltmeter")))) as rude:
            rude.sendall(b"READ?\nREAD?\nSAMP:COU")
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert served.lxi("voltmeter", "*IDN?").startswith("Keysight")
