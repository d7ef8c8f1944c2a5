"""Draw the plots of docs/explanation/the-twin.md, from nothing but the twin itself: `make plots`.

Everything that is plotted was read where a person on the line could read it: from the instruments, by their commands,
and from the registers of the BMS. Only what is called true comes from inside the twin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from station.clock import VirtualClock
from station.model.bench import Bench
from station.model.files import build
from station.model.library import Library
from station.model.protocol import Value
from station.run.plan import Files
from station.twin.cells import Cells
from station.twin.history import Charger
from station.twin.ocv import gap, rest_voltage
from station.twin.states import ASLEEP, State, read_state
from station.twin.world import Twin

Array = npt.NDArray[np.float64]
IMAGES = Path(__file__).parent / "images"
SHUNT, SHUNT_CHANNEL, CONTACTOR = 200e-6, 101, 201
"""Ohm; the channels of fixtures/benches/simulated.yaml."""
DMM, BMS, LOAD, TRUE, WORDS = "#1d4f91", "#b35c00", "#3b7d3f", "#9aa0a6", "#5f6368"
STYLE: dict[str, object] = {
    "font.size": 9, "axes.titlesize": 9, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.grid": True,
    "axes.axisbelow": True, "grid.color": "#e3e5e8", "axes.edgecolor": "#9aa0a6", "axes.spines.top": False,
    "axes.spines.right": False, "legend.frameon": False, "legend.fontsize": 8, "lines.linewidth": 1.4,
}  # fmt: skip


class Scene:
    """A simulated bench with a started pack behind a closed contactor, and what was read of it."""

    def __init__(self, state: State, seed: int = 1) -> None:
        """Start the pack."""
        files, self.clock = Files(Library.default()), VirtualClock()
        pack, bench = files.pack("bali48"), build(files.open("bench", "simulated"), Bench)
        self.twin = Twin(bench, pack, files.protocol(pack), state, self.clock, serial_number="BALI48-000001", seed=seed)
        self.twin.awaken()
        self.twin.switch.execute(f"ROUT:CLOS (@{CONTACTOR})")
        self.clock.wait(1.0)
        self.seen: dict[str, list[float]] = defaultdict(list)

    def array(self, name: str) -> Array:
        """Everything that was read under a name."""
        return np.array(self.seen[name])

    def watch(self, seconds: float, every: float, *readers: str) -> None:
        """Read every so many s for `seconds`; `readers` are names of methods."""
        for _ in range(round(seconds / every)):
            self.clock.wait(every)
            self.twin.catch_up()
            self.seen["time"].append(self.clock.now())
            for reader in readers:
                for name, value in getattr(self, reader)().items():
                    self.seen[name].append(value)

    def truth(self) -> dict[str, float]:
        """What nobody can read."""
        cells = self.twin.cells
        return {
            "true current": self.twin.pack.current,
            "true voltage": self.twin.pack.terminal_voltage,
            "warmest cell": float(cells.temperature.max()),
            "mosfet": self.twin.pack.mosfet,
        }

    def meters(self) -> dict[str, float]:
        """Voltmeter, shunt, and what supply and load say of their current."""
        shunt = float(self.twin.switch.execute(f"MEAS:VOLT:DC? 0.1,DEF,(@{SHUNT_CHANNEL})") or "nan") / SHUNT
        volts = float(self.twin.voltmeter.execute("MEAS:VOLT:DC? 100") or "nan")
        load = float(self.twin.load.execute("MEAS:CURR?") or "nan")
        return {"shunt": shunt, "voltmeter": volts, "load": -load}

    def regulation(self) -> dict[str, float]:
        """Whether the supply says that it holds its voltage."""
        return {"holds voltage": float((self.twin.supply.execute("FETC:STAT?") or "").endswith("CV"))}

    def registers(self) -> dict[str, float]:
        """The registers of the BMS, flags as 0 and 1."""
        values = {name: self._number(name) for name in ("current", "pack_voltage")}
        cells = {f"cell {cell}": self._number(f"cell_voltage_{cell}") for cell in range(1, 16)}
        bled = {f"bleeds {cell}": f"cell_{cell}" in self._flags("balancing") for cell in range(1, 16)}
        flags = {
            "alarm": "discharge_overcurrent" in self._flags("warning"),
            "protection": "discharge_overcurrent" in self._flags("protection"),
            "discharge FET on": "discharge_fet" in self._flags("status"),
        }
        return {**values, **cells, **bled, **flags}

    def _number(self, name: str) -> float:
        value = self._register(name)
        assert isinstance(value, float)
        return value

    def _flags(self, name: str) -> frozenset[str]:
        value = self._register(name)
        assert isinstance(value, frozenset)
        return value

    def _register(self, name: str) -> Value:
        register = self.twin.bms.protocol.by_name[name]
        return register.decode(self.twin.bms.read(register.address, register.words))

    def draw(self, amperes: float) -> None:
        """Set the load."""
        for command in ("MODE CCH", f"CURR:STAT:L1 {amperes}", "LOAD ON"):
            self.twin.load.execute(command)

    def supply(self, volts: float, amperes: float) -> None:
        """Set the supply and switch it on."""
        for command in (":CONF:REM ON", f":SOUR:VOLT {volts}", f":SOUR:CURR {amperes}", ":CONF:OUTP ON"):
            self.twin.supply.execute(command)


def _panels(title: str, heights: Sequence[float]) -> tuple[Figure, list[Axes]]:
    figure, axes = plt.subplots(
        len(heights), sharex=True, figsize=(8.4, 1.0 + 1.55 * sum(heights)), height_ratios=heights, layout="constrained"
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure, list(np.atleast_1d(axes))


def _save(figure: Figure, name: str) -> None:
    figure.savefig(IMAGES / f"twin-{name}.png", dpi=110, metadata={"Software": None})
    plt.close(figure)


def _note(axes: Axes, text: str, at: tuple[float, float], beside: tuple[float, float], align: str = "left") -> None:
    """Words beside a point of the curve, so many points away from it."""
    axes.annotate(text, at, xytext=beside, textcoords="offset points", fontsize=7.5, color=WORDS, ha=align)


def pulse() -> None:
    """20 A and 100 A drawn from a pack at 80 %, and the rest after it, as everybody at the bench sees it."""
    scene = Scene(State.model_validate({"twin": "at_80", "title": "At 80 %", "soc": "80 %", "spread": "20 mV"}))
    began = scene.clock.now()
    for amperes, seconds in ((0.0, 5.0), (20.0, 20.0), (100.0, 20.0), (0.0, 75.0)):
        scene.draw(amperes)
        scene.watch(seconds, 0.1, "truth", "meters", "registers")
    time = scene.array("time") - began
    figure, (current, apart, volts, cells, warm) = _panels(
        "20 A, then 100 A, then rest, at 80 %", (1, 0.9, 1.5, 1.3, 0.8)
    )
    readings = {"load": LOAD, "shunt": DMM, "current": BMS}
    current.plot(time, scene.array("shunt"), color=DMM)
    current.set(ylabel="A", title="Current, by the shunt")
    for name, color in readings.items():
        off = scene.array(name) - scene.array("true current")
        apart.plot(time, off, color=color, lw=0.9, label="BMS" if name == "current" else name)
    apart.set(ylabel="A", ylim=(-0.65, 0.65), title="How far the three readings of it are from the truth")
    apart.legend(ncols=3, loc="lower right")
    volts.plot(time, scene.array("voltmeter"), color=DMM, label="voltmeter, at the posts")
    volts.plot(time, scene.array("pack_voltage"), color=BMS, lw=1.1, label="BMS, sum of the cells")
    volts.set(ylabel="V", title="Pack voltage")
    at_posts, of_cells = (float(scene.array(name)[time < 40][-1]) for name in ("voltmeter", "pack_voltage"))
    volts.annotate("", (40, at_posts), (40, of_cells), arrowprops={"arrowstyle": "<->", "color": WORDS, "lw": 0.8})
    _note(volts, "100 A in 6 mΩ of FETs,\nshunt, breaker and bars", (46.5, at_posts), (0, 4))
    volts.legend(loc="lower right")
    for cell in range(1, 16):
        cells.plot(time, scene.array(f"cell {cell}"), lw=0.8, color=plt.cm.viridis(cell / 16))
    cells.set(ylabel="V", title="The fifteen cells, as the BMS reads them")
    _note(
        cells, "at once: resistance\nin seconds: first RC pair, 4 s\nin minutes: second pair, 80 s", (60, 3.262), (0, 6)
    )
    warm.plot(time, scene.array("mosfet"), color=BMS, label="FETs")
    warm.plot(time, scene.array("warmest cell"), color=DMM, label="warmest cell")
    warm.set(ylabel="°C", xlabel="s", title="Temperature, in truth")
    warm.legend(loc="upper right")
    _save(figure, "pulse")


def trip() -> None:
    """An over-current of 132 A, millisecond by millisecond, with what the BMS says about it."""
    scene = Scene(read_state("shipped_30pct"))
    scene.draw(100.0)
    scene.clock.wait(3.0)
    scene.watch(0.25, 0.001, "truth", "registers")
    began = scene.clock.now()
    scene.draw(132.0)
    scene.watch(1.6, 0.001, "truth", "registers")
    time = scene.array("time") - began
    opened = float(time[np.argmax((time > 0) & (np.abs(scene.array("true current")) < 0.2))])
    figure, (current, volts, flags) = _panels(f"132 A of discharge: cut after {opened:.2f} s", (1.5, 1.2, 0.8))
    current.step(time, scene.array("true current"), color=LOAD, where="post", label="in the leads, every millisecond")
    current.step(time, scene.array("current"), color=BMS, where="post", label="register of the BMS, every 0.1 s")
    for level, text, beside in ((-125, "alarm 125 A", (-2, 3)), (-130, "protection 130 A", (-2, -9))):
        current.axhline(level, color=TRUE, ls="--", lw=0.9)
        _note(current, text, (1.6, level), beside, "right")
    current.set(ylabel="A", ylim=(-145, 8), title="Current")
    current.legend(loc="upper left")
    volts.plot(time, scene.array("true voltage"), color=DMM, label="at the posts")
    volts.step(time, scene.array("pack_voltage"), color=BMS, where="post", label="BMS, sum of the cells")
    volts.set(ylabel="V", ylim=(46.4, 49.4), title="Voltage")
    _note(volts, "to 0 V: the FET is open,\nand the load still pulls", (opened, 46.6), (5, 0))
    _note(volts, "most of the sag comes back at once", (1.6, 48.85), (-2, 6), "right")
    volts.legend(loc="upper left")
    names = ("discharge FET on", "protection", "alarm")
    for row, name in enumerate(names):
        flags.fill_between(time, row, row + 0.7 * scene.array(name), step="post", color=BMS, alpha=0.8, lw=0)
    flags.set(yticks=[row + 0.35 for row in range(len(names))], yticklabels=names, ylim=(-0.15, len(names)))
    flags.grid(axis="y", visible=False)
    flags.set(xlabel="s after 132 A were set", xlim=(-0.25, 1.6), title="Flags of the BMS")
    _save(figure, "trip")


def charge() -> None:
    """A charge through the knee, and the balancer at work: the first minutes, and all of it."""
    state = {"twin": "uneven", "title": "97.5 %, with uneven cells", "soc": "97.5 %", "spread": "60 mV"}
    scene = Scene(State.model_validate(state), seed=4)
    began = scene.clock.now()
    scene.supply(54.0, 20.0)
    scene.watch(600.0, 1.0, "truth", "meters", "regulation", "registers")
    scene.watch(4800.0, 10.0, "truth", "meters", "regulation", "registers")
    time = (scene.array("time") - began) / 60
    turn = int(np.argmax(scene.array("holds voltage")))
    order = sorted(range(1, 16), key=lambda cell: -scene.seen[f"cell {cell}"][turn])
    figure, grid = plt.subplots(
        4, 2, sharex="col", sharey="row", figsize=(8.4, 8.4), height_ratios=(1, 1, 1.9, 1.2), layout="constrained"
    )
    figure.suptitle("A charge through the knee with 20 A and 54.0 V", x=0.01, ha="left", fontsize=11, fontweight="bold")
    for (current, volts, cells, bled), until in zip(grid.T, (10.0, 90.0), strict=True):
        _charge_column(scene, time, order, (current, volts, cells, bled))
        bled.set(xlim=(0, until), xlabel="min")
        current.axvline(time[turn], color=TRUE, ls="--", lw=0.9)
    (current, volts, cells, bled) = grid[:, 0]
    _note(current, "supply in CC", (time[turn], 12), (-5, 0), "right")
    _note(current, "in CV", (time[turn], 12), (5, 0))
    current.set(ylabel="A", title="Current, by shunt and BMS")
    volts.set(ylabel="V", title="Pack: voltmeter and BMS")
    cells.set(ylabel="V", ylim=(3.33, 3.65), title="Cells, as the BMS reads them")
    _note(cells, "balancing from 3.45 V\nand 30 mV", (0.2, 3.45), (0, 4))
    bled.set(yticks=[rank + 0.4 for rank in range(15)], yticklabels=[str(cell) for cell in order], ylim=(15, -0.2))
    bled.set(ylabel="cell", title="Which cells are bled with 80 mA")
    bled.tick_params(axis="y", labelsize=6)
    _save(figure, "charge")


def _charge_column(scene: Scene, time: Array, order: Sequence[int], axes: Sequence[Axes]) -> None:
    current, volts, cells, bled = axes
    current.plot(time, scene.array("shunt"), color=DMM)
    current.plot(time, scene.array("current"), color=BMS, lw=0.9)
    volts.plot(time, scene.array("voltmeter"), color=DMM)
    volts.plot(time, scene.array("pack_voltage"), color=BMS, lw=0.9)
    cells.axhline(3.45, color=TRUE, ls="--", lw=0.9)
    for rank, cell in enumerate(order):
        color = plt.cm.viridis(rank / 15)
        cells.plot(time, scene.array(f"cell {cell}"), lw=0.9, color=color)
        bled.fill_between(time, rank, rank + 0.8 * scene.array(f"bleeds {cell}"), step="post", color=color, lw=0)
    bled.grid(axis="y", visible=False)


def shelf() -> None:
    """Rest voltage against charge, on both branches; and how packs relax after a charge."""
    figure, (curve, rest) = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
    figure.suptitle("What a resting pack reads", x=0.01, ha="left", fontsize=11, fontweight="bold")
    soc = np.linspace(0.02, 1.0, 2000)
    curve.plot(100 * soc, 15 * (rest_voltage(soc) + gap(soc)), color=BMS, label="after a charge")
    curve.plot(100 * soc, 15 * rest_voltage(soc), color=DMM, label="after a discharge")
    curve.set(xlabel="% charged", ylabel="V", ylim=(46, 53.2), title="Fifteen cells at rest, 25 °C")
    curve.axhspan(51.5, 53.5, color=LOAD, alpha=0.12, lw=0)
    curve.annotate("window of the manual", (5, 52.4), fontsize=8, color=LOAD)
    curve.legend(loc="lower right")
    hours = np.geomspace(1 / 60, 14 * 24, 160)
    for label, until, floats, color in (
        ("charged until 0.5 A", 0.5, 0.0, BMS), ("charged until 5 A, floated 4 h", 5.0, 4 * 3600.0, LOAD),
        ("charged until 2 A", 2.0, 0.0, "#6b4fa0"), ("charged until 5 A", 5.0, 0.0, DMM),
    ):  # fmt: skip
        cells = Cells(soc=0.9)
        Charger(54.75, 20.0).charge(cells, until)
        Charger(52.5, 20.0).hold(cells, floats)
        rest.plot(hours, _relaxing(cells, hours), color=color, label=label)
    rest.axhspan(51.5, 53.5, color=LOAD, alpha=0.12, lw=0)
    rest.set(xscale="log", ylim=(50, 56.5), xlabel="since the charger went", title="Asleep after a charge with 54.75 V")
    rest.set_xticks([1 / 60, 1 / 6, 1, 12, 72, 336], ["1 min", "10 min", "1 h", "12 h", "3 d", "14 d"])
    rest.minorticks_off()
    rest.legend(loc="upper right")
    _save(figure, "rest")


def _relaxing(cells: Cells, hours: Array) -> list[float]:
    volts, over = [], 0.0
    for each in hours:
        cells.step(-ASLEEP, each * 3600 - over, 25.0)
        over = each * 3600
        volts.append(float(cells.voltages(0.0).sum()))
    return volts


def main() -> None:
    """Draw them all."""
    mpl.use("Agg")
    with plt.style.context(STYLE):
        for plot in (pulse, trip, charge, shelf):
            plot()
            print(f"drawn       {plot.__name__}")


if __name__ == "__main__":
    main()
