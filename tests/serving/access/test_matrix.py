"""Every route × every caller × every place and state: what is answered, and that nothing else shows.

The oracle is `world`: places by their parents and a table of what a role may. It shares no line with the code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import event

from serving.api.inference import MODEL
from serving.app import create_app
from serving.identity.keyring import new_ring, save_ring
from serving.identity.suites import Suite
from serving.jobs import JobState
from serving.settings import Settings
from tests.serving.access import callers, world
from tests.serving.access.people import ORIGIN
from tests.serving.access.world import HOUSEHOLDS, TODAY, VILLAGES, Sender, is_inside, mark
from tests.serving.conftest import NAMES, VERSION, Client, a_household, a_request

NONE = "0" * 32
_MARKS = re.compile(r"MARK-[0-9*]+-")
_LINKS = re.compile(r'href="/households/([^"?]+)')


@dataclass(frozen=True)
class Ask:
    """One request, what kind of doing it is, and what a caller who may is answered.

    `expected` gives the status for an area; `places` are where the things lie that the request is about.
    """

    method: str
    path: str
    kind: str
    route: str
    expected: Callable[[str | None], int]
    more: dict[str, Any]


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


def case_asks(cases: dict[str, str]) -> Iterator[Ask]:
    # Somebody who saw another version moves nothing, and is told so where the case is there.
    order: dict[str, Any] = {"json": {"version": 999, "move": "alert", "facts": {}}}
    route = "/v1/cases/{case_id}"
    for village, number in (*cases.items(), ("", NONE), ("", "no-case")):

        def answered(area: str | None, status: int, village: str = village) -> int:
            return status if village and is_inside(village, area) else 404

        path = f"/v1/cases/{number}"
        yield Ask("GET", path, "read", f"GET {route}", partial(answered, status=200), {})
        notice = f"/v1/cases/notice/{number}"
        yield Ask("GET", notice, "read", "GET /v1/cases/notice/{case_id}", partial(answered, status=409), {})
        yield Ask(
            "POST", f"{path}/moves", "move", f"POST {route}/moves", partial(answered, status=409), order
        )
    for query in ("?limit=100", "?due=overdue", *(f"?area={one}&limit=100" for one in (*VILLAGES, "50"))):
        yield Ask("GET", f"/v1/cases{query}", "read", "GET /v1/cases", lambda _: 200, {})


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
        plan = {**body, "measures": []}
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


def casework_asks(cases: dict[str, str]) -> Iterator[Ask]:
    """Visits, plans and corrections. What is sent twice is there once, whoever sends it."""
    route = "/v1/households/{household_id}/visits"
    for number, one in enumerate(one for one in HOUSEHOLDS if one.key.endswith("-old")):

        def found(area: str | None, one: world.Household = one) -> int:
            return 200 if any(is_inside(village, area) for village in one.villages) else 404

        path = f"/v1/households/{one.key}/visits"
        sent: dict[str, Any] = {"json": {
            "submission_key": f"matrix-{number:012d}", "visited_on": "2024-05-06", "finding": "no_difficulty",
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
        yield Ask("POST", f"{at}/visit", "visit", f"POST {route}/visit", refused, others)
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
    yield Ask("GET", "/corrections", "review", "GET /corrections", lambda _: 200, {})
    approved: dict[str, Any] = {"data": {"review": "approve"}}
    route = "POST /corrections/{correction_id}/review"
    yield Ask("POST", f"/corrections/{NONE}/review", "review", route, lambda _: 404, approved)


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


@pytest.fixture(scope="module")
def service(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Settings]]:
    folder = tmp_path_factory.mktemp("matrix")
    settings = Settings(
        bundle_dir, f"sqlite:///{folder}/s.db", public_origin=ORIGIN, tokens_file=callers.save_rules(folder),
        reveals_per_hour=100_000, lookups_per_hour=100_000,
    )  # fmt: skip
    save_ring(new_ring(Suite.AES_256_GCM), settings.identity_keys_path)
    app = create_app(settings)
    engine = app.state.store.engine
    # Thousands of reads are thousands of commits; whether a disk keeps them is asked elsewhere.
    event.listen(engine, "connect", lambda one, _: one.execute("PRAGMA synchronous=OFF").close())
    engine.dispose()
    with Client(app) as client:
        assert app.state.champion.wait(60)
        yield client, settings


def test_nobody_sees_what_is_not_theirs(service: tuple[Client, Settings]) -> None:
    client, settings = service
    statement = client.post("/v1/scores", json=a_request(a_household("H"))).json()["results"][0]
    jobs = world.stock(client.app, settings, statement)
    cases = world.stock_cases(client.app)
    world.stock_corrections(client.app)
    senders = [*world.make_senders(client.app), *callers.signed_in(client.app), *callers.with_tokens()]
    # Signing out is asked last, everything else as before.
    every_ask = sorted(asks(jobs, cases), key=lambda one: one.path == "/sign-out")
    # A request with a session has no key beside it.
    del client._http.headers["authorization"]
    refusals: dict[str, set[bytes]] = {}
    wrong: list[str] = []
    cells = Counter[str]()
    for sender in senders:
        for ask in every_ask:
            answer = client.request(
                ask.method, ask.path, headers={**callers.OWN_PAGE, **sender.headers}, **ask.more
            )
            wanted = oracle(ask, sender)
            cells[ask.route] += 1
            if answer.status_code != wanted:
                wrong.append(f"{sender.name}: {ask.method} {ask.path} {answer.status_code}, not {wanted}")
            wrong += [f"{sender.name}: {ask.method} {ask.path} shows {one}" for one in leaks(answer, sender)]
            if ask.route == "POST /v1/households/lookup" and answer.status_code == 200:
                wrong += looked_up_wrongly(ask, answer, sender)
            if ask.route == "GET /" and answer.status_code == 200:
                wrong += listed_wrongly(ask.path, answer.text, sender)
            if ask.route == "GET /v1/cases" and answer.status_code == 200:
                wrong += cases_listed_wrongly(ask.path, answer, sender)
            if answer.status_code in {401, 403, 404}:
                kind = "jobs" if "job" in ask.route else ask.route
                key = f"{answer.status_code} {kind if answer.status_code == 404 else ''}"
                if not ("result" in ask.route and answer.json()["code"] == "job_has_no_result"):
                    refusals.setdefault(key, set()).add(answer.content)
    assert wrong == [], "\n".join(one[:600] for one in wrong[:20])
    # Every refusal of a kind is the same to the byte, whatever is or is not behind it.
    assert {key: len(bodies) for key, bodies in refusals.items()} == dict.fromkeys(refusals, 1)
    assert {"401 ", "403 ", "404 jobs"} <= set(refusals)
    kinds = {
        "key": len(world.ROLE_AREAS),
        "session": len(world.ROLE_AREAS) - 1,
        "token": len(world.ROLE_AREAS),
    }
    assert {
        kind: len({one.role for one in senders if one.name.startswith(f"{kind} of")}) for kind in kinds
    } == kinds
    assert cells.total() >= 12_000
    routes = {
        f"{method} {one.path}"
        for one in iter_route_contexts(client.app.routes)
        if isinstance(one.original_route, APIRoute)
        for method in one.methods or ()
    }
    assert len(routes) >= 14
    assert routes - set(cells) == set()
    assert client.app.state.store.audit.verify().faults == ()


def oracle(ask: Ask, sender: Sender) -> int:
    """The status that is right."""
    if ask.kind in {"public", "form"}:
        return ask.expected(None)
    if sender.role is None:
        return 401
    if sender.role not in world.MAY[ask.kind] or (ask.kind in world.FOR_PEOPLE and not sender.is_signed_in):
        return 403
    return ask.expected(sender.area)


def leaks(answer: httpx.Response, sender: Sender) -> set[str]:
    """Marks of places outside the sender's area."""
    inside = {mark(one) for one in (*world.PARENTS, world.COUNTRY) if is_inside(one, sender.area)}
    return set(_MARKS.findall(answer.text + str(answer.headers))) - inside


def looked_up_wrongly(ask: Ask, answer: httpx.Response, sender: Sender) -> list[str]:
    """What a lookup finds and should not, or does not and should."""
    is_known = ask.more["json"]["phone"] == world.PHONE
    wanted = [
        f"H-{village}-current" for village in sorted(VILLAGES) if is_known and is_inside(village, sender.area)
    ]
    found = answer.json()
    return (
        []
        if found == {"household_ids": wanted}
        else [f"{sender.name}: the lookup finds {found}, not {wanted}"]
    )


def cases_listed_wrongly(path: str, answer: httpx.Response, sender: Sender) -> list[str]:
    """Cases that a list shows and should not, or does not and should; its count too."""
    asked = re.search(r"area=(\d+)", path)
    wanted = {
        village
        for village in VILLAGES
        if is_inside(village, sender.area) and (asked is None or is_inside(village, asked[1]))
    }
    told = answer.json()
    # Leads may have opened more than the one that every village has.
    found = {one["area_code"] for one in told["cases"]}
    is_right = found == wanted and told["total"] == len(told["cases"])
    return [] if is_right or "due=" in path else [f"{sender.name}: {path} lists {found}, not {wanted}"]


def listed_wrongly(path: str, page: str, sender: Sender) -> list[str]:
    """What the list shows and should not, or does not and should; its count too."""
    asked = re.search(r"area=(\d+)", path)
    wanted = sorted(
        one.key
        for one in HOUSEHOLDS
        for village in one.villages
        if TODAY in one.dates
        and is_inside(village, sender.area)
        and (asked is None or is_inside(village, asked[1]))
    )
    told = re.search(r"(?:共(\d+)户|(\d+) households)", page)
    count = int(told[1] or told[2]) if told else -1
    shown = [] if "page=2" in path else wanted
    found = sorted(_LINKS.findall(page))
    faults = [] if found == shown else [f"{sender.name}: {path} lists {found}, not {shown}"]
    return faults if count == len(wanted) else [*faults, f"{sender.name}: {path} counts {count}"]
