"""Every hostile file gets its verdict, soon, and without the memory it asks for; sound files come out whole."""

from __future__ import annotations

import errno
import gzip
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.signals import CONTRACTS
from features.signals.intake import Intake, take_in
from serving.bulk.tables import table_in
from serving.files import FILE_PROBLEMS, FileRefused, Limits, unpack
from serving.files.texts import unpack_csv
from tests.serving.jobs.hostile_files import HOSTILE, parquet
from tests.serving.jobs.orders import as_csv, tables_of
from tests.serving.jobs.workbooks import workbook

VERDICT_SECONDS = 10
MOST_GROWTH = 256_000_000


class Watch:
    """How much memory this process grew by, sampled while something goes on."""

    def __enter__(self) -> Watch:
        self._before = self.most = _resident()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def growth(self) -> int:
        return self.most - self._before

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            self.most = max(self.most, _resident())


def _resident() -> int:
    with open("/proc/self/statm") as numbers:
        return int(numbers.read().split()[1]) * resource.getpagesize()


def test_there_are_many_of_them() -> None:
    assert len(HOSTILE) >= 60
    assert {code for _, _, code in HOSTILE.values()} <= set(FILE_PROBLEMS)


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_gets_its_verdict(case: str, tmp_path: Path) -> None:
    name, make, wanted = HOSTILE[case]
    path = tmp_path / name
    path.write_bytes(make())
    out = tmp_path / "out"
    out.mkdir()
    started = time.monotonic()
    with Watch() as watch, pytest.raises(FileRefused) as refused:
        unpack(path, name.partition(".")[0], out, Limits(), ["household", "member"])
    seconds = time.monotonic() - started
    assert refused.value.code == wanted
    assert watch.growth <= MOST_GROWTH
    # Of a machine that is busy with other things as well.
    assert seconds <= VERDICT_SECONDS
    assert not (tmp_path / "household.csv.unpacked").exists()


def one_table(path: Path, tmp_path: Path) -> Path:
    out = tmp_path / "out"
    out.mkdir()
    (made,) = unpack(path, "household", out, Limits(), []).values()
    return made


def household(keys: list[object], villages: list[object]) -> list[list[object]]:
    names: list[object] = ["household_id", "occurred_on", "known_on", "village_code", "background", "land_mu"]
    return [
        names,
        *(
            [key, "2021-03-01", "2021-03-20", one, "other", 3]
            for key, one in zip(keys, villages, strict=True)
        ),
    ]


def as_file(ending: str, rows: list[dict[str, Any]]) -> bytes:
    match ending:
        case "xlsx":
            return workbook([list(rows[0]), *(list(one.values()) for one in rows)])
        case "parquet":
            return parquet(pa.Table.from_pylist(rows))
        case "csv.gz":
            return gzip.compress(as_csv(rows))
        case _:
            return as_csv(rows)


KEY = "510101199001011234"
VILLAGE = "500999100201"


@pytest.mark.parametrize(
    ("key", "village", "defects"),
    [
        # As text it is kept to the last digit; as a number nobody knows what it was.
        (KEY, VILLAGE, []),
        (float(KEY), VILLAGE, [("household_id", "not_text")]),
        (int(KEY), VILLAGE, [("household_id", "not_text")]),
        (12, VILLAGE, [("household_id", "not_text")]),
        (None, VILLAGE, [("household_id", "missing")]),
        (f"{KEY} ", VILLAGE, [("household_id", "malformed")]),
        (f" {KEY}", VILLAGE, [("household_id", "malformed")]),
        (f"{KEY},", VILLAGE, [("household_id", "malformed")]),
        ("5.10101E+17", VILLAGE, [("household_id", "malformed")]),
        ("=1+1", VILLAGE, [("household_id", "malformed")]),
        ("０１２", VILLAGE, [("household_id", "malformed")]),
        ("007", VILLAGE, []),
        ("H1", float(VILLAGE), [("village_code", "not_text")]),
        (True, VILLAGE, [("household_id", "not_text")]),
    ],
)
def test_a_key_of_a_sheet_is_kept_or_refused(
    key: object, village: object, defects: list[tuple[str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "household.xlsx"
    path.write_bytes(workbook(household([key, "OTHER"], [village, VILLAGE])))
    taken = take_in("household", table_in(one_table(path, tmp_path)))
    assert [(one.field, one.code) for row in taken.quarantined for one in row.defects] == defects
    assert taken.rows_in == 2 == len(taken.accepted) + len(taken.quarantined)
    if not defects:
        assert taken.accepted["household_id"].to_pylist() == [key, "OTHER"]


def test_dates_numbers_and_empty_rows_of_a_sheet(tmp_path: Path) -> None:
    rows = household(["H1", "H2"], [VILLAGE] * 2)
    rows.insert(2, [None] * 6)
    path = tmp_path / "household.xlsx"
    path.write_bytes(workbook([[*row, None, ""] for row in rows]))
    taken = take_in("household", table_in(one_table(path, tmp_path)))
    assert (taken.rows_in, len(taken.accepted)) == (2, 2)


_YES_NO = [(1, True), (0, False), (2, None), (-1, None)]


@pytest.mark.parametrize(
    ("ending", "flags"),
    [
        ("csv", _YES_NO),
        ("csv", [("1", True), ("0", False), ("true", True), ("1.0", None), ("yes", None)]),
        ("xlsx", [*_YES_NO, (0.5, None), (True, True), ("1", True), ("false", False), ("2", None)]),
        ("parquet", _YES_NO),
        ("parquet", [(1.0, True), (0.0, False), (-0.0, False), (0.5, None), (float("inf"), None)]),
        ("parquet", [(Decimal(1), True), (Decimal(0), False), (Decimal(7), None)]),
        ("parquet", [(Decimal("1.00"), True), (Decimal("0.01"), None)]),
    ],
)
def test_a_flag_of_a_file_may_be_one_or_nought(
    ending: str, flags: list[tuple[object, bool | None]], tmp_path: Path
) -> None:
    taken = _taken(ending, "has_chronic_illness", [cell for cell, _ in flags], tmp_path)
    assert taken.accepted["has_chronic_illness"].to_pylist() == [
        made for _, made in flags if made is not None
    ]
    assert _refused(taken) == [
        (row, "has_chronic_illness", "not_a_flag") for row, (_, made) in enumerate(flags) if made is None
    ]


@pytest.mark.parametrize(
    ("ending", "counts"),
    [
        ("csv", [("3", 3), ("0", 0), ("3.0", "not_a_number"), ("5", "out_of_range")]),
        ("xlsx", [(3, 3), (3.0, 3), ("3", 3), (2.5, "not_a_number"), (5, "out_of_range")]),
        ("parquet", [(Decimal(3), 3), (Decimal(0), 0), (Decimal(5), "out_of_range"), (None, "missing")]),
        ("parquet", [(Decimal(3), 3), (Decimal(10**30), "out_of_range")]),
        (
            "parquet",
            [(Decimal("3.0"), 3), (Decimal("2.5"), "not_a_number"), (Decimal("-1.0"), "out_of_range")],
        ),
    ],
)
def test_a_count_of_a_file_may_be_a_number_of_any_kind(
    ending: str, counts: list[tuple[object, int | str]], tmp_path: Path
) -> None:
    taken = _taken(ending, "disability_grade", [cell for cell, _ in counts], tmp_path)
    assert taken.accepted["disability_grade"].to_pylist() == [
        one for _, one in counts if isinstance(one, int)
    ]
    assert _refused(taken) == [
        (row, "disability_grade", code) for row, (_, code) in enumerate(counts) if isinstance(code, str)
    ]


@pytest.mark.parametrize("flag", [1, 0, 1.0, "1", "true"])
def test_a_flag_of_json_is_true_or_false_alone(flag: object) -> None:
    contract = CONTRACTS["member"]
    row = {**_members("has_chronic_illness", [flag])[0], "disability_grade": 0}
    found = contract.parse_row(row, is_json=True)
    assert isinstance(found, list)
    assert [one.field for one in found] == ["has_chronic_illness"]


def _members(name: str, cells: list[object]) -> list[dict[str, object]]:
    (row,) = tables_of(1)["member"][:1]
    return [{**row, "member_id": f"M{number}", name: cell} for number, cell in enumerate(cells)]


def _taken(ending: str, name: str, cells: list[object], folder: Path) -> Intake:
    path = folder / f"member.{ending}"
    path.write_bytes(as_file(ending, _members(name, cells)))
    return take_in("member", table_in(one_table(path, folder)))


def _refused(taken: Intake) -> list[tuple[int, str, str]]:
    return [(row.row, one.field, one.code) for row in taken.quarantined for one in row.defects]


def test_trailing_commas_shift_nothing(tmp_path: Path) -> None:
    content = as_csv(tables_of(4)["household"]).decode().splitlines()
    content[2] += ","
    content[3] += ",,,"
    path = tmp_path / "household.csv"
    path.write_text("\n".join(content), encoding="utf-8")
    taken = take_in("household", table_in(one_table(path, tmp_path)))
    assert [(one.row, one.defects[0].code) for one in taken.quarantined] == [
        (1, "wrong_field_count"), (2, "wrong_field_count")
    ]  # fmt: skip
    assert taken.accepted["household_id"].to_pylist() == ["J0000", "J0003"]


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "xlsx"])
def test_keys_come_out_byte_for_byte(ending: str, tmp_path: Path) -> None:
    rng = random.Random(4)
    alphabet = "0123456789ABCXYZabcxyz_-"
    keys = ["".join(rng.choices(alphabet, k=rng.randint(1, 64))) for _ in range(300)]
    keys += ["0", "00", "-1", "1e5", "1_000", "true", "null", "NaN", "nan", "None", "inf", KEY, "9" * 64]
    keys = list(dict.fromkeys(keys))
    rows = household(list(keys), [VILLAGE] * len(keys))
    path = tmp_path / f"household.{ending}"
    path.write_bytes(as_file(ending, [dict(zip(map(str, rows[0]), row, strict=True)) for row in rows[1:]]))
    taken = take_in("household", table_in(one_table(path, tmp_path)))
    assert not taken.quarantined
    assert taken.accepted["household_id"].to_pylist() == keys


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
def test_rows_are_counted_whatever_ends_their_lines(end: str, tmp_path: Path) -> None:
    lines = as_csv(tables_of(4)["household"]).decode().splitlines()
    path = tmp_path / "household.csv"
    path.write_text(end.join(lines) + end, encoding="utf-8", newline="")
    target = tmp_path / "made.csv"
    unpack_csv(path, target, Limits(most_rows=4))
    assert take_in("household", target).accepted["household_id"].to_pylist() == [f"J000{n}" for n in range(4)]
    with pytest.raises(FileRefused) as refused:
        unpack_csv(path, target, Limits(most_rows=3))
    assert refused.value.code == "file_too_many_rows"


def test_a_line_whose_end_is_read_in_two_parts_is_one(tmp_path: Path) -> None:
    path = tmp_path / "household.csv"
    # The file is read by 256 KiB; the second line's end lies over the first part's.
    path.write_bytes(b"a\r\n" + b"x" * (2**18 - 4) + b"\r\ny\r\n")
    unpack_csv(path, tmp_path / "made.csv", Limits(most_rows=2))
    with pytest.raises(FileRefused):
        unpack_csv(path, tmp_path / "made.csv", Limits(most_rows=1))


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "xlsx"])
def test_a_full_disk_is_no_fault_of_the_file(ending: str, tmp_path: Path) -> None:
    path, out = tmp_path / f"household.{ending}", tmp_path / "out"
    path.write_bytes(as_file(ending, [{"household_id": "H1"}]))
    out.mkdir()
    made = {"parquet": "household.parquet", "xlsx": "household.cells"}.get(ending, "household.csv")
    (out / made).symlink_to("/dev/full")
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        unpack(path, "household", out, Limits(), [])


def test_a_reader_that_nobody_watches_ends_itself(tmp_path: Path) -> None:
    path = tmp_path / "household.csv"
    path.write_bytes(b"a,b\n1,2\n")
    program = (
        "import sys\nfrom serving.files import child\n"
        "def read(*_):\n    while True: pass\n"
        "child._unpack = read\nchild.main(sys.argv[1:])"
    )
    limits = json.dumps(asdict(Limits(seconds=0.1)))
    command = [sys.executable, "-c", program, ".csv", str(path), str(tmp_path / "out.csv"), limits, "[]"]
    assert subprocess.run(command, check=False, timeout=300).returncode in {-signal.SIGXCPU, -signal.SIGKILL}


def test_a_reader_that_never_ends_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "household.csv"
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(FileRefused) as refused:
        unpack(path, "household", tmp_path, Limits(seconds=0.01, seconds_per_byte=0), [])
    assert refused.value.code == "file_too_slow"
