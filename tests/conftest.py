"""What all tests have in common: keys of their own, and properties that are not judged by the clock.

A property is tried with the same examples each time; `pytest --hypothesis-profile=explore` draws new ones.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("station", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("station")


@pytest.fixture(scope="session", autouse=True)
def own_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the keys that this test session signs with; never those of the person who runs it."""
    folder = tmp_path_factory.mktemp("keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATION_KEYS", str(folder))
        yield folder
