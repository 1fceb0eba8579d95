"""Pages tell apart those of which nothing is known, and call none of them low risk."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from scoring.texts import catalogue
from serving.console.texts import texts
from tests.serving.conftest import Client
from tests.serving.unheard.county import AS_OF, HEARD, LOUD, QUIET, SILENT


@pytest.mark.parametrize(
    ("language", "said"), [("zh", "没有数据不等于没有风险"), ("en", "No data is not no risk")]
)
def test_pages_tell_it_and_call_nobody_low_risk(service: Client, language: str, said: str) -> None:
    listed = service.page(f"/?lang={language}").text
    assert all(key in listed for key in LOUD)
    assert not any(f"/households/{key}" in listed for key in QUIET)
    assert "action=unheard" in listed
    apart = service.page(f"/?action=unheard&lang={language}").text
    assert [key for key in (*LOUD, *QUIET) if f"/households/{key}" in apart] == list(QUIET)
    assert said in apart
    for key in ("Q0", "Q2"):
        page = service.page(f"/households/{key}?lang={language}")
        assert page.status_code == 200
        assert said in page.text
        assert SILENT in page.text
    before = service.page(f"/households/Q0?lang={language}").text
    assert "2026-11-20" in before
    # Of before it is shown how high the score was; not that it was low, nor what to do.
    assert service.get("/v1/households/Q0").json()["grade"] == "low"
    assert texts(language)["unheard_action"] in before
    assert catalogue(language)["grades"]["low_with_gaps"] in before
    for said_before in (
        f">{catalogue(language)['grades']['low']}<",
        catalogue(language)["actions"]["routine"],
    ):
        assert said_before not in before
        assert said_before in service.page(f"/households/H0?as_of_date={AS_OF}&lang={language}").text
    assert service.page(f"/?area={HEARD}&action=unheard&lang={language}").status_code == 200
    assert said not in service.page(f"/households/H0?lang={language}").text


def test_a_page_of_the_list_counts_nobody(service: Client) -> None:
    """How many there are was counted when they were stored, in whatever number of them."""
    counting: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "count(" in statement and "FROM unheard_household" in statement:
            counting.append(statement)

    engine = service.app.state.store.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        for query in ("", f"?area={SILENT}", "?action=unheard", f"?area={SILENT[:6]}&action=unheard"):
            assert service.page(f"/{query}").status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert counting == []
