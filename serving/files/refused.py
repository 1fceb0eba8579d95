"""Why a file is refused, and the way out. No text holds anything of the file."""

from __future__ import annotations

import errno

from serving.errors import ServingError

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
"""What the disk says when it is full, which is no fault of the file."""

FILE_PROBLEMS: dict[str, tuple[str, str]] = {
    "file_empty": ("The file is empty.", "Send a table whose first line names the columns."),
    "file_kind_unknown": (
        "The file's name does not end in a kind that is read.",
        "Send .csv, .csv.gz, .xlsx or .parquet, or several of them in one .zip.",
    ),
    "file_kind_differs": (
        "The file's content is of another kind than its name says.",
        "Save the table in the kind that its name says; renaming a file does not change it.",
    ),
    "file_encrypted": (
        "The file is protected by a password, or is an Excel file of the old kind (.xls).",
        "Take the password off and save the table as .xlsx or .csv.",
    ),
    "file_damaged": (
        "The file ends too early or is damaged.",
        "Send the file again; save it anew if it is refused again.",
    ),
    "file_too_large": (
        "Unpacked, the file is larger than a table may be.",
        "Send fewer rows in one job.",
    ),
    "file_too_many_rows": ("The table has more rows than one job takes.", "Send the rows in several jobs."),
    "file_too_wide": (
        "The table has more columns than any feed has.",
        "Send the columns of the feed's contract alone; delete cells far to the right.",
    ),
    "file_cell_too_long": (
        "A cell or a line is longer than any value is.",
        "Look for a quote without its second, and for texts in the wrong place.",
    ),
    "file_encoding": (
        "The text is encoded neither as UTF-8 nor as GB18030.",
        "Save the table as CSV UTF-8.",
    ),
    "file_binary": ("The text holds NUL characters.", "Save the table as CSV UTF-8."),
    "file_column_kind": (
        "A column holds lists, structures or bytes.",
        "Send columns of texts, numbers, dates, and true or false.",
    ),
    "file_too_slow": (
        "Reading the file took longer than a file of its size may.",
        "Save the table anew as .csv and send that.",
    ),
    "file_too_much_memory": (
        "Reading the file took more memory than a file may.",
        "Send fewer rows; delete empty rows and columns far away from the table.",
    ),
    "archive_content": (
        "The archive holds something else than one table a feed.",
        "Put files like household.csv into it, without folders, archives or passwords.",
    ),
    "sheet_formulas": (
        "The sheet holds formulas, whose results may be old.",
        "Copy the table and paste it as values into a new file.",
    ),
    "sheet_links": (
        "The workbook links to other files, or holds macros or embedded objects.",
        "Copy the table and paste it as values into a new file.",
    ),
    "sheets_several": ("More than one sheet holds something.", "Send one sheet a file."),
}
"""Code → what is wrong, the way out."""


class FileRefused(ServingError):
    """A file that is not read. Callers branch on `code`."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.detail, self.way_out = FILE_PROBLEMS[code]
        super().__init__(f"{self.detail} {self.way_out}")


def damaged(error: Exception) -> Exception:
    """What an error of reading a table and writing it anew says: the file is damaged, or the disk full."""
    is_full = isinstance(error, OSError) and error.errno in DISK_FULL
    return error if is_full else FileRefused("file_damaged")
