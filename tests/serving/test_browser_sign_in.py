"""Signing in with a real browser, on a phone: one's own village alone, lockout, idleness, sign-out, no scripts."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import update

from serving.access import Role
from serving.access.passwords import Passwords
from serving.api.score_request import RequestReader
from serving.app import create_app
from serving.console.texts import texts
from serving.settings import Settings
from serving.storage.tables import session as session_table
from tests.serving.clicks import follow
from tests.serving.conftest import VERSION, a_household, a_request
from tests.serving.test_browser import _LOW_CONTRAST, _SMALL_TARGETS, _SMALL_TEXT, browser

__all__ = ["browser"]

pytestmark = pytest.mark.browser

HERE, THERE = "500999100201", "500999100202"
START, CHOSEN = "abcd-efgh-2345", "Visit-them-all-1"
PHONE = {"width": 360, "height": 740}
ZH = texts("zh")


class Service:
    """A running service with keys: two villages with a household each, and people."""

    def __init__(self, app: FastAPI, address: str) -> None:
        self.app = app
        self.address = address

    def add(self, name: str, role: Role = Role.VILLAGE_OFFICIAL, *, is_start: bool = False) -> None:
        store = self.app.state.desk.accounts
        with store.writer.begin() as connection:
            area = HERE if role.sees_households else None
            hashed = Passwords().hash(START if is_start else CHOSEN)
            made = store.add_in(connection, name, role, area, hashed, dt.timedelta(days=9))
            store.change_in(connection, made, is_start_password=int(is_start))

    def make_idle(self) -> None:
        """Let half an hour go by for everybody who is signed in."""
        store = self.app.state.desk.accounts
        with store.writer.begin() as connection:
            long_ago = store.now() - dt.timedelta(minutes=31)
            connection.execute(update(session_table).values(seen_at=long_ago))


@pytest.fixture(scope="module")
def service(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    app = create_app(Settings(bundle_dir, f"sqlite:///{tmp_path_factory.mktemp('people') / 'scores.db'}"))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.05)
        assert app.state.champion.wait(300)
        scorer, store = app.state.champion.scorer(), app.state.store
        households = [a_household("H-HERE", self_paid=30_000), a_household("H-THERE", self_paid=30_000)]
        households[1]["signals"]["household"][0]["village_code"] = THERE
        request = RequestReader(scorer, 1_000).read(a_request(*households))
        bodies = scorer.score(request.households, request.as_of, request.coverage)
        store.save_release(VERSION, "0" * 64, 12)
        store.save(bodies, [household.village_code for household in request.households])
        yield Service(app, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def page(browser: Any, service: Service) -> Iterator[Any]:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, base_url=service.address)
    yield context.new_page()
    context.close()


def sign_in(page: Any, name: str, password: str = CHOSEN) -> None:
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    follow(page, "main button")


def path_of(page: Any) -> str:
    return str(urlsplit(page.url).path)


def test_a_village_official_sees_the_own_village_alone(page: Any, service: Service) -> None:
    service.add("w-first", is_start=True)
    page.goto("/households/H-HERE")
    assert path_of(page) == "/sign-in"
    sign_in(page, "w-first", START)
    assert path_of(page) == "/password"
    assert ZH["password_needed"] in page.inner_text("main")
    page.fill("input[name=former]", START)
    page.fill("input[name=password]", CHOSEN)
    page.fill("input[name=again]", CHOSEN)
    follow(page, "main button")
    assert path_of(page) == "/list"
    page.goto("/")
    assert page.locator(".households li").count() == 1
    follow(page, ".households a")
    assert path_of(page) == "/households/H-HERE"
    assert page.goto("/households/H-THERE").status == 404
    assert ZH["problem_household"] in page.inner_text("main")
    cookies = page.context.cookies()
    assert [(one["name"], one["httpOnly"], one["sameSite"], one["expires"]) for one in cookies] == [
        ("fangfan", True, "Lax", -1)
    ]


def test_five_wrong_passwords_lock(page: Any, service: Service) -> None:
    service.add("w-locked")
    page.goto("/")
    said = set()
    for _ in range(5):
        sign_in(page, "w-locked", "wrong")
        said.add(page.inner_text("[role=alert]"))
    sign_in(page, "w-locked")
    said.add(page.inner_text("[role=alert]"))
    sign_in(page, "nobody-at-all")
    said.add(page.inner_text("[role=alert]"))
    assert len(said) == 1
    assert path_of(page) == "/sign-in"


def test_an_idle_person_signs_in_again_and_is_back_where_they_were(page: Any, service: Service) -> None:
    service.add("w-idle")
    page.goto("/")
    sign_in(page, "w-idle")
    page.goto("/households/H-HERE?lang=en")
    service.make_idle()
    time.sleep(2.1)
    page.reload()
    assert path_of(page) == "/sign-in"
    sign_in(page, "w-idle")
    assert urlsplit(page.url)[2:4] == ("/households/H-HERE", "lang=en")


def test_signing_out_and_going_back_shows_nothing(page: Any, service: Service) -> None:
    service.add("w-out")
    page.goto("/households/H-HERE")
    sign_in(page, "w-out")
    assert path_of(page) == "/households/H-HERE"
    follow(page, "header form button")
    assert path_of(page) == "/sign-in"
    assert page.context.cookies() == []
    page.go_back()
    assert "H-HERE" not in page.inner_text("main")
    assert page.goto("/households/H-HERE").url.startswith(f"{service.address}/sign-in")


def test_a_form_of_another_page_does_nothing(browser: Any, service: Service) -> None:
    service.add("w-forged")
    # Another port is another origin and the same site: the browser sends the cookie along.
    context = browser.new_context(base_url=service.address)
    page = context.new_page()
    page.goto("/")
    sign_in(page, "w-forged")
    trap = "http://127.0.0.1:9/trap"
    body = f'<form method="post" action="{service.address}/sign-out"><button>x</button></form>'
    page.route(trap, lambda route: route.fulfill(content_type="text/html", body=body))
    page.goto(trap)
    assert follow(page, "button").status == 403
    assert ZH["problem_origin"] in page.inner_text("main")
    page.goto(f"{service.address}/")
    assert path_of(page) == "/"
    context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_and_can_be_read(browser: Any, service: Service, scheme: str, language: str) -> None:
    name = f"w-{scheme}-{language}"
    service.add(name)
    context = browser.new_context(viewport=PHONE, color_scheme=scheme, base_url=service.address)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    suffix = "?lang=en" if language == "en" else ""

    def check() -> None:
        wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide[0] <= wide[1] == PHONE["width"]
        for fault in (_SMALL_TEXT, _SMALL_TARGETS, _LOW_CONTRAST, _NOT_ACCESSIBLE):
            assert page.evaluate(fault) == []

    page.goto("/sign-in" + suffix)
    check()
    sign_in(page, name, "wrong")
    check()
    # The browser itself tells of the 401.
    assert [one for one in said if "401" not in one] == []
    said.clear()
    sign_in(page, name)
    for path in ("/", "/password", "/second-factor"):
        page.goto(path + suffix)
        assert page.get_attribute("html", "lang") == texts(language)["language_tag"]
        check()
    assert said == []
    context.close()


# The basics that axe asks: a name for every control, one h1, landmarks, no doubled id, references that exist.
_NOT_ACCESSIBLE = """
(() => {
  const wrong = [], name = e => (e.labels && [...e.labels].map(l => l.textContent).join('').trim())
    || e.getAttribute('aria-label') || (e.tagName !== 'INPUT' && e.textContent.trim());
  for (const e of document.querySelectorAll('input:not([type=hidden]), button, a, select, textarea'))
    if (!name(e)) wrong.push('no name: ' + e.outerHTML.slice(0, 80));
  if (document.querySelectorAll('h1').length !== 1) wrong.push('h1');
  for (const one of ['header', 'main', 'footer', 'nav'])
    if (!document.querySelector(one)) wrong.push('no ' + one);
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  if (new Set(ids).size !== ids.length) wrong.push('doubled id');
  for (const e of document.querySelectorAll('[aria-describedby]'))
    for (const id of e.getAttribute('aria-describedby').split(/\\s+/))
      if (!document.getElementById(id)) wrong.push('no ' + id);
  if (!document.title.trim()) wrong.push('title');
  for (const e of document.querySelectorAll('input[type=password]'))
    if (!e.autocomplete) wrong.push('autocomplete');
  return wrong;
})()
"""
