"""What the API offers to do with a case is what the household's page offers, in every county; over HTTP."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from sqlalchemy import update

from serving.access import Role
from serving.api.case_answers import WholeCaseAnswer
from serving.app import create_app
from serving.cases.case import Case
from serving.cases.clocks import china_day
from serving.cases.state import OPEN, CaseState
from serving.console.texts import texts
from serving.settings import Settings
from serving.storage.case_tables import case_file
from serving.storage.cases import CaseStore
from tests.serving.access.callers import person
from tests.serving.access.people import ORIGIN
from tests.serving.casework.county import visit_document
from tests.serving.conftest import Client

V, T, C, H = Role.VILLAGE_OFFICIAL, Role.TOWNSHIP_OFFICIAL, Role.COUNTY_OFFICIAL, Role.HELPER
VILLAGES = ("500230100201", "500119100201", "500237100201", "500229100201")
ZH = texts("zh")
_FORM = re.compile(r'name="move" value="(\w+)"')
_WAITING = re.compile(r"<summary>([^<]+)</summary>\s*<div class=\"missing\">")


class Service:
    """A running service, people of four counties, and their cases."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.store = CaseStore(client.app.state.store.engine, client.app.state.store.audit)
        self.people = {
            (role, village): person(client.app, role, village[:length])
            for village in VILLAGES
            for role, length in ((C, 6), (T, 9), (V, 12), (H, 12))
        }
        self.numbers = count()

    @property
    def today(self) -> dt.date:
        return china_day(dt.datetime.now(dt.UTC))

    def open(self, village: str, household_id: str | None = None) -> Case:
        with self.store.writer.begin() as connection:
            return self.store.open_in(
                connection, household_id=household_id or f"H-{next(self.numbers)}", village_code=village,
                opened_on=self.today, grade=1, theme="illness", is_hard=True, disagreement=None, causes=["01"],
            )  # fmt: skip

    def put(self, case: Case, **values: Any) -> None:
        """Let a case stand as months of casework would have left it."""
        with self.store.writer.begin() as connection:
            connection.execute(update(case_file).where(case_file.c.id == case.id).values(**values))

    def visit(self, case: Case, **found: Any) -> None:
        path = f"/v1/households/{case.household_id}/visits"
        who = self.people[V, case.village_code]
        answer = self.client.post(path, json=visit_document(self.today, **found), headers=who)
        assert answer.status_code == 200, answer.text

    def move(self, case: Case, role: Role, name: str, **facts: Any) -> None:
        version = self.told(case, role).case.version
        body = {"version": version, "move": name, "facts": facts}
        path, who = f"/v1/cases/{case.id}/moves", self.people[role, case.village_code]
        answer = self.client.post(path, json=body, headers=who)
        assert answer.status_code == 201, answer.text

    def told(self, case: Case, role: Role) -> WholeCaseAnswer:
        answer = self.client.get(f"/v1/cases/{case.id}", headers=self.people[role, case.village_code])
        return WholeCaseAnswer.model_validate(answer.json())

    def page(self, path: str, role: Role, village: str) -> str:
        answer = self.client.get(path, headers={**self.people[role, village], "Accept": "text/html"})
        assert answer.status_code == 200
        return answer.text

    def mine(self, case: Case) -> list[Role]:
        """Who of those with a list of their own has the case there as theirs to do."""
        return [
            role
            for role in (H, V, T)
            if case.household_id in self.page("/list?due=mine", role, case.village_code)
        ]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("offers")
    settings = Settings(folder / "no-bundle", f"sqlite:///{folder}/s.db", public_origin=ORIGIN)
    with Client(create_app(settings)) as client:
        del client._http.headers["authorization"]
        yield Service(client)


@pytest.mark.parametrize("village", VILLAGES)
def test_from_a_visit_without_difficulty_to_the_exclusion(service: Service, village: str) -> None:
    case = service.open(village)
    service.move(case, T, "alert")
    assert service.mine(case) == [V]
    service.visit(case)
    service.move(case, V, "verify", visited_on=service.today.isoformat())
    assert service.mine(case) == [T]
    # The village still has it on its list, and is told there whose turn it is.
    (card,) = (one for one in service.page("/list", V, village).split("<li>") if case.household_id in one)
    assert "乡镇干部" in card
    first = service.told(case, T).moves[0]
    assert (first.move, first.hindrances) == ("exclude", [])
    assert "exclude" not in {one.move for one in service.told(case, V).moves}
    service.move(case, T, "exclude", reason="no_difficulty")
    assert service.mine(case) == []


FOUND: list[dict[str, Any] | None] = [
    None, {}, {"finding": "difficulty", "causes": ["01"]}, {"guarantees": {"water": "no"}}, {"finding": "not_met"},
]  # fmt: skip


@pytest.mark.parametrize("state", sorted(OPEN))
@pytest.mark.parametrize("found", FOUND)
def test_page_and_api_offer_the_same(
    service: Service, state: CaseState, found: dict[str, Any] | None
) -> None:
    case = service.open(VILLAGES[1])
    is_identified = state in {CaseState.HELPING, CaseState.FOLLOWING}
    ends = service.today + dt.timedelta(days=2) if state is CaseState.REVIEWING else None
    ran = service.today - dt.timedelta(days=1) if state is CaseState.APPROVING else None
    service.put(
        case, state=state.value, notice_ends_on=ends or ran,
        identified_on=service.today if is_identified else None,
    )  # fmt: skip
    if found is not None:
        service.visit(case, **found)
    for role in (H, V, T, C):
        page = service.page(f"/households/{case.household_id}", role, case.village_code)
        moves = service.told(case, role).moves
        assert _FORM.findall(page) == [one.move for one in moves if not one.hindrances]
        assert _WAITING.findall(page) == [one.text.zh for one in moves if one.hindrances]
        forms = {_FORM.findall(one)[0]: one for one in page.split("facts-asked")[1:]}
        for one in (each for each in moves if not each.hindrances):
            for fact in one.facts:
                options = re.search(rf'name="fact.{fact.name}"[^>]*>(.*?)</select>', forms[one.move])
                if options:
                    assert re.findall(r'<option value="(\w+)"', options[1]) == list(fact.codes or ())
    if state is CaseState.FOLLOWING:
        (resolve,) = (one for one in service.told(case, C).moves if one.move == "resolve")
        assert "identified_too_lately" in {one.code for one in resolve.hindrances}


def test_who_was_identified_before_is_not_offered_to_be_identified(service: Service) -> None:
    village = VILLAGES[0]
    before = service.open(village)
    service.put(before, state="resolved", closed_on=service.today, closed_as="resolved", due_on=None)
    case = service.open(village, before.household_id)
    ran = service.today - dt.timedelta(days=1)
    service.put(case, state="approving", notice_ends_on=ran)
    told = {one.move: one for one in service.told(case, C).moves}
    (why,) = told["approve"].hindrances
    assert (why.code, "relapse" in why.way_out) == ("relapse_instead", True)
    page = service.page(f"/households/{case.household_id}", C, village)
    # In its place the relapse is offered, and the page says so.
    assert _FORM.findall(page) == ["relapse", "send_back", "exclude"]
    assert ZH["fault_relapse_instead"] in page
    body = {"version": told and service.told(case, C).case.version, "move": "approve", "facts": {
        "object_type": "marginal", "causes": ["01"], "is_without_labour": False,
    }}  # fmt: skip
    refused = service.client.post(f"/v1/cases/{case.id}/moves", json=body, headers=service.people[C, village])
    assert [one["code"] for one in refused.json()["errors"]] == ["relapse_instead"]
