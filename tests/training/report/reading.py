"""A reader of a finished page: its tags, what it would fetch, and every number that it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "input", "source", "base"}
FETCHING = {"src", "href", "xlink:href", "srcset", "data", "action", "poster", "background"}


@dataclass
class Read(HTMLParser):
    """`numbers` are (value, text) of every number; `words` all other text; `open` tags left unclosed."""

    tags: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    numbers: list[tuple[float, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._value: float | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in FETCHING:
                self.addresses.append(value or "")
            if name.startswith("on") or name == "style":
                self.handlers.append(name)
            if name == "data-value" or (tag == "data" and name == "value"):
                self._value = float(value or "nan")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.mismatched.append(tag)

    def handle_data(self, data: str) -> None:
        if self._value is not None:
            self.numbers.append((self._value, data))
            self._value = None
        elif data.strip() and self.open[-1:] != ["style"]:
            self.words.append(data.strip())


def read(page: str) -> Read:
    """Read a page to its end."""
    reader = Read()
    reader.feed(page)
    reader.close()
    return reader
