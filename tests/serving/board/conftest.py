"""One office of a county with a stock of cases and a map, for the tests of a file, and the desk they sit at."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.access import Role
from serving.access.passwords import Passwords
from tests.serving.board.county import make_stock, put
from tests.serving.console.desk import Desk
from tests.serving.console.office import PASSWORD, Office, open_office
from tests.serving.test_browser import browser
from training.simulation.map import draw_map

__all__ = ["browser"]

PEOPLE = {
    "province": (Role.PROVINCE_OFFICIAL, "50"),
    "auditor": (Role.AUDITOR, None),
    "admin": (Role.ACCOUNTS, None),
    "monitor": (Role.MONITOR, None),
}


@pytest.fixture(scope="module")
def office(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("board")
    stock = make_stock(5, count=400)
    document = draw_map({one["village_code"] for one in stock.cases}, 7)
    (folder / "map.geojson").write_text(json.dumps(document), encoding="utf-8")
    with open_office(bundle_dir, folder, map_file=folder / "map.geojson", demo=True) as made:
        with made.app.state.store.writer.begin() as connection:
            put(connection, stock)
        accounts, hashed = made.app.state.desk.accounts, Passwords().hash(PASSWORD)
        with accounts.writer.begin() as connection:
            for name, (role, area) in PEOPLE.items():
                one = accounts.add_in(connection, name, role, area, hashed, dt.timedelta(days=9))
                accounts.change_in(connection, one, is_start_password=0)
        yield made


@pytest.fixture(scope="module")
def desk(browser: Any, office: Office) -> Desk:
    return Desk(browser, office)
