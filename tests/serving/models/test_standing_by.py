"""The model that a rollback goes to: held ready by every process, and no third one beside it."""

from __future__ import annotations

import gc
import shutil
import weakref
from pathlib import Path

import pytest

from scoring.bundle import Bundle, read_files
from serving import champion as module
from serving.champion import Champion
from serving.models.desk import ModelDesk
from serving.models.service_models import ServiceModels
from serving.scorer import Scorer
from serving.storage.releases import Pick
from tests.serving.models.desks import FIRST, SECOND, WHO, take_in
from tests.serving.models.poisons import rehash

THIRD = "test-3"


def no_reading(_: ServiceModels, pick: Pick) -> Bundle:
    raise AssertionError(f"{pick.version} is read")


@pytest.mark.parametrize("is_started_anew", [False, True])
def test_a_rollback_takes_the_former_model_from_memory(
    desk: ModelDesk, monkeypatch: pytest.MonkeyPatch, is_started_anew: bool
) -> None:
    desk.use(FIRST, "first")
    champion = Champion(desk.models)
    champion.look()
    desk.use(SECOND, "second")
    if is_started_anew:
        champion = Champion(desk.models)
    champion.look()
    assert champion.version == SECOND
    champion.stand_by()
    desk.rollback("too many alarms")
    monkeypatch.setattr(ServiceModels, "load", no_reading)
    champion.look()
    assert (champion.version, champion.concerns()) == (FIRST, [])
    assert champion.scorer().model_version == FIRST


def test_a_service_holds_it_without_being_asked(desk: ModelDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.use(FIRST, "first")
    desk.use(SECOND, "second")
    champion = Champion(desk.models)
    loaded: list[str | None] = []
    champion.after_loading = lambda: loaded.append(champion.version)
    looked, rounds = champion.look, [0]

    def look() -> None:
        looked()
        rounds[0] += 1
        if rounds[0] == 2:
            champion.stop()

    monkeypatch.setattr(champion, "look", look)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    champion._follow()
    # The one in service answers before the other is loaded.
    assert loaded == [None, SECOND]
    assert champion.version == SECOND


def test_one_that_cannot_be_loaded_is_tried_once_and_is_no_concern_yet(
    desk: ModelDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.use(FIRST, "first")
    desk.use(SECOND, "second")
    line = desk.store.path(FIRST) / "line.json"
    line.chmod(0o644)
    sound = line.read_bytes()
    line.write_bytes(b"{}")
    asked: list[str] = []
    load = ServiceModels.load

    def asking(models: ServiceModels, pick: Pick) -> Bundle:
        asked.append(pick.version)
        return load(models, pick)

    monkeypatch.setattr(ServiceModels, "load", asking)
    clock = [0.0]
    champion = Champion(desk.models, now=lambda: clock[0])
    for clock[0] in (0.0, 1.0, 60.0, 120.0):
        champion.look()
        champion.stand_by()
        assert (champion.version, champion.concerns()) == (SECOND, [])
    assert asked == [SECOND, FIRST]
    line.write_bytes(sound)
    desk.rollback("as it was")
    champion.look()
    assert (champion.version, champion.concerns()) == (FIRST, [])


def test_two_models_are_in_memory_at_the_most(
    desk: ModelDesk, tmp_path: Path, second_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(second_dir, tmp_path / "third")
    rehash(tmp_path / "third", version=THIRD)
    picks = [Pick(one, read_files(desk.store.path(one)).sha256) for one in (FIRST, SECOND)]
    picks.append(take_in(desk, tmp_path / "third"))
    alive: weakref.WeakSet[Scorer] = weakref.WeakSet()

    class Counted(Scorer):
        def __init__(self, bundle: Bundle) -> None:
            super().__init__(bundle)
            alive.add(self)

    monkeypatch.setattr(module, "Scorer", Counted)
    champion = Champion(desk.models)
    most: list[int] = []

    def count() -> None:
        gc.collect()
        most.append(len(alive))

    champion.after_loading = count
    log, changes = desk.models.log, 0
    for pick in (*picks, picks[0]):
        log.use(pick, desk.audit, WHO, "tester", "next", after=changes)
        changes += 1
        champion.look()
        champion.stand_by()
        assert champion.version == pick.version
    for version in (THIRD, SECOND, FIRST):
        log.rollback(desk.audit, WHO, "tester", "back", after=changes)
        changes += 1
        champion.look()
        champion.stand_by()
        assert champion.version == version
    # Each use loads one; each rollback that has one further back, that one.
    assert most == [1, 2, 2, 2, 2, 2]
