"""The audit log's settings: its name, its folders, its anchors, and what waits."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_jafsec.events import EventClass
from tests.config.loaded import only_problem, settings_of


def test_without_a_word_journals_and_anchors_stand_beside_the_database(tmp_path: Path) -> None:
    audit = settings_of(instance_path=str(tmp_path)).audit

    assert audit.spool_folder == str(tmp_path / "jafsec-spool")
    assert audit.anchors == ("log", f"file:{tmp_path / 'jafsec-anchors.log'}")
    assert audit.waits == (EventClass.CHANGE,)


def test_the_log_is_named_by_host_application_and_epoch() -> None:
    config = {"JAFSEC_PUBLIC_HOST": "shop.example.com:8443", "JAFSEC_APP_ID": "shop"}

    assert settings_of(config).audit.origin == "shop.example.com:8443/shop/audit/1"


@pytest.mark.parametrize(
    "host",
    ["", "Shop.example.com", "https://shop", "a b", "a+b", "-a", "a:", "a:123456", "é", "a" * 300],
)
def test_what_is_no_host_is_refused(host: str) -> None:
    assert only_problem({"JAFSEC_PUBLIC_HOST": host}).key == "JAFSEC_PUBLIC_HOST"


@pytest.mark.parametrize(
    ("given", "folder"),
    [("", ""), ("journals", "{here}/journals"), ("/srv/journals", "/srv/journals")],
)
def test_a_folder_is_taken_from_the_instance_unless_it_is_whole(
    tmp_path: Path, given: str, folder: str
) -> None:
    audit = settings_of({"JAFSEC_SPOOL_DIR": given}, instance_path=str(tmp_path)).audit

    assert audit.spool_folder == folder.format(here=tmp_path)


@pytest.mark.parametrize("folder", [7, "a\0b", ["a"]])
def test_what_is_no_folder_is_refused(folder: object) -> None:
    assert only_problem({"JAFSEC_SPOOL_DIR": folder}).key == "JAFSEC_SPOOL_DIR"


@pytest.mark.parametrize(
    ("given", "anchors"),
    [
        ("log", ("log",)),
        ("file:a.log", ("file:{here}/a.log",)),
        ("log, file:/srv/a.log", ("log", "file:/srv/a.log")),
        (["log", "file:/srv/a.log"], ("log", "file:/srv/a.log")),
        ([], ()),
    ],
)
def test_anchors_are_the_log_line_and_files(
    tmp_path: Path, given: object, anchors: tuple[str, ...]
) -> None:
    audit = settings_of({"JAFSEC_ANCHORS": given}, instance_path=str(tmp_path)).audit

    assert audit.anchors == tuple(anchor.format(here=tmp_path) for anchor in anchors)


@pytest.mark.parametrize(
    "given", ["file:", "file", "http://witness", "logs", ["log", 7], "file:\0"]
)
def test_an_anchor_that_is_not_known_is_refused(given: object) -> None:
    assert only_problem({"JAFSEC_ANCHORS": given}).key == "JAFSEC_ANCHORS"


@pytest.mark.parametrize(
    ("word", "waits"),
    [
        ("changes", {EventClass.CHANGE}),
        ("refusals", {EventClass.CHANGE, EventClass.REFUSAL}),
        ("all", set(EventClass)),
    ],
)
def test_a_word_says_what_waits_for_the_disk(word: str, waits: set[EventClass]) -> None:
    assert set(settings_of({"JAFSEC_AUDIT_WAIT": word}).audit.waits) == waits


def test_changes_always_wait() -> None:
    assert only_problem({"JAFSEC_AUDIT_WAIT": "nothing"}).key == "JAFSEC_AUDIT_WAIT"
