"""The process that tries bundles: it puts limits on itself, then reads folders and says how each went.

    python -P -m serving.models.child LIMITS

A line of JSON in is a folder, a line out its verdict. What it dies of, `trial` tells from how it ended.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import TextIO


def main(limits_text: str) -> None:
    """Try folders until there are no more."""
    answers = _own_output()
    limits = json.loads(limits_text)
    for what, most in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["processor_seconds"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    for line in sys.stdin:
        print(json.dumps(_verdict(Path(json.loads(line)))), file=answers, flush=True)


def _verdict(folder: Path) -> dict[str, object]:
    # Imported under the limits.
    from features.errors import FeaturesError
    from scoring.bundle import load_bundle, read_files
    from scoring.errors import ScoringError
    from scoring.proof import prove_bundle
    from serving.scorer import Scorer

    try:
        # This process is the child that may die of it.
        bundle = load_bundle(folder, read_files(folder).sha256)
        prove_bundle(bundle)
        # What a service makes of it, which a region without a policy keeps it from.
        Scorer(bundle)
    except (ScoringError, FeaturesError) as error:
        return {"code": "trial_refused", "says": str(error).replace(str(folder), "the folder")}
    except MemoryError:
        return {"code": "trial_too_large", "says": "loading it takes more memory than a trial may have"}
    except Exception as error:
        return {"code": "trial_refused", "says": f"loading it ended with {type(error).__name__}"}
    return {"sound": True}


def _own_output() -> TextIO:
    """Standard output for the answers alone: LightGBM writes there, too."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    return answers


if __name__ == "__main__":
    main(sys.argv[1])
