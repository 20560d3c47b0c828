"""Host names the application answers to."""

from __future__ import annotations

import pytest

from flask_jafsec.events import EventType
from tests.apps import make_place


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("good.example", 200, id="the one named"),
        pytest.param("good.example:8000", 200, id="with a port"),
        pytest.param("a.below.example", 200, id="below a name with a dot"),
        pytest.param("evil.example", 400, id="another"),
        pytest.param("good.example.evil.example", 400, id="one that looks alike"),
        pytest.param("good.example@evil.example", 400, id="with a user in front"),
    ],
)
def test_only_named_hosts_are_answered(host: str, status: int) -> None:
    place = make_place(JAFSEC_TRUSTED_HOSTS=["good.example", ".below.example"])

    answer = place.client.get("/public", headers={"Host": host})

    assert answer.status_code == status


@pytest.mark.parametrize("path", ["/public", "/chat", "/undeclared", "/no-such-address"])
def test_another_host_gets_a_document_and_is_recorded_as_refused(path: str) -> None:
    place = make_place(JAFSEC_TRUSTED_HOSTS=["good.example"])

    answer = place.client.get(path, headers={"Host": "evil.example"})

    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert answer.get_json()["code"] == "request_malformed"
    assert "evil" not in answer.text
    (event,) = place.events()
    assert (event.type, event.reason) == (EventType.REQUEST_MALFORMED, "host_not_trusted")


def test_a_list_of_the_hosts_own_wins() -> None:
    place = make_place(JAFSEC_TRUSTED_HOSTS=["good.example"], TRUSTED_HOSTS=["mine.example"])

    assert place.client.get("/public", headers={"Host": "mine.example"}).status_code == 200
    assert place.client.get("/public", headers={"Host": "good.example"}).status_code == 400


@pytest.mark.parametrize(("host", "status"), [("good.example", 308), ("evil.example", 400)])
def test_nobody_is_sent_to_a_host_that_is_not_ours(host: str, status: int) -> None:
    place = make_place(JAFSEC_TRUSTED_HOSTS=["good.example"], JAFSEC_HTTPS_REDIRECT=True)

    answer = place.client.get("/public", headers={"Host": host})

    assert answer.status_code == status
    assert "evil" not in answer.headers.get("Location", "")
    assert answer.headers["Cache-Control"] == "no-store"
