"""A bench reduced to the essentials, for tests of the pack and the circuit: no instruments, no wires, no world."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from station.model.protocol import Protocol, read_protocol
from station.twin.bms import Bms
from station.twin.circuit import Circuit, Contactor, Found
from station.twin.pack import Pack, make_pack
from station.twin.panel import Panel
from station.twin.states import State, read_state
from station.twin.terminals import SinkTerminals, SourceTerminals

ROOT = Path(__file__).parents[2]

MANUAL: dict[str, dict[str, float]] = {
    "pack_overvoltage": {"alarm": 54.0, "trip": 55.5, "release": 50.2, "delay": 1.0},
    "cell_overvoltage": {"alarm": 3.6, "trip": 3.7, "release": 3.38, "delay": 1.0},
    "pack_undervoltage": {"alarm": 42.0, "trip": 37.5, "release": 43.5, "delay": 1.0},
    "cell_undervoltage": {"alarm": 2.8, "trip": 2.5, "release": 2.9, "delay": 1.0},
    "charge_overcurrent": {"alarm": 125, "trip": 130, "delay": 1.0},
    "discharge_overcurrent": {"alarm": 125, "trip": 130, "delay": 1.0},
    "discharge_overcurrent_2": {"trip": 150, "delay": 0.1},
    "charge_overcurrent_2": {"trip": 150, "delay": 0.1},
    "charge_overtemperature": {"alarm": 55, "trip": 55, "release": 50},
    "discharge_overtemperature": {"alarm": 55, "trip": 60, "release": 55},
    "charge_undertemperature": {"alarm": 0, "trip": -5, "release": 0},
    "discharge_undertemperature": {"alarm": 0, "trip": -20, "release": -15},
    "mosfet_overtemperature": {"alarm": 90, "trip": 110, "release": 85},
    "ambient_overtemperature": {"alarm": 65, "trip": 70, "release": 50},
    "ambient_undertemperature": {"alarm": -20, "trip": -20, "release": 0},
    "balancing": {"start_voltage": 3.45, "start_difference": 0.03},
    "short_circuit": {"delay": 300e-6},
    "soc_low": {"alarm": 5},
}
"""The set values of the manual's table 4.2, delays as the maker's tool shows them."""
DEFAULTS: dict[str, float] = {
    **{f"{name}.{value}": number for name, values in MANUAL.items() for value, number in values.items()},
    "full_charge_voltage": 52.5,
    "full_charge_current": 2.0,
    "cell_sleep_voltage": 3.1,
    "cell_sleep_delay": 300.0,
}
TEXTS = {"version": "P15S100A-V1.4", "model_sn": "PB00000001", "pack_sn": "BALI48-000001"}
PANEL = Panel(
    states={
        "asleep": ("dark", "dark", "dark"),
        "lamp_test": ("lit", "lit", "lit"),
        "standby": ("flash1", "dark", "as_soc"),
        "standby_alarm": ("flash1", "flash3", "as_soc"),
        "charging": ("lit", "dark", "as_soc_top_flash2"),
        "charging_alarm": ("lit", "flash3", "as_soc_top_flash2"),
        "overvoltage": ("lit", "dark", "lit"),
        "charge_protection": ("dark", "lit", "dark"),
        "discharging": ("flash3", "dark", "as_soc"),
        "discharging_alarm": ("flash3", "flash3", "as_soc"),
        "undervoltage": ("dark", "dark", "dark"),
        "discharge_protection": ("dark", "lit", "dark"),
        "failure": ("dark", "lit", "dark"),
    },
    flash={"flash1": (0.25, 3.75), "flash2": (0.5, 0.5), "flash3": (0.5, 1.5)},
)


@cache
def protocol() -> Protocol:
    return read_protocol(ROOT / "fixtures/protocols/pace-modbus.yaml")


def words() -> dict[int, int]:
    registers = protocol().by_name
    return {registers[name].address: registers[name].encode(value)[0] for name, value in DEFAULTS.items()}


def state(name: str) -> State:
    return read_state(str(ROOT / f"fixtures/twins/{name}.yaml"))


def new_pack(twin: str | State = "factory_fresh", seed: int = 1, **options: int) -> Pack:
    start = state(twin) if isinstance(twin, str) else twin
    return make_pack(
        start, protocol=protocol(), parameters=words(), texts=TEXTS, panel=PANEL, seed=seed, **options
    )  # fmt: skip


class Rig:
    """A pack with a supply and a load, both connected, moved on by `wait`."""

    STEP = 0.05

    def __init__(self, pack: Pack | None = None) -> None:
        self.pack = pack or new_pack()
        self.circuit = Circuit(supply_contactor=Contactor(closed=True), load_contactor=Contactor(closed=True))
        self.supply, self.load = SourceTerminals(), SinkTerminals()
        self.now = 0.0
        self.found: Found
        self._ticks = 0
        self.step(0.0)

    @property
    def bms(self) -> Bms:
        return self.pack.bms

    def step(self, dt: float) -> None:
        self.now = round(self.now + dt, 9)
        self.found = self.circuit.solve(self.pack.branch(dt), self.supply, self.load, dt)
        self.pack.apply(self.found.current, self.found.terminal_voltage)
        if self.now >= self._ticks * Bms.PERIOD - 1e-9:
            self.pack.tick(self.now)
            self._ticks += 1

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / self.STEP)):
            self.step(self.STEP)

    def until(self, condition: Callable[[], bool], at_most: float) -> float:
        """Seconds until the condition holds; fails when they are over."""
        start = self.now
        while not condition():
            assert self.now - start <= at_most, f"not within {at_most} s"
            self.step(self.STEP)
        return self.now - start

    def started(self) -> Rig:
        self.press(3.5)
        self.wait(3.0)
        assert self.bms.answers
        return self

    def press(self, seconds: float) -> None:
        self.pack.press(True)
        self.wait(seconds)
        self.pack.press(False)
        self.wait(0.2)

    def discharge(self, current: float) -> None:
        self.load.on, self.load.mode, self.load.current = current > 0, "CC", current
        self.step(0.0)

    def charge(self, current: float, voltage: float = 54.7) -> None:
        self.supply.on, self.supply.voltage, self.supply.current = current > 0, voltage, current
        self.step(0.0)

    def set(self, **values: float) -> None:
        """Store settings as a write over the line does, all in one frame; `cell_overvoltage__trip=3.4`."""
        named = {name.replace("__", "."): value for name, value in values.items()}
        registers = protocol().by_name
        memory = dict(self.bms.memory.words)
        for name, value in named.items():
            memory[registers[name].address] = registers[name].encode(value)[0]
        self.bms.write(60, [memory[at] for at in range(60, 115)])

    def flags(self, name: str) -> frozenset[str]:
        register = protocol().by_name[name]
        value = register.decode(self.bms.read(register.address, 1))
        assert isinstance(value, frozenset)
        return value

    def value(self, name: str) -> float:
        register = protocol().by_name[name]
        value = register.decode(self.bms.read(register.address, register.words))
        assert isinstance(value, float)
        return value
