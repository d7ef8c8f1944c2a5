"""Which way a current flows, as seen from the pack."""

from __future__ import annotations

from typing import Literal

Direction = Literal["charge", "discharge"]
