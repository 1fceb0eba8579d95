"""Asks about cases and what comes before and after them: leads, worklists, visits, plans, corrections, their pages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from serving.cases.clocks import china_day
from serving.storage.keys import utc_now
from tests.serving.access import world
from tests.serving.access.ask import NONE, Ask
from tests.serving.access.world import HOUSEHOLDS, TODAY, VILLAGES, is_inside


def case_asks(cases: dict[str, str]) -> Iterator[Ask]:
    # Somebody who saw another version moves nothing, and is told so where the case is there.
    order: dict[str, Any] = {"json": {"version": 999, "move": "alert", "facts": {}}}
    route = "/v1/cases/{case_id}"
    for village, number in (*cases.items(), ("", NONE), ("", "no-case")):

        def answered(area: str | None, status: int, village: str = village) -> int:
            return status if village and is_inside(village, area) else 404

        path = f"/v1/cases/{number}"
        yield Ask("GET", path, "read", f"GET {route}", partial(answered, status=200), {})
        elimination = f"{path}/elimination"
        yield Ask("GET", elimination, "read", f"GET {route}/elimination", partial(answered, status=200), {})
        notice = f"/v1/cases/notice/{number}"
        yield Ask("GET", notice, "read", "GET /v1/cases/notice/{case_id}", partial(answered, status=409), {})
        yield Ask(
            "POST", f"{path}/moves", "move", f"POST {route}/moves", partial(answered, status=409), order
        )
    for query in ("", "?limit=1&offset=1"):
        yield Ask("GET", f"/v1/relapses{query}", "read", "GET /v1/relapses", lambda _: 200, {})
    for query in (
        "?limit=100",
        "?due=overdue",
        "?due=overdue&told=county_official",
        *(f"?area={one}&limit=100" for one in (*VILLAGES, "50")),
    ):
        yield Ask("GET", f"/v1/cases{query}", "read", "GET /v1/cases", lambda _: 200, {})


def casework_asks(cases: dict[str, str]) -> Iterator[Ask]:
    """Visits, plans and corrections. What is sent twice is there once, whoever sends it."""
    route = "/v1/households/{household_id}/visits"
    for number, one in enumerate(one for one in HOUSEHOLDS if one.key.endswith("-old")):

        def found(area: str | None, one: world.Household = one) -> int:
            return 200 if any(is_inside(village, area) for village in one.villages) else 404

        path = f"/v1/households/{one.key}/visits"
        sent: dict[str, Any] = {"json": {
            "submission_key": f"matrix-{number:012d}", "visited_on": china_day(utc_now()).isoformat(), "finding": "no_difficulty",
        }}  # fmt: skip
        yield Ask("GET", path, "read", f"GET {route}", found, {})
        yield Ask("POST", path, "visit", f"POST {route}", found, sent)
    yield Ask("GET", "/v1/households/H-NOBODY/visits", "read", f"GET {route}", lambda _: 404, {})
    yield Ask("POST", "/v1/households/H-NOBODY/visits", "visit", f"POST {route}", lambda _: 404, sent)
    route = "/v1/cases/{case_id}/measures"
    plan: dict[str, Any] = {"json": {
        "measure": "reimbursement", "cause": "01", "amount_yuan": 100, "starts_on": TODAY, "due_on": "2026-12-31",
    }}  # fmt: skip
    given: dict[str, Any] = {"json": {"submission_key": "matrix-delivery-1", "delivered_on": TODAY}}
    for village, number_of in (*cases.items(), ("", NONE), ("", "no-case")):

        def there(area: str | None, village: str = village) -> int:
            return 200 if village and is_inside(village, area) else 404

        path = f"/v1/cases/{number_of}/measures"
        yield Ask("GET", path, "read", f"GET {route}", there, {})
        yield Ask("POST", path, "plan", f"POST {route}", there, plan)
        for measure in (NONE, "no-measure"):
            end = f"{path}/{measure}/end"
            yield Ask(
                "POST",
                end,
                "plan",
                f"POST {route}/{{measure_id}}/end",
                lambda _: 404,
                {"json": {"ended_on": TODAY}},
            )
            yield Ask(
                "POST", f"{path}/{measure}/deliveries", "deliver", f"POST {route}/{{measure_id}}/deliveries",
                lambda _: 404, given,
            )  # fmt: skip
    for state in ("", "?state=proposed", "?state=refused&limit=1"):
        yield Ask("GET", f"/v1/corrections{state}", "review", "GET /v1/corrections", lambda _: 200, {})
    for village, number_of in (*world.CORRECTIONS.items(), ("", NONE)):

        def reviewed(area: str | None, village: str = village) -> int:
            # It was refused by somebody else.
            return 409 if village and is_inside(village, area) else 404

        path = f"/v1/corrections/{number_of}/review"
        order: dict[str, Any] = {"json": {"is_approved": True}}
        yield Ask("POST", path, "review", "POST /v1/corrections/{correction_id}/review", reviewed, order)


def lead_asks() -> Iterator[Ask]:
    for query in ("", "?area=500999", f"?area={world.FAR}", f"?household_id=H-{world.FAR}-current"):
        yield Ask("GET", f"/v1/leads{query}", "read", "GET /v1/leads", lambda _: 200, {})
    for village in VILLAGES:

        def taken(area: str | None, village: str = village) -> int:
            return 200 if is_inside(village, area) else 422

        lead = {
            "household_id": "H-LEAD", "village_code": village, "channel": "grid", "occurred_on": TODAY,
            "known_on": TODAY, "cause": "07",
        }  # fmt: skip
        yield Ask("POST", "/v1/leads", "lead", "POST /v1/leads", taken, {"json": {"leads": [lead]}})
    for place in ("50", "5009", "500999", "500999100", world.HERE, "51", world.FAR):

        def found(area: str | None, place: str = place) -> int:
            return 200 if is_inside(place, area) else 404

        route = "GET /v1/areas/{area_code}/clusters"
        yield Ask("GET", f"/v1/areas/{place}/clusters?as_of_date={TODAY}", "read", route, found, {})
        route = "GET /v1/worklists/{area_code}"
        yield Ask("GET", f"/v1/worklists/{place}", "read", route, found, {})
    for code in ("52", "no-code"):
        yield Ask("GET", f"/v1/worklists/{code}", "read", route, lambda _: 404, {})


def worklist_asks() -> Iterator[Ask]:
    """Of households: who was sent a key that two areas have is told of their own."""
    for one in (*(one for one in HOUSEHOLDS if one.key.endswith("-followed")), HOUSEHOLDS[-1]):

        def found(area: str | None, one: world.Household = one) -> int:
            return 200 if any(is_inside(village, area) for village in one.villages) else 404

        route = "GET /v1/households/{household_id}/listing"
        yield Ask("GET", f"/v1/households/{one.key}/listing", "read", route, found, {})
        for area in {village[:6] for village in one.villages}:

            def added(of: str | None, one: world.Household = one, area: str = area) -> int:
                return 200 if any(is_inside(v, of) for v in one.villages if v.startswith(area)) else 404

            route = "POST /v1/worklists/{area_code}/entries"
            body = {"json": {"household_id": one.key, "reason": "sudden_event"}}
            yield Ask("POST", f"/v1/worklists/{area}/entries", "person", route, added, body)
    body = {"json": {"household_id": "H-NOBODY", "reason": "sudden_event"}}
    yield Ask("POST", "/v1/worklists/500999/entries", "person", route, lambda _: 404, body)


def page_asks(cases: dict[str, str]) -> Iterator[Ask]:
    """The pages of casework. What is sent changes nothing: it is another person's, of another version, or empty."""
    for path in ("/list", "/list?due=overdue", "/list?lang=en"):
        yield Ask("GET", path, "reveal", "GET /list", lambda _: 200, {})
    form: dict[str, Any] = {"data": {"purpose": "visit"}}
    yield Ask("POST", "/list/workbook", "reveal", "POST /list/workbook", lambda _: 200, form)
    for village in (*VILLAGES, ""):
        key, number = (f"H-{village}-current", cases[village]) if village else ("H-NOBODY", NONE)

        def answered(area: str | None, status: int, village: str = village) -> int:
            return status if village and is_inside(village, area) else 404

        at, shown = f"/households/{key}", partial(answered, status=200)
        route = "/households/{household_id}"
        yield Ask("GET", f"{at}/visit", "visit", f"GET {route}/visit", shown, {})
        yield Ask("GET", f"{at}/sheet", "reveal", f"GET {route}/sheet", shown, {})
        others: dict[str, Any] = {"data": {"person": "p0", "finding": "not_met"}}
        refused = partial(answered, status=409)
        # Whose visit it is comes before whether there is such a household.
        yield Ask("POST", f"{at}/visit", "visit", f"POST {route}/visit", lambda _: 409, others)
        at, route = f"/cases/{number}", "/cases/{case_id}"
        for end in ("plan", "what-if"):
            yield Ask("GET", f"{at}/{end}", "read", f"GET {route}/{end}", shown, {})
        late: dict[str, Any] = {"data": {"version": "999", "move": "alert"}}
        yield Ask("POST", f"{at}/moves", "move", f"POST {route}/moves", refused, late)
        empty: dict[str, Any] = {"data": {"measure": "x"}}
        wrong = partial(answered, status=422)
        yield Ask("POST", f"{at}/measures", "plan", f"POST {route}/measures", wrong, empty)
        path, form = f"/measures/{NONE}/deliveries", {"data": {"delivered_on": "x"}}
        of = f"POST {route}/measures/{{measure_id}}/deliveries"
        yield Ask("POST", f"{at}{path}", "deliver", of, lambda _: 404, form)
    for path in ("/cases", "/cases?state=found&due=overdue&told=owner&grade=1&theme=illness&lang=en"):
        yield Ask("GET", path, "read", "GET /cases", lambda _: 200, {})
    for at in (*VILLAGES, "50"):

        def within(area: str | None, at: str = at) -> int:
            return 200 if is_inside(at, area) else 404

        yield Ask("GET", f"/cases?area={at}", "read", "GET /cases", within, {})
    for path in ("/relapses", "/relapses?page=2&lang=en"):
        yield Ask("GET", path, "read", "GET /relapses", lambda _: 200, {})
    yield Ask("GET", "/corrections", "review", "GET /corrections", lambda _: 200, {})
    approved: dict[str, Any] = {"data": {"review": "approve"}}
    route = "POST /corrections/{correction_id}/review"
    yield Ask("POST", f"/corrections/{NONE}/review", "review", route, lambda _: 404, approved)
