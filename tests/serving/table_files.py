"""Tables as offices hand them in: one content, in whichever form the file's name says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter


def write_table(path: Path, rows: Sequence[Sequence[Any]], names: Sequence[str]) -> Path:
    """Write a table as CSV (in GB 18030 where the name has `gb`), workbook or Parquet; answers the path."""
    match path.suffix:
        case ".csv":
            lines = [",".join(map(str, row)) for row in (names, *rows)]
            path.write_text("\n".join(lines) + "\n", encoding="gb18030" if "gb" in path.name else "utf-8-sig")
        case ".xlsx":
            with xlsxwriter.Workbook(str(path)) as book:
                sheet = book.add_worksheet()
                for number, row in enumerate((names, *rows)):
                    sheet.write_row(number, 0, row)
        case _:
            pq.write_table(pa.table([list(one) for one in zip(*rows, strict=True)], names=list(names)), path)
    return path
