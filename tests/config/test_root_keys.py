"""Row 38 of the faults: without good root keys nothing starts, and no key is ever shown."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flask_jafsec.config.root_keys import MADE_UP_ID
from flask_jafsec.config.settings import RootKey
from tests.config.loaded import (
    OLD_ROOT_KEY,
    ROOT_KEY,
    made_key,
    only_problem,
    private_file,
    problems_of,
    settings_of,
)


def b64(raw: bytes | str) -> str:
    return base64.b64encode(raw.encode() if isinstance(raw, str) else raw).decode()


def test_root_keys_are_kept_newest_first() -> None:
    settings = settings_of(environ={"JAFSEC_ROOT_KEYS": f"{ROOT_KEY},{OLD_ROOT_KEY}"})

    assert [key.id for key in settings.root_keys] == ["r1", "r0"]
    assert settings.root_keys[0].material == base64.b64decode(ROOT_KEY[3:])
    assert not settings.root_keys_made_up


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(f" {ROOT_KEY} , {OLD_ROOT_KEY} ", id="spaces"),
        pytest.param([ROOT_KEY, OLD_ROOT_KEY], id="a list"),
        pytest.param(f"{ROOT_KEY.rstrip('=')},{OLD_ROOT_KEY}", id="without padding"),
        pytest.param(
            f"{ROOT_KEY.translate(str.maketrans('+/', '-_'))},{OLD_ROOT_KEY}", id="base64url"
        ),
    ],
)
def test_other_ways_of_writing_give_the_same_keys(given: object) -> None:
    expected = settings_of(environ={"JAFSEC_ROOT_KEYS": f"{ROOT_KEY},{OLD_ROOT_KEY}"}).root_keys

    assert settings_of({"JAFSEC_ROOT_KEYS": given}).root_keys == expected


def test_a_missing_root_key_names_the_variable_and_the_command() -> None:
    problem = only_problem({"JAFSEC_ROOT_KEYS": None})

    assert problem.key == "JAFSEC_ROOT_KEYS"
    assert problem.what == "is not set"
    assert "flask jafsec secrets new" in problem.instead


@pytest.mark.parametrize("circumstance", ["debug", "testing"])
def test_in_debug_and_tests_a_missing_root_key_is_made_up(circumstance: str) -> None:
    circumstances: dict[str, Any] = {circumstance: True}
    settings = settings_of({"JAFSEC_ROOT_KEYS": None}, **circumstances)
    again = settings_of({"JAFSEC_ROOT_KEYS": None}, **circumstances)

    assert settings.root_keys_made_up
    assert [key.id for key in settings.root_keys] == [MADE_UP_ID]
    assert len(settings.root_keys[0].material) == 32
    assert settings.root_keys != again.root_keys


@pytest.mark.parametrize("circumstance", ["debug", "testing"])
def test_in_debug_and_tests_a_bad_root_key_is_still_refused(circumstance: str) -> None:
    bad: dict[str, object] = {"JAFSEC_ROOT_KEYS": "r1:changeme"}
    circumstances: dict[str, Any] = {circumstance: True}

    assert len(problems_of(bad, **circumstances)) == 1


def test_in_debug_a_good_root_key_is_used() -> None:
    assert not settings_of(debug=True).root_keys_made_up


BAD = [
    # id, value, what the message says
    ("empty", "", "is empty"),
    ("blank", "  ", "is empty"),
    ("an empty entry", f"{ROOT_KEY},", "is not id:base64"),
    ("no id", made_key("x"), "is not id:base64"),
    ("an empty id", f":{made_key('x')}", "has an id"),
    ("an id in capitals", f"R1:{made_key('x')}", "has an id"),
    ("an id too long", f"r12345678:{made_key('x')}", "has an id"),
    ("an id with a dash", f"r-1:{made_key('x')}", "has an id"),
    ("duplicated ids", f"r1:{made_key('x')},r1:{made_key('y')}", "has two keys with the same id"),
    ("one key under two ids", f"r1:{made_key('x')},r2:{made_key('x')}", "has the same key under"),
    ("no base64", "r1:not!base64!not!base64!not!base64!not!base64!", "is not base64"),
    ("non-ASCII", "r1:" + "é" * 43, "is not base64"),
    ("nothing behind the colon", "r1:", "is shorter than 32 bytes"),
    ("31 bytes", "r1:" + b64(base64.b64decode(made_key("x"))[:31]), "is shorter than 32 bytes"),
    ("16 bytes", "r1:" + b64(base64.b64decode(made_key("x"))[:16]), "is shorter than 32 bytes"),
    ("all zero", "r1:" + b64(bytes(32)), "repeats itself"),
    ("all the same", "r1:" + b64(b"\xa7" * 48), "repeats itself"),
    ("a short period", "r1:" + b64(bytes([7, 99, 201]) * 12), "repeats itself"),
    ("half and half", "r1:" + b64(base64.b64decode(made_key("x"))[:16] * 2), "repeats itself"),
    ("counting up", "r1:" + b64(bytes(range(32))), "is a sequence"),
    ("counting down", "r1:" + b64(bytes(range(255, 223, -1))), "is a sequence"),
    ("counting in threes", "r1:" + b64(bytes(range(1, 97, 3))), "is a sequence"),
    ("squares", "r1:" + b64(bytes(n * n % 256 for n in range(40))), "is a sequence"),
    ("a sentence", "r1:" + b64("My dog has no nose, how does it smell?"), "is made of words"),
    ("odd text", "r1:" + b64("x8#kQ!v2@Lm9$Rt4%Yw7&Zp1*Bn6(Hc3"), "is text in base64"),
    ("base64 of hexadecimal", "r1:" + b64(os.urandom(32).hex()), "is text in base64"),
    ("base64 of base64", "r1:" + b64(made_key("x")), "is text in base64"),
    ("few values", "r1:" + b64(bytes(n * n * n % 7 for n in range(1, 60, 3))), None),
    ("words as base64", "r1:thisismyverysecretkeythatnobodyshouldknow12", "is made of words"),
    ("keyboard rows", "r1:qwertyuiopasdfghjklzxcvbnmqwertyuiopasdfghj", None),
    ("digits", "r1:" + "1234567890" * 5, "repeats itself"),
    ("a padded word", "r1:" + b64(b"secret".ljust(32, b"\0")), "has too few different bytes"),
    ("a placeholder of ours", "r3:<base64 32 bytes>", "is a placeholder"),
    ("three dots", "r3:…", "is not base64"),
    ("what a new line leaves to be filled in", f"{ROOT_KEY},r0:KEEP-THE-PRESENT-ONE", "is a place"),
    ("Airflow's example", "r1:81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs=", "is a placeholder"),
    ("not text", 5, "is not a list"),
    ("bytes", [base64.b64decode(made_key("x"))], "is not id:base64"),
]


@pytest.mark.parametrize(("value", "what"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_root_key_is_refused(value: object, what: str | None) -> None:
    problem = only_problem({"JAFSEC_ROOT_KEYS": value})

    assert problem.key.startswith("JAFSEC_ROOT_KEYS")
    assert problem.what.startswith(what or "")


WELL_KNOWN = ["changeme", "secret", "your-secret-key", "dev", "password", "test", "default"]
FORMS: list[tuple[str, Callable[[str], str]]] = [
    ("plain", str),
    ("capitals", str.upper),
    ("title", str.title),
    ("base64", b64),
    ("base64 of capitals", lambda word: b64(word.upper())),
    ("base64 with a newline", lambda word: b64(word + "\n")),
    ("base64 twice", lambda word: b64(b64(word))),
    ("repeated", lambda word: word * 12),
    ("base64 of repeated", lambda word: b64(word * 12)),
    ("hexadecimal", lambda word: word.encode().hex()),
    ("with a number", lambda word: word + "123"),
    ("with dashes", "-".join),
]


@pytest.mark.parametrize("word", WELL_KNOWN)
@pytest.mark.parametrize("form", [form for _, form in FORMS], ids=[name for name, _ in FORMS])
def test_what_everybody_knows_is_refused_in_every_form(
    word: str, form: Callable[[str], str]
) -> None:
    problem = only_problem({"JAFSEC_ROOT_KEYS": f"r1:{form(word)}"})

    assert problem.what == "is a placeholder or a value everybody knows"


def test_the_hash_of_what_everybody_knows_is_refused() -> None:
    hashed = "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols="  # SHA-256 of "secret"

    assert "everybody knows" in only_problem({"JAFSEC_ROOT_KEYS": f"r1:{hashed}"}).what


def test_each_bad_key_has_a_problem_of_its_own() -> None:
    value = f"{ROOT_KEY},r2:{b64(bytes(32))},r3:c2hvcnQ=,x"

    found = [problem.key for problem in problems_of({"JAFSEC_ROOT_KEYS": value})]

    assert found == [f"JAFSEC_ROOT_KEYS (entry {number})" for number in (2, 3, 4)]


def test_root_keys_come_from_a_file(tmp_path: Path) -> None:
    text = f"# newest first\n{ROOT_KEY}\n\n  {OLD_ROOT_KEY}\n"
    file = private_file(tmp_path, "root.keys", text)

    settings = settings_of(environ={"JAFSEC_ROOT_KEYS_FILE": str(file)})

    assert [key.id for key in settings.root_keys] == ["r1", "r0"]
    assert not settings.root_keys_made_up


def test_a_file_may_hold_the_list_with_commas_too(tmp_path: Path) -> None:
    file = private_file(tmp_path, "root.keys", f"{ROOT_KEY},{OLD_ROOT_KEY}\n")

    assert len(settings_of({"JAFSEC_ROOT_KEYS_FILE": str(file)}).root_keys) == 2


def test_a_file_is_looked_for_in_the_instance_folder(tmp_path: Path) -> None:
    private_file(tmp_path, "root.keys", ROOT_KEY)

    settings = settings_of({"JAFSEC_ROOT_KEYS_FILE": "root.keys"}, instance_path=str(tmp_path))

    assert settings.root_keys == (RootKey("r1", base64.b64decode(ROOT_KEY[3:])),)


@pytest.mark.parametrize("where", ["config", "environment", "one each"])
def test_keys_and_a_file_together_are_a_problem(where: str, tmp_path: Path) -> None:
    keys = {"JAFSEC_ROOT_KEYS": ROOT_KEY}
    named = {"JAFSEC_ROOT_KEYS_FILE": str(private_file(tmp_path, "root.keys", OLD_ROOT_KEY))}
    config = {"config": keys | named, "environment": {}, "one each": keys}[where]
    environ = {"config": {}, "environment": keys | named, "one each": named}[where]

    problem = only_problem(config, environ)

    assert (problem.key, problem.what) == (
        "JAFSEC_ROOT_KEYS",
        "is set, and so is JAFSEC_ROOT_KEYS_FILE",
    )


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o606, 0o602])
def test_a_file_that_everybody_can_read_or_write_is_refused(mode: int, tmp_path: Path) -> None:
    file = private_file(tmp_path, "root.keys", ROOT_KEY, mode)

    problem = only_problem({"JAFSEC_ROOT_KEYS_FILE": str(file)})

    assert problem.key == "JAFSEC_ROOT_KEYS_FILE"
    assert "chmod 600" in problem.instead


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_a_file_that_only_owner_or_group_can_read_is_taken(mode: int, tmp_path: Path) -> None:
    file = private_file(tmp_path, "root.keys", ROOT_KEY, mode)

    assert problems_of({"JAFSEC_ROOT_KEYS_FILE": str(file)}) == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"# only a comment\n", "is empty", id="only a comment"),
        pytest.param(b"\xff\xfe\x00", "names a file that does not hold keys", id="binary"),
        pytest.param(b"x" * 70_000, "names a file that does not hold keys", id="too large"),
        pytest.param(b"r1:changeme", "is a placeholder", id="a default"),
        pytest.param(b"JAFSEC_ROOT_KEYS=x", "is not id:base64", id="a line of .env"),
    ],
)
def test_a_file_without_good_keys_is_refused(content: bytes, what: str, tmp_path: Path) -> None:
    file = private_file(tmp_path, "root.keys", "")
    file.write_bytes(content)

    problem = only_problem({"JAFSEC_ROOT_KEYS_FILE": str(file)})

    assert problem.key.startswith("JAFSEC_ROOT_KEYS_FILE")
    assert problem.what.startswith(what)


@pytest.mark.parametrize("name", ["missing", ".", "", "a\0b", ROOT_KEY])
def test_a_file_that_is_none_is_refused_without_repeating_the_name(
    name: str, tmp_path: Path
) -> None:
    problem = only_problem({"JAFSEC_ROOT_KEYS_FILE": name}, instance_path=str(tmp_path))

    assert problem.key == "JAFSEC_ROOT_KEYS_FILE"
    assert ROOT_KEY not in str(problem)
    assert str(tmp_path) not in str(problem)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)

    problem = only_problem({"JAFSEC_ROOT_KEYS_FILE": str(tmp_path / "pipe")})

    assert problem.what == "does not name a file"
