"""What an instrument can do wrong. All of it makes a run ERROR: the station could not judge."""

from __future__ import annotations


class RoleError(Exception):
    """The instrument in a role did not do its part; the message begins with the role."""

    def __init__(self, role: str, message: str) -> None:
        """Keep the role, such as `supply`."""
        self.role = role
        super().__init__(f"{role}: {message}")


class InstrumentError(RoleError):
    """The instrument put an error into its queue (SCPI-99 volume 2, 21.8)."""

    def __init__(self, role: str, command: str, code: int, text: str) -> None:
        """Keep the command, and code and text of the first error."""
        self.command, self.code, self.text = command, code, text
        super().__init__(role, f"`{command}` gave error {code}, {text}")


class SettingRefused(RoleError):
    """A setting reads back otherwise than it was set."""

    def __init__(self, role: str, command: str, found: str, explanation: str = "") -> None:
        """Keep the command with its value, what was read back, and what the error queue says of it."""
        self.command, self.found = command, found
        super().__init__(
            role, f"`{command}` was not taken over, reads back `{found}`{explanation and f' ({explanation})'}"
        )


class BadReply(RoleError):
    """A reply that is no value: empty, garbage, another unit, or an overload."""

    def __init__(self, role: str, query: str, reply: str, why: str) -> None:
        """Keep the question and the reply."""
        self.query, self.reply = query, reply
        super().__init__(role, f"`{query}` replied `{reply[:60]}`: {why}")


class Overload(BadReply):
    """The reply says that the value is beyond the range of the instrument."""

    def __init__(self, role: str, query: str, reply: str) -> None:
        """Keep the question and the reply."""
        super().__init__(role, query, reply, "beyond the range (overload)")


class CommandFailed(RoleError):
    """No reply. The command may have been carried out or not; it is never sent again by itself."""

    def __init__(self, role: str, command: str, *, alive: bool, explanation: str) -> None:
        """`alive`: the instrument has answered a fresh `*IDN?` over a new connection."""
        self.command, self.alive = command, alive
        state = "the instrument is alive" if alive else "the instrument does not answer `*IDN?` either"
        super().__init__(role, f"`{command}` got no reply ({explanation}); {state}")


class Tripped(RoleError):
    """A protection of the instrument is latched; it stays so until somebody clears it."""

    def __init__(self, role: str, protection: str) -> None:
        """Keep which one, such as `over-voltage`."""
        self.protection = protection
        super().__init__(role, f"its protection has tripped: {protection}")
