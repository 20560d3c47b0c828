"""What an operator is told at the start."""

from __future__ import annotations

import logging
import sys

import pytest
from flask import render_template_string

from tests.apps import make_place


def test_several_workers_with_limits_in_memory_are_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "argv", ["gunicorn", "--workers", "4", "app:app"])

    make_place()

    (line,) = [record for record in caplog.records if "limits are kept" in record.message]
    assert (line.levelno, "4 times" in line.message) == (logging.WARNING, True)


def test_names_of_the_guide_without_effect_are_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CONTENT_FILTERING_ENABLED", "true")

    make_place()

    assert "CONTENT_FILTERING_ENABLED is set and has no effect" in caplog.text


def test_pages_work_where_headers_are_switched_off() -> None:
    place = make_place(JAFSEC_HEADERS_ENABLED=False)

    @place.app.get("/page")
    @place.jafsec.public(limit=None)
    def page() -> str:
        return render_template_string('<script nonce="{{ csp_nonce() }}"></script>')

    answer = place.client.get("/page")

    assert (answer.status_code, answer.text) == (200, '<script nonce=""></script>')
    assert "Content-Security-Policy" not in answer.headers
