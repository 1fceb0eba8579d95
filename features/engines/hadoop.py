"""A folder in any file system that Spark knows: HDFS, an object store, or the machine's own disk.

It serves the few small files that are no tables (manifests, coverage, villages' facts). They go through the
cluster's own Hadoop client, so that the address and the rights that Spark reads with are all that is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class HadoopFolder:
    """A folder by its address; an address without a scheme lies in the cluster's default file system."""

    def __init__(self, session: SparkSession, address: str) -> None:
        context: Any = session.sparkContext
        # pyspark offers no public way to single files; these two attributes have been there since Spark 1.
        self._jvm: Any = context._jvm
        self._settings: Any = context._jsc.hadoopConfiguration()
        self._path: Any = self._jvm.org.apache.hadoop.fs.Path(address)
        self._files: Any = self._path.getFileSystem(self._settings)

    @property
    def address(self) -> str:
        """The folder's address with its scheme."""
        return str(self._files.makeQualified(self._path).toString())

    def names(self) -> list[str]:
        """What lies in the folder, hidden files left out; nothing where the folder is absent."""
        if not self._files.exists(self._path):
            return []
        names = [str(one.getPath().getName()) for one in self._files.listStatus(self._path)]
        return sorted(name for name in names if not name.startswith("."))

    def has(self, place: str) -> bool:
        """Whether there is a file or folder at this place of the folder."""
        return bool(self._files.exists(self._at(place)))

    def read(self, place: str) -> bytes | None:
        """The content of a file, None where it is absent; raises `OSError` where it cannot be read."""
        from py4j.protocol import Py4JJavaError

        if not self.has(place):
            return None
        stream = self._files.open(self._at(place))
        try:
            return bytes(self._jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
        except Py4JJavaError as error:
            raise OSError(f"{self.address}/{place} cannot be read") from error
        finally:
            stream.close()

    def replace(self, place: str, content: bytes) -> None:
        """Put a file in place once it is whole, instead of any that was there."""
        target = self._at(place)
        writing = self._jvm.org.apache.hadoop.fs.Path(target.getParent(), f".{target.getName()}.writing")
        stream = self._files.create(writing, True)
        try:
            stream.write(bytearray(content))
        finally:
            stream.close()
        # FileSystem.rename refuses to replace on HDFS; FileContext does it in one step.
        fs = self._jvm.org.apache.hadoop.fs
        ways = getattr(fs, "Options$Rename").values()
        overwrite = [way for way in ways if str(way) == "OVERWRITE"]
        array = self._jvm.java.lang.reflect.Array.newInstance(overwrite[0].getClass(), 1)
        array[0] = overwrite[0]
        context = fs.FileContext.getFileContext(target.getFileSystem(self._settings).getUri(), self._settings)
        context.rename(self._files.makeQualified(writing), self._files.makeQualified(target), array)

    def _at(self, place: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(self._path, place)
