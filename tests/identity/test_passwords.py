"""Passwords: what is good enough, and what hashing costs whoever asks for it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.errors import Busy, InvalidValue, PasswordWrong
from flask_jafsec.identity.passwords import (
    MAX_CHARS,
    MIN_CHARS,
    Passwords,
    check_strength,
    new_one_time_password,
)
from tests.identity.rights_setting import GOOD, CountingHasher

#: How long a thread of a test may take, in seconds; only a broken rule takes it.
PATIENCE_S = 30.0


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.fixture
def passwords(hasher: CountingHasher) -> Passwords:
    return Passwords(hasher=hasher)


# -- what is good enough --


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("kjhgwert", id="eight characters"),
        pytest.param("q" * MAX_CHARS, id="1,024 characters"),
        pytest.param("all small letters", id="no capital, no digit, no sign"),
        pytest.param("73950172846", id="digits only"),
        pytest.param("\N{SNOWMAN}\N{PILE OF POO} \N{SNOWMAN} ten", id="any characters"),
        pytest.param("   leading and trailing   ", id="spaces count"),
        pytest.param("password1 but longer", id="begins like a common one"),
    ],
)
def test_there_are_no_rules_but_length_and_rarity(password: str) -> None:
    check_strength(password, name="ann")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        pytest.param("", "at least 8", id="empty"),
        pytest.param("kjhgwer", "at least 8", id="seven characters"),
        pytest.param("q" * (MAX_CHARS + 1), "at most 1024", id="1,025 characters"),
        pytest.param("half a pair \ud800", "at most 1024", id="half a surrogate pair"),
        # Two letters with their accents apart are four characters, and two for whoever types.
        pytest.param("e\u0301" * 4, "at least 8", id="four letters, accents apart"),
        pytest.param("password", "common", id="the most common one"),
        pytest.param("PassWord", "common", id="in capitals"),
        pytest.param("\uff50assword", "common", id="in full width"),
        pytest.param(" password ", "common", id="with spaces around"),
        pytest.param("12345678", "common", id="digits"),
        pytest.param("Ann.Example", "name", id="the user's name"),
        pytest.param("ann.example ", "name", id="the user's name in another form"),
    ],
)
def test_a_poor_password_is_refused_and_the_reason_is_said(password: str, says: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_strength(password, name="ann.example")

    assert refused.value.field == "password"
    assert says in refused.value.problem
    assert password not in refused.value.problem or not password


def test_the_lengths_are_those_of_the_guideline() -> None:
    # NIST SP 800-63B section 5.1.1.2.
    assert (MIN_CHARS, MAX_CHARS) == (8, 1_024)


def test_three_thousand_common_passwords_are_refused_each() -> None:
    file = resources.files("flask_jafsec.identity").joinpath("frequent_passwords.txt")
    lines = file.read_text("utf-8").splitlines()
    listed = {line for line in lines if line and not line.startswith("#")}

    assert len(listed) >= 3_000
    for password in listed:
        with pytest.raises(InvalidValue):
            check_strength(password, name="ann")


def test_one_time_passwords_never_come_twice_and_read_aloud_well() -> None:
    made = [new_one_time_password() for _ in range(200)]

    assert len(set(made)) == 200
    for password in made:
        check_strength(password, name="ann")
        assert [len(group) for group in password.split("-")] == [4] * 5
        assert set(password) <= set("0123456789abcdefghjkmnpqrstvwxyz-")


# -- hashing --


@given(st.text(max_size=40))
def test_a_password_fits_its_own_hash_and_no_other(password: str) -> None:
    passwords = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    try:
        hashed = passwords.hash(password)
    except InvalidValue:
        assert any("\ud800" <= character <= "\udfff" for character in password)
        return

    passwords.verify(hashed, password)
    with pytest.raises(PasswordWrong):
        passwords.verify(hashed, password + "x")


def test_a_password_typed_on_another_keyboard_is_the_same(passwords: Passwords) -> None:
    composed, apart = "caf\u00e9 au lait", "cafe\u0301 au lait"

    passwords.verify(passwords.hash(composed), apart)


def test_equal_passwords_have_different_hashes(passwords: Passwords) -> None:
    assert passwords.hash(GOOD) != passwords.hash(GOOD)


def test_the_hash_is_argon2id_with_the_parameters_of_owasp() -> None:
    hashed = Passwords().hash(GOOD)

    said = extract_parameters(hashed)
    assert (said.type, said.memory_cost, said.time_cost, said.parallelism) == (
        Type.ID,
        19 * 1024,
        2,
        1,
    )
    assert (said.salt_len, said.hash_len) == (16, 32)
    assert GOOD not in hashed


def test_a_hash_with_older_parameters_is_known_as_such(hasher: CountingHasher) -> None:
    old = Passwords(hasher=hasher).hash(GOOD)

    assert not Passwords(hasher=hasher).needs_rehash(old)
    assert Passwords(hasher=CountingHasher(time_cost=2)).needs_rehash(old)


@pytest.mark.parametrize("kept", ["", "plain text", "$argon2id$v=19$broken", "$2b$12$bcrypt"])
def test_a_hash_that_cannot_be_read_fits_no_password(passwords: Passwords, kept: str) -> None:
    with pytest.raises(PasswordWrong):
        passwords.verify(kept, kept)


@pytest.mark.parametrize(
    ("kept", "password"),
    [
        pytest.param(None, GOOD, id="no such user"),
        pytest.param(None, "", id="no such user, no password"),
        pytest.param("hash", "q" * (MAX_CHARS + 1), id="a password that is too long"),
        pytest.param("hash", "\ud800", id="half a surrogate pair"),
        pytest.param("hash", GOOD + "x", id="another password"),
    ],
)
def test_a_wrong_password_is_as_much_work_whoever_asks(
    hasher: CountingHasher, passwords: Passwords, kept: str | None, password: str
) -> None:
    hashed = passwords.hash(GOOD)
    hasher.hashed = 0

    with pytest.raises(PasswordWrong):
        passwords.verify(hashed if kept else None, password)

    assert hasher.hashed == 0
    assert hasher.verified == [hashed.rsplit("$", 2)[0]]


# -- how many at once --


class SlowHasher(CountingHasher):
    """Waits until it is let go, and notes how many were at work together."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work = 0
        self.most = 0
        self.began = threading.Semaphore(0)
        self.go_on = threading.Event()
        self._lock = threading.Lock()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self._lock:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
        self.began.release()
        assert self.go_on.wait(PATIENCE_S)
        with self._lock:
            self.at_work -= 1
        return super().hash(password, salt=salt)


def outcome(passwords: Passwords) -> str:
    try:
        passwords.hash(GOOD)
    except Busy as busy:
        return f"busy {busy.retry_after_s}"
    return "hashed"


def test_no_more_are_hashed_at_once_than_may_and_the_others_wait_their_turn() -> None:
    hasher = SlowHasher()
    passwords = Passwords(hasher=hasher, max_concurrent=2, max_waiting=8, wait_s=PATIENCE_S)

    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(outcome, passwords) for _ in range(10)]
        for _ in range(2):
            assert hasher.began.acquire(timeout=PATIENCE_S)
        hasher.go_on.set()
        told = [one.result(PATIENCE_S) for one in asked]

    assert told == ["hashed"] * 10
    assert hasher.most == 2


def test_who_finds_the_queue_full_is_told_to_come_back_at_once() -> None:
    hasher = SlowHasher()
    passwords = Passwords(hasher=hasher, max_concurrent=2, max_waiting=0, wait_s=PATIENCE_S)

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(outcome, passwords) for _ in range(2)]
        for _ in range(2):
            assert hasher.began.acquire(timeout=PATIENCE_S)
        told = [outcome(passwords) for _ in range(20)]
        with pytest.raises(Busy):
            passwords.verify(None, GOOD)
        hasher.go_on.set()

    assert told == ["busy 1"] * 20
    assert [one.result() for one in asked] == ["hashed"] * 2
    assert outcome(passwords) == "hashed"
    assert hasher.hashed == 3


def test_who_waits_too_long_is_told_to_come_back_and_leaves_the_queue() -> None:
    hasher = SlowHasher()
    passwords = Passwords(hasher=hasher, max_concurrent=1, max_waiting=1, wait_s=0.001)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(outcome, passwords)
        assert hasher.began.acquire(timeout=PATIENCE_S)
        told = [outcome(passwords) for _ in range(3)]
        hasher.go_on.set()

    assert told == ["busy 1"] * 3
    assert first.result() == "hashed"
    assert outcome(passwords) == "hashed"


def test_a_wrong_password_gives_its_turn_back(hasher: CountingHasher) -> None:
    passwords = Passwords(hasher=hasher, max_concurrent=1, max_waiting=0)

    for _ in range(5):
        with pytest.raises(PasswordWrong):
            passwords.verify(None, GOOD)
