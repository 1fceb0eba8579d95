"""Page: sections of paragraphs, tables and figures as one HTML file that needs nothing beside it.

No script, no font, no image and no style from anywhere else; dark where the reader's system is dark; black on
white in print, with the tables behind the charts opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from training.report.figures import Figure, Number, Paragraph, Part, Table

Language = Literal["zh", "en"]
LANGUAGE_TAGS: Mapping[str, str] = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True)
class Section:
    """A part of a page under a heading; `key` is its anchor, `subtitle` the heading in the other language."""

    key: str
    title: str
    parts: tuple[Paragraph | Table | Figure, ...]
    subtitle: str = ""


@dataclass(frozen=True)
class Page:
    """A whole page. `verdict` stands first, under no heading; `tone` says how it is set.

    `summary` is what somebody reads who reads no further; `summary_language` its language.
    """

    title: str
    verdict: tuple[Part, ...]
    tone: Literal["good", "bad", "plain"]
    sections: tuple[Section, ...]
    summary: tuple[Paragraph, ...] = ()
    language: Language = "en"
    summary_language: Language = "zh"
    contents_title: str = "Contents"
    table_title: str = "Numbers of this chart"
    footer: tuple[Part, ...] = ()


def render_page(page: Page) -> str:
    """The page as one HTML text; everything but the charts' own markup is escaped."""
    return (
        _environment()
        .get_template("page.html")
        .render(
            page=page,
            tag=LANGUAGE_TAGS[page.language],
            summary_tag=LANGUAGE_TAGS[page.summary_language],
            style=style(),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("training.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["number"] = lambda one: isinstance(one, Number)
    environment.tests["several"] = lambda one: isinstance(one, tuple)
    environment.filters["exact"] = repr
    # Names of numbers begin small, since they stand inside sentences too.
    environment.filters["opened"] = lambda title: title[:1].upper() + title[1:]
    return environment


@cache
def style() -> Markup:
    """The one style sheet of pages and charts."""
    # Our own file, shipped with the package.
    return Markup((resources.files("training.report") / "templates" / "page.css").read_text("utf-8"))  # noqa: S704
