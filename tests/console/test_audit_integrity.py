"""The integrity page: a part of the log verified now, and a banner while something is wrong."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_jafsec.audit.integrity import KEPT_S, MAX_LEAVES
from flask_jafsec.errors import Busy, InvalidValue
from flask_jafsec.events import EventType
from tests.console.log_place import LogPlace, log_place
from tests.console.test_door import BROWSER

PAGE = "/audit/integrity"
ACTION = "/security/audit/integrity"
ALARM = "The audit log does not agree with itself."


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LogPlace]:
    with log_place(tmp_path) as opened:
        for _ in range(3):
            opened.deny()
        opened.settle()
        yield opened


def change_an_event(place: LogPlace) -> None:
    """Change the file as somebody with write access does: a refusal becomes a success."""
    with sqlite3.connect(place.url.removeprefix("sqlite:///")) as connection:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in connection.execute(triggers).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        stored = connection.execute("SELECT writer_id, n, envelope FROM jafsec_audit_event")
        writer, n, envelope = next(row for row in stored if b'"st":403' in row[2])
        changed = (envelope.replace(b'"st":403', b'"st":200'), writer, n)
        connection.execute(
            "UPDATE jafsec_audit_event SET envelope = ? WHERE writer_id = ? AND n = ?", changed
        )


def test_before_anybody_verified_the_page_does_not_say_so(place: LogPlace) -> None:
    page = place.get(PAGE)

    assert "Not verified yet" in page.text
    assert "flask jafsec audit verify" in page.text
    assert place.log.signers[0].verifier_key in page.text.replace("&#43;", "+")


def test_verifying_says_what_was_covered_and_is_recorded(place: LogPlace) -> None:
    page = place.send(PAGE, "verifier", ACTION, newest="1000")

    assert page.status_code == 200
    assert "Nothing is wrong with what was verified" in page.text
    (event,) = place.kept(EventType.AUDIT_VERIFIED)
    assert event["d"]["error"] == "OK"
    assert event["d"]["first_leaf"] == 0
    assert event["d"]["anchor"] == "anchors.log"
    assert "Verified from the first event" in place.get("/audit").text


def test_a_part_is_never_called_the_whole(place: LogPlace) -> None:
    for _ in range(1_100):
        place.record(EventType.KEY_REJECTED)
    place.settle()

    page = place.send(PAGE, "verifier", ACTION, newest="1000")

    assert "What lies before was not looked at." in page.text
    place.settle()
    place.place.clock.advance(KEPT_S + 1)
    page = place.get("/audit")
    assert "Verified in part" in page.text
    assert "Verified from the first event" not in page.text


def test_a_changed_event_is_named_and_what_to_do(place: LogPlace) -> None:
    change_an_event(place)

    page = place.send(PAGE, "verifier", ACTION, newest="1000")

    assert "Something was changed, removed or inserted" in page.text
    assert re.search(r"<code><bdi>LEAF \d+", page.text)
    assert "Keep a copy of the database" in page.text


def test_damage_stands_on_every_page_of_who_may_read_the_log(place: LogPlace) -> None:
    assert ALARM not in place.get(PAGE).text
    change_an_event(place)
    place.send(PAGE, "verifier", ACTION, newest="1000")
    place.settle()
    place.place.clock.advance(KEPT_S + 1)

    assert ALARM in place.get("/audit").text
    assert ALARM in place.get("/password").text
    assert ALARM not in place.get("/", "nothing").text


def test_an_alarm_of_the_log_itself_is_shown_as_text(place: LogPlace) -> None:
    place.record(EventType.AUDIT_INTEGRITY, actor="system", facts={"rule": "<b>HEAD</b> is odd"})
    place.settle()
    place.place.clock.advance(KEPT_S + 1)

    page = place.get("/audit")

    assert ALARM in page.text
    assert "&lt;b&gt;HEAD&lt;/b&gt; is odd" in page.text


@pytest.mark.parametrize("role", ["reader", "exporter", "names"])
def test_only_who_may_verify_verifies(place: LogPlace, role: str) -> None:
    page = place.get(PAGE, role)
    sent = place.visitor(role).post(ACTION, headers=BROWSER, data={"newest": "1000"})

    assert page.status_code == 200
    assert 'name="newest"' not in page.text
    assert sent.status_code == 403
    assert place.kept(EventType.AUDIT_VERIFIED) == []


def test_who_may_not_read_the_log_does_not_see_the_page(place: LogPlace) -> None:
    assert place.get(PAGE, "nothing").status_code == 403
    assert place.place.client.get(ACTION, headers=BROWSER).status_code == 303


def test_a_form_without_its_token_verifies_nothing(place: LogPlace) -> None:
    sent = place.visitor("verifier").post(ACTION, headers=BROWSER, data={"newest": "1000"})

    assert sent.status_code == 400
    assert place.kept(EventType.AUDIT_VERIFIED) == []


@pytest.mark.parametrize("number", ["0", "-1", "", "x", "1e3", "٣", str(MAX_LEAVES + 1), "9" * 400])
def test_only_a_number_that_a_page_can_wait_for_is_taken(place: LogPlace, number: str) -> None:
    sent = place.send(PAGE, "verifier", ACTION, newest=number)

    assert sent.status_code == 400
    assert "Please choose how many events" in sent.text


def test_two_verifications_at_once_are_one(place: LogPlace) -> None:
    assert place.integrity._running.acquire(blocking=False)
    with pytest.raises(Busy):
        place.integrity.verify(10, by="somebody")

    sent = place.send(PAGE, "verifier", ACTION, newest="1000")

    assert sent.status_code == 409
    assert "runs already" in sent.text


def test_more_than_a_page_can_wait_for_is_refused_by_the_service(place: LogPlace) -> None:
    with pytest.raises(InvalidValue):
        place.integrity.verify(MAX_LEAVES + 1, by="somebody")


def test_an_anchor_of_somebody_else_is_said_and_nothing_is_recorded(
    place: LogPlace, tmp_path: Path
) -> None:
    (tmp_path / "anchors.log").write_text("no note\n")

    sent = place.send(PAGE, "verifier", ACTION, newest="1000")

    assert sent.status_code == 409
    assert "anchors keep cannot be compared" in sent.text
    assert place.kept(EventType.AUDIT_VERIFIED) == []


def test_pages_ask_for_alarms_once_in_half_a_minute(place: LogPlace) -> None:
    first = place.integrity.standing()

    assert place.integrity.standing() is first
    place.place.clock.advance(KEPT_S)
    assert place.integrity.standing() is not first
