"""Copies to be handed over: complete or saying so, without formulas, with a manifest that holds."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flask_jafsec.audit import extracts
from flask_jafsec.audit.extract_rows import cell_text
from flask_jafsec.audit.extracts import Form, Wanted, open_manifest
from flask_jafsec.audit.note_keys import NoteInvalid
from flask_jafsec.audit.query import parse
from flask_jafsec.audit.rows import micros
from flask_jafsec.events import EventType
from tests.console.hostile import FORMULAS, TEXTS
from tests.console.log_place import LogPlace, log_place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LogPlace]:
    with log_place(tmp_path) as opened:
        yield opened


def wanted(place: LogPlace, text: str = "", form: Form = Form.CSV, **more: Any) -> Wanted:
    now = micros(place.place.clock.now())
    day = 86_400_000_000
    given: dict[str, Any] = {
        "query": parse(text),
        "from_us": now - day,
        "to_us": now + day,
        "by": "auditor",
    }
    return Wanted(form=form, **(given | more))


def copied(place: LogPlace, what: Wanted) -> zipfile.ZipFile:
    place.settle()
    made = place.state.extracts
    assert made is not None
    return zipfile.ZipFile(io.BytesIO(b"".join(made.begin(what).body)))


def manifest(place: LogPlace, archive: zipfile.ZipFile) -> Mapping[str, Any]:
    return open_manifest(archive.read(extracts.MANIFEST).decode(), place.log.verifiers)


def table(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read("events.csv").decode(), newline="")))


def test_a_table_has_every_event_that_matches_and_no_name(place: LogPlace) -> None:
    ids = [place.deny() for _ in range(5)]
    place.record(EventType.KEY_MINTED)

    archive = copied(place, wanted(place, "outcome:deny"))

    assert [row["id"] for row in table(archive)] == ids[::-1]
    assert b"ada@example.org" not in archive.read("events.csv")
    assert b"192.0.2.7" not in archive.read("events.csv")


def test_the_manifest_says_what_was_copied_and_is_signed_by_the_log(place: LogPlace) -> None:
    first, last = place.deny(), place.deny()

    archive = copied(place, wanted(place, "outcome:deny"))

    said = manifest(place, archive)
    assert (said["rows"], said["complete"], said["query"]) == (2, True, "outcome:deny")
    assert (said["first"], said["last"]) == (last, first)
    assert said["sha256"] == hashlib.sha256(archive.read(said["file"])).hexdigest()


def test_a_changed_manifest_does_not_open(place: LogPlace) -> None:
    note = copied(place, wanted(place)).read(extracts.MANIFEST).decode()

    with pytest.raises(NoteInvalid):
        open_manifest(note.replace('"complete": true', '"complete": null'), place.log.verifiers)


def test_a_checkpoint_is_no_manifest(place: LogPlace) -> None:
    place.settle()
    with place.log.store.reading() as view:
        checkpoint = view.last_checkpoint()
    assert checkpoint is not None

    with pytest.raises(NoteInvalid, match="not a manifest"):
        open_manifest(checkpoint.note, place.log.verifiers)


def test_what_is_more_than_a_copy_holds_is_left_out_and_said(
    place: LogPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(7):
        place.deny()
    monkeypatch.setattr(extracts, "MAX_ROWS", 4)

    archive = copied(place, wanted(place, "outcome:deny"))

    assert len(table(archive)) == 4
    assert manifest(place, archive)["complete"] is False


def test_a_copy_goes_on_beyond_one_page(place: LogPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [place.deny() for _ in range(7)]
    monkeypatch.setattr(extracts, "MAX_PAGE_SIZE", 3)

    archive = copied(place, wanted(place, "outcome:deny"))

    assert [row["id"] for row in table(archive)] == ids[::-1]


def test_with_names_they_are_there_and_that_is_recorded_apart(place: LogPlace) -> None:
    place.deny()

    archive = copied(place, wanted(place, "outcome:deny", with_names=True))

    (row,) = table(archive)
    assert (row["actor_name"], row["address_name"]) == ("ada@example.org", "192.0.2.7")
    (opened,) = place.kept(EventType.AUDIT_PERSONAL_OPENED)
    assert opened["d"]["rows"] == 1


def test_a_copy_is_recorded_before_its_first_byte(place: LogPlace) -> None:
    place.deny()
    place.settle()
    made = place.state.extracts
    assert made is not None

    begun = made.begin(wanted(place, "outcome:deny"))

    (event,) = place.opened(EventType.AUDIT_EXPORTED)
    assert event.members["d"] == {"export": begun.id, "kind": "csv", "rows": 1}
    assert event.personal["extra"]["query"] == "outcome:deny", "a query may name somebody"


def test_lines_of_json_are_the_events_as_they_are_stored(place: LogPlace) -> None:
    event_id = place.deny()

    archive = copied(place, wanted(place, "outcome:deny", Form.JSON_LINES))

    (line,) = archive.read("events.jsonl").decode("ascii").splitlines()
    stored = place.log.opener.find(event_id)
    assert json.loads(line) == {
        **stored.members,
        "leaf": stored.leaf_index,
        "sha256": stored.digest,
    }


@pytest.mark.parametrize("text", FORMULAS, ids=range(len(FORMULAS)))
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert cell_text(text).startswith("'")


def test_no_cell_hides_anything_or_breaks_its_line() -> None:
    for text in TEXTS:
        shown = cell_text(text)

        assert not any(c in shown for c in "\n\r\t\0\x1b\u202e\u200b\u2028"), repr(text)
        assert not shown.startswith(("=", "+", "-", "@"))


def test_hostile_texts_stay_in_their_cells(place: LogPlace) -> None:
    for text in TEXTS[:60] + FORMULAS:
        place.deny(actor=text[:200], code=text[:200], route=text[:200])

    rows = table(copied(place, wanted(place, "outcome:deny", with_names=True)))

    assert len(rows) == 60 + len(FORMULAS)
    for row in rows:
        assert row["type"] == "authz.denied"
        assert not any(str(cell).startswith(("=", "+", "-", "@")) for cell in row.values())
