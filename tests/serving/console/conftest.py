"""One office of a county for the tests of a file, and the desk that they sit at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving.console.desk import Desk
from tests.serving.console.office import Office, open_office
from tests.serving.test_browser import browser

__all__ = ["browser"]


@pytest.fixture(scope="module")
def office(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(bundle_dir, tmp_path_factory.mktemp("office")) as made:
        yield made


@pytest.fixture(scope="module")
def desk(browser: Any, office: Office) -> Desk:
    return Desk(browser, office)
