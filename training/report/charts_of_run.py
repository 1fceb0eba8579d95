"""Charts of a run as SVG files that stand alone, for places that show pictures and no pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.report.figures import Figure
from training.report.page import style
from training.report.run_page import BUILDERS

NAMESPACE = "http://www.w3.org/2000/svg"


def charts_of_run(doc: Mapping[str, Any]) -> dict[str, str]:
    """Every chart of the run's page by section and number, each with its own style."""
    found = {}
    for key, build in BUILDERS:
        figures = [part for part in build(doc) if isinstance(part, Figure)]
        for at, figure in enumerate(figures, 1):
            found[f"{key}-{at}"] = standing_alone(figure)
    return found


def standing_alone(figure: Figure) -> str:
    """A chart with the namespace and the style that a page would have given it."""
    opening, _, rest = str(figure.svg).partition(">")
    return f'{opening} xmlns="{NAMESPACE}">\n<style>{style()}</style>{rest}\n'
