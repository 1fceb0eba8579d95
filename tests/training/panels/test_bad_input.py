"""Bad input: one clear sentence, exit code 2, nothing on standard output and nothing left behind."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.panels.made_up import make_panel
from training.__main__ import main
from training.errors import DataError
from training.panels import check_folder, read_table
from training.panels.panel import prepare_panel

ASKED = {"--id": "hh", "--time": "year", "--label": "poor", "--naive": "income"}
Harm = Callable[[pd.DataFrame], pd.DataFrame]


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **asked: object
) -> tuple[int, str, str]:
    words = [part for name, value in asked.items() for part in (name, str(value))]
    monkeypatch.setattr(sys, "argv", ["training", "panel", *words, "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(str(ended.value.code)), said.out, said.err


def changed(**columns: Any) -> Harm:
    return lambda panel: panel.assign(**columns)


@pytest.mark.parametrize(
    ("harm", "asked", "said"),
    [
        (changed(poor=0), {}, "no positives"),
        (changed(poor=1), {}, "no negatives"),
        (changed(poor=""), {}, "empty in every row"),
        (changed(poor=lambda t: t["poor"] + 1), {}, "not 0/1: it holds the values 1, 2"),
        (changed(poor=lambda t: t["poor"] * 0.5), {}, "not 0/1: it holds the values 0.0, 0.5"),
        (changed(poor=lambda t: np.where(t.index == 3, "inf", t["poor"])), {}, "not 0/1"),
        (changed(poor=lambda t: np.where(t.index == 3, "9" * 40, t["poor"])), {}, "not 0/1"),
        (changed(poor=lambda t: np.where(t.index == 3, "maybe", t["poor"])), {}, "not 0/1"),
        (changed(poor=lambda t: np.where(t["year"] == 2014, 0, t["poor"])), {}, "too few to measure"),
        (changed(poor=lambda t: np.where(t["year"] < 2014, 1, t["poor"])), {}, "all have the same outcome"),
        (changed(year=2010), {}, "one wave only"),
        (changed(year=""), {}, "have no 'year' that can be read"),
        (changed(year=lambda t: np.where(t.index == 5, "inf", t["year"])), {}, "1 rows have no 'year'"),
        (changed(year=lambda t: "wave " + t["year"].map({2010: "a", 2012: "b", 2014: "c"})), {}, "no order"),
        (changed(year=lambda t: np.arange(len(t))), {}, "is a wave that many rows share"),
        (changed(hh=""), {}, "rows have no 'hh'"),
        (changed(hh=lambda t: np.where(t.index == 0, " ", t["hh"])), {}, "1 rows have no 'hh'"),
        (lambda t: pd.concat([t, t.head(4)]), {}, "4 rows repeat a household"),
        (changed(income="plenty"), {}, "'income' holds no numbers"),
        (changed(income=""), {}, "'income' holds no numbers"),
        (changed(income="2010-05-01"), {}, "'income' holds no numbers"),
        (changed(income="inf"), {}, "'income' holds no numbers"),
        (lambda t: t.drop(columns="income"), {}, "there is no column 'income' (--naive)"),
        (lambda t: t.drop(columns="poor"), {}, "there is no column 'poor' (--label)"),
        (lambda t: t.drop(columns="hh"), {}, "there is no column 'hh' (--id)"),
        (lambda t: pd.concat([t, t["income"]], axis=1), {}, "'income' (--naive) stands twice"),
        (lambda t: pd.concat([t, t["poor"]], axis=1), {}, "'poor' (--label) stands twice"),
        (lambda t: t.head(0), {}, "a header and no rows"),
        (lambda t: t.groupby("year").head(15), {}, "too few to learn from"),
        (None, {"--naive": "poor"}, "cannot be both --label and --naive"),
        (None, {"--naive": "hh"}, "cannot be both --id and --naive"),
        (None, {"--label": "hh"}, "cannot be both --id and --label"),
        (None, {"--group": "poor"}, "cannot be both --label and --group"),
        (None, {"--group": "vilage"}, "did you mean 'village'?"),
        (None, {"--drop": "sick,noise9"}, "there is no column 'noise9' (--drop)"),
        (None, {"--drop": "income"}, "is --naive and cannot be dropped"),
        (None, {"--naive": "income:down"}, "asc or desc"),
        (None, {"--test-time": "2020"}, "its waves are 2010, 2012, 2014"),
        (None, {"--test-time": "2010"}, "nothing to learn from"),
        (changed(village=1), {"--group": "village"}, "use more data"),
    ],
)
def test_a_table_that_cannot_be_used(
    harm: Harm | None,
    asked: dict[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    panel = make_panel(households=60, seed=1)
    (panel if harm is None else harm(panel)).to_csv(tmp_path / "t.csv", index=False)
    folder = tmp_path / "new" / "report"
    code, out, err = run(
        monkeypatch, capsys, **{**ASKED, "--data": tmp_path / "t.csv", "--report": folder, **asked}
    )
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["t.csv"]


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("t.csv", a_folder, "is a folder: give the file in it"),
        ("t.csv", lambda path: None, "there is no file"),
        ("t.csv", lambda path: path.write_bytes(b""), "t.csv is empty"),
        ("t.csv", lambda path: path.write_bytes(b"\xef\xbb\xbf\r\n"), "t.csv is empty"),
        ("t.csv.gz", lambda path: path.write_bytes(gzip.compress(b"a,b\n1,2\n")), "unpack it"),
        ("t.csv", lambda path: path.write_bytes(gzip.compress(b"a,b\n1,2\n" * 50)), "is gz"),
        ("t.csv", lambda path: path.write_bytes(b"PK\x03\x04" + bytes(30)), "is zip or a spreadsheet"),
        ("t.dta", lambda path: path.write_bytes(b"<stata_dta>"), "cannot be read as a Stata file"),
        ("t.xlsx", lambda path: path.write_bytes(b"PK"), "save it as CSV"),
    ],
)
def test_a_file_that_is_no_table(
    name: str,
    make: Callable[[Path], object],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make(tmp_path / name)
    code, out, err = run(monkeypatch, capsys, **{**ASKED, "--data": tmp_path / name})
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_fitted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match="is a file: give another"):
            check_folder(folder)
    check_folder(tmp_path / "not" / "yet" / "there")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_what_a_spreadsheet_writes_is_the_same_table(tmp_path: Path) -> None:
    panel = make_panel(households=60, seed=2).rename(columns={"village": "村"})
    panel["sick"] = panel["sick"].map({"yes": "是", "no": "否"})
    text = panel.to_csv(index=False, sep=";", lineterminator="\r\n")
    empty = ";" * (panel.shape[1] - 1) + "\r\n"
    (tmp_path / "plain.csv").write_text(panel.to_csv(index=False), encoding="utf-8")
    (tmp_path / "excel.csv").write_bytes(("sep=;\r\n" + text + 3 * empty).encode("utf-8-sig"))
    (tmp_path / "old.csv").write_bytes((text + empty).encode("gb18030"))
    plain = read_table(tmp_path / "plain.csv")
    for name in ("excel.csv", "old.csv"):
        pd.testing.assert_frame_equal(read_table(tmp_path / name), plain)


def test_names_that_stand_twice_in_a_file_are_named_and_the_first_is_used(tmp_path: Path) -> None:
    panel = make_panel(households=60, seed=2)
    twice = pd.concat([panel, panel["noise1"].rename("noise2")], axis=1)
    twice.to_csv(tmp_path / "t.csv", index=False)
    found = prepare_panel(
        read_table(tmp_path / "t.csv"), household="hh", label="poor", naive="income", time="year"
    )
    assert [(one.column, one.code) for one in found.left_out] == [("noise2", "twice")]
    once = prepare_panel(panel, household="hh", label="poor", naive="income", time="year")
    pd.testing.assert_frame_equal(found.train.vectors, once.train.vectors)


CELLS = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "NA", "yes", "no", "1", "0", "1,5", "1.234,5", "inf", "-inf", "nan", "2010-01-01", "x" * 300]),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.booleans(),
    st.text(max_size=5),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=2),
    st.decimals(allow_nan=False),
)  # fmt: skip


@given(
    st.lists(CELLS, min_size=1, max_size=12),
    st.sampled_from(["extra", "income", "poor", "year", "hh", "village"]),
    st.sampled_from([None, "string", "category"]),
    st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_any_cells_make_a_table_or_one_sentence(
    cells: list[object], column: str, kind: str | None, seed: int
) -> None:
    panel = make_panel(households=40, seed=3)
    rng = np.random.default_rng(seed)
    values = np.empty(len(panel), dtype=object)
    values[:] = [cells[at] for at in rng.integers(0, len(cells), len(panel))]
    made = pd.Series(values, dtype=object)
    kept = panel[column].astype(object) if column in panel else pd.Series(0, index=panel.index, dtype=object)
    panel[column] = kept.where(rng.random(len(panel)) < rng.choice([0.0, 0.5, 0.98]), made)
    if kind == "string":
        panel[column] = panel[column].map(str).astype("string")
    elif kind == "category":
        panel[column] = panel[column].map(str).astype("category")
    try:
        found = prepare_panel(
            panel, household="hh", label="poor", naive="income", time="year", group="village"
        )
    except DataError as error:
        refused: str | None = str(error)
    else:
        refused = None
    if refused is not None:
        assert "\n" not in refused
        assert 10 < len(refused) < 400
        return
    assert found.test is not None
    for sample in (found.train, found.test):
        assert not np.isinf(sample.vectors.to_numpy()).any()
        assert set(np.unique(sample.labels)) == {0, 1}
