"""Further sentences of a summary: horizons, themes and labels of the last test date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.report.figures import Number, Paragraph, Part, paragraph
from training.report.texts import words


def further_sentences(doc: Mapping[str, Any], language: str) -> list[Paragraph]:
    """A sentence on each section that the JSON has; none where it has none."""
    said = words(language)["summary"]
    found = [_horizons(doc, said), _themes(doc, said), _delay(doc, said), _missed(doc, said)]
    return [one for one in found if one is not None]


def filled(texts: Sequence[str], numbers: Sequence[Number], **named: str) -> list[Part]:
    """Texts and numbers in turn, the first text first."""
    parts: list[Part] = []
    for at, text in enumerate(texts):
        parts.append(text.format(**named))
        if at < len(numbers):
            parts.append(numbers[at])
    return parts


def _horizons(doc: Mapping[str, Any], said: Mapping[str, Any]) -> Paragraph | None:
    test = _last(doc, "horizons")
    measured = [one for one in test.get("horizons", ()) if "predicted" in one.get("figures", {})]
    if not measured:
        return None
    parts: list[Part] = [said["horizons"].format(date=test["as_of_date"])]
    for at, one in enumerate(measured):
        numbers = [
            Number(one["months"], "count"),
            Number(one["figures"]["predicted"], "tally"),
            Number(one["figures"]["observed"]["value"], "tally"),
        ]
        parts += [said["clause_separator"]] if at else []
        parts += filled(said["horizon"], numbers)
    return paragraph(*parts, said["end"])


def _themes(doc: Mapping[str, Any], said: Mapping[str, Any]) -> Paragraph | None:
    test = _last(doc, "themes")
    hit, commonest = test.get("hit_share"), test.get("hit_share_of_commonest")
    if not hit or commonest is None:
        return None
    numbers = [Number(hit["value"], "share"), Number(commonest["value"], "share")]
    return paragraph(*filled(said["themes"], numbers))


def _delay(doc: Mapping[str, Any], said: Mapping[str, Any]) -> Paragraph | None:
    delay = _last(doc, "label_quality").get("delay_since_onset", {})
    if "median" not in delay:
        return None
    numbers = [Number(delay["known"], "count"), Number(delay["median"]["value"], "tally")]
    return paragraph(*filled(said["delay"], numbers))


def _missed(doc: Mapping[str, Any], said: Mapping[str, Any]) -> Paragraph | None:
    estimated = _last(doc, "label_quality").get("missed", {})
    missed = estimated.get("missed", {})
    if "high" not in missed:
        return None
    numbers = [
        Number(estimated["visits"], "count"),
        Number(missed["value"], "count"),
        Number(missed["low"], "count"),
        Number(missed["high"], "count"),
    ]
    return paragraph(*filled(said["missed"], numbers))


def _last(doc: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    tests = doc.get(section, {}).get("tests", ())
    found: Mapping[str, Any] = tests[-1] if tests else {}
    return found
