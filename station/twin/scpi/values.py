"""What may stand behind a header: kinds of parameter, and settings that are parameters with a value of their own.

A setting parses what is sent (`parse`), keeps it (`value`), and says it back (`text`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Protocol

from station.twin.scpi.channels import Channels
from station.twin.scpi.errors import ScpiError

PREFIXES: Mapping[str, float] = {
    "": 1.0,
    "EX": 1e18,
    "PE": 1e15,
    "T": 1e12,
    "G": 1e9,
    "MA": 1e6,
    "K": 1e3,
    "M": 1e-3,
    "U": 1e-6,
    "N": 1e-9,
    "P": 1e-12,
    "F": 1e-15,
    "A": 1e-18,
}
"""Multipliers of a unit suffix (IEEE 488.2 table 7-2): M is milli, MA is mega."""
MEGA = ("MHZ", "MOHM")
"""Suffixes whose M is mega all the same (IEEE 488.2, 7.7.3.3)."""

_DECIMAL = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:\s*[eE]\s*[+-]?\d+)?)\s*([A-Za-z%/]*)")
_BASED = re.compile(r"#(?:[hH]([0-9A-Fa-f]{1,16})|[qQ]([0-7]{1,22})|[bB]([01]{1,64}))")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Parameter(Protocol):
    """Something that turns the text of an argument into a value, or raises `ScpiError`."""

    def parse(self, text: str) -> object:
        """Return the value of `text`."""
        ...


def nr1(value: float) -> str:
    """An integer without sign: `5`."""
    return f"{value:.0f}"


def nr1_signed(value: float) -> str:
    """An integer with sign, as Keysight's meters send it: `+5`."""
    return f"{value:+.0f}"


def nr2(digits: int) -> Callable[[float], str]:
    """A format of fixed decimals: `54.000`."""
    return lambda value: f"{value + 0.0:.{digits}f}"


def nr3(value: float) -> str:
    """A number with sign and exponent, as Keysight's meters send it: `+5.12000000E+01`."""
    return f"{value + 0.0:+.8E}"


@cache
def short(word: str) -> str:
    """The short form of a mnemonic written with capitals: `IMMediate` gives `IMM`."""
    return "".join(character for character in word if not character.islower())


def matches(text: str, word: str) -> bool:
    """Whether `text` is the short or the long form of `word`, in any case."""
    return text.upper() in (short(word), word.upper())


def number(text: str, unit: str = "") -> float:
    """A decimal or based number with an optional unit suffix; raises -104, -131 or -138."""
    if based := _BASED.fullmatch(text):
        base, digits = next((base, digits) for base, digits in zip((16, 8, 2), based.groups(), strict=True) if digits)
        return float(int(digits, base))
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ScpiError(-104)
    return float(re.sub(r"\s", "", match[1])) * _multiplier(match[2].upper(), unit)


def _multiplier(suffix: str, unit: str) -> float:
    if not suffix:
        return 1.0
    if not unit:
        raise ScpiError(-138)
    if not suffix.endswith(unit) or suffix.removesuffix(unit) not in PREFIXES:
        raise ScpiError(-131)
    return 1e6 if suffix in MEGA else PREFIXES[suffix.removesuffix(unit)]


@dataclass(slots=True)
class Quantity:
    """A number from `low` to `high` in `unit`, kept to `decimals` or raised to the next of `steps`.

    `words` are further mnemonics that stand for a number, such as `INFinity`; they come before MIN, MAX and DEF.
    """

    low: float
    high: float
    default: float
    unit: str = ""
    form: Callable[[float], str] = nr3
    decimals: int | None = None
    steps: tuple[float, ...] = ()
    words: Mapping[str, float] = field(default_factory=dict)
    value: float = field(init=False)

    def __post_init__(self) -> None:
        """Start from the default."""
        self.value = self.default

    def parse(self, text: str) -> float:
        """Read a number or a word; raises -222 when it is out of range."""
        if _WORD.fullmatch(text):
            return self.word(text)
        value = number(text, self.unit)
        if not self.low <= value <= self.high:
            raise ScpiError(-222)
        return self._fitted(value)

    def _fitted(self, value: float) -> float:
        if self.steps:
            return next((step for step in self.steps if step >= value * (1 - 1e-9)), self.steps[-1])
        return value if self.decimals is None else round(value, self.decimals)

    def word(self, text: str) -> float:
        """The number that MIN, MAX, DEF or one of `words` stands for; raises -104."""
        for word, value in self.words.items():
            if matches(text, word):
                return value
        for word, value in {"MINimum": self.low, "MAXimum": self.high, "DEFault": self.default}.items():
            if matches(text, word):
                return self._fitted(value)
        raise ScpiError(-104)

    def text(self, value: float) -> str:
        """Say a value as the instrument does; infinity is 9.9E+37 (SCPI-99 volume 1, 7.2.1.4)."""
        return nr3(math.copysign(9.9e37, value)) if math.isinf(value) else self.form(value)

    def reset(self) -> None:
        """Go back to the default."""
        self.value = self.default


@dataclass(slots=True)
class Switch:
    """ON or OFF, sent as a word or a number, said back as `words` (off, on)."""

    default: bool = False
    words: tuple[str, str] = ("0", "1")
    value: bool = field(init=False)

    def __post_init__(self) -> None:
        """Start from the default."""
        self.value = self.default

    def parse(self, text: str) -> bool:
        """Read ON, OFF or a number, which means ON unless it rounds to 0; raises -104 or -224."""
        if _WORD.fullmatch(text):
            if text.upper() not in ("ON", "OFF"):
                raise ScpiError(-224)
            return text.upper() == "ON"
        value = number(text)
        return not -0.5 <= value <= 0.5

    def text(self, value: bool) -> str:
        """Say a value as the instrument does."""
        return self.words[value]

    def reset(self) -> None:
        """Go back to the default."""
        self.value = self.default


@dataclass(slots=True)
class Choice:
    """One of several mnemonics, kept and said back in its short form; the first is the default."""

    words: tuple[str, ...]
    value: str = field(init=False)

    def __post_init__(self) -> None:
        """Start from the default."""
        self.reset()

    def parse(self, text: str) -> str:
        """Read a mnemonic in its short or long form; raises -104 when it is none and -224 when it is another."""
        if not _WORD.fullmatch(text):
            raise ScpiError(-104)
        for word in self.words:
            if matches(text, word):
                return short(word)
        raise ScpiError(-224)

    def text(self, value: str) -> str:
        """Say a value as the instrument does."""
        return value

    def reset(self) -> None:
        """Go back to the default."""
        self.value = short(self.words[0])


@dataclass(slots=True)
class Text:
    """A string in single or double quotes of at most `longest` characters."""

    longest: int = 40
    value: str = field(init=False, default="")

    def parse(self, text: str) -> str:
        """Take the quotes off; raises -104 when there are none, -151 when they do not fit, -222 when it is too long."""
        if text[:1] not in ('"', "'"):
            raise ScpiError(-104)
        inner = text[1:-1].replace(text[0] * 2, "\0")
        if len(text) < 2 or text[-1] != text[0] or text[0] in inner:
            raise ScpiError(-151)
        if len(inner) > self.longest:
            raise ScpiError(-222)
        return inner.replace("\0", text[0])

    def text(self, value: str) -> str:
        """Say a value as the instrument does: in double quotes, inner ones doubled."""
        return '"' + value.replace('"', '""') + '"'

    def reset(self) -> None:
        """Forget the text."""
        self.value = ""


class Settings:
    """A group of settings, its attributes, that go back to their defaults together."""

    def reset(self) -> None:
        """Put every setting of the group, of groups and of mappings in it, back to its default."""
        for setting in _leaves(vars(self).values()):
            setting.reset()

    def kept(self) -> Callable[[], None]:
        """What puts every setting back to what it is now."""
        puts = [partial(setattr, setting, "value", setting.value) for setting in _leaves(vars(self).values())]

        def put_back() -> None:
            for put in puts:
                put()

        return put_back


def _leaves(found: Iterable[object]) -> Iterator[Quantity | Switch | Choice | Text]:
    """The settings among these, in groups of them and in mappings to them."""
    for each in found:
        if isinstance(each, Settings):
            yield from _leaves(vars(each).values())
        elif isinstance(each, Mapping):
            yield from _leaves(each.values())
        elif isinstance(each, Quantity | Switch | Choice | Text):
            yield each


@dataclass(frozen=True, slots=True)
class Optional:
    """A parameter that may be left out; the handler then gets None."""

    parameter: Parameter

    def fits(self, text: str) -> bool:
        """Whether `text` may be meant: a channel list is for `Channels`, anything else is not."""
        return text.startswith("(") == isinstance(self.parameter, Channels)

    def parse(self, text: str) -> object:
        """Read it as the parameter inside does."""
        return self.parameter.parse(text)


@dataclass(frozen=True, slots=True)
class Word:
    """The MIN, MAX or DEF behind the question mark of a setting."""

    quantity: Quantity

    def parse(self, text: str) -> float:
        """The limit or default that is asked for; raises -104 or -224."""
        if not _WORD.fullmatch(text):
            raise ScpiError(-104)
        return self.quantity.word(text)
