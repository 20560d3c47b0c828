"""Where the log may go outside, and what to write instead of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.sinks.http_collector import Address
from flask_jafsec.audit.sinks.places import FilePlace, LogPlace, Place, SyslogPlace
from flask_jafsec.config.audit_exports import exports, places_in
from flask_jafsec.config.parsing import Unfit
from flask_jafsec.config.sources import Sources
from flask_jafsec.errors import Problem

FOLDER = "/srv/shop/instance"
TOKEN = "canary-token-0123456789"


def read(value: object, token: str | None = None) -> tuple[tuple[Place, ...], list[Problem]]:
    given_ = {"JAFSEC_AUDIT_EXPORTS": value, "JAFSEC_AUDIT_EXPORT_TOKEN": token}
    sources = Sources(given_, {})
    sources.problems.clear()
    return exports(sources, FOLDER), sources.problems


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("log:", LogPlace()),
        ("log", LogPlace()),
        ("file:/var/log/audit.jsonl", FilePlace("/var/log/audit.jsonl")),
        ("file:///var/log/audit.jsonl", FilePlace("/var/log/audit.jsonl")),
        ("file:audit.jsonl", FilePlace(f"{FOLDER}/audit.jsonl")),
        ("syslog+udp://logs.example", SyslogPlace("udp", "logs.example", 514)),
        ("syslog+udp://127.0.0.1:5514", SyslogPlace("udp", "127.0.0.1", 5514)),
        ("syslog+tcp://logs.example", SyslogPlace("tcp", "logs.example", 601)),
        ("syslog+tcp://[::1]:601/", SyslogPlace("tcp", "::1", 601)),
        ("syslog+udp://h?facility=local3", SyslogPlace("udp", "h", 514, 19)),
        ("syslog+udp://h?facility=4", SyslogPlace("udp", "h", 514, 4)),
        ("https://siem.example", Address(host="siem.example", port=443, path="/")),
        ("https://SIEM.example:8443/a/b", Address(host="siem.example", port=8443, path="/a/b")),
        (
            "https://siem.example/in?form=array",
            Address(host="siem.example", port=443, path="/in", form="array"),
        ),
        (
            "http://localhost:8080/in",
            Address(host="localhost", port=8080, path="/in", is_tls=False),
        ),
        ("http://127.8.0.1/in", Address(host="127.8.0.1", port=80, path="/in", is_tls=False)),
        ("http://[::1]/in", Address(host="::1", port=80, path="/in", is_tls=False)),
        (
            "http://siem.internal/in?plain=true",
            Address(host="siem.internal", port=80, path="/in", is_tls=False),
        ),
    ],
)
def test_a_place_is_read(written: str, place: Place) -> None:
    assert read(written) == ((place,), [])
    assert read([written]) == ((place,), [])


def test_several_places_are_read() -> None:
    places, problems = read("log:, syslog+udp://h, https://siem.example/in")

    assert problems == []
    assert [type(place) for place in places] == [LogPlace, SyslogPlace, Address]


def test_nothing_is_nowhere() -> None:
    assert read("") == ((), [])
    assert read(None) == ((), [])


def test_certificates_are_a_file_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("x")

    (place,), problems = read(f"https://siem.example/in?ca={file}")

    assert problems == []
    assert isinstance(place, Address)
    assert place.ca_file == str(file)


@pytest.mark.parametrize(
    ("written", "what"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("siem.example", "is no place", id="no scheme"),
        pytest.param("ftp://h/x", "is no place", id="other scheme"),
        pytest.param("syslog://h", "is no place", id="syslog without transport"),
        pytest.param("file:", "is no place", id="no path"),
        pytest.param("https://", "does not name a host", id="no host"),
        pytest.param("https://h:0/", "does not name a host", id="port 0"),
        pytest.param("https://h:99999/", "does not name a host", id="port too large"),
        pytest.param("https://[::1/", "does not name a host", id="half a bracket"),
        pytest.param("https://h/#canary", "does not name a host", id="fragment"),
        pytest.param("https://h h/", "does not name a host", id="space in host"),
        pytest.param("https://h/a b", "has a path with", id="space in path"),
        pytest.param("https://user:canary@h/", "holds a name or a password", id="password"),
        pytest.param("https://h/?token=canary", "has an option", id="token in query"),
        pytest.param("https://h/?facility=1", "has an option", id="option of another"),
        pytest.param("https://h/?form=array&form=ndjson", "has an option", id="twice"),
        pytest.param("https://h/?form=xml", "is not one of the choices", id="form"),
        pytest.param("https://h/?ca=/nowhere/canary.pem", "names a file", id="no such CA"),
        pytest.param("http://siem.example/", "would send the log in clear text", id="plain"),
        pytest.param("http://127.0.0.1.example/", "would send the log", id="like loopback"),
        pytest.param("http://h/?plain=maybe", "is neither true nor false", id="plain=maybe"),
        pytest.param("syslog+udp://h/path", "has a path", id="path of syslog"),
        pytest.param("syslog+udp://h?facility=24", "is out of range", id="facility too large"),
        pytest.param("syslog+udp://h?facility=canary", "is not one of", id="facility"),
        pytest.param("https://h/\r\nX: canary", "is too long or holds", id="header injection"),
    ],
)
def test_these_are_no_places(written: str, what: str) -> None:
    places, (problem,) = read([written])

    assert places == ()
    assert problem.key == "JAFSEC_AUDIT_EXPORTS (entry 1)"
    assert problem.what.startswith(what)
    assert "canary" not in str(problem)


@pytest.mark.parametrize(
    "written",
    [
        "syslog+udp://h?facility=1, syslog+udp://h?facility=2",
        "https://h/in?form=array, https://h/in",
        "log, log:",
    ],
)
def test_two_entries_never_share_a_cursor(written: str) -> None:
    _, (problem,) = read(written)

    assert "twice" in problem.what


def test_there_is_an_end_to_places() -> None:
    _, (problem,) = read([f"syslog+udp://h{number}" for number in range(9)])

    assert problem.what == "has too many entries"


def test_the_token_goes_to_the_collector() -> None:
    places, problems = read("log:, https://siem.example/in", TOKEN)

    assert problems == []
    assert isinstance(places[1], Address)
    assert places[1].token == TOKEN
    assert TOKEN not in repr(places)


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("log:", "is set and no collector is there"),
        ("https://a.example/, https://b.example/", "would be shown to several collectors"),
        ("http://siem.internal/?plain=true", "would be sent in clear text"),
    ],
)
def test_a_token_that_would_be_shown_to_others_is_refused(written: str, what: str) -> None:
    _, (problem,) = read(written, TOKEN)

    assert problem.key == "JAFSEC_AUDIT_EXPORT_TOKEN"
    assert problem.what.startswith(what)
    assert "canary" not in str(problem)


@pytest.mark.parametrize("token", ["", "short", "canary two words", "canary\r\nX: y", "canaryüüü"])
def test_a_token_is_what_may_stand_in_a_header(token: str) -> None:
    _, (problem,) = read("https://siem.example/in", token)

    assert problem.what == "is not a bearer token"
    assert "canary" not in str(problem)


@given(
    st.text(max_size=60)
    | st.from_regex(r"(https?|syslog\+(udp|tcp))://[a-z0-9.:\[\]@/?=&%#-]{0,40}", fullmatch=True)
)
def test_whatever_is_written_is_taken_or_refused(written: str) -> None:
    try:
        places = places_in(FOLDER)([written])
    except Unfit:
        return

    assert len(places) == 1
