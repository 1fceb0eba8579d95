"""A household's history: its stored scores, and any of them made again from what was known on its day."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from scoring.changes import make_changes
from scoring.texts import LANGUAGES, catalogue
from serving.access.gate import caller_of
from serving.api.documentation import AS_OF_PARAMETER, problems
from serving.api.history_answers import HistoryAnswer, ReplayAnswer
from serving.api.not_scored import nothing_known
from serving.errors import Problem
from serving.kept_models import KeptModels
from serving.query import (
    count_parameter,
    parse_day,
    query_parameter,
    read_count,
    read_day,
    read_moment,
    read_text,
    refused,
)
from serving.replay import Replayer, check_household
from serving.signals_folder import SignalsFolder
from serving.storage import FROM_FILES, History, HistoryStore, Mark

MOST_SCORES = 100
_DATE = AS_OF_PARAMETER["schema"]


def router(
    history: HistoryStore,
    replayer: Replayer,
    models: KeptModels,
    signals: SignalsFolder,
) -> APIRouter:
    """The routes, bound to what is stored."""
    made = APIRouter(tags=["households"])

    @made.get(
        "/v1/households/{household_id}/scores",
        summary="The stored scores of a household, newest first",
        description="Each says what moved since the one before it. Pages follow one another by `cursor`. "
        "`nothing_known` says that a run after all of them found every department silent; it is told "
        "beside no scores where the household has none.",
        response_class=Response,
        responses={200: {"model": HistoryAnswer}, **problems(404, 422, 500, 503)},
        openapi_extra={"parameters": [
            query_parameter("from", _DATE, "The first as-of date", example="2026-01-31"),
            query_parameter("to", _DATE, "The last as-of date", example="2026-10-31"),
            count_parameter("limit", "How many at most", default=20, most=MOST_SCORES),
            query_parameter("cursor", {"type": "string"}, "Where the page before ended, as it said"),
        ]},
    )  # fmt: skip
    def scores(household_id: str, request: Request) -> Response:
        since, until = read_day(request, "from"), read_day(request, "to")
        if since and until and since > until:
            raise refused("from", "after_end", "give a date on or before `to`")
        limit = read_count(request, "limit", default=20, most=MOST_SCORES)
        page = history.list(
            caller_of(request), household_id, since=since, until=until, limit=limit, after=_mark(request)
        )
        if page is None:
            raise Problem("household_not_found")
        return JSONResponse({
            "household_id": household_id,
            "scores": [_told(one) for one in page.items],
            "next_cursor": page.after.text if page.after else None,
            "nothing_known": nothing_known(page.unheard),
        })

    @made.get(
        "/v1/households/{household_id}/scores/{as_of_date}/replay",
        summary="A past score made again from what was known on its day",
        description="Signals that had arrived by the date, the policy numbers in force on it and the model "
        "that scored it. `is_equal` says whether everything is equal to the bit, `differences` why not, "
        "`known_later` what arrived since and the score it would have made. Nothing is stored. The first "
        "replay of a model takes seconds.",
        response_class=Response,
        responses={200: {"model": ReplayAnswer}, **problems(404, 409, 422, 500, 503)},
        openapi_extra={"parameters": [
            query_parameter(
                "model_version", {"type": "string"}, "Which model's score; the one written last if left out"
            ),
            query_parameter(
                "written_at", {"type": "string", "format": "date-time"},
                "Which of a day's scores, as the history has it: there are two where facts were corrected",
            ),
        ]},
    )  # fmt: skip
    def replay(household_id: str, as_of_date: str, request: Request) -> Response:
        day, version = parse_day(as_of_date, "/path/as_of_date"), read_text(request, "model_version")
        caller = caller_of(request)
        past = history.find(caller, household_id, day, version, read_moment(request, "written_at"))
        if past is None:
            raise Problem("score_not_found")
        scorer = models.scorer(past.stored.body["model_version"], past.manifest_sha256)
        # What was corrected after the score was made was not known to it, on the same day either.
        corrected_on = past.stored.body.get("corrected_on")
        found, coverage = signals.find(
            [household_id],
            day,
            caller.scope,
            corrected_before=past.stored.written_at,
            corrected_on=dt.date.fromisoformat(corrected_on) if corrected_on else None,
        )
        household = check_household(found, household_id)
        told = replayer.replay(past.stored, household, coverage, scorer)
        if not told["is_equal"] and past.stored.body.get(FROM_FILES):
            # It differs because it was made from something else, and not because the past was changed.
            raise Problem(
                "signals_not_kept",
                detail="A job made this score from files that are not kept; from the signals that are kept "
                "another comes out.",
            )
        return JSONResponse({**told, "differences": [_worded(one) for one in told["differences"]]})

    return made


def _mark(request: Request) -> Mark | None:
    given = read_text(request, "cursor")
    if given is None:
        return None
    try:
        return Mark.read(given)
    except ValueError:
        raise refused("cursor", "malformed", "give next_cursor of the page before, as it is") from None


def _told(one: History) -> dict[str, Any]:
    body = one.latest.body
    return {
        **{name: body[name] for name in ("as_of_date", "score", "grade", "grade_text", "suggested_action")},
        "rule_hits": [hit["code"] for hit in body["rule_hits"]],
        "horizon_months": one.latest.horizon_months,
        "model_version": body["model_version"],
        **{name: body.get(name) for name in ("policy_version", "feature_version", "monitoring_line")},
        "written_at": one.latest.written_at.isoformat(timespec="seconds"),
        "changes": make_changes(one.former.body, body) if one.former else None,
    }


def _worded(difference: dict[str, Any]) -> dict[str, Any]:
    texts = {language: catalogue(language)["replay"][difference["code"]] for language in LANGUAGES}
    return {**difference, "text": texts}
