"""Times that a browser writes are China's, as those of the pages are, wherever the phone's clock is set."""

from __future__ import annotations

import datetime as dt

import pytest

from serving.console.texts import texts
from tests.serving.console.desk import Desk
from tests.serving.console.office import Office

pytestmark = pytest.mark.browser

ZH = texts("zh")


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai"])
def test_a_copy_says_in_chinas_time_when_it_was_kept(desk: Desk, office: Office, zone: str) -> None:
    page = desk.page("visitor", timezone_id=zone)
    page.goto("/list")
    page.locator("#take").wait_for()
    page.click("#take")
    page.locator("#taken", has_text=ZH["taken"].partition("{")[0]).wait_for(timeout=60_000)
    page.context.set_offline(True)
    page.goto("/list")
    now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=8)
    near = {(now - dt.timedelta(minutes=back)).strftime("%m-%d %H:%M") for back in range(5)}
    assert page.inner_text("#offline") in {ZH["offline_copy"].format(at=one) for one in near}
    page.context.close()
