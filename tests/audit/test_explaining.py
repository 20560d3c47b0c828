"""Every decision can be explained, and says what would allow it."""

from __future__ import annotations

import pytest

from flask_jafsec import errors
from flask_jafsec.audit.explaining import explain
from flask_jafsec.errors import Refusal

CODES = sorted(
    kind.code
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
)


def members(**said: object) -> dict[str, object]:
    common = {"type": "authz.denied", "out": "deny", "m": "GET", "p": "/a/<id>", "st": 403}
    return {**common, "ts": "2026-11-25T10:00:00.000000Z", **said}


@pytest.mark.parametrize("code", CODES)
def test_every_refusal_names_its_step_and_what_would_allow_it(code: str) -> None:
    said = explain(members(d={"code": code, "reason": "why_it_was"}))

    assert said.decided.startswith("GET /a/<id> was refused with 403 at 2026-11-25")
    assert said.step != "authz.denied"
    assert "why_it_was" in said.rule
    assert said.advice


def test_a_count_says_how_often_and_until_when() -> None:
    said = explain(members(d={"code": "rate_exceeded", "count": 331, "until": "2026-11-25T10:01"}))

    assert "331 times until 2026-11-25T10:01" in said.decided


@pytest.mark.parametrize("told", [{}, {"d": None}, {"out": "strange", "ts": None}, {"d": {}}])
def test_even_a_damaged_event_is_explained(told: dict[str, object]) -> None:
    assert explain(told).decided
