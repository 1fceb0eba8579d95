"""Clicks that lead to another page."""

from __future__ import annotations

from typing import Any


def follow(page: Any, what: Any) -> Any:
    """Click what leads to another page, and wait until that page is there; its response.

    A click alone does not wait: what is read after it may still be the page before, which on a
    busy machine fails, and with the same address or the same words passes without having looked.
    """
    with page.expect_navigation() as moved:
        if isinstance(what, str):
            page.click(what)
        else:
            what.click()
    return moved.value
