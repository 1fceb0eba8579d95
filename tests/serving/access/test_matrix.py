"""Every route × every caller × every place and state: what is answered, and that nothing else shows.

The oracle is `world`: places by their parents and a table of what a role may. It shares no line with the code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from serving.app import create_app
from serving.identity.keyring import new_ring, save_ring
from serving.identity.suites import Suite
from serving.settings import Settings
from tests.serving.access import callers, world
from tests.serving.access.ask import Ask
from tests.serving.access.asks import asks
from tests.serving.access.people import ORIGIN
from tests.serving.access.wire import Answer, Written
from tests.serving.access.world import HOUSEHOLDS, TODAY, VILLAGES, Sender, is_inside, mark
from tests.serving.conftest import Client, a_household, a_request

_MARKS = re.compile(r"MARK-[0-9*]+-")
_LINKS = re.compile(r'href="/households/([^"?]+)')


@pytest.fixture(scope="module")
def service(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Settings]]:
    folder = tmp_path_factory.mktemp("matrix")
    settings = Settings(
        bundle_dir, f"sqlite:///{folder}/s.db", public_origin=ORIGIN, tokens_file=callers.save_rules(folder),
        reveals_per_hour=100_000, lookups_per_hour=100_000,
    )  # fmt: skip
    save_ring(new_ring(Suite.AES_256_GCM), settings.identity_keys_path)
    app = create_app(settings)
    with Client(app) as client:
        assert app.state.champion.wait(300)
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
    written = [(ask, Written(ask.method, ask.path, ask.more)) for ask in every_ask]
    refusals: dict[str, set[bytes]] = {}
    wrong: list[str] = []
    cells = Counter[str]()
    for sender in senders:
        for ask, request in written:
            answer = client.run(request.ask(client.app, {**callers.OWN_PAGE, **sender.headers}))
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


def leaks(answer: Answer, sender: Sender) -> set[str]:
    """Marks of places outside the sender's area."""
    inside = {mark(one) for one in (*world.PARENTS, world.COUNTRY) if is_inside(one, sender.area)}
    return set(_MARKS.findall(answer.text + str(answer.headers))) - inside


def looked_up_wrongly(ask: Ask, answer: Answer, sender: Sender) -> list[str]:
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


def cases_listed_wrongly(path: str, answer: Answer, sender: Sender) -> list[str]:
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
