"""The commands of the audit log, on a real database, as an operator runs them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

import flask_jafsec.audit.auditor as auditors_program
from flask_jafsec import JafSecurity
from flask_jafsec.events import Event, EventType
from flask_jafsec.ids import new_id
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR

KEY = "r1:KxJ0m2Rr3bqz8vWQe4u1TnYs6dLhPc9oGfA7iZkXwBE="


class Site:
    """An app with a log in a file, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = Flask("site", instance_path=str(folder))
        self.app.config.update(JAFSEC_ROOT_KEYS=KEY, JAFSEC_LOG_ENABLED=False)
        jafsec = JafSecurity(self.app)

        @self.app.get("/agents")
        @jafsec.require("agent:read")
        def agents() -> str:
            return "none"

        self.refused = ""
        """The decision of a request that was refused."""

    def settle(self) -> None:
        """Have everything written, sequenced and signed."""
        state_of(self.app).services.trail.close()

    def run(self, *words: str, code: int = 0) -> Result:
        result = self.app.test_cli_runner().invoke(args=["jafsec", *words])
        assert result.exit_code == code, result.output
        self.settle()
        return result

    def found(self, query: str) -> list[dict[str, Any]]:
        """Return the events that ``audit search`` finds."""
        events: list[dict[str, Any]] = json.loads(
            self.run("audit", "search", query, "--json").stdout
        )["events"]
        return events

    @property
    def database(self) -> Path:
        return self.folder / "jafsec.sqlite3"

    def tamper(self, statement: str, *values: object) -> None:
        """Change the file as somebody with write access does."""
        with sqlite3.connect(self.database) as connection:
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            assert connection.execute(statement, values).rowcount == 1


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    state = state_of(made.app)
    state.keys.mint("ci", scopes=["agent:read"], by=OPERATOR)
    made.refused = made.app.test_client().get("/agents").get_json()["decision"]
    made.settle()
    return made


def test_an_untouched_log_is_ok_with_its_anchor(site: Site) -> None:
    told = site.run("audit", "verify").output

    assert "RESULT  OK" in told
    assert "newest" in told.split("anchors", 1)[1].splitlines()[0]
    assert all(len(line) <= 80 for line in told.splitlines())


def test_one_changed_byte_names_the_event(site: Site) -> None:
    with sqlite3.connect(site.database) as connection:
        query = "SELECT writer_id, envelope FROM jafsec_audit_event WHERE n = 1"
        writer, envelope = connection.execute(query).fetchone()
    site.tamper(
        "UPDATE jafsec_audit_event SET envelope = ? WHERE writer_id = ? AND n = 1",
        envelope.replace(b'"key.minted"', b'"key.mintee"'),
        writer,
    )

    told = site.run("audit", "verify", code=1).output

    assert "RESULT  TAMPERED" in told
    assert "LEAF 0" in told
    assert f"{writer[:2]}" in told


def test_a_log_that_was_cut_short_is_found_by_its_anchor(site: Site) -> None:
    kept = (site.folder / "jafsec-anchors.log").read_text()
    site.run("audit", "verify")
    other = Site(site.folder / "other")
    other.run("audit", "tail")
    (site.folder / "old.note").write_text(kept)

    told = other.run(
        "audit", "verify", "--anchor", str(site.folder / "jafsec-anchors.log"), code=1
    ).output

    assert "TRUNCATED" in told or "FORK" in told


def test_a_decision_is_explained_and_its_personal_part_is_sealed(site: Site) -> None:
    told = site.run("explain", site.refused).output
    opened = site.run("explain", site.refused, "--personal").output

    assert "GET /agents was refused with 401" in told
    assert "authorise" in told
    assert "@jafsec.public()" in told
    assert "127.0.0.1" not in told
    assert "127.0.0.1" in opened
    assert "audit.personal_opened" in site.run("audit", "tail").output


def test_a_proof_convinces_with_the_public_key_alone(site: Site, tmp_path: Path) -> None:
    proof = tmp_path / "event.tlog-proof"
    proof.write_text(site.run("audit", "prove", site.refused).output)
    vkey = site.run("audit", "vkey").output.strip()

    assert "RESULT  OK" in site.run("audit", "verify-proof", str(proof), "--vkey", vkey).output
    proof.write_text(proof.read_text().replace("index ", "index 1"))
    assert "jafsec:" in site.run("audit", "verify-proof", str(proof), "--vkey", vkey, code=1).output


def test_an_auditor_checks_a_copy_with_nothing_of_ours_but_one_file(
    site: Site, tmp_path: Path
) -> None:
    vkey = site.run("audit", "vkey").output.strip()
    anchors = tmp_path / "anchors.log"
    anchors.write_bytes((site.folder / "jafsec-anchors.log").read_bytes())
    copy = tmp_path / "log.jsonl"
    copy.write_text(site.run("audit", "export", "--log").output)

    command = [sys.executable, "-I", auditors_program.__file__, "log", str(copy)]
    done = subprocess.run(
        [*command, "--vkey", vkey, "--anchor", str(anchors)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout
    assert "RESULT  OK" in done.stdout
    assert "127.0.0.1" not in copy.read_text()


def test_searching_finds_by_type_and_says_what_is_wrong_with_a_query(site: Site) -> None:
    found = json.loads(site.run("audit", "search", "type:key.minted", "--json").output)

    assert [event["type"] for event in found["events"]] == ["key.minted"]
    assert "character 1" in site.run("audit", "search", "typ:x", code=3).output


@pytest.mark.parametrize("field", ["actor", "subject"])
def test_a_built_in_user_is_found_by_id_and_by_reference(site: Site, field: str) -> None:
    state = state_of(site.app)
    ann = new_id()
    now = state.services.clock.now()
    named: dict[str, Any] = {field: ann}
    event = Event(id=new_id(), type=EventType.ROLE_GRANTED, at=now, **named)
    state.services.trail.record(event)
    site.settle()

    (found,) = site.found(f"{field}:{ann}")
    (again,) = site.found(f"{field}:{found[field]}")

    assert found["event_id"] == again["event_id"] == event.id
    assert found[field] != ann


@pytest.mark.parametrize("cursor", ["X", "A" * 64])
def test_a_wrong_cursor_is_wrong_usage(site: Site, cursor: str) -> None:
    told = site.run("audit", "search", "--after", cursor, code=3)

    assert "--after" in told.output
    assert "cursor" in told.output


def test_looking_is_an_act(site: Site) -> None:
    site.run("audit", "verify")
    site.run("audit", "export", "--log")

    types = [event["type"] for event in json.loads(site.run("audit", "tail", "--json").output)]
    assert {"audit.verified", "audit.exported"} <= set(types)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["verify", "--bogus"], id="no such option"),
        pytest.param(["verify", "--anchor", "/nowhere"], id="no such file"),
        pytest.param(["verify", "--vkey", "nonsense"], id="no key"),
        pytest.param(["search", "--range", "yesterday"], id="no range"),
        pytest.param(["prove", "no-such-event"], id="no such event"),
        pytest.param(["verify", "--from", "99999"], id="verify behind the end"),
        pytest.param(["export", "--log", "--from", "99999"], id="export behind the end"),
        pytest.param(["consistency", __file__], id="no note"),
        pytest.param(["export"], id="no form of an export"),
        pytest.param(["verify-proof", __file__], id="no key for a proof"),
    ],
)
def test_wrong_usage_is_code_3_and_says_what_is_wrong(site: Site, words: list[str]) -> None:
    told = site.run("audit", *words, code=3).output

    assert len(told.splitlines()[-1]) > len("Error: ")
    assert 'checkpoint":' not in told


def test_a_file_of_anchors_is_no_note_to_prove_growth_from(site: Site) -> None:
    site.run("audit", "verify")
    site.settle()
    anchors = site.folder / "jafsec-anchors.log"
    anchors.write_text(anchors.read_text() * 2)

    told = site.run("audit", "consistency", str(anchors), code=3).output

    assert "is not one checkpoint of this log" in told


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        pytest.param(["verify-proof", __file__], "--vkey", id="no key"),
        pytest.param(["export"], "--log", id="no form"),
        pytest.param(["prove"], "EVENT_ID", id="no event"),
    ],
)
def test_what_is_missing_is_named(site: Site, words: list[str], missing: str) -> None:
    assert missing in site.run("audit", *words, code=3).output


def test_a_search_shows_what_tail_shows(site: Site) -> None:
    searched = site.run("audit", "search", "outcome:deny").output

    assert site.refused in searched
    assert "GET /agents" in searched


def test_a_query_that_begins_with_a_dash_stands_behind_two(site: Site) -> None:
    assert "--" in site.run("audit", "search", "--help").output
    told = site.run("audit", "search", "--", "-type:key.minted").output

    assert "GET /agents" in told
    assert "key.minted" not in told


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE jafsec_audit_leaf SET n = 'abc' WHERE leaf_index = 0", "leaf 0 has values"),
        ("UPDATE jafsec_audit_head SET size = 'abc'", "head of the log has values"),
    ],
)
def test_an_export_names_the_row_that_is_not_what_it_should_be(
    site: Site, statement: str, said: str
) -> None:
    site.tamper(statement)

    assert said in site.run("audit", "export", "--log", code=1).output


def test_verifying_says_which_table_is_gone(site: Site) -> None:
    with sqlite3.connect(site.database) as connection:
        connection.execute("DROP TABLE jafsec_audit_rollup")

    told = site.run("audit", "verify", code=1).output

    assert "no such table: jafsec_audit_rollup" in told
    assert "RESULT  TAMPERED" in told


def test_a_checkpoint_of_a_time_that_cannot_be_is_printed_as_a_number(site: Site) -> None:
    site.tamper(
        "UPDATE jafsec_audit_checkpoint SET created_at = 9223372036854775807 "
        "WHERE size = (SELECT max(size) FROM jafsec_audit_checkpoint)"
    )

    told = site.run("audit", "verify", code=1).output

    assert " at 9223372036854775807" in told
