"""The process that has started this one: whether it still lives, and its end.

A number alone may name another process by now. A pidfd (Linux) and a handle (Windows) cannot; elsewhere the operating
system gives a new parent to whoever loses its own.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

if sys.platform == "win32":
    import ctypes

    _SYNCHRONIZE, _TERMINATE, _STILL_RUNNING = 0x00100000, 0x0001, 0x102

    class Starter:
        """Holds a handle, so that the number of the process is not given to another one."""

        def __init__(self, pid: int) -> None:
            """Raises ProcessLookupError if there is no such process."""
            self._pid = pid
            self._handle = ctypes.windll.kernel32.OpenProcess(_SYNCHRONIZE | _TERMINATE, False, pid)
            if not self._handle:
                raise ProcessLookupError(f"process {pid} cannot be watched")

        def gone(self) -> bool:
            """Whether it has ended."""
            return bool(ctypes.windll.kernel32.WaitForSingleObject(self._handle, 0) != _STILL_RUNNING)

        def kill(self) -> None:
            """End it at once (TerminateProcess); nothing to do if it is gone."""
            with suppress(OSError):
                os.kill(self._pid, signal.SIGTERM)

        def close(self) -> None:
            """Let go of it."""
            ctypes.windll.kernel32.CloseHandle(self._handle)

else:

    class Starter:
        """The parent; whoever asks must be its child."""

        def __init__(self, pid: int) -> None:
            """Raises ProcessLookupError if that process is not the parent, or not any more."""
            self._pid = pid
            self._descriptor: int | None = None
            with suppress(AttributeError, OSError):
                self._descriptor = os.pidfd_open(pid)
            if self.gone():
                self.close()
                raise ProcessLookupError(f"process {pid} is not the parent of process {os.getpid()}")

        def gone(self) -> bool:
            """Whether it has ended."""
            return os.getppid() != self._pid

        def kill(self) -> None:
            """End it at once (SIGKILL, which a stopped process obeys, too); nothing to do if it is gone."""
            with suppress(OSError):
                if self._descriptor is not None:
                    signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
                elif not self.gone():
                    os.kill(self._pid, signal.SIGKILL)

        def close(self) -> None:
            """Let go of it."""
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
