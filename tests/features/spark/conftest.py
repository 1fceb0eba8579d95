"""One Spark session for all tests of this folder; all of them are skipped where Spark cannot run."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOLDER = Path(__file__).parent
LEAST_JAVA = 17
CALM_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=512m"
"""Each query is new code to the JVM and runs once: compiling it well costs more than it gains.

With one compiler the JVM reserves only 48 MB for code, which a whole folder of queries fills.
"""


def what_is_missing() -> str | None:
    """Why Spark cannot run here, with the way out; None where it can."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: `make spark` installs it"
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(str(Path(home) / "bin" / "java") if home else "java")
    if java is None:
        return f"Spark needs Java {LEAST_JAVA} or newer and there is none: apt-get install openjdk-17-jre-headless"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < LEAST_JAVA:
        return f"Spark needs Java {LEAST_JAVA} or newer; `java -version` says another"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mine = [one for one in items if FOLDER in one.path.parents]
    reason = what_is_missing() if mine else None
    if reason:
        for one in mine:
            one.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session on two threads that leaves nothing outside of its folder, with no Python to start workers."""
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder} {CALM_JVM}",
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.shuffle.partitions": "2",
        # A session may have been set so that sums wrap around; the engine must not depend on it.
        "spark.sql.ansi.enabled": "false",
        # A query that wanted a Python on the executors would fail.
        "spark.pyspark.python": str(folder / "no-python-here"),
    }
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    made = builder.getOrCreate()
    yield made
    made.stop()
