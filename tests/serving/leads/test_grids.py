"""Grids of a village: taken in from an office's table, and seen in lists and counts."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from serving.__main__ import app
from serving.access import EVERYWHERE, Caller, Role, Scope
from serving.files import FileRefused
from serving.files.rows import TableError
from serving.storage import AuditLog, open_database
from serving.storage.audit_actions import Action
from serving.storage.case_tables import household_grid
from serving.storage.casework import GRID, CaseworkStore
from serving.storage.grids import GridStore
from serving.storage.leads import LeadStore
from serving.storage.tables import audit_entry
from serving.worklists.grid_table import COLUMNS, Imported, import_grids
from tests.serving.leads.conftest import DAY, FAR, NEXT_DOOR, VILLAGE, a_lead
from tests.serving.table_files import write_table

OPERATOR = Caller("operator", Role.ACCOUNTS, EVERYWHERE)
PHONE = "13800138000"
ROWS = [
    ("H1", VILLAGE, "第一网格"), ("H2", VILLAGE, "第二网格"), ("H3", NEXT_DOOR, "500999100202003"),
    ("H4", VILLAGE, ""),
]  # fmt: skip


@pytest.fixture
def grids(engine: Engine, audit: AuditLog) -> GridStore:
    return GridStore(engine, audit)


def write(path: Path, rows: Sequence[Sequence[Any]], names: Sequence[str] = COLUMNS) -> Path:
    return write_table(path, rows, names)


def take(store: GridStore, path: Path, caller: Caller = OPERATOR) -> Imported:
    return import_grids(store, caller, path)


def kept(engine: Engine) -> set[tuple[str, str, str]]:
    with engine.connect() as connection:
        return {tuple(one) for one in connection.execute(select(household_grid))}


@pytest.mark.parametrize("name", ["grids.csv", "gb.csv", "grids.xlsx", "grids.parquet"])
def test_a_table_is_taken_in_and_a_later_one_changes_whom_it_names(
    grids: GridStore, engine: Engine, tmp_path: Path, name: str
) -> None:
    made = take(grids, write(tmp_path / name, ROWS))
    assert (made.rows_in, made.rows_accepted, made.households_changed, made.errors) == (4, 4, 3, [])
    assert kept(engine) == set(ROWS[:3])
    assert take(grids, tmp_path / name).households_changed == 0
    later = write(
        tmp_path / name, [("H1", VILLAGE, ""), ("H2", VILLAGE, " 第一网格 "), ("H2", NEXT_DOOR, "9")]
    )
    assert take(grids, later).households_changed == 3
    assert kept(engine) == {("H2", VILLAGE, "第一网格"), ("H2", NEXT_DOOR, "9"), ROWS[2]}


def test_the_log_tells_whom_a_table_changed_and_no_others(
    grids: GridStore, engine: Engine, audit: AuditLog, tmp_path: Path
) -> None:
    take(grids, write(tmp_path / "a.csv", ROWS))
    take(grids, write(tmp_path / "b.csv", [*ROWS[1:], ("H1", VILLAGE, "3")]))
    query = (
        select(audit_entry.c.subject)
        .where(audit_entry.c.action == Action.GRID_CHANGED.value)
        .order_by(audit_entry.c.seq)
    )
    with engine.connect() as connection:
        told = list(connection.execute(query).scalars())
    assert told == [audit.household(one) for one in ("H1", "H2", "H3", "H1")]
    assert audit.verify().faults == ()


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        (("H5", "5009", "1"), "village_code", "malformed"),
        (("H5", "", "1"), "village_code", "malformed"),
        (("张三", VILLAGE, "1"), "household_id", "malformed"),
        ((PHONE, VILLAGE, "1"), "household_id", "key_is_a_number_of_somebody"),
        (("H5", VILLAGE, PHONE), "grid", "is_a_number_of_somebody"),
        (("H5", VILLAGE, "格" * 21), "grid", "malformed"),
        (("H5", VILLAGE, "a\u200eb"), "grid", "malformed"),
        (("H1", VILLAGE, "第二网格"), "grid", "repeated"),
    ],
)
def test_a_wrong_row_is_refused_without_its_values_and_the_others_are_kept(
    grids: GridStore, engine: Engine, tmp_path: Path, row: tuple[str, str, str], field: str, code: str
) -> None:
    made = take(grids, write(tmp_path / "a.csv", [*ROWS, row]))
    assert [(one.row, one.field, one.code) for one in made.errors] == [(4, field, code)]
    assert (made.rows_in, made.rows_accepted, made.as_json()["rows_refused"]) == (5, 4, 1)
    assert kept(engine) == set(ROWS[:3])
    told = repr([one.as_json() for one in made.errors])
    assert not any(cell in told for cell in row if len(cell) > 4)


def test_a_line_that_broke_off_takes_nobody_out_of_a_grid(
    grids: GridStore, engine: Engine, tmp_path: Path
) -> None:
    take(grids, write(tmp_path / "a.csv", ROWS))
    whole = write(tmp_path / "b.csv", [("H2", VILLAGE, ""), ("H1", VILLAGE, "3")]).read_bytes()
    (tmp_path / "b.csv").write_bytes(whole.removesuffix(b",3\n"))
    made = take(grids, tmp_path / "b.csv")
    assert [(one.row, one.field, one.code) for one in made.errors] == [(1, "grid", "missing")]
    assert kept(engine) == {ROWS[0], ROWS[2]}


def test_a_number_in_a_cell_is_no_name_of_a_grid(grids: GridStore, tmp_path: Path) -> None:
    made = take(grids, write(tmp_path / "a.xlsx", [("H1", VILLAGE, 1.5)]))
    made_too = take(grids, write(tmp_path / "b.parquet", [("H1", VILLAGE, 1)]))
    assert [one.code for one in (*made.errors, *made_too.errors)] in (["malformed"], ["malformed"] * 2)
    assert made_too.errors


@pytest.mark.parametrize(
    "text",
    [
        "household_id,village_code\nH1,500999100201\n", "household_id,village_code,grid,grid\nH1,1,2,3\n",
        "household_id,village_code,grid,张三\nH1,500999100201,1,2\n",
        "household_id,village_code,grid\nH1,500999100201,1,李四\n", "", "\x00\x01",
        f"household_id,village_code,{'x' * 200_000}\nH1,500999100201,1\n",
    ],
)  # fmt: skip
def test_what_is_no_such_table_is_refused(
    grids: GridStore, engine: Engine, tmp_path: Path, text: str
) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises((TableError, FileRefused)) as refused:
        take(grids, tmp_path / "a.csv")
    assert not any(one in str(refused.value) for one in ("张三", "李四"))
    assert kept(engine) == set()


def test_an_area_is_kept(grids: GridStore, engine: Engine, tmp_path: Path) -> None:
    somebody = Caller("k", Role.PLATFORM, Scope("500999"))
    made = take(grids, write(tmp_path / "a.csv", [ROWS[0], ("H9", FAR, "1")]), somebody)
    assert [one.code for one in made.errors] == ["outside_area"]
    assert kept(engine) == {ROWS[0]}


def test_more_rows_than_one_transaction(grids: GridStore, engine: Engine, tmp_path: Path) -> None:
    rows = [(f"H{number}", VILLAGE, str(number % 7)) for number in range(1_201)]
    made = take(grids, write(tmp_path / "a.csv", [*rows, ("H3", VILLAGE, "6")]))
    assert (made.rows_accepted, made.households_changed) == (1_201, 1_201)
    assert [(one.row, one.code) for one in made.errors] == [(1_201, "repeated")]
    assert kept(engine) == set(rows)


def test_a_village_is_counted_by_its_grids(
    grids: GridStore, leads: LeadStore, engine: Engine, tmp_path: Path
) -> None:
    for household in ("H1", "H2", "H5"):
        leads.add(OPERATOR, [a_lead(household=household)], on=DAY)
    store = CaseworkStore(engine, lambda: DAY + dt.timedelta(days=1))
    assert set(store.count(Scope(VILLAGE), VILLAGE, GRID)) == {""}
    take(grids, write(tmp_path / "a.csv", ROWS))
    counts = store.count(Scope(VILLAGE), VILLAGE, GRID)
    assert {one: sum(told.stages.values()) for one, told in counts.items()} == {
        "第一网格": 1,
        "第二网格": 1,
        "": 1,
    }


def test_the_command_tells_counts_and_rules(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FANGFAN_AUDIT_KEY_FILE", str(tmp_path / "audit.key"))
    path = write(tmp_path / "a.csv", [*ROWS, ("H5", "1", "1")])
    open_database(database_url).dispose()
    words = ["worklists", "grids", str(path), "--database", database_url]
    done = CliRunner().invoke(app, [*words, "--json"])
    told = json.loads(done.stdout)
    counts = {"rows_in": 5, "rows_accepted": 4, "rows_refused": 1, "households_changed": 3}
    assert (done.exit_code, {name: told[name] for name in counts}) == (1, counts)
    assert [one["field"] for one in told["errors"]] == ["village_code"]
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stdout.splitlines()[0]) == (
        1, "5 rows in, 4 rows accepted, 1 rows refused, 0 households changed",
    )  # fmt: skip
    assert "row 4, village_code: malformed: 应为 12 位" in done.stdout
    write(path, ROWS)
    assert CliRunner().invoke(app, words).exit_code == 0
