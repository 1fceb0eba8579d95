"""What the service writes into the release log is read in both languages; a person's words as typed."""

from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path

import pytest

from scoring.texts import LANGUAGES
from serving.access import Role
from serving.app import create_app
from serving.champion import LOAD_FAILED, OFF
from serving.console.texts import texts
from serving.models.desk import ModelDesk
from serving.models.own_words import REGISTRY_CHAMPION, SERVICE, why_texts
from serving.models.registry import BUNDLE_REFUSED, FAILED, SILENT
from tests.serving.conftest import Client
from tests.serving.models.desks import FIRST, SECOND, settings_in


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ("模型登记库中的首选版本", "系统自动")),
        ("en", ("the registry's champion", "the service itself")),
    ],
)
def test_reasons_of_the_service_are_told_in_words(
    desk: ModelDesk, tmp_path: Path, language: str, words: tuple[str, str]
) -> None:
    replace(desk, by=SERVICE).use(FIRST, REGISTRY_CHAMPION)
    desk.use(SECOND, "王主任 said so")
    app = create_app(settings_in(tmp_path))
    app.state.champion.tell_registry(SILENT)
    with Client(app) as client:
        auditor = client.make_key(Role.AUDITOR, None)
        query, headers = "?lang=en" if language == "en" else "", {**auditor, "Accept": "text/html"}
        page = html.unescape(client.get(f"/releases{query}", headers=headers).text)
        told = client.get("/v1/models", headers=auditor).json()["releases"]
    assert all(f">{one}<" in page for one in (*words, "王主任 said so", "tester"))
    assert texts(language)[f"concern_{SILENT}"] in page
    assert not [code for code in (REGISTRY_CHAMPION, SILENT) if code in page]
    assert [(one["why"], one["why_text"]) for one in told] == [
        ("王主任 said so", None), (REGISTRY_CHAMPION, why_texts(REGISTRY_CHAMPION)),
    ]  # fmt: skip


@pytest.mark.parametrize("code", [OFF, LOAD_FAILED, SILENT, FAILED, BUNDLE_REFUSED])
def test_every_concern_has_words(code: str) -> None:
    assert all(f"concern_{code}" in texts(language) for language in LANGUAGES)
