"""The accepted rows of a delivery that is read part by part, among which a later row may be repeated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


class Accepted:
    """Rows of tables with the columns of `schema`, and more beside these, each row once."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._parts = [schema.empty_table()]
        self._looks: list[pd.Series[Any]] = [pd.Series([], dtype=np.uint64)]

    def add(self, rows: pa.Table) -> Any:
        """Take the rows that repeat no earlier one in every field of the schema; a mask of the others."""
        names = self._schema.names
        looks = _looks(rows.select(names))
        # Only what looks like one of these rows can be the same.
        alike = [
            part.select(names).filter(pa.array(is_alike))
            for part, kept in zip(self._parts, self._looks, strict=True)
            if (is_alike := kept.isin(looks)).any()
        ]
        both = pa.concat_tables([*alike, rows.select(names)]).to_pandas(date_as_object=False)
        is_repeated = both.duplicated(keep="first").to_numpy()[len(both) - len(rows) :]
        self._parts.append(rows.filter(pa.array(~is_repeated)))
        self._looks.append(looks[~is_repeated])
        return is_repeated

    def whole(self) -> pa.Table:
        """All rows in their order, each column in one piece."""
        return pa.concat_tables(self._parts, promote_options="default").combine_chunks()


def _looks(rows: pa.Table) -> pd.Series[Any]:
    """A number for each row: the same for rows that are the same, and seldom for others."""
    columns = {name: _numbers(column) for name, column in zip(rows.column_names, rows.columns, strict=True)}
    return pd.util.hash_pandas_object(pd.DataFrame(columns), index=False)


def _numbers(column: pa.ChunkedArray) -> Any:
    """A number for each cell, which does not depend on the other cells."""
    if pa.types.is_string(column.type):
        words = pc.fill_null(column, "").combine_chunks().dictionary_encode()
        hashes = pd.util.hash_array(np.array(words.dictionary.to_pylist(), dtype=object), categorize=False)
        return hashes[words.indices.to_numpy()]
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    return pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
