"""The process that asks the registry: it downloads files, loads none of them, and says what it found.

python -P -m serving.models.registry_child < what is asked, as JSON
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Ask for one version, and print one line of JSON."""
    asked = json.load(sys.stdin)
    # Whoever asks keeps the time; where they are killed, nobody else would end what hangs here.
    signal.alarm(math.ceil(asked["seconds"]) + 1)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What libraries print is no answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for what, most in ((resource.RLIMIT_FSIZE, asked["most_bytes"]), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))
    print(json.dumps(_ask(asked)), file=answers, flush=True)


def _ask(asked: dict[str, Any]) -> dict[str, Any]:
    from sqlalchemy.exc import SQLAlchemyError

    from scoring.errors import ScoringError
    from scoring.registry import download_files, find_registered, list_files
    from serving.models.admission import MOST_BYTES_TOGETHER, AdmissionRefused, check_listed

    uri = os.environ["FANGFAN_REGISTRY_URI"]
    try:
        found = find_registered(asked["alias"], uri)
        folder = None
        if found.manifest_sha256 not in asked["known"]:
            files = list_files(found, uri)
            check_listed(files)
            folder = str(download_files(found, uri, Path(asked["target"]), files, MOST_BYTES_TOGETHER))
    except AdmissionRefused as refused:
        return {"not_admitted": str(refused)}
    except ScoringError as error:
        return {"refused": str(error).replace(uri, "the registry's address")}
    except SQLAlchemyError as error:
        # MLflow hands on what its database says, which may hold the address.
        name = type(error).__name__
        return {"refused": f"its database does not answer, or is not MLflow's ({name})"}
    except Exception as error:
        # Whatever a client does with an answer that is none.
        return {"refused": f"its answer cannot be used ({type(error).__name__})"}
    return {"number": found.number, "manifest_sha256": found.manifest_sha256, "folder": folder}


if __name__ == "__main__":
    main()
