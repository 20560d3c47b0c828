"""The export page: who may, what it says before, and that nothing leaves without a record."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_jafsec.events import EventType
from tests.console.log_place import LogPlace, log_place
from tests.console.test_door import BROWSER, token_in

PAGE = "/audit/export?q=outcome:deny"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LogPlace]:
    with log_place(tmp_path) as opened:
        for _ in range(3):
            opened.deny()
        opened.settle()
        yield opened


def rows(body: bytes, name: str = "events.csv") -> str:
    return zipfile.ZipFile(io.BytesIO(body)).read(name).decode()


def test_the_page_says_in_words_what_would_be_copied(place: LogPlace) -> None:
    page = place.get(PAGE, "exporter")

    assert page.status_code == 200
    assert "outcome:deny" in page.text
    assert "<dd>3</dd>" in page.text
    assert 'name="names"' not in page.text, "names need a permission of their own"


def test_the_copy_is_a_download_that_is_kept_nowhere(place: LogPlace) -> None:
    answer = place.send(PAGE, "exporter", form="csv")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-')
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert rows(answer.data).count("\r\n") == 4
    (event,) = place.kept(EventType.AUDIT_EXPORTED)
    assert event["d"]["rows"] == 3


def test_lines_of_json_can_be_chosen(place: LogPlace) -> None:
    answer = place.send(PAGE, "exporter", form="jsonl")

    assert rows(answer.data, "events.jsonl").count("\n") == 3


@pytest.mark.parametrize("role", ["reader", "verifier", "names", "nothing"])
def test_nobody_else_sees_or_sends_the_form(place: LogPlace, role: str) -> None:
    assert place.get(PAGE, role).status_code == 403
    sent = place.visitor(role).post(f"/security{PAGE}", headers=BROWSER, data={"form": "csv"})

    assert sent.status_code == 403
    assert place.kept(EventType.AUDIT_EXPORTED) == []


def test_whoever_is_not_signed_in_gets_nothing(place: LogPlace) -> None:
    client = place.place.client

    assert client.get(f"/security{PAGE}", headers=BROWSER).status_code == 303
    assert client.post(f"/security{PAGE}", headers=BROWSER).status_code in (303, 401)


def test_names_are_left_out_for_who_may_not_see_them_whatever_is_sent(place: LogPlace) -> None:
    answer = place.send(PAGE, "exporter", form="csv", names="on")

    assert "ada@example.org" not in rows(answer.data)
    assert place.kept(EventType.AUDIT_PERSONAL_OPENED) == []


def test_names_are_in_it_for_who_may_and_that_is_recorded(place: LogPlace) -> None:
    answer = place.send(PAGE, "all", form="csv", names="on")

    assert "ada@example.org" in rows(answer.data)
    assert len(place.kept(EventType.AUDIT_PERSONAL_OPENED)) == 1


def test_a_form_without_its_token_copies_nothing(place: LogPlace) -> None:
    client = place.visitor("exporter")

    answer = client.post(f"/security{PAGE}", headers=BROWSER, data={"form": "csv"})

    assert answer.status_code == 400
    assert "expired" in answer.text
    assert place.kept(EventType.AUDIT_EXPORTED) == []


def test_a_foreign_page_cannot_have_a_copy_made(place: LogPlace) -> None:
    token = token_in(place.get(PAGE, "exporter"))
    client = place.visitor("exporter")
    foreign = {**BROWSER, "Sec-Fetch-Site": "cross-site"}

    client.post(f"/security{PAGE}", headers=foreign, data={"jafsec_token": token, "form": "csv"})

    assert place.kept(EventType.AUDIT_EXPORTED) == []


@pytest.mark.parametrize("query", ["q=outcom:deny", "q=outcome:deny&from=never", "q=" + "x" * 5000])
def test_what_is_not_clear_is_said_and_not_exported(place: LogPlace, query: str) -> None:
    page = place.get(f"/audit/export?{query}", "exporter")
    sent = place.send(PAGE, "exporter", form="exe")

    assert page.status_code == 200
    assert 'role="alert"' in page.text
    assert sent.status_code == 400
    assert place.kept(EventType.AUDIT_EXPORTED) == []
