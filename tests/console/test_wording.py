"""Every type of event has words of its own on a page."""

from __future__ import annotations

from importlib import import_module

import pytest

from flask_jafsec.events import EventType, Outcome, Severity

#: Its folder has another name, under which mypy does not find it.
wording = import_module("flask_jafsec_console.wording")


@pytest.mark.parametrize("event_type", list(EventType))
def test_a_type_is_told_in_words(event_type: EventType) -> None:
    said = wording.sentence(event_type.value)

    assert said != event_type.value
    assert said[0].isupper()
    assert not said.endswith(".")


def test_no_two_types_are_told_alike() -> None:
    said = [wording.sentence(event_type.value) for event_type in EventType]

    assert sorted(said) == sorted(set(said))


def test_a_type_of_another_release_is_told_by_its_name() -> None:
    assert "future.thing" in wording.sentence("future.thing")


def test_outcomes_and_severities_have_words_too() -> None:
    assert len({wording.outcome(outcome.value) for outcome in Outcome}) == len(Outcome)
    assert {wording.severity(level.value) for level in Severity} == {
        level.name.lower() for level in Severity
    }
