"""References that say nothing about persons, and personal parts that open at one place only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flask_jafsec.audit import references
from flask_jafsec.audit.references import (
    KEY_LASTS_US,
    Referrer,
    address_ref,
    normal_address,
    random_ref,
)
from flask_jafsec.audit.rows import micros
from flask_jafsec.encryption.vault import SealKey, Vault
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.ids import is_id
from flask_jafsec.stores.audit_tables import DATA_KEY, SUBJECT
from tests.audit.log_setting import APP, Setting, database_url, event, log_on, rows_in
from tests.audit.reference_setting import NEW, OLD, TS, opened, process, save, sealed_by


@pytest.fixture(params=["sqlite", "postgres"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    with log_on(database_url(request, request.param), tmp_path) as setting:
        yield setting


@pytest.fixture
def sqlite_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    with log_on(database_url(request, "sqlite"), tmp_path) as setting:
        yield setting


# -- persons --


def test_two_processes_give_a_person_the_same_reference(log: Setting) -> None:
    one = event(actor="ada", subject="bob")

    first, _ = sealed_by(process(), log.audit, one)
    second, _ = sealed_by(process(), log.audit, one)

    assert first.actor == second.actor
    assert first.subject == second.subject
    assert first.actor != first.subject
    assert len(rows_in(log.url, SUBJECT)) == 2


def test_two_that_meet_somebody_at_the_same_moment_give_two_and_both_are_found(
    log: Setting,
) -> None:
    early, late, one = process(), process(), event(actor="ada")
    for referrer in (early, late):
        referrer.prepare([(one, TS)], None)  # neither sees the other's
    with log.audit.appending() as batch:
        save(early, batch)
        save(late, batch)

    refs = {sealed_by(each, None, one)[0].actor for each in (early, late)}

    with log.audit.importing() as batch:
        ((_, index),) = Vault(log.keyring, APP).lookups("ada")
        assert {row.ref for row in batch.subjects([index])} == refs
    assert len(refs) == 2
    assert sealed_by(process(), log.audit, one)[0].actor in refs


def test_a_reference_is_random_and_tells_neither_who_nor_when(sqlite_log: Setting) -> None:
    one = event(actor="ada")

    refs = {sealed_by(process(), None, one)[0].actor for _ in range(20)}

    assert len(refs) == 20, "made anew each time, not derived from the person"
    assert all(is_id(ref) for ref in refs)
    assert len({random_ref()[:5] for _ in range(20)}) > 1, "no time in front"


@pytest.mark.parametrize(
    ("actor", "credential", "kind"),
    [
        ("anonymous", "", "anonymous"),
        ("", "", "anonymous"),
        ("system", "", "system"),
        ("cli:root", "", "cli"),
        ("ada", "session", "person"),
        ("key:7", "key", "service"),
        ("key:7", "", "person"),
    ],
)
def test_actors_are_told_apart_by_kind(actor: str, credential: str, kind: str) -> None:
    refs, _ = sealed_by(process(), None, event(actor=actor, credential=credential))

    assert refs.actor_kind == kind
    assert (refs.actor == kind) is (kind in ("anonymous", "system"))


@pytest.mark.parametrize(
    "change",
    [{"actor": "key:1"}, {"subject": "bob"}, {"client": "198.51.100.9"}, {"credential": "key"}],
)
def test_a_caller_who_is_remembered_is_not_taken_for_another(
    sqlite_log: Setting, change: dict[str, Any]
) -> None:
    values = {"actor": "key:2", "subject": "eve", "client": "203.0.113.9", "credential": "token"}
    referrer = process()
    before, _ = sealed_by(referrer, sqlite_log.audit, event(**values))

    other, _ = sealed_by(referrer, sqlite_log.audit, event(**(values | change)))
    expected, _ = sealed_by(process(), sqlite_log.audit, event(**(values | change)))

    assert other[:4] == expected[:4]
    assert other[:4] != before[:4]


def test_after_the_root_key_was_rotated_a_person_keeps_the_reference(log: Setting) -> None:
    one = event(actor="ada")
    before, part = sealed_by(process(OLD), log.audit, one)

    after, later = sealed_by(process(NEW, OLD), log.audit, one)

    assert after.actor == before.actor
    assert opened(log, part, NEW, OLD)["user_id"] == "ada"
    assert opened(log, later, NEW, OLD)["user_id"] == "ada"


def test_a_root_key_that_is_gone_does_not_stop_the_log(
    log: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    one = event(client="192.0.2.1")
    sealed_by(process(OLD), log.audit, one)

    _, part = sealed_by(process(NEW), log.audit, one)

    assert opened(log, part, NEW) == {"ip": "192.0.2.1"}
    assert "'r1' is not in JAFSEC_ROOT_KEYS any more" in caplog.text


def test_a_person_who_was_erased_is_somebody_new_within_a_minute(log: Setting) -> None:
    referrer, one = process(), event(actor="ada")
    before, _ = sealed_by(referrer, log.audit, one)
    with log.store.transaction("tables", writing=True) as transaction:
        transaction.change(SUBJECT.update().values(lookup=None))
        transaction.change(DATA_KEY.update().values(wrapped=None))

    after, part = sealed_by(referrer, log.audit, one, TS + KEY_LASTS_US)

    assert after.actor != before.actor
    assert opened(log, part)["user_id"] == "ada"


# -- addresses --


@pytest.mark.parametrize(
    "forms",
    [
        ("192.0.2.1", "::ffff:192.0.2.1", "::FFFF:C000:201"),
        ("2001:db8::1", "2001:DB8:0:0::1", "2001:0db8:0000:0000:0000:0000:0000:0001"),
        ("unix:", "unix:"),
    ],
)
def test_equal_forms_of_an_address_have_one_reference(forms: tuple[str, ...]) -> None:
    key = SealKey(bytes(32))

    assert len({address_ref(key, form) for form in forms}) == 1
    assert len({normal_address(form) for form in forms}) == 1
    assert address_ref(key, forms[0]) != address_ref(key, "192.0.2.77")


def test_an_address_has_another_reference_every_day_and_one_on_the_same_day(log: Setting) -> None:
    one = event(client="192.0.2.1")
    day = 86_400_000_000

    ips = [sealed_by(process(), log.audit, one, ts)[0].ip for ts in (TS, TS + 1, TS + day)]

    assert ips[0] == ips[1] != ips[2]
    days = sorted(row.name for row in rows_in(log.url, DATA_KEY))
    assert days == ["2026-01-01", "2026-01-02"]


def test_of_two_keys_of_a_day_all_processes_come_to_use_the_older(log: Setting) -> None:
    early, late, one = process(), process(), event(client="192.0.2.1")
    early.prepare([(one, TS)], None)
    late.prepare([(one, TS + 1_000)], None)
    with log.audit.appending() as batch:
        save(late, batch)
        save(early, batch)

    (first, second) = rows_in(log.url, DATA_KEY)
    found = [sealed_by(each, log.audit, one, TS + KEY_LASTS_US + 1_000) for each in (early, late)]

    assert first.ref < second.ref
    assert {refs.sealed_key for refs, _ in found} == {first.ref}
    assert len({refs.ip for refs, _ in found}) == 1


def test_a_day_ends_at_midnight_utc(sqlite_log: Setting) -> None:
    midnight = micros(datetime(2026, 1, 2, tzinfo=UTC))
    one = event(client="192.0.2.1")
    referrer = process()

    before, _ = sealed_by(referrer, sqlite_log.audit, one, midnight - 1)
    after, _ = sealed_by(referrer, sqlite_log.audit, one, midnight)

    assert before.ip != after.ip


# -- without a database --


def test_what_was_made_while_nobody_could_be_asked_is_saved_later(log: Setting) -> None:
    referrer, one = process(), event(actor="ada", client="192.0.2.1")
    first, part = sealed_by(referrer, None, one)
    assert len(referrer.unsaved()[0]) == 1

    second, _ = sealed_by(referrer, log.audit, one)

    assert second.actor == first.actor
    assert second.ip == first.ip
    assert referrer.unsaved() == ((), ())
    assert opened(log, part)["user_id"] == "ada"


def test_what_a_transaction_that_failed_made_is_saved_with_the_next(log: Setting) -> None:
    referrer, one = process(), event(actor="ada")

    def fail() -> None:
        with log.audit.appending() as batch:
            referrer.prepare([(one, TS)], batch)
            batch.add_subjects(referrer.unsaved()[0])
            raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        fail()
    refs, part = sealed_by(referrer, log.audit, one)

    assert [row.ref for row in rows_in(log.url, SUBJECT)] == [refs.actor]
    assert opened(log, part)["user_id"] == "ada"


def test_without_a_database_a_key_is_used_longer_than_a_minute(sqlite_log: Setting) -> None:
    referrer, one = process(), event(actor="ada")
    sealed_by(referrer, sqlite_log.audit, one)

    sealed_by(referrer, None, one, TS + 10 * KEY_LASTS_US)

    assert referrer.unsaved() == ((), ())


def test_what_is_remembered_is_bounded() -> None:
    referrer = process()
    crowd = references.MAX_REMEMBERED + 500

    for first in range(0, crowd, 500):
        people = [event(actor=f"p{number}") for number in range(first, first + 500)]
        referrer.prepare([(one, TS) for one in people], None)
    sealed_by(referrer, None, event(actor="last"))

    assert size_of(referrer) < 6 * 1_000


def size_of(referrer: Referrer) -> int:
    held: Sequence[Any] = [getattr(referrer, name) for name in vars(referrer)]
    return sum(len(each) for each in held if isinstance(each, dict))


def test_times_of_events_decide_when_a_key_is_asked_for_again(sqlite_log: Setting) -> None:
    referrer, one = process(), event(at=event().at + timedelta(days=3), client="192.0.2.1")

    refs, _ = sealed_by(referrer, sqlite_log.audit, one, micros(one.at))

    assert refs.ip is not None
    assert [row.name for row in rows_in(sqlite_log.url, DATA_KEY)] == ["2026-01-04"]
