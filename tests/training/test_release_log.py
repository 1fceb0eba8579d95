"""The release log: every way of tampering is found, and two writers at once lose nothing."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoring.registry import CHAMPION, MANIFEST_TAG, MODEL_NAME, check_store, connect, set_champion
from training import release_log
from training.errors import ReleaseError
from training.release_log import (
    Draft,
    GateEntry,
    Release,
    append_release,
    current_user,
    find_faults,
    former_version,
    read_releases,
)


def draft(to: str, before: str | None, action: Any = "promote", **change: Any) -> Draft:
    return Draft(**{
        "at": "2026-11-01T08:00:00+00:00",
        "by": "王小明",
        "action": action,
        "from_version": before,
        "to_version": to,
        "release": f"county-{to}",
        "manifest_sha256": to * 64,
        "why": "yearly retraining",
        "gates": (GateEntry(name="better", passed=True, observed="better", threshold=None),),
        **change,
    })


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with three versions that have no files, and a log of three entries."""
    store = tmp_path_factory.mktemp("registry") / "mlflow.db"
    address = f"sqlite:///{store}"
    client = connect(address)
    client.create_registered_model(MODEL_NAME)
    for number in "123":
        client.create_model_version(MODEL_NAME, f"runs:/none/{number}", tags={MANIFEST_TAG: number * 64})
    for to, before in (("1", None), ("2", "1"), ("3", "2")):
        append_release(draft(to, before), address)
        set_champion(to, address)
    return store


@pytest.fixture
def uri(written: Path, tmp_path: Path) -> str:
    """A copy of it to harm."""
    return f"sqlite:///{shutil.copy(written, tmp_path / 'mlflow.db')}"


def tags(uri: str) -> dict[str, str]:
    found = connect(uri).get_registered_model(MODEL_NAME).tags
    return {key: found[key] for key in sorted(found)}


def test_entries_are_numbered_chained_and_whole(uri: str) -> None:
    found = read_releases(uri)
    assert [one.number for one in found] == [1, 2, 3]
    assert [one.previous for one in found] == [release_log.FIRST, found[0].sha256, found[1].sha256]
    assert found[1].by == "王小明"
    assert found[1].gates[0].observed == "better"
    assert find_faults(uri) == []
    assert find_faults(uri, head=found[1].sha256) == []


def rewritten(change: Callable[[dict[str, Any]], None], place: int = 1) -> Callable[[str], None]:
    def tamper(uri: str) -> None:
        key, content = list(tags(uri).items())[place]
        entry = json.loads(content)
        change(entry)
        connect(uri).set_registered_model_tag(MODEL_NAME, key, json.dumps(entry))

    return tamper


def rehashed(uri: str) -> None:
    """Somebody who knows how rewrites the reason of entry 2, and its hash and key with it."""
    key, content = list(tags(uri).items())[1]
    entry = release_log.Release.model_validate_json(content).model_copy(update={"why": "another reason"})
    entry = entry.model_copy(update={"sha256": entry.expected_sha256})
    client = connect(uri)
    client.delete_registered_model_tag(MODEL_NAME, key)
    client.set_registered_model_tag(MODEL_NAME, entry.key, entry.model_dump_json())


def removed(place: int) -> Callable[[str], None]:
    return lambda uri: connect(uri).delete_registered_model_tag(MODEL_NAME, list(tags(uri))[place])


def moved(uri: str) -> None:
    connect(uri).set_registered_model_alias(MODEL_NAME, CHAMPION, "1")


def other_manifest(uri: str) -> None:
    connect(uri).set_model_version_tag(MODEL_NAME, "2", MANIFEST_TAG, "f" * 64)


def version_gone(uri: str) -> None:
    connect(uri).delete_model_version(MODEL_NAME, "1")


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (rewritten(lambda one: one.update(by="somebody else")), "entry 2 was altered"),
        (rewritten(lambda one: one["gates"][0].update(passed=False)), "entry 2 was altered"),
        (rewritten(lambda one: one.update(at="2020-01-01T00:00:00+00:00"), 2), "entry 3 was altered"),
        (rewritten(lambda one: one.pop("why")), "not an entry of the known form"),
        (rewritten(lambda one: one.update(more=1)), "not an entry of the known form"),
        (rehashed, "entry 3 does not follow"),
        (removed(0), "entry 1 is missing"),
        (removed(1), "entry 2 is missing"),
        (removed(2), "the champion is version 3, by the log it is version 2"),
        (moved, "the champion is version 1, by the log it is version 3"),
        (other_manifest, "version 2 has another manifest than entry 2"),
        (version_gone, "version 1 of entry 1 is no longer in the registry"),
    ],
)
def test_tampering_is_found(uri: str, tamper: Callable[[str], None], said: str) -> None:
    tamper(uri)
    assert any(said in one for one in find_faults(uri))


def test_a_chain_cut_short_with_its_alias_is_found_by_a_known_head(uri: str) -> None:
    head = read_releases(uri)[-1].sha256
    removed(2)(uri)
    connect(uri).set_registered_model_alias(MODEL_NAME, CHAMPION, "2")
    assert find_faults(uri) == []
    assert find_faults(uri, head=head) == [
        "the known head is not in the log: entries were removed or rewritten"
    ]


def test_nothing_is_added_to_a_broken_log(uri: str) -> None:
    rewritten(lambda one: one.update(by="somebody else"))(uri)
    before = tags(uri)
    with pytest.raises(ReleaseError, match="the release log is broken"):
        append_release(draft("1", "3"), uri)
    assert tags(uri) == before


def test_writers_at_once_each_get_a_place(uri: str) -> None:
    refused: list[Exception] = []

    def write(by: str) -> None:
        try:
            append_release(draft("1", "3", by=by), uri)
        except Exception as error:
            refused.append(error)

    # The very same change twice in a second is one entry.
    writers = [threading.Thread(target=write, args=(one,)) for one in ("王小明", "李四", "张三")]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    numbers = [one.number for one in read_releases(uri)]
    assert numbers == list(range(1, 7 - len(refused)))
    assert not [one for one in find_faults(uri) if "champion" not in one]
    assert [one for one in refused if not isinstance(one, ReleaseError)] == []


def test_a_place_taken_in_between_is_given_up(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another's entry 4 appears between our reading and our looking again: ours becomes entry 5."""
    placed = release_log._placed
    others: list[Release] = []

    def late(one: Draft, before: Any) -> Any:
        if not others:
            other = placed(draft("2", "3"), before)
            others.append(other)
            connect(uri).set_registered_model_tag(MODEL_NAME, other.key, other.model_dump_json())
        return placed(one, before)

    monkeypatch.setattr(release_log, "_placed", late)
    assert append_release(draft("1", "3"), uri).number == 5
    assert read_releases(uri)[3] == others[0]
    assert [one for one in find_faults(uri) if "champion" not in one] == []


def test_a_reason_of_the_greatest_length_fits_and_a_longer_is_refused(uri: str) -> None:
    append_release(draft("1", "3", why="因" * release_log.MOST_WORDS), uri)
    with pytest.raises(ValueError, match="why"):
        draft("1", "3", why="因" * (release_log.MOST_WORDS + 1))


def test_entries_keep_to_the_column_of_every_store(uri: str) -> None:
    gates = tuple(
        GateEntry(name=f"gate {at}", passed=True, observed="x" * 400, threshold=1.0) for at in range(20)
    )
    with pytest.raises(ReleaseError, match="longer than 5000"):
        append_release(draft("1", "3", gates=gates), uri)


@pytest.mark.parametrize(
    ("moves", "former"),
    [
        ([], None),
        ([("promote", "1", None)], None),
        ([("promote", "2", "1")], "1"),
        ([("promote", "1", None), ("promote", "2", "1")], "1"),
        ([("promote", "1", None), ("promote", "2", "1"), ("rollback", "1", "2")], None),
        ([("promote", "1", None), ("promote", "2", "1"), ("promote", "3", "2"), ("rollback", "2", "3")], "1"),
        (
            [("promote", "1", None), ("promote", "2", "1"), ("promote", "3", "2"), ("rollback", "1", "3")],
            None,
        ),
        ([("promote", "1", None), ("promote", "2", "1"), ("rollback", "1", "2"), ("promote", "3", "1")], "1"),
    ],
)
def test_the_former_champion(moves: list[tuple[str, str, str | None]], former: str | None) -> None:
    entries: list[Release] = []
    for action, to, before in moves:
        entries.append(release_log._placed(draft(to, before, action), entries[-1] if entries else None))
    assert former_version(entries) == former


def test_a_registry_without_a_model_has_no_log(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="no model"):
        read_releases(f"sqlite:///{tmp_path / 'empty.db'}")


def test_a_missing_store_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="there is no file"):
        check_store(f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()


def test_the_user_has_a_name() -> None:
    assert current_user()
