"""Acts that cannot be taken back want a fresh proof, in the form itself; nothing else does."""

from __future__ import annotations

import pytest

from flask_jafsec.events import EventType
from flask_jafsec.web.accounts import COOKIE
from tests.console.keys_setting import PASSWORD, Console, hidden, open_console

WHY = "found in a repository"

#: A minute past the quarter of an hour, and less than a session may be idle.
LATER_S = 16 * 60


@pytest.fixture
def console() -> Console:
    return open_console()


def revoke(console: Console, **fields: str) -> tuple[int, bool]:
    """Revoke a new key; return the answer's status and whether the key is revoked."""
    key = console.mint().key
    status = console.send(f"/keys/{key.id}/revoke", why=WHY, **fields).status_code
    return status, console.state.keys.get(key.id).revoked_at is not None


def cookie(console: Console) -> str:
    found = console.client.get_cookie(COOKIE)
    assert found is not None
    return found.value


def test_right_after_signing_in_nothing_more_is_asked(console: Console) -> None:
    page = console.get(f"/keys/{console.mint().key.id}/revoke")

    assert "jafsec_proof" not in page.text
    assert revoke(console) == (303, True)


def test_a_quarter_of_an_hour_later_the_form_asks_for_the_password(console: Console) -> None:
    console.place.clock.advance(LATER_S)

    assert 'name="jafsec_proof"' in console.get(f"/keys/{console.mint().key.id}/revoke").text
    assert revoke(console, jafsec_proof=PASSWORD) == (303, True)


@pytest.mark.parametrize("fields", [{}, {"jafsec_proof": ""}, {"jafsec_proof": "orange engines"}])
def test_without_a_good_proof_nothing_happens_and_the_form_keeps_what_was_written(
    console: Console, fields: dict[str, str]
) -> None:
    console.place.clock.advance(LATER_S)
    key = console.mint().key

    answer = console.send(f"/keys/{key.id}/revoke", why=WHY, **fields)

    assert answer.status_code == 400
    assert "That is not your password." in answer.text
    assert WHY in answer.text
    assert "orange" not in answer.text
    assert console.state.keys.get(key.id).revoked_at is None


@pytest.mark.parametrize("act", ["rotate", "revoke", "end"])
def test_each_of_these_acts_wants_the_proof(console: Console, act: str) -> None:
    key = console.mint().key
    if act == "end":
        console.send(f"/keys/{key.id}/rotate", overlap="24h")
    console.place.clock.advance(LATER_S)

    answer = console.send(f"/keys/{key.id}/{act}", why=WHY, overlap="none")

    assert answer.status_code == 400
    assert "That is not your password." in answer.text


def test_a_proof_gives_the_browser_another_session_and_ends_the_stolen_one(
    console: Console,
) -> None:
    console.place.clock.advance(LATER_S)
    stolen = cookie(console)

    assert revoke(console, jafsec_proof=PASSWORD) == (303, True)

    assert cookie(console) != stolen
    headers = {"Cookie": f"{COOKIE}={stolen}", "Accept": "text/html"}
    assert console.place.raw.get("/security/keys", headers=headers).status_code == 303
    assert console.get("/keys").status_code == 200


def test_the_next_act_within_the_quarter_wants_no_other_proof(console: Console) -> None:
    console.place.clock.advance(LATER_S)
    revoke(console, jafsec_proof=PASSWORD)

    assert revoke(console) == (303, True)
    console.place.clock.advance(LATER_S)
    assert revoke(console) == (400, False)


def test_a_form_that_failed_after_the_proof_can_be_sent_again(console: Console) -> None:
    console.place.clock.advance(LATER_S)
    path = f"/keys/{console.mint().key.id}/revoke"

    page = console.send(path, why="short", jafsec_proof=PASSWORD)
    again = console.post(path, {**hidden(page, path), "why": WHY, "jafsec_proof": PASSWORD})

    assert (page.status_code, again.status_code) == (400, 303)


def test_a_session_lives_no_longer_for_being_renewed(console: Console) -> None:
    for _ in range(12 * 60 // 16):
        console.place.clock.advance(LATER_S)
        revoke(console, jafsec_proof=PASSWORD)

    assert console.get("/keys").status_code == 303


def test_guessing_the_password_here_is_slowed_down_as_at_the_door(console: Console) -> None:
    console.place.clock.advance(LATER_S)
    for _ in range(12):
        revoke(console, jafsec_proof="orange engines hum")

    assert revoke(console, jafsec_proof=PASSWORD) == (400, False)
    assert len(console.place.events(EventType.SIGN_IN_FAILED)) >= 3
