"""The lifelike data: the same for the same seed, true to the code, and with something to find."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from lifelike import LEAKED, SMALL, THIEVES, Size, settle, tell
from lifelike.incident import REPLACED_AFTER, REVOKED_AFTER, began

from flask_jafsec.audit.anchors import read_anchors
from flask_jafsec.audit.tree_checking import Anchored
from flask_jafsec.events import Event, EventClass, Outcome
from flask_jafsec.records import Environment
from flask_jafsec.web.extension import state_of
from tests.lifelike import ADMIN, CHEAP, END, PASSWORD, Lifelike, app_on, make

ROOT = Path(__file__).parents[2]

#: What is set aside for documentation. Source: RFC 5737 section 3, RFC 3849 section 2.
DOCUMENTATION = [
    ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


def told(folder: Path, seed: int) -> list[Event]:
    """Return the events of one telling, with names in the place of ids that services made."""
    folder.mkdir()
    with app_on(folder, END) as (app, _, _):
        cast, changes = settle(state_of(app), END, CHEAP)
        roles = state_of(app).settings.roles
        events = tell(cast, changes, END, seed=seed, size=SMALL, roles=roles)
    labels = cast.labels()
    made = {event.id for event in changes}
    return [
        replace(
            event,
            id="" if event.id in made else event.id,
            actor=named(event.actor, labels),
            subject=named(event.subject, labels),
            key_id=named(event.key_id, labels),
            facts={name: named(str(value), labels) for name, value in event.facts.items()},
        )
        for event in events
    ]


def named(text: str, labels: Mapping[str, str]) -> str:
    return re.sub(
        r"[0-7][0-9A-HJKMNP-TV-Z]{25}", lambda found: labels.get(found[0], found[0]), text
    )


def test_the_same_seed_tells_the_same_and_another_one_does_not(tmp_path: Path) -> None:
    first, again, other = (told(tmp_path / name, int(name[0])) for name in ("7", "7 again", "8"))

    assert first == again
    assert first != other


def test_there_is_as_much_as_was_asked_for_in_the_order_of_time(lifelike: Lifelike) -> None:
    events = lifelike.filled.events

    last_day = [event for event in events if event.at >= END - timedelta(days=1)]
    assert (len(events), len(last_day)) == (SMALL.total, SMALL.last_day)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert events[-1].at < END
    assert len({event.id for event in events}) == len(events)


def test_the_log_is_whole_signed_and_anchored(lifelike: Lifelike, tmp_path: Path) -> None:
    log = lifelike.state.audit_log
    assert log is not None
    notes = read_anchors(tmp_path / "anchors.log", log.verifiers)

    found = log.verifier().run(
        now=int(END.timestamp() * 1_000_000),
        anchors=[Anchored("anchors.log", note) for note in notes],
    )

    assert found.exit_code == 0
    assert [finding.text for finding in found.findings] == []
    # The filling says goodbye for every process of the story: they are not among what was told.
    assert SMALL.total < found.events < SMALL.total + 10
    assert len(notes) > 1


def test_a_log_of_many_checkpoints_has_no_event_that_comes_late(tmp_path: Path) -> None:
    make(tmp_path, size=Size(before=13_000, last_day=2_000))

    with app_on(tmp_path, END) as (app, _, _):
        log = state_of(app).audit_log
        assert log is not None
        found = log.verifier().run(now=int(END.timestamp() * 1_000_000))

    assert [finding.text for finding in found.findings] == []


def test_every_event_is_one_that_the_code_records(lifelike: Lifelike) -> None:
    code = "\n".join(
        path.read_text("utf-8")
        for folder in ("flask_jafsec", "console")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "events.py"
    )

    kinds = {event.type for event in lifelike.filled.events}

    assert len(kinds) > 25
    assert [kind for kind in kinds if f"EventType.{kind.name}" not in code] == []


def test_every_reason_and_code_is_one_of_the_code(lifelike: Lifelike) -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "flask_jafsec").rglob("*.py"))
    refusals = [event for event in lifelike.filled.events if event.code]

    unknown = {
        word
        for event in refusals
        for word in (event.code, event.reason.removeprefix("refresh:"))
        if not word.startswith("missing:") and f'"{word}"' not in code
    }

    assert unknown == set()


def test_nobody_calls_from_an_address_that_could_be_somebodys(lifelike: Lifelike) -> None:
    addresses = {event.client for event in lifelike.filled.events if event.client}

    assert len(addresses) > 40
    for text in addresses:
        address = ip_address(text)
        assert any(address in network for network in DOCUMENTATION), text


def test_most_is_allowed_and_requests_have_several_events(lifelike: Lifelike) -> None:
    events = lifelike.filled.events

    requests = Counter(event.request_id for event in events if event.request_id)

    assert requests.most_common(1)[0][1] > 1
    outcomes = Counter(event.outcome for event in events)
    assert set(outcomes) == set(Outcome)
    assert outcomes[Outcome.ALLOW] > outcomes[Outcome.DENY]
    assert any(event.count > 1 and event.until for event in events)
    classes = {event.type.event_class for event in events}
    assert classes == set(EventClass)


# -- the incident --


def of_the_leak(lifelike: Lifelike) -> list[Event]:
    key = lifelike.filled.cast.keys[LEAKED][0].key
    return [event for event in lifelike.filled.events if event.key_id == key.id]


def test_a_key_has_leaked_and_only_thieves_and_its_service_use_it(lifelike: Lifelike) -> None:
    stolen = of_the_leak(lifelike)

    by_thieves = [event for event in stolen if event.client in THIEVES]

    assert {event.client for event in stolen} - {""} == {*THIEVES, "198.51.100.23"}
    assert {event.client for event in lifelike.filled.events} & set(THIEVES) == set(THIEVES)
    codes = Counter(event.code for event in by_thieves)
    assert codes["permission_denied"] > 100
    assert codes["rate_exceeded"] > 50
    assert codes["credential_invalid"] > 20
    assert codes[""] > 10


def test_the_key_was_revoked_and_nothing_got_through_since(lifelike: Lifelike) -> None:
    stolen = of_the_leak(lifelike)
    key = lifelike.state.keys.get(lifelike.filled.cast.keys[LEAKED][0].key.id)

    assert key.revoked_at == began(END) + REVOKED_AFTER
    assert key.revoked_by == lifelike.filled.cast.people["nadia.haddad"]
    assert THIEVES[0] in key.revoked_why
    since = [event for event in stolen if event.at > key.revoked_at]
    assert {event.reason for event in since} == {"key_revoked"}
    assert key.last_used_at is not None
    assert key.last_used_at < key.revoked_at


def test_the_service_has_a_new_key_and_works_again(lifelike: Lifelike) -> None:
    new = lifelike.filled.cast.keys[LEAKED][1].key

    uses = [event for event in lifelike.filled.events if event.key_id == new.id]

    assert new.created_at == began(END) + REPLACED_AFTER
    assert {event.client for event in uses} == {"", "198.51.100.23"}


# -- the keys --


def test_forty_keys_in_every_state(lifelike: Lifelike) -> None:
    keys = lifelike.state.keys.list(limit=200)
    soon = END + timedelta(days=14)
    now = [key for key in keys if key.revoked_at is None and not _has_ended(key.ends_at)]

    assert len(keys) == 40
    assert Counter(key.environment for key in keys)[Environment.TEST] == 5
    assert sum(1 for key in now if key.expires_at and END < key.expires_at < soon) >= 3
    assert sum(1 for key in keys if key.ends_at and key.ends_at > END) == 2
    assert sum(1 for key in keys if key.expires_at and key.expires_at < END) >= 2
    assert sum(1 for key in now if "*" in key.scopes) == 1
    assert sum(1 for key in keys if key.revoked_at) == 5
    unused = END - timedelta(days=90)
    assert sum(1 for key in now if key.last_used_at and key.last_used_at < unused) == 3
    assert any(key.owner.startswith("agent:") for key in keys)
    assert any(key.owner in lifelike.filled.cast.people.values() for key in keys)


def _has_ended(at: object) -> bool:
    return at is not None and at <= END  # type: ignore[operator]  # a datetime or None


def test_the_uses_of_a_key_are_what_the_log_tells(lifelike: Lifelike) -> None:
    key = lifelike.filled.cast.keys[LEAKED][0].key
    counted = [
        event
        for event in of_the_leak(lifelike)
        if event.credential == "key" and event.actor != "anonymous"
    ]

    with lifelike.state.store.reading() as tables:
        uses = tables.keys.uses(key.id, END - timedelta(days=30))

    assert sum(use.allowed for use in uses) == _number(e for e in counted if not e.code)
    assert sum(use.refused for use in uses) == _number(e for e in counted if e.code)


def _number(events: Iterable[Event]) -> int:
    return sum(event.count for event in events)


def test_an_administrator_can_be_made_beside_everybody(lifelike: Lifelike) -> None:
    made = lifelike.administrator()

    user = lifelike.state.users.authenticate(ADMIN, PASSWORD, source="192.0.2.1")

    assert user.id == made


def test_a_filled_database_is_refused(tmp_path: Path) -> None:
    make(tmp_path)

    with pytest.raises(ValueError, match="empty"):
        make(tmp_path)
