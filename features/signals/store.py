"""Signals as stored: one Arrow table a feed and the coverage, in memory or as a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import ContractError
from features.signals import CONTRACTS, Coverage
from features.signals.contract import Contract


@dataclass(frozen=True)
class Signals:
    """Accepted records of every feed, in the stored form of their contracts, with their coverage.

    A feed that was not given has an empty table; whether that means "nothing happened" is for `coverage`
    to say.
    """

    tables: Mapping[str, pa.Table]
    coverage: Coverage

    def __post_init__(self) -> None:
        unknown = set(self.tables) - set(CONTRACTS)
        if unknown:
            raise ContractError(
                f"no contract for {', '.join(sorted(unknown))}; there are {', '.join(CONTRACTS)}"
            )
        tables = {name: _conforming(contract, self.tables.get(name)) for name, contract in CONTRACTS.items()}
        object.__setattr__(self, "tables", tables)

    def frame(self, feed: str) -> pd.DataFrame:
        """One feed as people read it: amounts in yuan, dates as dates."""
        contract = CONTRACTS[feed]
        table = self.tables[feed]
        columns: dict[str, Any] = {}
        for field in contract.fields:
            column = table[field.column]
            series = column.to_pandas(date_as_object=False)
            columns[field.surface] = series / 100 if field.column != field.surface else series
        return pd.DataFrame(columns)

    def household_rows(self, household_id: str) -> dict[str, list[dict[str, Any]]]:
        """The stored rows of one household, feed by feed, dates as dates."""
        return {
            name: table.filter(pc.equal(table["household_id"], household_id)).to_pylist()
            for name, table in self.tables.items()
        }

    def save(self, directory: Path) -> None:
        """Write one Parquet file a feed and `coverage.parquet`."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, table in self.tables.items():
            pq.write_table(table, directory / f"{name}.parquet", compression="zstd")
        self.coverage.to_frame().to_parquet(directory / "coverage.parquet", index=False)

    @classmethod
    def load(cls, directory: Path) -> Signals:
        """Read what `save` wrote; raises `ContractError` naming the file that is absent or misshapen."""
        for name in (*CONTRACTS, "coverage"):
            if not (directory / f"{name}.parquet").is_file():
                raise ContractError(f"{directory} lacks {name}.parquet: write the folder with Signals.save")
        tables = {name: _read(directory / f"{name}.parquet") for name in (*CONTRACTS, "coverage")}
        coverage = Coverage.from_frame(tables.pop("coverage").to_pandas(), CONTRACTS)
        return cls(tables, coverage)


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError):
        raise ContractError(f"{path} is no Parquet table: write the folder with Signals.save") from None


def _conforming(contract: Contract, table: pa.Table | None) -> pa.Table:
    if table is None:
        return contract.schema.empty_table()
    missing = [one for one in contract.schema.names if one not in table.column_names]
    if missing:
        raise ContractError(f"the {contract.name} table lacks {', '.join(missing)}")
    try:
        return table.select(contract.schema.names).cast(contract.schema)
    except pa.ArrowException:
        raise ContractError(
            f"the {contract.name} table has columns of other types than its contract: take the rows in anew"
        ) from None
