"""Signals as stored: one Arrow table a feed and the coverage, in memory or as a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import ContractError
from features.signals import CONTRACTS, Coverage
from features.signals.buckets import HOUSEHOLDS_PER_BUCKET, Buckets, BucketWriter, split_by_bucket
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

    def save(self, directory: Path, *, households_per_bucket: int = HOUSEHOLDS_PER_BUCKET) -> None:
        """Write the signals by buckets of whole villages, in place of those the folder held.

        Rows keep their order within a bucket. The folder holds the old signals or the new ones at every
        moment, also when the process is killed.
        """
        writer = BucketWriter(directory)
        for tables in split_by_bucket(self.tables, households_per_bucket):
            writer.add(tables)
        writer.finish(self.coverage)

    @classmethod
    def load(cls, directory: Path) -> Signals:
        """Read what `save` wrote, whole; raises `ContractError` naming a file that is absent or misshapen."""
        stored = Buckets.open(directory)
        return cls({feed: stored.table(feed) for feed in CONTRACTS}, stored.coverage)


def _conforming(contract: Contract, table: pa.Table | None) -> pa.Table:
    if table is None:
        return contract.schema.empty_table()
    if table.schema.equals(contract.schema):
        return table
    missing = [one for one in contract.schema.names if one not in table.column_names]
    if missing:
        raise ContractError(f"the {contract.name} table lacks {', '.join(missing)}")
    try:
        return table.select(contract.schema.names).cast(contract.schema)
    except pa.ArrowException:
        raise ContractError(
            f"the {contract.name} table has columns of other types than its contract: take the rows in anew"
        ) from None
