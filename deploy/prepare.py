"""Prepare a machine: the virtual environment from the locked requirements, and what Debian must provide.

Standard library only: it runs before anything is installed. Which package index is used is the machine's
own business: pip's settings are handed on to uv, and no address is written anywhere.

    python3 deploy/prepare.py environment requirements.lock
    .venv/bin/python deploy/prepare.py browser
    .venv/bin/python deploy/prepare.py lock
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LEAST_PYTHON = (3, 11)


def environment(lock: str) -> None:
    """Make .venv and install the locked requirements and the project into it."""
    if sys.version_info < LEAST_PYTHON:
        wanted = ".".join(map(str, LEAST_PYTHON))
        sys.exit(f"Python {wanted} or newer is needed; run with `make PYTHON=/path/to/python{wanted} …`.")
    if importlib.util.find_spec("ensurepip") is None:
        # Debian ships venv apart from Python.
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        install_packages([f"python{version}-venv"], "Python's venv module", required=True)
    if ctypes.util.find_library("gomp") is None:
        install_packages(["libgomp1"], "libgomp, which LightGBM links to", required=True)
    if not PYTHON.exists():
        print("making .venv", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
    print(f"installing {lock}", flush=True)
    if not install_with_uv(pip, lock):
        print("uv could not install them on this machine; pip takes a few minutes longer", flush=True)
        subprocess.run([*pip, "-r", lock], check=True, cwd=ROOT)
    project = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run(
        [*project, "--no-deps", "--no-build-isolation", "--no-index", "-e", "."], check=True, cwd=ROOT
    )


def install_with_uv(pip: list[str], lock: str) -> bool:
    """Install with uv, several times faster than pip; False when that does not work here."""
    got = subprocess.run([*pip, "-r", "requirements-setup.lock"], check=False, cwd=ROOT)
    if got.returncode:
        return False
    # As pip does it: where Python may not write bytecode, each process would compile the libraries anew.
    command = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--compile-bytecode"]
    command += ["--python", str(PYTHON)]
    done = subprocess.run(
        [*command, "--require-hashes", "-r", lock], check=False, cwd=ROOT, env=uv_environment()
    )
    return done.returncode == 0


def uv_environment() -> dict[str, str]:
    """The environment for uv, which does not read pip's settings: its index and links, handed on."""
    env = {**os.environ, "UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"}
    # pip takes the best version from all of its indexes; uv is asked to do the same.
    env["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    for setting, variable in (("index-url", "UV_DEFAULT_INDEX"), ("extra-index-url", "UV_INDEX")):
        for section in ("install", "global", ":env:"):
            command = [str(PYTHON), "-m", "pip", "config", "get", f"{section}.{setting}"]
            asked = subprocess.run(command, check=False, capture_output=True, text=True)
            # A local folder that is listed but absent is skipped by pip and an error for uv.
            found = [one for one in asked.stdout.split() if is_usable(one)]
            if asked.returncode == 0 and found:
                env.setdefault(variable, " ".join(found))
    return env


def is_usable(index: str) -> bool:
    """Whether an index address is remote, or a local folder that is there."""
    return not index.startswith("file://") or Path(index.removeprefix("file://")).is_dir()


def browser() -> None:
    """Install Chromium and a Chinese font for the browser tests where that is possible; they skip without."""
    if shutil.which("chromium") is None:
        install_packages(
            ["chromium", "fonts-noto-cjk"], "Chromium, which the browser tests open", required=False
        )


def java() -> None:
    """Install Java 17 where there is no Java and that is possible; the tests of Spark skip without."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        install_packages(["openjdk-17-jre-headless"], "Java 17, which Spark runs on", required=False)


def spark() -> None:
    """Install pyspark over the test requirements where that is possible; the tests of Spark skip without."""
    done = subprocess.run(
        [sys.executable, __file__, "environment", "requirements-spark.lock"], check=False, cwd=ROOT
    )
    if done.returncode:
        print("pyspark could not be installed; the tests of the Spark engine will skip", flush=True)


def install_packages(packages: list[str], what: str, *, required: bool) -> None:
    """Install Debian packages as root, or say in one sentence what to do."""
    by_hand = f"sudo apt-get install {' '.join(packages)}"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {' '.join(packages)} with apt-get", flush=True)
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        for command in (["apt-get", "update", "-qq"], install):
            done = subprocess.run(command, check=False, env=env, stdout=subprocess.DEVNULL)
        if done.returncode == 0:
            return
    message = f"{what} is missing and could not be installed; run: {by_hand}"
    if required:
        sys.exit(message)
    print(message, flush=True)


def lock() -> None:
    """Resolve the requirements anew into the lock files, with hashes and without index addresses.

    Only the machine's first index is asked: a folder of some wheels would leave the lock with their
    hashes alone, and the next machine could install nothing else.
    """
    others = {"UV_INDEX", "UV_FIND_LINKS"}
    env = {name: value for name, value in uv_environment().items() if name not in others}
    command = [str(VENV / "bin" / "uv"), "pip", "compile", "--quiet", "--upgrade", "--universal"]
    command += ["--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header"]
    command += ["pyproject.toml", "--extra", "build"]
    locks: tuple[tuple[list[str], str], ...] = (
        ([], "requirements.lock"),
        (["--extra", "postgres"], "requirements-service.lock"),
        (["--extra", "test"], "requirements-test.lock"),
        (["--extra", "test", "--extra", "spark"], "requirements-spark.lock"),
    )
    for extras, out in locks:
        subprocess.run([*command, *extras, "-o", out], check=True, cwd=ROOT, env=env)


COMMANDS: dict[str, Callable[..., None]] = {
    "environment": environment,
    "browser": browser,
    "java": java,
    "spark": spark,
    "lock": lock,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
