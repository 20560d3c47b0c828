"""The personal part of an event: complete, sealed, and bound to its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_jafsec.audit.references import (
    place_of,
)
from flask_jafsec.encryption.vault import SealKey
from flask_jafsec.errors import SealBroken
from flask_jafsec.stores.audit_tables import DATA_KEY
from tests.audit.hostile import HostileMapping
from tests.audit.log_setting import ORIGIN, Setting, database_url, event, log_on, rows_in
from tests.audit.reference_setting import WRITER, opened, process, sealed_by


@pytest.fixture(params=["sqlite", "postgres"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    with log_on(database_url(request, request.param), tmp_path) as setting:
        yield setting


@pytest.fixture
def sqlite_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    with log_on(database_url(request, "sqlite"), tmp_path) as setting:
        yield setting


def test_everything_personal_is_in_the_sealed_part(sqlite_log: Setting) -> None:
    one = event(
        actor="ada",
        subject="bob",
        client="192.0.2.1",
        reason="because Ada said so",
        personal={"user_agent": "curl", "path": "/chat/7"},
        facts={"email": "ada@example.com", "role": "admin"},
    )

    refs, part = sealed_by(process(), sqlite_log.audit, one)

    assert part is not None
    assert (refs.sealed_key, part.writer_id, part.n) == (part.key_ref, WRITER, 1)
    assert opened(sqlite_log, part) == {
        "extra": {
            "email": "ada@example.com",
            "path": "/chat/7",
            "reason": "because Ada said so",
            "user_agent": "curl",
        },
        "ip": "192.0.2.1",
        "subject_id": "bob",
        "user_id": "ada",
    }


def test_an_event_without_anything_personal_has_no_sealed_part() -> None:
    refs, part = sealed_by(process(), None, event(facts={"role": "admin"}))

    assert part is None
    assert (refs.sealed_hash, refs.sealed_key, refs.ip) == (None, None, None)


def test_facts_that_cannot_be_read_do_not_stop_the_rest_of_the_part(sqlite_log: Setting) -> None:
    one = event(client="192.0.2.1", personal=HostileMapping())

    _, part = sealed_by(process(), sqlite_log.audit, one)

    assert opened(sqlite_log, part) == {"extra": {"error": "facts_unreadable"}, "ip": "192.0.2.1"}


def test_a_person_s_part_opens_with_their_key_and_a_stranger_s_with_the_day_s(
    sqlite_log: Setting,
) -> None:
    _, person = sealed_by(process(), sqlite_log.audit, event(actor="ada", client="192.0.2.1"))
    _, stranger = sealed_by(process(), sqlite_log.audit, event(client="192.0.2.1"))

    kinds = {row.ref: row.kind for row in rows_in(sqlite_log.url, DATA_KEY)}
    assert person is not None
    assert stranger is not None
    assert kinds[person.key_ref] == "subject"
    assert kinds[stranger.key_ref] == "day"


@pytest.mark.parametrize(
    "place",
    [
        place_of("other.example.com/shop/audit/1", WRITER, 1, "K" * 26),
        place_of(ORIGIN, "1" * 16, 1, "K" * 26),
        place_of(ORIGIN, WRITER, 2, "K" * 26),
        place_of(ORIGIN, WRITER, 1, "L" * 26),
        place_of(ORIGIN, WRITER, 1, "K" * 26)[1:],
    ],
)
def test_a_sealed_part_opens_beside_its_own_event_only(place: bytes) -> None:
    key, own = SealKey(bytes(32)), place_of(ORIGIN, WRITER, 1, "K" * 26)
    sealed = key.seal(b"secret", own)

    with pytest.raises(SealBroken):
        key.open(sealed, place)
    assert key.open(sealed, own) == b"secret"
