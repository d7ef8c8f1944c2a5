"""Alarms of the data acquisition unit: readings beyond a limit are queued, and told on four outputs.

After the 34970A user's guide, alarm limits and alarm system: nothing is wired to the outputs here, their mode and slope
change nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable

from station.twin.scpi import Channels, Choice, Command
from station.twin.scpi.status import Register

OUTPUTS = range(1, 5)
QUEUED = 20
"""Alarms that the queue holds; those behind it are lost."""
WAITING = 1 << 4
"""Bit of STATus:ALARm: there are alarms in the queue. Those before it are the outputs."""
NO_ALARM = "+0.00000000E+00,0000,00,00,00,00,00.000,000,0,0"


class Alarms:
    """The queue, the outputs and the register of alarms; `shown` writes a channel list, `fit` may raise an alarm."""

    def __init__(self, known: Collection[int], fit: Collection[int], shown: Callable[[Iterable[int]], str]) -> None:
        """No alarm; each channel reports to output 1."""
        self.register = Register()
        self._listed = Channels(known, fit, may_be_empty=True)
        self._shown = shown
        self._outputs = dict.fromkeys(fit, 1)
        self._queue = deque[str]()
        self._on = 0
        self.mode, self.slope = Choice(("LATCh", "TRACk")), Choice(("NEGative", "POSitive"))

    def take(self, channel: int, limit: int, described: str) -> None:
        """A reading of a channel came: 1 is below its lower limit, 2 above its upper one, 0 within both."""
        output = self._outputs.get(channel, 1)
        bit = 1 << output - 1
        if limit:
            self._on |= bit
            if len(self._queue) < QUEUED:
                self._queue.append(f"{described},{channel},{limit},{output}")
        elif self.mode.value == "TRAC":
            self._on &= ~bit
        self._show()

    def clear(self, *outputs: int) -> None:
        """Switch outputs off; the queue stays."""
        self._on &= ~sum(1 << output - 1 for output in outputs)
        self._show()

    def reset(self) -> None:
        """*RST: outputs off and at their defaults; the queue stays until it is read."""
        self._outputs = dict.fromkeys(self._outputs, 1)
        self.mode.reset()
        self.slope.reset()
        self.clear(*OUTPUTS)

    def _show(self) -> None:
        self.register.update(self._on | WAITING * bool(self._queue))

    def _next(self) -> str:
        alarm = self._queue.popleft() if self._queue else NO_ALARM
        self._show()
        return alarm

    def _connect(self, output: int, channels: tuple[int, ...]) -> None:
        """Have exactly these channels report to this output; any others that did go back to the first."""
        self._outputs = {each: 1 if on == output else on for each, on in self._outputs.items()}
        self._outputs |= dict.fromkeys(channels, output)

    def _connected(self, output: int) -> str:
        return self._shown(each for each, on in self._outputs.items() if on == output)

    def commands(self) -> Iterable[Command]:
        """SYSTem:ALARm? and OUTPut:ALARm."""
        root = f"OUTPut:ALARm<{OUTPUTS.start}-{OUTPUTS.stop - 1}>"
        yield Command("SYSTem:ALARm?", self._next)
        yield Command(f"{root}:SOURce", self._connect, self._listed)
        yield Command(f"{root}:SOURce?", self._connected)
        yield Command(f"{root}:CLEar", self.clear)
        yield Command(f"{root}:CLEar:ALL", lambda _output: self.clear(*OUTPUTS))
        for node, setting in (("MODE", self.mode), ("SLOPe", self.slope)):
            yield Command(f"{root}:{node}", lambda _, value, setting=setting: setattr(setting, "value", value), setting)
            yield Command(f"{root}:{node}?", lambda _, setting=setting: setting.value)
