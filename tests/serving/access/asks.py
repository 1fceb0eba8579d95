"""What the matrix asks of every caller: every route, of every place and state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from serving.api.inference import MODEL
from serving.jobs import JobState
from tests.serving.access import world
from tests.serving.access.ask import NONE, Ask
from tests.serving.access.asks_of_cases import case_asks, casework_asks, lead_asks, page_asks, worklist_asks
from tests.serving.access.world import HOUSEHOLDS, TODAY, VILLAGES, is_inside
from tests.serving.conftest import NAMES, VERSION, a_household, a_request


def asks(jobs: dict[tuple[str, JobState], str], cases: dict[str, str]) -> Iterator[Ask]:
    yield from household_asks()
    yield from history_asks()
    yield from area_asks()
    yield from list_asks()
    yield from job_asks(jobs)
    yield from case_asks(cases)
    yield from sent_asks()
    yield from identity_asks()
    yield from vector_asks()
    yield from lead_asks()
    yield from worklist_asks()
    yield from casework_asks(cases)
    yield from page_asks(cases)
    yield from office_asks()
    yield from own_asks()
    for path in ("/v1/model", "/v1/models", "/v1/measures", "/v2"):
        yield Ask("GET", path, "know", f"GET {path}", lambda _: 200, {})
    yield Ask("GET", "/metrics", "watch", "GET /metrics", lambda _: 200, {})
    open_to_all = ("/health/live", "/health/ready", "/openapi.json", "/static/console.css")
    for path in (*open_to_all, "/ping", "/v2/health/live", "/v2/health/ready"):
        yield Ask("GET", path, "public", f"GET {path}", lambda _: 200, {})


def household_asks() -> Iterator[Ask]:
    for one in HOUSEHOLDS:

        def found(area: str | None, one: world.Household = one) -> int:
            return 200 if any(is_inside(village, area) for village in one.villages) else 404

        def found_today(area: str | None, one: world.Household = one) -> int:
            there = TODAY in one.dates and any(is_inside(village, area) for village in one.villages)
            return 200 if there else 404

        route = "GET /v1/households/{household_id}"
        yield Ask("GET", f"/v1/households/{one.key}", "read", route, found, {})
        query = f"?as_of_date={TODAY}"
        yield Ask("GET", f"/v1/households/{one.key}{query}", "read", route, found_today, {})
        yield Ask("GET", f"/households/{one.key}", "read", "GET /households/{household_id}", found, {})
    for path, route in (("/v1/households/H-NOBODY", "/v1/households/{household_id}"),
                        ("/households/H-NOBODY", "/households/{household_id}")):  # fmt: skip
        yield Ask("GET", path, "read", f"GET {route}", lambda _: 404, {})


def history_asks() -> Iterator[Ask]:
    for one in HOUSEHOLDS:

        def found(area: str | None, one: world.Household = one) -> int:
            return 200 if any(is_inside(village, area) for village in one.villages) else 404

        def dated(area: str | None, one: world.Household = one) -> int:
            # The model of these scores is not kept here, which only who may see them is told.
            there = TODAY in one.dates and any(is_inside(village, area) for village in one.villages)
            return 409 if there else 404

        path, route = f"/v1/households/{one.key}/scores", "GET /v1/households/{household_id}/scores"
        yield Ask("GET", path, "read", route, found, {})
        yield Ask("GET", f"{path}/{TODAY}/replay", "read", f"{route}/{{as_of_date}}/replay", dated, {})
    for end, rest in (("", ""), (f"/{TODAY}/replay", "/{as_of_date}/replay")):
        route = f"GET /v1/households/{{household_id}}/scores{rest}"
        yield Ask("GET", f"/v1/households/H-NOBODY/scores{end}", "read", route, lambda _: 404, {})


def area_asks() -> Iterator[Ask]:
    for place in (one for one in world.PARENTS if one != world.COUNTRY):

        def found(area: str | None, place: str = place) -> int:
            return 200 if is_inside(place, area) else 404

        route = "GET /v1/areas/{area_code}/summary"
        yield Ask("GET", f"/v1/areas/{place}/summary", "read", route, found, {})
        yield Ask(
            "GET", f"/v1/areas/{place}/casework", "read", "GET /v1/areas/{area_code}/casework", found, {}
        )
        yield Ask("GET", f"/areas/{place}", "read", "GET /areas/{area_code}", found, {})
    for code in ("52", "500999999", "no-code"):
        yield Ask("GET", f"/v1/areas/{code}/summary", "read", route, lambda _: 404, {})
        yield Ask(
            "GET",
            f"/v1/areas/{code}/casework",
            "read",
            "GET /v1/areas/{area_code}/casework",
            lambda _: 404,
            {},
        )
        yield Ask("GET", f"/areas/{code}", "read", "GET /areas/{area_code}", lambda _: 404, {})
    # To the own area, or the first of all.
    yield Ask("GET", "/areas", "read", "GET /areas", lambda _: 303, {})


def list_asks() -> Iterator[Ask]:
    for query in ("", "?page=2", "?lang=en", *(f"?area={one}" for one in (*VILLAGES, "50", "500999"))):
        yield Ask("GET", f"/{query}", "read", "GET /", lambda _: 200, {})


def job_asks(jobs: dict[tuple[str, JobState], str]) -> Iterator[Ask]:
    ends = {
        "": dict.fromkeys(JobState, 200),
        "/errors": dict.fromkeys(JobState, 200),
        "/result": {JobState.QUEUED: 409, JobState.SUCCEEDED: 200, JobState.FAILED: 404},
    }
    for (area, state), number in jobs.items():
        for end, statuses in ends.items():

            def found(of: str | None, area: str = area, status: int = statuses[state]) -> int:
                return status if is_inside(area, of) else 404

            yield Ask("GET", f"/v1/jobs/{number}{end}", "job", f"GET /v1/jobs/{{job_id}}{end}", found, {})
        if state is not JobState.QUEUED:

            def ended(of: str | None, area: str = area) -> int:
                return 409 if is_inside(area, of) else 404

            yield Ask("DELETE", f"/v1/jobs/{number}", "job", "DELETE /v1/jobs/{job_id}", ended, {})
    for number in (NONE, "no-number"):
        for end in ends:
            route = f"GET /v1/jobs/{{job_id}}{end}"
            yield Ask("GET", f"/v1/jobs/{number}{end}", "job", route, lambda _: 404, {})
        yield Ask("DELETE", f"/v1/jobs/{number}", "job", "DELETE /v1/jobs/{job_id}", lambda _: 404, {})
    # Past the gate it is no form.
    yield Ask("POST", "/v1/jobs", "send", "POST /v1/jobs", lambda _: 415, {})


def sent_asks() -> Iterator[Ask]:
    for village in VILLAGES:
        # A household that is stored there, and one that is nowhere: both are answered alike.
        for key in (f"H-{village}-current", "H-NOBODY"):
            household = a_household(key)
            household["signals"]["household"][0]["village_code"] = village

            def taken(area: str | None, village: str = village) -> int:
                return 200 if is_inside(village, area) else 422

            body = a_request(household)
            yield Ask("POST", "/v1/scores", "send", "POST /v1/scores", taken, {"json": body})
        ids = {"as_of_date": TODAY, "household_ids": [f"H-{village}-current"]}
        # No signals are kept here, whatever is asked for.
        yield Ask("POST", "/v1/scores", "send", "POST /v1/scores", lambda _: 409, {"json": ids})
        heard = [{**row, "area_code": village[:6]} for row in body["coverage"]]
        plan = {**body, "coverage": heard, "measures": []}
        yield Ask("POST", "/v1/what-if", "send", "POST /v1/what-if", taken, {"json": plan})


def identity_asks() -> Iterator[Ask]:
    for one in HOUSEHOLDS:
        if one.key == world.TWICE:
            continue
        (village,) = one.villages

        def found(area: str | None, village: str = village) -> int:
            return 200 if is_inside(village, area) else 404

        path, route = f"/v1/households/{one.key}/identity", "/v1/households/{household_id}/identity"
        yield Ask("GET", path, "read", f"GET {route}", found, {})
        body: dict[str, Any] = {"json": {"purpose": "visit"}}
        yield Ask("POST", f"{path}/reveal", "reveal", f"POST {route}/reveal", found, body)
        form: dict[str, Any] = {"data": {"purpose": "visit"}}
        page = f"/households/{one.key}/reveal"
        yield Ask("POST", page, "reveal", "POST /households/{household_id}/reveal", found, form)

        def taken(area: str | None, village: str = village) -> int:
            return 200 if is_inside(village, area) else 422

        # One that is not stored, and so changes no other ask.
        sent = {"village_code": village, "persons": [{"person_id": "head", "name": "乙"}]}
        yield Ask(
            "PUT", f"/v1/households/H-SENT-{village}/identity", "send", f"PUT {route}", taken, {"json": sent}
        )
    for path, route in (("/v1/households/H-NOBODY/identity", "/v1/households/{household_id}/identity"),):
        yield Ask("GET", path, "read", f"GET {route}", lambda _: 404, {})
        yield Ask("POST", f"{path}/reveal", "reveal", f"POST {route}/reveal", lambda _: 404, body)
    for phone in (world.PHONE, "13900139000"):
        route = "POST /v1/households/lookup"
        yield Ask("POST", "/v1/households/lookup", "read", route, lambda _: 200, {"json": {"phone": phone}})


def vector_asks() -> Iterator[Ask]:
    """Vectors name no household: an area neither opens nor closes anything."""
    for version, form in (("", ""), (f"/versions/{VERSION}", "/versions/{version}")):
        for end in ("", "/ready"):
            route = f"GET /v2/models/{{name}}{form}{end}"
            yield Ask("GET", f"/v2/models/{MODEL}{version}{end}", "know", route, lambda _: 200, {})
        route = f"POST /v2/models/{{name}}{form}/infer"
        body: dict[str, Any] = {"json": {"inputs": []}}
        yield Ask("POST", f"/v2/models/{MODEL}{version}/infer", "vector", route, lambda _: 422, body)
    columns = {"columns": list(NAMES), "data": [[None] * len(NAMES)]}
    body = {"json": {"dataframe_split": columns}}
    yield Ask("POST", "/invocations", "vector", "POST /invocations", lambda _: 200, body)


def office_asks() -> Iterator[Ask]:
    """Accounts, the log and the system: none of it is about a household."""
    yield Ask("GET", "/accounts", "accounts", "GET /accounts", lambda _: 200, {})
    yield Ask("POST", "/accounts", "accounts", "POST /accounts", lambda _: 422, {"data": {"name": "x"}})
    yield Ask(
        "POST",
        "/accounts/find",
        "accounts",
        "POST /accounts/find",
        lambda _: 200,
        {"data": {"login_name": "x"}},
    )
    yield Ask(
        "POST", "/accounts/p00000000000/lock", "accounts", "POST /accounts/{account_id}/{doing}", lambda _: 422,
        {"data": {"x": "y"}},
    )  # fmt: skip
    yield Ask("GET", "/audit", "audit", "GET /audit", lambda _: 200, {})
    yield Ask("POST", "/audit", "audit", "POST /audit", lambda _: 200, {"data": {"key_id": "p000"}})
    for path in ("/feeds", "/releases"):
        yield Ask("GET", path, "system", f"GET {path}", lambda _: 200, {})


def own_asks() -> Iterator[Ask]:
    """Signing in, and one's own account. Signing out comes last: the session is over then."""
    form: dict[str, Any] = {"data": {"name": "x"}}
    for path in ("", "?next=/households/H-TWICE", "?lang=en"):
        yield Ask("GET", f"/sign-in{path}", "public", "GET /sign-in", lambda _: 200, {})
    yield Ask("POST", "/sign-in", "form", "POST /sign-in", lambda _: 422, form)
    for path in ("/password", "/second-factor"):
        yield Ask("GET", path, "own", f"GET {path}", lambda _: 200, {})
        yield Ask("POST", path, "own", f"POST {path}", lambda _: 422, form)
    yield Ask("POST", "/sign-out", "own", "POST /sign-out", lambda _: 303, form)
