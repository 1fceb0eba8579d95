"""The pages in a real browser: on a phone and on a desk, in both languages, light and dark."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn

from serving.access.local import Access
from serving.api.documentation import example_request
from serving.api.score_request import RequestReader
from serving.app import create_app
from serving.settings import Settings
from tests.serving.clicks import follow
from tests.serving.conftest import VERSION, a_household, a_request

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running service with stored households."""
    database = tmp_path_factory.mktemp("browser") / "scores.db"
    app = create_app(Settings(bundle_dir, f"sqlite:///{database}", access=Access.OPEN))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.05)
        assert app.state.champion.wait(300)
        scorer, store = app.state.champion.scorer(), app.state.store
        document = example_request()
        document["households"] += [a_household(f"H{n:02}", self_paid=900.0 * n) for n in range(60)]
        silent = a_request(a_household("SILENT"), silent=("illness", "income"))
        store.save_release(VERSION, "0" * 64, 12)
        for one in (document, silent):
            request = RequestReader(scorer, 1_000).read(one)
            bodies = scorer.score(request.households, request.as_of, request.coverage)
            store.save(bodies, [household.village_code for household in request.households])
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def open_browser(*more: str) -> Iterator[Any]:
    """The browser, with further flags."""
    if not CHROMIUM.is_file():
        pytest.skip(f"there is no browser at {CHROMIUM}: apt install chromium fonts-noto-cjk")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS, *more])
        yield started
        started.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as started:
        yield started


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(360, 740, "light"), (360, 740, "dark"), (1280, 800, "light")]
)
def test_pages_fit_ask_nobody_else_and_raise_no_error(
    browser: Any, address: str, width: int, height: int, scheme: str, language: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    suffix = "?lang=en" if language == "en" else ""
    for path in ("/", "/households/EXAMPLE-0001", "/households/SILENT", "/households/H00"):
        page.goto(address + path + suffix)
        wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide[0] <= wide[1] == width
        assert page.evaluate(_SMALL_TEXT) == []
        assert page.evaluate(_SMALL_TARGETS) == []
        assert page.evaluate(_LOW_CONTRAST) == []
        assert page.evaluate("document.styleSheets[0].cssRules.length") > 20
    assert said == []
    assert hosts == {urlsplit(address).netloc}
    context.close()


def test_a_person_gets_from_the_list_to_a_household_and_to_the_other_language(
    browser: Any, address: str
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.fill("input[name=find]", "EXAMPLE-0001")
    follow(page, "button")
    assert urlsplit(page.url).path == "/households/EXAMPLE-0001"
    assert "建议入户核实" in page.inner_text("main")
    follow(page, "header a[lang=en]")
    assert "A household visit is suggested" in page.inner_text("main")
    follow(page, ".back a")
    follow(page, "a[rel=next]")
    follow(page, ".households a")
    assert urlsplit(page.url).query == "lang=en"
    context.close()


_SMALL_TEXT = """
[...document.querySelectorAll('main *, footer *')]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  .filter(e => parseFloat(getComputedStyle(e).fontSize) < 16).map(e => e.outerHTML.slice(0, 80))
"""
_SMALL_TARGETS = """
[...document.querySelectorAll('a:not(.skip), button, input:not([type=hidden])')]
  .filter(e => e.getBoundingClientRect().height < 43.9).map(e => e.outerHTML.slice(0, 80))
"""
# WCAG 2.2, 1.4.3: contrast of at least 4.5 between a text and the first painted background behind it.
_LOW_CONTRAST = """
(() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
  const lum = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126*r + 0.7152*g + 0.0722*b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c[3] > 0) return c; } return [255, 255, 255, 1]; };
  return [...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(e => { const a = lum(parse(getComputedStyle(e).color)), b = lum(behind(e));
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 80)]; })
    .filter(([ratio]) => ratio < 4.5);
})()
"""
