"""One event in, one line of JSON out, whatever it holds."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.sinks.log_line import JsonLog
from flask_jafsec.events import Event, EventType, Outcome, Severity
from flask_jafsec.ids import new_id
from tests.audit.hostile import WORST, Quitter

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def event(**fields: object) -> Event:
    return Event(id=new_id(), type=EventType.TOKEN_REJECTED, at=AT, **fields)  # type: ignore[arg-type]


def written(*events: Event, level: str = "DEBUG") -> list[str]:
    stream = io.StringIO()
    JsonLog(stream, level).write(events)
    return stream.getvalue().splitlines()


def test_a_line_holds_what_the_event_says() -> None:
    (line,) = written(event(severity=Severity.WARNING, outcome=Outcome.DENY, status=401))

    said = json.loads(line)
    assert said["type"] == "auth.token.rejected"
    assert said["at"] == "2026-01-02T03:04:05.000678Z"
    assert said["severity"] == "warning"
    assert said["outcome"] == "deny"
    assert said["status"] == 401


def test_what_is_empty_is_left_out() -> None:
    (line,) = written(event())

    assert set(json.loads(line)) == {"id", "type", "at", "severity", "outcome", "actor"}


def test_events_below_the_level_are_not_written() -> None:
    lines = written(event(severity=Severity.INFO), event(severity=Severity.ERROR), level="WARNING")

    assert [json.loads(line)["severity"] for line in lines] == ["error"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a\nb", id="line feed"),
        pytest.param("a\r\n{}", id="a second record"),
        pytest.param("\x1b[2J", id="clears a terminal"),
        pytest.param("\u202egnp.exe", id="right to left override"),
        pytest.param("\u2028", id="line separator"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param('","type":"forged', id="breaks out of quotes"),
    ],
)
def test_a_hostile_name_stays_inside_its_quotes(name: str) -> None:
    (line,) = written(event(actor=name))

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["actor"] == name
    assert json.loads(line)["type"] == "auth.token.rejected"


@given(st.text(), st.dictionaries(st.text(max_size=5), st.text() | st.integers(), max_size=3))
def test_any_text_is_one_line(text: str, facts: dict[str, object]) -> None:
    (line,) = written(event(reason=text, facts=facts))

    assert json.loads(line).get("reason", "") == text


def test_a_fact_that_json_does_not_know_is_written_as_text() -> None:
    (line,) = written(event(facts={"scopes": frozenset({"b", "a"}), "odd": object()}))

    assert "odd" in json.loads(line)["facts"]


@pytest.mark.parametrize("field", [*Event.__slots__])
def test_one_hostile_event_costs_no_other_its_line(field: str) -> None:
    for value in WORST:
        before, after = event(), event()
        given: dict[str, Any] = {field: value}
        broken = replace(event(), **given)

        lines = [json.loads(line) for line in written(before, broken, after)]

        assert [lines[0]["id"], lines[-1]["id"]] == [before.id, after.id]
        assert len(lines) == 3
        assert EventType(lines[1]["type"])


def test_a_hostile_fact_hides_no_other_field() -> None:
    (line,) = written(event(actor="ann", facts={"odd": Quitter(), "role": "reader"}))

    said = json.loads(line)
    assert (said["actor"], said["facts"]["role"]) == ("ann", "reader")


def test_what_only_the_audit_log_may_keep_is_in_no_line() -> None:
    (line,) = written(event(personal={"path": "/people/ann", "user_agent": "Browser/1.0"}))

    assert "ann" not in line
    assert "Browser" not in line
