"""What can go wrong between the station and a BMS. Only a loop-back can say whose fault a silence is."""

from __future__ import annotations

from station.model.protocol import Value


class BmsError(Exception):
    """An exchange with the BMS did not succeed, however often it was tried."""


class PackSilent(BmsError):
    """No answer came, or only the station's own request."""

    wire: object = None
    """The line on which nothing was heard; one may have been silent while the others were not."""


class PackLate(PackSilent):
    """Answers come, but later than the protocol allows, so that they may be taken for those of later questions."""


class DamagedAnswer(BmsError):
    """Bytes came, and no sound frame is among them."""


class ArrivedDamaged(DamagedAnswer):
    """The pack says that the request arrived damaged: it did nothing, and may be asked again."""


class WrongAnswer(BmsError):
    """A sound frame came that answers something else: another device, function, address or count."""


class AnswerToAnother(WrongAnswer):
    """The pack that was asked answers another question."""


class PackRefused(BmsError):
    """The BMS refused the request: each of several tries brought the same code, and the line showed no errors."""

    def __init__(self, request: str, code: int, words: str) -> None:
        """Keep the exception `code`; `words` are the protocol's meaning of it."""
        self.code = code
        super().__init__(f"{request}: refused, exception {code} ({words})")


class NotStored(BmsError):
    """The BMS took a write and reads back something else."""

    def __init__(self, name: str, wrote: Value, read: Value) -> None:
        """Keep the register's name and both values, in station units."""
        self.name, self.wrote, self.read = name, wrote, read
        super().__init__(f"{name}: wrote {wrote}, reads back {read}")
