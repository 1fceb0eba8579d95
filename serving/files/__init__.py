"""Files that people send: read in a process of their own, under limits, into plain tables.

That process imports this package, so nothing here is heavy.
"""

from serving.files.kinds import FileKind, Limits, check_content, kind_of_name
from serving.files.refused import FILE_PROBLEMS, FileRefused
from serving.files.unpacking import unpack

__all__ = ["FILE_PROBLEMS", "FileKind", "FileRefused", "Limits", "check_content", "kind_of_name", "unpack"]
