"""Parquet, read in small parts and written anew, so that what is read later is as large as it looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from serving.files.archives import Budget
from serving.files.kinds import Limits
from serving.files.refused import FileRefused, damaged

_ROWS = 4_096
_LONGEST_NAME = 1_000_000


def unpack_parquet(source: Path, target: Path, limits: Limits) -> None:
    """Write the table anew, its columns flat and plain."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    try:
        with pq.ParquetFile(
            source, thrift_string_size_limit=_LONGEST_NAME, thrift_container_size_limit=100_000
        ) as table:
            schema = _plain(table.schema_arrow, limits)
            if table.metadata.num_rows > limits.most_rows:
                raise FileRefused("file_too_many_rows")
            _rewrite(table, schema, target, limits)
    except MemoryError:
        raise FileRefused("file_too_much_memory") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged(error) from None


def _rewrite(table: Any, schema: pa.Schema, target: Path, limits: Limits) -> None:
    budget = Budget(limits.most_bytes)
    rows = 0
    with pq.ParquetWriter(target, schema, compression="zstd", use_dictionary=False) as out:
        for batch in table.iter_batches(batch_size=_ROWS, use_threads=False):
            rows += len(batch)
            if rows > limits.most_rows:
                raise FileRefused("file_too_many_rows")
            plain = pa.Table.from_batches([batch]).cast(schema)
            budget.take(plain.nbytes)
            for column in plain.columns:
                if pa.types.is_string(column.type):
                    longest = pc.max(pc.binary_length(column)).as_py() or 0
                    if longest > 4 * limits.longest_cell:
                        raise FileRefused("file_cell_too_long")
            out.write_table(plain)


def _plain(schema: pa.Schema, limits: Limits) -> pa.Schema:
    if len(schema) > limits.most_columns:
        raise FileRefused("file_too_wide")
    return pa.schema([pa.field(one.name, _plain_type(one.type)) for one in schema])


def _plain_type(kind: Any) -> Any:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    is_plain = (
        pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_date,
        pa.types.is_timestamp, pa.types.is_decimal, pa.types.is_null,
    )  # fmt: skip
    if not any(one(kind) for one in is_plain):
        raise FileRefused("file_column_kind")
    return kind
