"""Silent feeds: what is left of the scores of a test date when one feed has fallen silent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.report.charts import Bar, bars
from training.report.figures import ABSENT, Figure, Number, Paragraph, Table, paragraph
from training.report.naming import feed_name
from training.report.plain_tables import cell_of
from training.report.texts import section_words, words

COLUMNS = ("features", "roc_auc", "precision", "ece", "predicted", "observed", "moved")


def silent_feeds(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Mean score with each feed silent beside the share that came, and the table of every number."""
    found = doc.get("silent_feeds")
    if not found:
        return []
    said, names = section_words("silence"), words("en")["names"]

    def name_of(one: Mapping[str, Any]) -> str:
        return feed_name(one["feed"], "en") if one.get("feed") else str(said["none"])

    parts: list[Paragraph | Table | Figure] = [paragraph(said["intro"])]
    scored = [one for one in found if "predicted" in one]
    if scored:
        parts.append(
            bars(
                said["title"],
                said["says"],
                [Bar(name_of(one), one["predicted"], ours=not one.get("feed")) for one in scored],
                axis=said["predicted"],
                form="rate",
                reference=scored[0].get("observed"),
                reference_name=said["observed"],
            )
        )
    forms = {
        "roc_auc": "three",
        "precision": "share",
        "ece": "four",
        "predicted": "rate",
        "observed": "rate",
        "moved": "times",
    }
    heads = {**said, **names}
    shown = [key for key in COLUMNS if any(key in one for one in found)]
    rows = tuple(
        (
            name_of(one),
            *(
                ABSENT
                if key not in one
                else Number(one[key], forms[key])  # type: ignore[arg-type]
                if key in forms and isinstance(one[key], int | float)
                else cell_of(key, one[key])
                for key in shown
            ),
        )
        for one in found
    )
    parts.append(Table(said["table"], ("", *(heads[key] for key in shown)), rows))
    return parts
