"""What pages say of corrections: their values in the contracts' words, where they stand, what came of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.signals.fields import Category, Field, Money
from scoring.texts import percent
from serving.cases.clocks import china_day
from serving.cases.contract_words import category_words, field_label
from serving.cases.correction import Correction, CorrectionState, Refusal
from serving.cases.texts import case_texts
from serving.console.texts import texts
from serving.rescoring import Rescored
from serving.storage import History
from serving.storage.corrections import StoredCorrection

NOT_RESCORED: dict[Rescored, str] = {
    "model_off": "rescored_model_off",
    "signals_not_kept": "rescored_not_kept",
    "not_registered": "rescored_not_registered",
    "data_ended": "rescored_data_ended",
    "failed": "rescored_failed",
}
"""What became of scoring again where nothing was scored → the console's words for it."""


def fact_view(one: StoredCorrection, language: str) -> dict[str, Any]:
    """The corrected fact: its feed and department, the values it had and should have.

    Where one row takes another's place they are `compared` field by field, those that change marked.
    """
    contract = one.correction.contract
    is_changed = bool(one.correction.row and one.correction.replaces)
    return {
        "feed": contract.zh if language == "zh" else contract.en,
        "department": contract.source_zh if language == "zh" else contract.source_en,
        "row": _values(one, one.correction.row, language),
        "replaces": _values(one, one.correction.replaces or {}, language),
        "compared": _compared(one.correction, language) if is_changed else None,
    }


def standing_view(one: StoredCorrection, language: str, *, is_told: bool, is_counted: bool) -> dict[str, Any]:
    """The same with where it stands; its values are for readers who are `is_told`.

    `is_counted` says whether the assessment beside it was made after it.
    """
    words, state = texts(language), case_texts(language)["correction_state"][one.state.value]
    course = [words["correction_proposed_on"].format(date=china_day(one.proposed_at))]
    if one.reviewed_at is not None:
        course.append(words["correction_reviewed_on"].format(date=china_day(one.reviewed_at), state=state))
    if one.why is not None:
        course.append(_why(one.why, language))
    if one.state is CorrectionState.APPROVED and not is_counted:
        course.append(words["correction_not_counted"])
    return {
        **fact_view(one, language),
        "state": state,
        "is_waiting": one.state is CorrectionState.PROPOSED,
        "is_told": is_told,
        "course": course,
    }


def is_counted(one: StoredCorrection, body: Mapping[str, Any] | None) -> bool:
    """Whether an assessment says that it was made after a correction."""
    if body is None or one.reviewed_at is None:
        return False
    told = {"feed": one.correction.feed, "approved_on": china_day(one.reviewed_at).isoformat()}
    return told in body.get("corrections", ())


def reviewed_view(
    one: StoredCorrection, again: History | None, outcome: Rescored | None, language: str
) -> dict[str, Any]:
    """What was done with a correction and what became of the score; `again` is the assessment after it."""
    words, fact = texts(language), fact_view(one, language)
    is_approved = one.state is CorrectionState.APPROVED
    title = words["correction_taken" if is_approved else "correction_left"]
    told = [_why(one.why, language)] if one.why is not None else []
    if not is_approved:
        told.append(words["correction_left_meaning"])
    if is_approved and again is None:
        told.append(words[NOT_RESCORED[outcome or "failed"]])
    if is_approved and again is not None:
        told += _rescored(one, again, language)
    return {
        "title": title.format(id=one.household_id, feed=fact["feed"]),
        "household_id": one.household_id,
        "told": told,
    }


def _rescored(one: StoredCorrection, again: History, language: str) -> list[str]:
    words, body = texts(language), again.latest.body
    date, score, grade = body["as_of_date"], percent(body["score"]), body["grade_text"][language]
    if again.former is None:
        said = [words["rescored_first"].format(date=date, score=score, grade=grade)]
    elif again.former.body["model_version"] != body["model_version"]:
        said = [words["rescored_other_model"].format(date=date, score=score, grade=grade)]
    else:
        former = again.former.body
        said = [
            words["rescored_from_to"].format(
                date=date, former=percent(former["score"]), score=score,
                former_grade=former["grade_text"][language], grade=grade,
            )
        ]  # fmt: skip
    silent = {*body["missing_feeds"], *body["stale_feeds"]}
    if one.correction.feed in silent:
        said.append(words["rescored_feed_silent"].format(feed=fact_view(one, language)["feed"], date=date))
    return said


def _why(why: Refusal, language: str) -> str:
    return texts(language)["correction_why_not"].format(why=case_texts(language)["refusal"][why.value])


def _compared(correction: Correction, language: str) -> list[dict[str, Any]]:
    """Every field that either row has, in the contract's order; what the former does not name may be new."""
    words, row, former = texts(language), correction.row, correction.replaces or {}
    return [
        {
            "label": field_label(field, language),
            "former": _told(correction.feed, field, former[name], language)
            if name in former
            else words["correction_unlisted"],
            "value": _told(correction.feed, field, row.get(name), language),
            "is_changed": row.get(name) != former.get(name),
        }
        for field in correction.contract.fields
        if (name := field.surface) in row or name in former
    ]


def _values(one: StoredCorrection, row: Mapping[str, Any], language: str) -> list[dict[str, str]]:
    """A row with the names that its contract has for the fields, and the catalogue's for what they say."""
    names = {field.surface: field for field in one.correction.contract.fields}
    return [
        {
            "label": field_label(names[name], language) if name in names else name,
            "value": _told(one.correction.feed, names.get(name), value, language),
        }
        for name, value in row.items()
    ]


def _told(feed: str, field: Field | None, value: Any, language: str) -> str:
    words = texts(language)
    if value is None:
        return words["no_record"]
    if isinstance(value, bool):
        return words["yes" if value else "no"]
    if isinstance(field, Category):
        return category_words(feed, field, language).get(str(value), str(value))
    if isinstance(field, Money):
        return words["yuan"].format(amount=f"{value:,.2f}".removesuffix(".00"))
    return f"{value:,.2f}".removesuffix(".00") if isinstance(value, float) else str(value)
