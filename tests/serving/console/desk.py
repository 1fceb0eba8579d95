"""Browsers that people of the office are signed in with, and what tests of pages do with one."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.serving.clicks import follow
from tests.serving.console.office import PASSWORD, Office

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
IMAGES = Path(__file__).parents[3] / "docs" / "images"
WRITES_IMAGES = os.environ.get("FANGFAN_DOCS_IMAGES") == "1"
"""With it the screenshots of the documentation are made anew."""


class Desk:
    """Browsers that somebody is signed in with, each person once."""

    def __init__(self, browser: Any, office: Office) -> None:
        self.browser = browser
        self.office = office
        self._cookies: dict[str, Any] = {}

    def page(self, who: str, **more: Any) -> Any:
        given = {"viewport": PHONE, "base_url": self.office.address, **more}
        context = self.browser.new_context(**given)
        if who in self._cookies:
            context.add_cookies(self._cookies[who])
            return context.new_page()
        page = context.new_page()
        page.goto("/sign-in")
        sign_in(page, who)
        self._cookies[who] = context.cookies()
        return page


def sign_in(page: Any, who: str) -> None:
    page.fill("input[name=name]", who)
    page.fill("input[name=password]", PASSWORD)
    follow(page, "main button")


def picture(page: Any, name: str) -> None:
    if WRITES_IMAGES:
        IMAGES.mkdir(exist_ok=True)
        page.screenshot(path=str(IMAGES / f"{name}.png"), clip={"x": 0, "y": 0, **page.viewport_size})


def path_of(page: Any) -> str:
    return str(urlsplit(page.url).path)


def axe() -> Callable[[Any], list[str]]:
    """What asks axe-core for violations of WCAG 2.2 A and AA; nothing where it is not installed."""
    pytest.importorskip("axe_playwright_python", reason="axe-core is not installed: pip install .[test]")
    script = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]

    def check(page: Any) -> list[str]:
        page.evaluate(script)
        found = page.evaluate("(tags) => axe.run(document, {runOnly: tags})", tags)
        return [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]

    return check


def fill_visit(page: Any, finding: str, cause: str | None = None) -> None:
    page.check(f"input[name=finding][value={finding}]", force=True)
    if cause:
        page.select_option("select[name=cause]", cause)
