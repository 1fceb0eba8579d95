"""Reading: one table in many forms is one table; what is no table is refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.errors import DataError
from training.panels import read_table
from training.panels.columns import infer_column, parse_number
from training.panels.waves import mean_before, mean_of_others, read_waves, wave_after, wave_before

TABLE = pd.DataFrame({
    "户号": ["a1", "a2", "a3"],
    "income": ["1234.5", "0", "-3"],
    "place": ["北京", "重庆, 巫山", "南川"],
})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str) -> None:
    TABLE.to_csv(tmp_path / "t.csv", sep=delimiter, encoding=encoding, index=False)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.csv").astype(str), TABLE.astype(str))


def test_latin_text_is_not_taken_for_chinese(tmp_path: Path) -> None:
    french = pd.DataFrame({"région": ["Sédhiou", "Thiès"], "âge": ["1", "2"]})
    french.to_csv(tmp_path / "t.csv", encoding="latin-1", index=False)
    assert read_table(tmp_path / "t.csv").to_dict() == french.to_dict()


def test_parquet_keeps_types(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": pd.to_datetime(["2020-01-01", "2021-01-01"])})
    frame.to_parquet(tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet").dtypes) == list(frame.dtypes)


def test_stata_has_the_names_of_its_labels(tmp_path: Path) -> None:
    frame = pd.DataFrame({"wave": [2, 1, 1], "size": [3, 99, 4], "poor": [1, 0, 1]})
    labels = {
        "wave": {1: "first round", 2: "second round"},
        "size": {99: "no answer"},
        "poor": {0: "No", 1: "Yes"},
    }
    frame.to_stata(tmp_path / "t.dta", write_index=False, value_labels=labels)  # type: ignore[arg-type]
    found = read_table(tmp_path / "t.dta")
    assert found["wave"].tolist() == ["second round", "first round", "first round"]
    assert found["size"].tolist() == [3, 99, 4]
    assert infer_column("poor", found["poor"]).values.tolist() == [1.0, 0.0, 1.0]
    ranks, names = read_waves("wave", found["wave"])
    assert ranks.tolist() == [1.0, 0.0, 0.0]
    assert names == {0.0: "first round", 1.0: "second round"}


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b" \n\n", "is empty"),
        ("t.csv", b"a,b\n", "no rows"),
        ("t.csv", b"a,b\n1,2\n1,2,3\n", "line 3 has more cells"),
        ("t.csv", b"a,b\n1,2,3\n4,5,6\n", "more cells than its header"),
        ("t.csv", b"a,b\n1,\x00\n", "NUL"),
        ("t.csv", b'a,b\n1,"open\n2,3\n', "no table"),
        ("t.csv", b"just words\nand more\n", "one column only"),
        ("t.parquet", b"PAR1nothing", "cannot be read as Parquet"),
        ("t.dta", b"\x72\x01" * 60, "cannot be read as a Stata"),
        ("t.xlsx", b"PK", "save it as CSV"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError, match=said) as caught:
        read_table(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        read_table(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.5", 1234.5), ("1 234", 1234.0), ("12 %", 0.12), ("3,5", 3.5), ("-7", -7.0), ("1e3", 1000.0),
        ("1e400", np.nan), ("inf", np.nan), ("nan", np.nan), ("1_000", np.nan), ("12,34,5", np.nan), ("", np.nan),
    ],
)  # fmt: skip
def test_a_cell_as_a_number(text: str, value: float) -> None:
    assert parse_number(text) == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1.5", "", "NA", "2"], "number", [1.5, np.nan, np.nan, 2.0]),
        (["Yes", "no", "N", None], "flag", [1.0, 0.0, 0.0, np.nan]),
        (["是", "否", "是"], "flag", [1.0, 0.0, 1.0]),
        (["1", "2", "3"], "code", [1.0, 2.0, 3.0]),
        (["2020-01-02", "2020-01-01", "."], "date", [18263.0, 18262.0, np.nan]),
        (["02/01/2020", "31/12/2019"], "date", [18263.0, 18261.0]),
        (["hut", "house", "hut", "--"], "category", [1.0, 0.0, 1.0, np.nan]),
        ([True, False, True], "flag", [1.0, 0.0, 1.0]),
        ([[1], [2]], "unusable", [np.nan, np.nan]),
    ],
)
def test_what_a_column_means(cells: list[object], kind: str, values: list[float]) -> None:
    column = infer_column("x", pd.Series(cells))
    assert column.kind == kind
    np.testing.assert_array_equal(column.values, values)


def test_commas_mean_the_same_in_every_cell_of_a_column() -> None:
    def values(*cells: str) -> list[float]:
        return list(infer_column("x", pd.Series(cells)).values)

    assert values("3,5", "0,125", "1,234", "12") == [3.5, 0.125, 1.234, 12.0]
    assert values("1.234,5", "2.345", "1.234.567,25") == [1234.5, 2345.0, 1234567.25]
    assert values("1,234", "12,345", "7") == [1234.0, 12345.0, 7.0]
    assert values("1,234.5", "12,345", "0.5") == [1234.5, 12345.0, 0.5]
    assert values("0,125", "1,250", "7,375") == [0.125, 1.25, 7.375]


def test_a_few_odd_cells_are_missing_and_counted() -> None:
    column = infer_column("x", pd.Series([str(one) for one in range(98)] + ["many", "1e400"]))
    assert column.kind == "number"
    assert column.misfits == 2
    assert np.isnan(column.values[-2:]).all()


def wrong_order(cells: list[str]) -> Callable[[], object]:
    return lambda: read_waves("t", pd.Series(cells))


def test_waves_have_their_order() -> None:
    ranks, names = read_waves("t", pd.Series(["2013-2016", "2010-2013", "2013-2016"]))
    assert ranks.tolist() == [1.0, 0.0, 1.0]
    assert names[0.0] == "2010-2013"
    assert read_waves("t", pd.Series(["10", "9", "2"]))[0].tolist() == [2.0, 1.0, 0.0]
    # Sorted by their months first, the last wave would have taught the first.
    months = pd.Series(["12/2011", "01/2012", "06/2010", "wave 9, 2013"])
    assert read_waves("t", months)[0].tolist() == [1.0, 2.0, 0.0, 3.0]
    assert read_waves("t", pd.Series(["2010.0", "2013"]))[1] == {0.0: "2010", 1.0: "2013"}


def test_days_of_interviews_are_years() -> None:
    days = pd.Series(pd.date_range("2010-01-01", periods=700, freq="D").astype(str))
    ranks, names = read_waves("t", days)
    assert names == {0.0: "2010", 1.0: "2011"}
    assert ranks.sum() == 335


@pytest.mark.parametrize("cells", [["first", "second"], ["wave 1 of 2", "round 1 of 2"], ["2010", ""]])
def test_waves_without_order_are_refused(cells: list[str]) -> None:
    with pytest.raises(DataError, match=r"no order|needs its time"):
        read_waves("t", pd.Series(cells))


def test_history_and_neighbours_by_hand() -> None:
    household = pd.Series([1, 2, 1, 1, 2])
    waves = np.array([2.0, 0.0, 0.0, 1.0, 2.0])
    values = pd.Series([30.0, 5.0, 10.0, np.nan, 7.0])
    assert wave_before(values, household, waves).tolist() == pytest.approx(
        [np.nan, np.nan, np.nan, 10.0, 5.0], nan_ok=True
    )
    assert wave_after(values, household, waves).tolist() == pytest.approx(
        [np.nan, 7.0, np.nan, 30.0, np.nan], nan_ok=True
    )
    assert mean_before(values, household, waves).tolist() == pytest.approx(
        [10.0, np.nan, np.nan, 10.0, 5.0], nan_ok=True
    )
    same = pd.Series([1, 1, 1, 1, 2])
    assert mean_of_others(values, same).tolist() == pytest.approx(
        [7.5, 20.0, 17.5, 15.0, np.nan], nan_ok=True
    )
