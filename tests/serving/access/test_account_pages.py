"""The pages of signing in, in this process: where one is sent, what is told, and what is never told."""

from __future__ import annotations

import datetime as dt
import html
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scoring.texts import LANGUAGES
from serving.access import Role
from serving.access.address_limit import MOST_FAILURES, AddressLimit
from serving.access.local import Access
from serving.app import create_app
from serving.console.account import own_address
from serving.console.texts import texts
from serving.logs import JsonLines
from serving.settings import Settings
from tests.serving.access.people import ORIGIN, OTHER, RIGHT, VILLAGE, CheapPasswords
from tests.serving.conftest import Client

NAME = "w100"


class Person:
    """A browser: it keeps the cookie and says where its requests come from."""

    def __init__(self, client: Client, language: str = "zh") -> None:
        self.client = client
        self.cookie = ""
        self.suffix = "?lang=en" if language == "en" else ""

    def headers(self) -> dict[str, str]:
        cookie = {"Cookie": self.cookie} if self.cookie else {}
        return {"Authorization": "", "Accept": "text/html", **cookie}

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path, headers=self.headers())

    def post(self, path: str, origin: str | None = ORIGIN, **fields: str) -> httpx.Response:
        said = {"Origin": origin, "Sec-Fetch-Site": "same-origin"} if origin else {}
        answer = self.client.post(path + self.suffix, headers={**self.headers(), **said}, data=fields)
        given = answer.headers.get("set-cookie")
        if given:
            self.cookie = "" if "Max-Age=0" in given else given.partition(";")[0]
        return answer

    def sign_in(
        self, password: str = RIGHT, name: str = NAME, code: str = "", to: str = ""
    ) -> httpx.Response:
        return self.post("/sign-in", name=name, password=password, code=code, next=to)


def add(
    client: Client, name: str = NAME, role: Role = Role.VILLAGE_OFFICIAL, *, is_start: bool = False
) -> None:
    store = client.app.state.desk.accounts
    with store.writer.begin() as connection:
        area = VILLAGE if role.sees_households else None
        hashed = CheapPasswords().hash(RIGHT)
        made = store.add_in(connection, name, role, area, hashed, dt.timedelta(days=9))
        store.change_in(connection, made, is_start_password=int(is_start))


@pytest.fixture(scope="module")
def service(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    database = f"sqlite:///{tmp_path_factory.mktemp('pages')}/s.db"
    settings = Settings(bundle_dir, database, public_origin=ORIGIN, second_factor_roles=(Role.ACCOUNTS,))
    with Client(create_app(settings)) as made:
        assert made.app.state.champion.wait(300)
        made.app.state.desk._failure_seconds = 0
        made.app.state.desk._passwords = CheapPasswords()
        yield made


@pytest.fixture
def client(service: Client) -> Client:
    """The service without anybody."""
    desk = service.app.state.desk
    desk._limit = AddressLimit()
    with desk.accounts.writer.begin() as connection:
        for one in desk.accounts.list():
            desk.accounts.remove_in(connection, one)
    return service


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_browser_is_sent_to_sign_in_and_back_to_its_page(client: Client, language: str) -> None:
    add(client)
    person = Person(client, language)
    sent = person.get("/households/H1" + person.suffix)
    assert sent.status_code == 303
    form = person.get(sent.headers["location"])
    assert form.status_code == 200
    assert texts(language)["sign_in_title"] in form.text
    hidden = re.search(r'name="next" value="([^"]*)"', form.text)
    assert hidden
    answer = person.sign_in(to=html.unescape(hidden[1]))
    assert (answer.status_code, answer.headers["location"]) == (303, "/households/H1" + person.suffix)
    assert "; HttpOnly; Path=/; SameSite=lax; Secure" in answer.headers["set-cookie"]
    # There is no such household, and now it is said on a page of somebody who is signed in.
    page = person.get(answer.headers["location"])
    assert page.status_code == 404
    assert NAME in page.text
    assert texts(language)["problem_household"] in page.text


def test_a_program_is_told_and_not_sent(client: Client) -> None:
    for headers in (
        {"Accept": "text/html", "Authorization": "Bearer x"},
        {"Accept": "*/*", "Authorization": ""},
    ):
        assert client.get("/", headers=headers).status_code == 401
    for path in ("/v1/model", "/v1/households/H1"):
        answer = client.get(path, headers={"Accept": "text/html", "Authorization": ""})
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_failure_says_nothing_of_its_reason(client: Client, language: str) -> None:
    add(client)
    add(client, "w200")
    pages = []
    for name, password in (
        ("nobody-of-that-name", RIGHT),
        (NAME, "wrong"),
        *[("w200", "x")] * 5,
        ("w200", RIGHT),
    ):
        answer = Person(client, language).sign_in(password, name)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        pages.append(answer.text)
    assert len(set(pages)) == 1
    assert 'role="alert"' in pages[0]
    assert not [one for one in (NAME, "nobody-of-that-name", RIGHT, "wrong") if f'value="{one}"' in pages[0]]
    signed = Person(client, language)
    assert signed.sign_in().status_code == 303


def test_the_start_password_is_changed_first(client: Client) -> None:
    add(client, is_start=True)
    person = Person(client)
    assert person.sign_in().status_code == 303
    for path in ("/", "/households/H1", "/second-factor"):
        assert person.get(path).headers["location"] == "/password"
    answer = client.get("/v1/measures", headers={"Authorization": "", "Cookie": person.cookie})
    assert (answer.status_code, answer.json()["code"]) == (403, "password_change_needed")
    page = person.get("/password")
    assert texts("zh")["password_needed"] in page.text
    for former, new, again, said in (
        (RIGHT, OTHER, OTHER + "x", "password_repeated"), ("wrong", OTHER, OTHER, "password_former"),
        (RIGHT, "Short-1", "Short-1", "password_short"), (RIGHT, RIGHT, RIGHT, "password_same"),
    ):  # fmt: skip
        answer = person.post("/password", former=former, password=new, again=again)
        assert answer.status_code == 422
        assert texts("zh")[said].partition("{")[0] in answer.text
        assert new not in answer.text
    former_cookie = person.cookie
    answer = person.post("/password", former=RIGHT, password=OTHER, again=OTHER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/list")
    assert person.cookie != former_cookie
    assert person.get("/").status_code == 200
    old = Person(client)
    old.cookie = former_cookie
    assert old.get("/").status_code == 303


def test_who_sees_no_household_has_an_account_page(client: Client) -> None:
    add(client, "adm-1", Role.AUDITOR)
    person = Person(client)
    assert person.sign_in(name="adm-1").headers["location"] == "/audit"
    page = person.get("/password")
    assert texts("zh")["role_auditor"] in page.text
    assert f">{texts('zh')['list_title']}<" not in page.text
    for path in ("/", "/households/H1"):
        answer = person.get(path)
        assert answer.status_code == 403
        assert "adm-1" in answer.text
        assert texts("zh")["problem_role"] in answer.text


def test_a_role_that_needs_a_second_factor_sets_it_up(client: Client) -> None:
    from serving.access.second_factor import Totp

    add(client, "adm-2", Role.ACCOUNTS)
    person = Person(client)
    person.sign_in(name="adm-2")
    answer = client.get("/v1/measures", headers={"Authorization": "", "Cookie": person.cookie})
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")
    assert person.get("/").status_code == 403
    page = person.get("/second-factor")
    offer = re.search(r'name="offer" value="([^"]+)"', page.text)
    assert offer
    secret = client.app.state.desk._sealer.open(offer[1], person_id(client))
    assert Totp().shown(secret) in page.text
    wrong = person.post("/second-factor", offer=offer[1], code="000000")
    assert wrong.status_code == 422
    assert Totp().shown(secret) in wrong.text
    now = dt.datetime.now(dt.UTC).timestamp()
    code = Totp()._codes(secret).generate(now).decode()
    assert person.post("/second-factor", offer=offer[1], code=code).status_code == 303
    assert (
        client.get("/v1/measures", headers={"Authorization": "", "Cookie": person.cookie}).status_code == 200
    )
    assert Totp().shown(secret) not in person.get("/second-factor").text
    later = Person(client)
    assert later.sign_in(name="adm-2").status_code == 401
    assert later.sign_in(name="adm-2", code=code).status_code == 401
    assert (
        later.sign_in(name="adm-2", code=Totp()._codes(secret).generate(now + 30).decode()).status_code == 303
    )


def person_id(client: Client) -> str:
    found: str = client.app.state.desk.accounts.list()[0].id
    return found


@pytest.mark.parametrize("origin", [None, "null", "https://evil.test", "http://service.test"])
def test_other_pages_change_nothing(client: Client, origin: str | None) -> None:
    add(client)
    foreign = Person(client)
    for language in LANGUAGES:
        answer = foreign.post(
            f"/sign-in?lang={language}", origin, name=NAME, password=RIGHT, code="", next=""
        )
        assert answer.status_code == 403
        assert texts(language)["problem_origin"] in answer.text
    person = Person(client)
    person.sign_in()
    for path, fields in (
        ("/sign-out", {}), ("/password", {"former": RIGHT, "password": OTHER, "again": OTHER}), ("/invocations", {}),
    ):  # fmt: skip
        assert person.post(path, origin, **fields).status_code == 403
    assert person.get("/").status_code == 200
    # A key is sent by no browser by itself.
    assert client.post("/v1/jobs", headers={"Origin": origin or "", **client.headers}).status_code == 415


def test_signing_out_ends_the_session_for_good(client: Client) -> None:
    add(client)
    person = Person(client)
    person.sign_in()
    assert person.get("/").status_code == 200
    former = person.cookie
    answer = person.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert person.cookie == ""
    person.cookie = former
    assert person.get("/").status_code == 303
    assert person.post("/sign-out").headers["location"] == "/sign-in"


def test_a_key_beside_a_session_is_all_that_counts(client: Client) -> None:
    add(client)
    person = Person(client)
    person.sign_in()
    for shown, status in (
        ("Bearer ff_000000000000_" + "a" * 43, 401),
        (client.headers["Authorization"], 403),
    ):
        headers = {"Authorization": shown, "Cookie": person.cookie}
        assert client.get("/password", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"name=a&password=b&code=", "application/x-www-form-urlencoded", 422),
        (b"name=a&password=b&code=&next=&name=c", "application/x-www-form-urlencoded", 422),
        (b"name=a%00&password=b&code=&next=", "application/x-www-form-urlencoded", 422),
        (b"name=%ff&password=b&code=&next=", "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400), (b"a&" * 50, "application/x-www-form-urlencoded", 400),
        (b"a" * 9_000, "application/x-www-form-urlencoded", 413), (b"{}", "application/json", 415),
        (b"", "multipart/form-data", 415), (b"", "", 415),
    ],
)  # fmt: skip
def test_forms_that_are_none(client: Client, content: bytes, media: str, status: int) -> None:
    headers = {"Origin": ORIGIN, "Content-Type": media, "Authorization": ""}
    assert client.post("/sign-in", headers=headers, content=content).status_code == status


def test_too_many_failures_of_an_address(client: Client) -> None:
    add(client)
    person = Person(client)
    answers = [person.sign_in("wrong", f"nobody-{n}") for n in range(MOST_FAILURES + 1)]
    assert [one.status_code for one in answers] == [401] * MOST_FAILURES + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert texts("zh")["problem_too_many_sign_ins"] in answers[-1].text


def test_nothing_secret_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    add(client)
    person = Person(client)
    with caplog.at_level(logging.DEBUG):
        person.sign_in("their-Secret-1", "somebody-real", "123456")
        person.sign_in()
        person.get("/")
        token = person.cookie.partition("=")[2]
        person.post("/sign-out")
    lines = "".join(JsonLines().format(one) for one in caplog.records)
    logged = json.dumps([one.as_json() for one in client.app.state.store.audit.search()])
    secrets = ("their-Secret-1", "somebody-real", "123456", RIGHT, token, NAME)
    assert not [one for one in secrets if one in lines + logged]
    assert len(token) == 43


def test_with_open_access_nobody_signs_in(bundle_dir: Path, tmp_path: Path) -> None:
    settings = Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db", access=Access.OPEN)
    with Client(create_app(settings)) as client:
        assert client.app.state.champion.wait(300)
        local = {"Authorization": "", "Host": "127.0.0.1", "Accept": "text/html"}
        assert client.get("/sign-in", headers=local).headers["location"] == "/"
        assert client.post("/sign-in", headers=local).headers["location"] == "/"
        assert client.get("/password", headers=local).status_code == 403


def test_without_an_origin_only_this_machine_signs_in(bundle_dir: Path, tmp_path: Path) -> None:
    with Client(create_app(Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db"))) as client:
        assert client.app.state.champion.wait(300)
        add(client)
        fields = {"name": NAME, "password": RIGHT, "code": "", "next": ""}
        headers = {"Authorization": "", "Accept": "text/html", "Origin": "https://service.test"}
        answer = client.post("/sign-in", headers=headers, data=fields)
        assert answer.status_code == 403
        assert "FANGFAN_PUBLIC_ORIGIN" in answer.text
        local = {**headers, "Host": "127.0.0.1:8000", "Origin": "http://127.0.0.1:8000"}
        answer = client.post("/sign-in", headers=local, data=fields)
        assert answer.status_code == 303
        assert answer.headers["set-cookie"].startswith("fangfan=")


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.test", "https://evil.test", "/\\evil.test", "\\\\evil.test", "/%5cevil.test", "/\tevil", "/\n/evil.test",
        "javascript:alert(1)", "/x/../../", "///", "/households//evil", "evil.test", "@evil.test", "/@evil.test",
        "/sign-out", "/sign-in", "/" + "a" * 600, "/?x=%ff", "http:evil.test", "/;@evil", "?lang=en", "/。evil.test",
    ],
)  # fmt: skip
def test_nobody_is_sent_elsewhere(wanted: str) -> None:
    made = own_address(wanted)
    assert made == "/" or (made.startswith("/") and not made.startswith("//"))
    assert urlsplit(urljoin("https://service.test/sign-in", made)).netloc == "service.test"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
@example("/households/H1?lang=en")
def test_no_text_leads_elsewhere(wanted: str) -> None:
    for text in (wanted, "/" + wanted, "//" + wanted, "/\\" + wanted):
        made = own_address(text)
        assert urlsplit(urljoin("https://service.test/sign-in", made)).netloc == "service.test"
        assert re.fullmatch(r"/[!-~]*", made)
        assert "\\" not in made
        assert not made.startswith("//")
    assert own_address("/households/H1?lang=en") == "/households/H1?lang=en"
