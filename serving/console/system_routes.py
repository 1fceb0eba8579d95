"""Pages about the system itself: which model is in service, and how the departments' feeds are."""

from __future__ import annotations

import math
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from features import CONTRACTS
from features.health import REASONS
from serving.cases.clocks import china_day
from serving.champion import shown
from serving.console.moments import china_time
from serving.console.navigation import FEEDS, RELEASES
from serving.console.office import Office
from serving.console.pages import Pages, language_of
from serving.console.texts import texts
from serving.errors import Problem
from serving.metrics.feed_ages import FeedAge
from serving.models.own_words import by_text, why_text
from serving.storage.keys import utc_now

PER_PAGE = 50


def router(pages: Pages, office: Office) -> APIRouter:
    """The pages, bound to the service."""
    made = APIRouter(include_in_schema=False)

    @made.get(RELEASES, response_class=Response)
    def releases(request: Request) -> Response:
        language, given = language_of(request), request.query_params.get("before", "")
        words = texts(language)
        before = int(given) if given.isascii() and given.isdigit() and 0 < len(given) < 10 else None
        champion = office.champion
        try:
            state, found = champion.models.state(), champion.models.log.page(PER_PAGE + 1, before)
        except SQLAlchemyError:
            raise Problem("storage_failed") from None
        current = shown(state.current)
        view = {
            "version": current.version if current else None,
            "sha256": current.sha256 if current else None,
            "previous": state.previous.version if state.previous else None,
            "is_on": state.is_on,
            "concerns": [words[f"concern_{one}"] for one in champion.concerns()],
            "items": [
                {
                    "seq": one.seq,
                    "at": china_time(one.at),
                    "by": by_text(one.released_by, language),
                    "action": words[f"release_{one.action}"],
                    "from": one.from_version or "–",
                    "to": one.to_version or "–",
                    "why": why_text(one.why, language),
                }
                for one in found[:PER_PAGE]
            ],
            "before": found[PER_PAGE - 1].seq if len(found) > PER_PAGE else None,
        }
        return pages.page(request, "releases.html", view=view)

    @made.get(FEEDS, response_class=Response)
    def feeds(request: Request) -> Response:
        language = language_of(request)
        words = texts(language)
        ages = office.ages.ages(china_day(utc_now())) if office.ages else None
        run, blocked = office.run_health.latest()
        view = {
            "ages": [
                {
                    "text": _feed(feed, language),
                    "newest": _days(one.newest_days, words),
                    "oldest": _days(one.oldest_days, words),
                    "is_silent": math.isinf(one.newest_days),
                }
                for feed, one in sorted((ages or {}).items(), key=_most_behind)
            ],
            "has_ages": ages is not None,
            "run": words["board_run"].format(date=run.isoformat()) if run else None,
            "blocked": [
                {
                    "area": one.area,
                    "text": _feed(one.feed, language),
                    "period": one.period.strftime("%Y-%m"),
                    "reason": one.text("zh" if language == "zh" else "en"),
                    "way_out": one.way_out("zh" if language == "zh" else "en"),
                }
                for one in blocked
                if one.reason in REASONS
            ],
        }
        return pages.page(request, "feeds.html", view=view)

    return made


def _feed(feed: str, language: str) -> str:
    return CONTRACTS[feed].zh if language == "zh" else CONTRACTS[feed].en


def _days(days: float, words: dict[str, str]) -> str:
    return words["feed_never"] if math.isinf(days) else words["feed_days"].format(days=f"{days:,.0f}")


def _most_behind(item: tuple[str, FeedAge]) -> tuple[float, float, Any]:
    feed, age = item
    return -age.oldest_days, -age.newest_days, feed
