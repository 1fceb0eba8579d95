"""Vectors of all stored households on a Spark cluster; run by `spark-submit` (see docs/how-to/spark.md).

    spark-submit deploy/vectors_on_spark.py --signals DIR --as-of DATE --out DIR

The last line of the output is one JSON object: what was written. `spark-submit` sends a program's stderr to
its own stdout.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import warnings
from dataclasses import asdict

from pyspark.sql import SparkSession

from features.engines.spark import write_vectors_on_spark
from features.errors import FeaturesError
from features.policy import DEFAULT_REGION


def main() -> None:
    """Write the vectors; a refusal is one sentence and exit code 2."""
    options = parse_arguments()
    # Spark warns that pandas is newer than the versions that it names; no data goes through pandas here.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
    session = SparkSession.builder.appName("fangfan-vectors").getOrCreate()
    try:
        run = write_vectors_on_spark(
            session,
            options.signals,
            options.as_of,
            options.out,
            region=options.region,
            progress=lambda doing, done, total: print(f"{doing} ({done}/{total})", file=sys.stderr),
        )
    except FeaturesError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    finally:
        session.stop()
    said = {**asdict(run), "households": {str(as_of): count for as_of, count in run.households.items()}}
    print(json.dumps(said, ensure_ascii=False))


def parse_arguments() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description="Vectors of all stored households on a Spark cluster.")
    parser.add_argument(
        "--signals", required=True, help="address of the stored signals, as intake writes them"
    )
    parser.add_argument(
        "--as-of",
        required=True,
        action="append",
        type=dt.date.fromisoformat,
        metavar="DATE",
        help="YYYY-MM-DD; give it again for more dates",
    )
    parser.add_argument("--out", required=True, help="address of an empty folder, or of an unfinished run")
    parser.add_argument("--region", default=DEFAULT_REGION, help="whose policy applies")
    return parser.parse_args()


if __name__ == "__main__":
    main()
