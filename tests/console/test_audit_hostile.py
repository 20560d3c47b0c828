"""Two hundred hostile texts, through every field that reaches the log, on every page of it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest

from flask_jafsec.events import EventType
from flask_jafsec.ids import new_id
from tests.console.hostile import MARK, TEXTS
from tests.console.log_place import LogPlace, log_place

#: Attributes of ours in which text from outside may stand: as text only.
_MAY_CARRY = {"value", "aria-label", "title", "data-copy", "content"}

#: Attributes that hold addresses: text from outside may stand in their queries, in hexadecimal.
_ADDRESSES = {"href", "src", "action", "data-fragment", "data-live", "data-suggest"}


@dataclass
class Hostile:
    place: LogPlace
    ids: list[str]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    with log_place(tmp_path_factory.mktemp("hostile")) as place:
        yield Hostile(place, [sent(place, text) for text in TEXTS])


def sent(place: LogPlace, text: str) -> str:
    """Have the log keep an event whose every field of text is *text*."""
    return place.deny(
        actor=text,
        subject=text,
        code=text,
        reason=text,
        method=text,
        route=text,
        client=text,
        credential=text,
        key_id=text,
        tenant=text,
        request_id=text,
        personal={"user_agent": text, "path": text, text[:40]: text},
        facts={"role": text, "before": [text], "permissions": [text[::-1]], "rule": text},
    )


class Tags(HTMLParser):
    """Notes every element of a page and what stands in its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.problems.append(f"<{tag} {name}>")
            if MARK in (value or "") and name not in _MAY_CARRY | _ADDRESSES:
                self.problems.append(f"<{tag} {name}={value}>")
            if name in _ADDRESSES and not re.match(r"/(?!/)[^\s<>\"]*$|#", value or ""):
                self.problems.append(f"<{tag} {name}={value}>")
        if tag in ("iframe", "object", "embed", "base", "meta", "math", "template", "video"):
            known = tag == "meta" and {"charset", "name"} & {name for name, _ in attrs}
            if not known:
                self.problems.append(f"<{tag}>")
        if tag in ("script", "style") and "nonce" not in dict(attrs):
            self.problems.append(f"<{tag}>")


#: What nobody sees, and so must not stand in a page: written out it is seen.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def wrong_with(page: str) -> list[str]:
    found = Tags(page).problems
    unseen = _UNSEEN.search(html.unescape(page))
    return [*found, f"U+{ord(unseen[0]):04X}"] if unseen else found


def test_there_are_two_hundred_of_them() -> None:
    assert len(TEXTS) >= 200


@pytest.mark.parametrize("role", ["reader", "all"])
def test_the_list_shows_them_as_text(hostile: Hostile, role: str) -> None:
    hostile.place.settle()
    path, shown = "/audit?q=outcome:deny&size=100", 0
    while path:
        page = hostile.place.get(path, role)
        assert page.status_code == 200
        assert wrong_with(page.text) == []
        shown += len(re.findall(r"/audit/\w{26}\"", page.text))
        older = re.search(r'rel="next" href="/security([^"]+)"', page.text)
        path = html.unescape(older[1]) if older else ""

    assert shown == len(TEXTS)


@pytest.mark.parametrize("role", ["reader", "all"])
def test_every_event_shows_them_as_text(hostile: Hostile, role: str) -> None:
    hostile.place.settle()
    for event_id, text in zip(hostile.ids, TEXTS, strict=True):
        page = hostile.place.get(f"/audit/{event_id}", role, fragment=role == "all")

        assert page.status_code == 200
        assert wrong_with(page.text) == [], repr(text[:80])


def test_every_page_takes_them_as_a_query(hostile: Hostile) -> None:
    for text in TEXTS:
        asked = quote(text[:3_000].encode("utf-8", "surrogatepass"))
        for path in (f"/audit?q={asked}&from={asked[:200]}", f"/audit/export?q={asked}"):
            page = hostile.place.get(path, "all")

            assert page.status_code in (200, 303)
            assert wrong_with(page.text) == [], repr(text[:80])
        for part in (f"/audit/suggest?q={asked}", f"/audit/counts?q={asked}"):
            answer = hostile.place.get(part, "all", fragment=True)

            assert answer.status_code == 200
            assert wrong_with(answer.text) == [], repr(text[:80])


def test_an_alarm_with_one_is_text_on_every_page(tmp_path: Path) -> None:
    with log_place(tmp_path) as place:
        place.record(
            EventType.AUDIT_INTEGRITY, id=new_id(), actor="system", facts={"rule": TEXTS[0]}
        )
        place.settle()

        page = place.get("/audit/integrity")

    assert "does not agree with itself" in page.text
    assert wrong_with(page.text) == []
