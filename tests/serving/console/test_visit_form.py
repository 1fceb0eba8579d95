"""What the page of a visit sends becomes the document of a visit, whatever is typed; files and sizes."""

from __future__ import annotations

import datetime as dt
import gzip
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from serving.cases.account import LINES
from serving.cases.guarantees import ITEMS
from serving.cases.visit import PROTECTIVE, Finding, Why, read_visit
from serving.console.course import HEIGHT, WIDTH, course_view
from serving.console.fields import Form
from serving.console.transfer import html_response, takes_gzip
from serving.console.visit_form import AGREE, Asked, document_of, form_view
from serving.errors import Problem
from serving.storage.household_record import Point

TODAY = dt.date(2026, 11, 2)
VILLAGE = "500999100201"
KEY = "a" * 32


def test_a_filled_in_page_is_the_visit_that_was_meant() -> None:
    form = Form(
        [
            ("submission_key", KEY), ("visited_on", "2026-11-01"), ("finding", "difficulty"), ("cause", "01"),
            ("more_causes", "07"), ("more_causes", "01"), ("guarantee.water", "no"), ("guarantee.food", "yes"),
            ("rigid_spending", "unsolved"), ("answer.01", AGREE), ("answer.07", "outdated"),
            ("protective", "savings"), ("members", "3"), ("line.wages_migrant", "21000"),
            ("record.0", "gone"), ("record.0.of", "illness@occurred_on=2026-03-14"), ("line.self_paid_medical", " 6000.55 "), ("line.gifts", ""), ("person", "p1"),
        ]
    )  # fmt: skip
    visit = read_visit(document_of(form), "H1", TODAY)
    assert (visit.submission_key, visit.visited_on, visit.finding) == (
        KEY,
        dt.date(2026, 11, 1),
        Finding.DIFFICULTY,
    )
    assert visit.causes == ("01", "07")
    assert visit.guarantees is not None
    assert visit.guarantees.gaps == ("water",)
    assert len(visit.guarantees.unchecked) == len(ITEMS) - 2
    assert [(one.family, one.is_agreed, one.why) for one in visit.answers] == [
        ("01", True, None), ("07", False, Why.OUTDATED)
    ]  # fmt: skip
    assert visit.protective == ("savings",)
    assert [(one.feed, dict(one.row), one.replaces) for one in visit.corrections] == [
        ("illness", {}, {"occurred_on": "2026-03-14"})
    ]
    assert visit.account is not None
    assert visit.account.members == 3
    assert sorted((one.line, one.amount_fen) for one in visit.account.lines) == [
        ("self_paid_medical", 600_055), ("wages_migrant", 2_100_000)
    ]  # fmt: skip


NAMES = (
    "submission_key", "visited_on", "finding", "cause", "more_causes", "rigid_spending", "protective", "members",
    "person", *(f"guarantee.{one}" for one in ITEMS), *(f"line.{one}" for one in LINES[:5]), "answer.01",
    "record.0", "record.0.of", "record.1", "record.1.of", "record.1.kind", "guarantee.x", "line.x", "answer.", "line.", "unknown",
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(("", " ", "difficulty", "not_met", "2026-11-01", "01", "yes", "3", "1e9", "-1", "1.234", AGREE, "٣", "NaN", "illness@occurred_on=2026-03-14", "x@y", "gone", "otherwise", "civil@a=b&a=c", "@")),
    st.text(max_size=12),
)  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=14))
def test_whatever_is_typed_is_a_visit_or_is_refused_with_its_questions(pairs: list[tuple[str, str]]) -> None:
    form = Form(pairs)
    visit, refused = None, None
    try:
        visit = read_visit(document_of(form), "H1", TODAY)
    except Problem as problem:
        refused = problem
    if refused is None:
        assert visit is not None
        assert visit.visited_on <= TODAY
    else:
        assert refused.code == "request_invalid"
        assert refused.errors
        assert not [one for one in refused.errors if "NaN" in str(one) or "1e9" in str(one)]
    # And the page can show it again.
    view = form_view([Asked("01", "x")], VILLAGE, TODAY, "zh", form)
    assert len(view["parts"]) == 8


def test_every_question_is_in_the_page_and_nothing_is_answered_beforehand() -> None:
    for language in ("zh", "en"):
        view = form_view([], VILLAGE, TODAY, language)
        lines = [line["name"] for part in view["parts"] for line in part["lines"]]
        assert sorted(lines) == sorted(f"line.{one}" for one in LINES)
        assert [one["name"] for one in view["guarantees"]] == [f"guarantee.{one}" for one in ITEMS]
        assert {one["key"] for one in view["protective"]} == set(PROTECTIVE)
        chosen = [
            one
            for group in (
                view["findings"],
                view["rigid"],
                view["protective"],
                *(each["options"] for each in view["guarantees"]),
            )
            for one in group
            if one["is_chosen"]
        ]
        assert chosen == []
        assert view["visited_on"] == TODAY.isoformat()


def request(accept: str) -> Request:
    headers = [(b"accept-encoding", accept.encode())] if accept else []
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


@pytest.mark.parametrize(
    ("accept", "packs"),
    [("gzip, deflate, br", True), ("GZIP;q=0.5", True), ("gzip;q=0", False), ("br", False), ("", False), ("xgzip", False)],
)  # fmt: skip
def test_pages_are_compressed_for_those_who_take_it(accept: str, packs: bool) -> None:
    assert takes_gzip(request(accept)) is packs
    answer = html_response(request(accept), "防" * 500, 200, {"Content-Language": "zh-CN"})
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers.get("content-encoding") == ("gzip" if packs else None)
    body = bytes(answer.body)
    assert (gzip.decompress(body) if packs else body).decode() == "防" * 500
    assert len(body) < 200 or not packs


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.tuples(st.dates(dt.date(2020, 1, 1), TODAY), st.floats(0, 1)), unique_by=lambda one: one[0], max_size=30),
    st.floats(0.0001, 0.2),
)  # fmt: skip
def test_a_course_is_drawn_inside_its_frame_in_order_of_time(
    scores: list[tuple[dt.date, float]], base_rate: float
) -> None:
    points = [Point(day, score, "m1" if day.year < 2023 else "m2") for day, score in scores]
    view: dict[str, Any] | None = course_view(points, base_rate, "zh")
    if len(points) < 2:
        assert view is None
        return
    assert view is not None
    dots = view["dots"]
    assert [x for x, _ in dots] == sorted(x for x, _ in dots)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in dots)
    by_time = [score for _, score in sorted(scores)]
    for (first, left), (second, right) in zip(
        zip(by_time, dots, strict=True), list(zip(by_time, dots, strict=True))[1:], strict=False
    ):
        # Higher scores are never drawn lower.
        assert (second - first) * (left[1] - right[1]) >= 0
    assert view["has_changes"] == (len({one.model_version for one in points}) > 1)
    assert [one["date"] for one in view["rows"]] == sorted(
        (day.isoformat() for day, _ in scores), reverse=True
    )
