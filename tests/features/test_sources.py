"""Files as they come: breaks in cells, long lines and long names; whatever stands in them, no message repeats it."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from features import take_in
from features.__main__ import main
from features.errors import ContractError
from features.signals.delivery import judge_folder
from features.signals.lines import read_header, read_lines
from tests.features.spec_rules import ON
from tests.features.test_mending import deliver
from tests.features.test_quarantine import GOOD, HEADER

NAME, NUMBER = "张三", "11010519491231002X"
BLOCK = 1 << 12


@pytest.fixture(autouse=True)
def many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.signals.lines._BLOCK", BLOCK)
    monkeypatch.setattr("features.signals.lines._PART", BLOCK)
    monkeypatch.setattr("features.signals.lines._ROWS", 20)


def row(number: int, household: str = "") -> str:
    return GOOD.replace("H1", household or f"H{number}")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_a_break_in_a_cell_at_the_border_of_two_blocks_harms_no_other_line(tmp_path: Path, end: str) -> None:
    """Wherever the borders lie: every third line has a break in it, and ragged lines keep their numbers."""
    path = tmp_path / "income.csv"
    count = 5_000
    broken = row(0).replace("business", '"busi\r\nness"')
    lines = [broken if n % 3 == 0 else row(n) + "," * (n % 7 == 0) for n in range(count)]
    path.write_bytes(end.join([HEADER, *lines, ""]).encode())
    assert path.stat().st_size > 50 * BLOCK
    taken = take_in("income", path)
    assert taken.rows_in == count
    refused = {one.row: one.defects[0].code for one in taken.quarantined}
    assert refused == {
        n: "unknown_category" if n % 3 == 0 else "wrong_field_count"
        for n in range(count)
        if n % 3 == 0 or n % 7 == 0
    }
    assert taken.lines == {n: lines[n] for n in range(count) if n % 7 == 0 and n % 3}


def test_a_line_longer_than_many_is_a_row_like_others(tmp_path: Path) -> None:
    path = tmp_path / "income.csv"
    path.write_text("\n".join([HEADER, row(0, "H" * (BLOCK - 1000)), row(1), ""]))
    taken = take_in("income", path)
    assert (taken.rows_in, [one.row for one in taken.quarantined]) == (2, [0])
    path.write_text("\n".join([HEADER, row(0, "H" * (3 * BLOCK)), row(1), ""]))
    with pytest.raises(ContractError, match="cannot be read as a table"):
        take_in("income", path)


CELL = st.text(st.sampled_from('a1"\n\r,\ufeff 中'), max_size=4).map(
    lambda cell: cell.replace(",", "") or '""'
)
LINES = st.lists(st.lists(CELL, min_size=1, max_size=4).map(",".join), max_size=30)


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.integers(3, 40), st.booleans())
@settings(max_examples=400)
def test_parts_hold_what_the_whole_file_does(lines: list[str], end: str, part: int, is_ended: bool) -> None:
    """Wherever a part ends, in quotes or not: the rows are those of the file in one block, and their numbers."""
    content = (end.join(["x,y", *lines]) + end * is_ended).encode()
    skipped: list[tuple[int, int, str]] = []

    def skip(line: Any) -> str:
        skipped.append((line.number - 2, line.actual_columns, line.text))
        return "skip"

    try:
        whole = pacsv.read_csv(
            io.BytesIO(content + b"\n" * (not lines)),
            read_options=pacsv.ReadOptions(column_names=["x", "y"], skip_rows=1, use_threads=False),
            parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=pacsv.ConvertOptions(
                column_types={"x": pa.string(), "y": pa.string()}, strings_can_be_null=True, null_values=[""],
                quoted_strings_can_be_null=False,
            ),
        )  # fmt: skip
    except pa.ArrowInvalid:
        assume(False)
    wanted = iter(whole.to_pylist())
    numbers = {number for number, _, _ in skipped}
    rows: list[dict[str, str | None]] = []
    ragged: list[tuple[int, int, str]] = []
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("features.signals.lines._PART", part)
        path = Path(folder) / "a.csv"
        path.write_bytes(content)
        for table, found in read_lines(path, read_header(path)):
            ragged += [(len(rows) + row, one.found, one.text) for row, one in found.items()]
            rows += table.to_pylist()
    assert ragged == skipped
    empty = {"x": None, "y": None}
    assert rows == [empty if row in numbers else next(wanted) for row in range(len(rows))]
    assert next(wanted, None) is None


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_alone_is_no_rows(tmp_path: Path, end: str, mark: str) -> None:
    path = tmp_path / "income.csv"
    path.write_bytes(f"{mark}{HEADER}{end}".encode())
    taken = take_in("income", path)
    assert (taken.rows_in, len(taken.accepted)) == (0, 0)
    path.write_bytes(f"{mark}{end}".encode())
    with pytest.raises(ContractError, match=r"first line must name the columns|cannot be read"):
        take_in("income", path)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_header_whose_quote_is_open_takes_no_rows_with_it(tmp_path: Path, end: str) -> None:
    *others, last = HEADER.split(",")
    path = tmp_path / "income.csv"
    # The next quote stands behind the first row, or nowhere.
    for more in ("", GOOD.rpartition(",")[0] + ',"1"\n'):
        path.write_bytes(f'{",".join(others)},"{last}\n{GOOD}\n{more}{GOOD}{end}'.encode())
        with pytest.raises(ContractError, match="cannot be read as a table"):
            take_in("income", path)


@pytest.mark.parametrize(
    "header",
    [
        f"{HEADER},{NAME}",
        f"{HEADER},{NUMBER},{NUMBER}",
        HEADER.replace("source", f"{NAME},source"),
        HEADER.replace(",", "\x0b") + f"\x0b{NAME}",
        f"{NAME}{NUMBER}" * 10_000,
        f"{HEADER}," + NAME * 100_000,
        f'{HEADER},"{NAME}',
        ",".join([HEADER, *(f"{NAME}{n}" for n in range(500))]),
    ],
)
def test_no_name_of_a_column_is_repeated(
    tmp_path: Path, header: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(tmp_path / "raw")
    (tmp_path / "raw" / "income.csv").write_text(f"{header}\n{GOOD}\n")
    monkeypatch.setattr(
        "sys.argv", ["features", "intake", "--raw", str(tmp_path / "raw"), "--on", str(ON), "--dry-run"]
    )
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    said = "".join(capsys.readouterr())
    assert "income: " in said
    assert NAME not in said
    assert NUMBER not in said
    assert len(said) < 1_000


def test_unknown_columns_are_told_by_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "income.csv"
    path.write_text(f"x,{HEADER},amount_yuan,y\n")
    with pytest.raises(ContractError, match=r"doubled amount_yuan; unknown at place 1, 9\. The contract has"):
        take_in("income", path)
    path.write_text(",".join([HEADER, *(f"c{n}" for n in range(500))]))
    with pytest.raises(ContractError, match=r"unknown at place 7, .*, 16, … \(500 in all\)"):
        take_in("income", path)


def test_no_name_of_a_file_is_repeated(tmp_path: Path) -> None:
    deliver(tmp_path / "raw")
    (tmp_path / "raw" / f"{NAME}_{NUMBER}.csv").write_text("x")
    (tmp_path / "raw" / f"{NAME}.parquet").write_text("x")
    with pytest.raises(ContractError, match="2 in number") as refused:
        judge_folder(tmp_path / "raw", region="CN-50", on=ON)
    assert NAME not in str(refused.value)
