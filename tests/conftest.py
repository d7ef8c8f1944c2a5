"""What all tests have in common: keys of their own, never those of the person who runs them."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the keys that this test session signs with."""
    folder = tmp_path_factory.mktemp("keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATION_KEYS", str(folder))
        yield folder
