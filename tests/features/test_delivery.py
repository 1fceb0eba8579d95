"""Deliveries as folders: what is stored leads back to what came, and nothing that came is lost."""

from __future__ import annotations

import datetime as dt
import random
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, Signals, take_in
from features.errors import ContractError, FeaturesError
from features.signals import Coverage, complete
from features.signals.buckets import Buckets
from features.signals.delivery import read_coverage, take_in_folder
from tests.features.test_intake import HEADER, LINE, write


def made_up(seed: int) -> Signals:
    rng = random.Random(seed)
    tables = {
        feed: take_in(feed, [contract.generate(rng) for _ in range(12)]).accepted
        for feed, contract in CONTRACTS.items()
    }
    return Signals(tables, complete(CONTRACTS, "500299", dt.date(2020, 1, 1), dt.date(2027, 1, 1)))


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_the_surface_leads_back_to_the_same_table(seed: int) -> None:
    signals = made_up(seed)
    for feed in CONTRACTS:
        taken = take_in(feed, signals.frame(feed))
        assert taken.quarantined == ()
        assert taken.accepted.equals(signals.tables[feed])


def test_signals_are_saved_and_loaded_unchanged(tmp_path: Path) -> None:
    signals = made_up(1)
    signals.save(tmp_path)
    loaded = Signals.load(tmp_path)
    assert all(loaded.tables[feed].equals(signals.tables[feed]) for feed in CONTRACTS)
    assert loaded.coverage.deliveries == signals.coverage.deliveries
    Signals({}, Coverage()).save(tmp_path / "empty")
    assert Signals.load(tmp_path / "empty").coverage.deliveries == ()


def test_stored_signals_that_are_absent_or_misshapen(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"lacks signals.json"):
        Signals.load(tmp_path)
    made_up(1).save(tmp_path)
    (stored,) = Buckets.open(tmp_path).paths("income")
    write(stored, "garbage")
    with pytest.raises(ContractError, match=r"0000.parquet is no Parquet table"):
        Signals.load(tmp_path)
    stored.unlink()
    with pytest.raises(ContractError, match=r"income lacks 0000.parquet"):
        Signals.load(tmp_path)
    write(tmp_path / "signals.json", "{")
    with pytest.raises(ContractError, match=r"signals.json cannot be read"):
        Signals.load(tmp_path)
    with pytest.raises(ContractError, match="no contract"):
        Signals({"horoscope": pa.table({})}, Coverage())
    with pytest.raises(ContractError, match="lacks"):
        Signals({"income": pa.table({"household_id": ["H1"]})}, Coverage())
    good = made_up(1).tables["income"]
    wrong = good.set_column(
        good.schema.names.index("amount_fen"), "amount_fen", pa.array(["many"] * len(good))
    )
    with pytest.raises(ContractError, match="income table has columns of other types"):
        Signals({"income": wrong}, Coverage())


def test_a_folder_is_taken_in_with_its_quarantine(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    rng = random.Random(3)
    pd.DataFrame([CONTRACTS["household"].generate(rng)]).to_parquet(raw / "household.parquet")
    bare = HEADER.replace("known_on,", "", 1), LINE.replace("2025-04-01,", "")
    write(raw / "income.csv", *bare, bare[1].replace("3000.50", "lots"))
    write(
        raw / "coverage.csv",
        "feed,area_code,complete_from,complete_until,known_on",
        "income,500299,2024-01-01,2025-06-30,2025-07-01",
    )
    taken = take_in_folder(raw, out, region="CN-50", on=dt.date(2025, 7, 1))
    assert (taken.intakes["income"].rows_in, len(taken.intakes["income"].accepted)) == (2, 1)
    stored = Signals.load(out)
    assert stored.tables["income"]["known_on"].to_pylist() == [dt.date(2025, 5, 2)]
    assert [one.area_code for one in stored.coverage.deliveries] == ["500299"]
    quarantine = pd.read_csv(out / "quarantine" / "income.csv")
    assert quarantine[["row_number", "defects", "amount_yuan"]].to_numpy().tolist() == [
        [1, "amount_yuan: not_a_number", "lots"]
    ]
    write(raw / "household.csv", "x")
    with pytest.raises(ContractError, match="twice"):
        take_in_folder(raw, out, region="CN-50", on=dt.date(2025, 7, 1))
    (raw / "household.csv").unlink()
    (raw / "household.parquet").unlink()
    with pytest.raises(ContractError, match="lacks household"):
        take_in_folder(raw, out, region="CN-50", on=dt.date(2025, 7, 1))


def a_delivery(raw: Path) -> None:
    """Two villages, their coverage, and a feed of two claims."""
    rng = random.Random(4)
    register = [CONTRACTS["household"].generate(rng) | {"household_id": f"H{n}"} for n in range(2)]
    claims = [CONTRACTS["illness"].generate(rng) | {"household_id": f"H{n}"} for n in range(2)]
    pd.DataFrame(register).to_parquet(raw / "household.parquet")
    pd.DataFrame(claims).to_csv(raw / "illness.csv", index=False)
    rows = [
        {"feed": feed, "area_code": "50", "complete_from": "2020-01-01", "complete_until": "2026-01-01",
         "known_on": "2026-02-01"}
        for feed in ("household", "illness", "income")
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(raw / "coverage.csv", index=False)


def test_a_feed_that_cannot_be_read_is_missing_and_not_nothing(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    a_delivery(raw)
    taken = take_in_folder(raw, out, region="CN-50", on=dt.date(2026, 3, 1))
    # Income was said to be covered, and did not come.
    assert taken.silent == ("income",)
    claims = (raw / "illness.csv").read_text()
    (raw / "illness.csv").write_text(re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\1/\2/\3", claims))
    refused = take_in_folder(raw, out, region="CN-50", on=dt.date(2026, 3, 1))
    assert refused.silent == ("income", "illness")
    assert {one.feed for one in Signals.load(out).coverage.deliveries} == {"household"}


def add_to_lines(path: Path, text: str, *numbers: int) -> None:
    lines = path.read_text().splitlines()
    for number in numbers:
        lines[number] += text
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (
            lambda raw: (raw / "illness.csv").rename(raw / "Illness.csv"),
            "no feed has the name of, 1 in number",
        ),
        (lambda raw: (raw / "coverage.csv").write_bytes(b""), "coverage.csv cannot be read"),
        (
            lambda raw: (raw / "coverage.csv").write_bytes("区划,日期".encode("gbk")),
            "coverage.csv cannot be read",
        ),
        (
            lambda raw: (raw / "coverage.csv").write_text(
                (raw / "coverage.csv").read_text().replace("2026-01-01", "2100-01-01")
            ),
            "complete_until lies after known_on",
        ),
        # On every line, as spreadsheets write them, on one, and too few: pandas shifted the first by one cell.
        (
            lambda raw: add_to_lines(raw / "coverage.csv", ",", 1, 2, 3),
            "coverage row 0: the line has 6 cells",
        ),
        (
            lambda raw: add_to_lines(raw / "coverage.csv", ",,", 2),
            "row 1: the line has 7 cells and the table 5",
        ),
        (
            lambda raw: add_to_lines(raw / "coverage.csv", "\nincome,50,2020-01-01", 3),
            "row 3: the line has 3 cells.*commas off its end, and give every column its cell",
        ),
        (
            lambda raw: add_to_lines(raw / "coverage.csv", ",feed", 0),
            "row 0: the line has 5 cells and the table 6",
        ),
        (lambda raw: add_to_lines(raw / "coverage.csv", ",feed", 0, 1, 2, 3), "has a column twice"),
    ],
)
def test_a_misshapen_delivery_is_refused(tmp_path: Path, harm: Any, message: str) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    a_delivery(raw)
    harm(raw)
    with pytest.raises(FeaturesError, match=message):
        take_in_folder(raw, tmp_path / "out", region="CN-50", on=dt.date(2026, 3, 1))


@pytest.mark.parametrize(
    ("raw", "out"),
    [
        ("data-raw", "data-raw/."),
        ("data-raw", "."),
        ("data-raw", ".."),
        ("link", "data-raw"),
        ("data-raw", "link/.."),
    ],
)
def test_the_raw_delivery_is_never_overwritten(tmp_path: Path, raw: str, out: str) -> None:
    """However the two folders are written."""
    (tmp_path / "data-raw").mkdir()
    a_delivery(tmp_path / "data-raw")
    (tmp_path / "link").symlink_to(tmp_path / "data-raw")
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    with pytest.raises(FeaturesError, match="would overwrite it"):
        take_in_folder(tmp_path / raw, tmp_path / out, region="CN-50", on=dt.date(2026, 3, 1))
    assert {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()} == before
    for _ in range(2):
        taken = take_in_folder(
            tmp_path / raw, tmp_path / raw / "signals", region="CN-50", on=dt.date(2026, 3, 1)
        )
    assert taken.intakes["illness"].rows_in == 2
    assert {one: one.read_bytes() for one in before} == before


def test_commas_at_the_end_of_every_line_of_the_coverage_take_nothing_away(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    a_delivery(raw)
    plain = read_coverage(raw / "coverage.csv")
    # The line of names has them too: an empty column that nobody asks for.
    add_to_lines(raw / "coverage.csv", ",", 0, 1, 2, 3)
    found = read_coverage(raw / "coverage.csv")
    assert (
        Coverage.from_frame(found, CONTRACTS).deliveries == Coverage.from_frame(plain, CONTRACTS).deliveries
    )
    assert len(found) == 3
