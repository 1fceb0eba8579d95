"""The workers share the files out as `tests.shares` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.shares import Shares


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shares | None:
    # Imported here: only this hook needs xdist.
    from tests.shares import Shares

    return Shares(config, log) if config.getvalue("dist") == "loadfile" else None
