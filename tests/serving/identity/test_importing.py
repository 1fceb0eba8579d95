"""Tables of identities: what is taken in, what is refused and how it is told, and where nothing is left."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from serving.access import EVERYWHERE, Caller, Role, Scope
from serving.access.purpose import Purpose
from serving.files import FileRefused
from serving.files.rows import TableError
from serving.identity import IdentityStore, Kind, Person
from serving.identity.importing import Imported, import_identities
from tests.serving.identity.conftest import FAR, HELPER, HERE, NUMBER, PHONE, close, make_store
from tests.serving.table_files import write_table

OPERATOR = Caller("operator", Role.ACCOUNTS, EVERYWHERE)
NAMES = ("household_id", "village_code", "person_id", "name", "id_number", "phone", "address")
ROWS: list[tuple[str, ...]] = [
    ("H1", HERE, "", "张三丰", NUMBER.lower(), "", ""),
    ("H1", HERE, "head", "", "", f"+86 {PHONE}", ""),
    ("H1", HERE, "M-1", "张小丰", "", "", ""),
    ("H2", HERE, "", "李四", NUMBER[:-1] + "1", "", ""),
    ("H3", "5009", "", "王五", "", "12345", ""),
    (NUMBER, HERE, "", "赵六", "", "", ""),
    ("H5", HERE, "", "", "", "", ""),
    ("H6", FAR, "", "孙七", "", "", ""),
]  # fmt: skip
WRONG = [
    (3, "id_number", "id_number_checksum"), (4, "village_code", "malformed"), (4, "phone", "phone_malformed"),
    (5, "household_id", "key_is_a_number_of_somebody"), (6, "name", "empty"),
]  # fmt: skip


@pytest.fixture
def own(tmp_path: Path) -> Any:
    made = make_store(f"sqlite:///{tmp_path}/scores.db", f"sqlite:///{tmp_path}/keys.db")
    yield made
    close(made)


def write(path: Path, rows: Sequence[tuple[str, ...]], names: tuple[str, ...] = NAMES) -> Path:
    return write_table(path, rows, names)


def take(store: IdentityStore, path: Path, caller: Caller = OPERATOR) -> Imported:
    return import_identities(store, caller, path)


@pytest.mark.parametrize("name", ["people.csv", "gb.csv", "people.xlsx", "people.parquet"])
def test_sound_rows_are_kept_and_others_told_without_their_values(
    own: IdentityStore, tmp_path: Path, name: str
) -> None:
    path = write(tmp_path / name, ROWS)
    made = take(own, path)
    assert (made.rows_in, made.rows_accepted, made.rows_refused, made.households_changed) == (8, 4, 4, 2)
    assert [(one.row, one.field, one.code) for one in made.errors] == WRONG
    told = repr([one.as_json() for one in made.errors])
    assert not any(cell in told for row in ROWS for cell in row[3:] if cell)
    found = own.reveal(HELPER, "H1", Purpose.VISIT)
    assert found is not None
    assert found.persons == (
        Person("head", {Kind.NAME: "张三丰", Kind.ID_NUMBER: NUMBER, Kind.PHONE: PHONE}),
        Person("M-1", {Kind.NAME: "张小丰"}),
    )
    before = own.vault.data_keys.ids()
    again = take(own, path)
    assert (again.rows_accepted, again.households_changed) == (4, 0)
    assert own.vault.data_keys.ids() == before


def test_rows_add_to_what_is_known(own: IdentityStore, tmp_path: Path) -> None:
    own.put(
        Caller("k", Role.PLATFORM, EVERYWHERE),
        "H1",
        HERE,
        [Person("head", {Kind.NAME: "张三", Kind.PHONE: PHONE})],
    )
    take(own, write(tmp_path / "a.csv", [("H1", HERE, "", "", NUMBER, "", "")]))
    found = own.reveal(HELPER, "H1", Purpose.VISIT)
    assert found is not None
    assert found.persons[0].values == {Kind.NAME: "张三", Kind.ID_NUMBER: NUMBER, Kind.PHONE: PHONE}
    assert len(own.vault.data_keys.ids()) == 1


def test_an_area_is_kept(own: IdentityStore, tmp_path: Path) -> None:
    made = take(own, write(tmp_path / "a.csv", ROWS[-1:]), Caller("k", Role.PLATFORM, Scope("500999")))
    assert [one.code for one in made.errors] == ["outside_area"]


def test_more_rows_than_one_transaction(own: IdentityStore, tmp_path: Path) -> None:
    rows = [(f"H{number}", HERE, "", "张三", "", "", "") for number in range(1_201)]
    made = take(own, write(tmp_path / "many.csv", rows))
    assert (made.rows_accepted, made.households_changed, len(own.vault.data_keys.ids())) == (
        1_201,
        1_201,
        1_201,
    )


@pytest.mark.parametrize(("name", "text"), [
    ("a.csv", "household_id,village_code,sfz\nH1,500999100201,1\n"), ("a.csv", "household_id,name\nH1,张三\n"),
    ("a.csv", "household_id,village_code,name,name\nH1,500999100201,张三,李四\n"),
    ("a.csv", "household_id,village_code,name\nH1,500999100201,张三,李四,王五\n"),
    ("a.csv", "\x00\x01"), ("a.csv", ""), ("a.txt", "household_id"), ("a.csv.gz", "household_id"), ("a.xlsx", "household_id"),
    ("a.parquet", "household_id"),
])  # fmt: skip
def test_what_is_no_table_is_refused(own: IdentityStore, tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises((TableError, FileRefused)) as refused:
        take(own, path)
    assert not any(one in str(refused.value) for one in ("张三", "李四", "王五", "sfz"))
    assert own.vault.data_keys.ids() == set()


@pytest.mark.parametrize("name", ["people.csv", "people.xlsx", "people.parquet"])
def test_nothing_is_written_on_the_way(
    own: IdentityStore, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every folder that a program may write temporary files to is watched while the file is read."""
    path = write(tmp_path / name, ROWS)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for variable in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(variable, str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before = scratch.stat().st_mtime_ns
    there = {one.name for one in tmp_path.iterdir()}
    open_files = len(os.listdir("/proc/self/fd"))
    take(own, path)
    assert scratch.stat().st_mtime_ns == before
    assert {one.name for one in tmp_path.iterdir()} <= there | {
        "scores.db-wal",
        "scores.db-shm",
        "keys.db-wal",
        "keys.db-shm",
    }
    assert len(os.listdir("/proc/self/fd")) <= open_files + 4
