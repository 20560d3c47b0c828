"""Passwords: hashed, verified, judged. Whose they are is said in users.py."""

from __future__ import annotations

import base64
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from flask_jafsec.errors import Busy, InvalidValue, PasswordWrong
from flask_jafsec.identity.names import in_one_form

#: argon2id with 19 MiB, two passes, one lane.
#: Source: OWASP Password Storage Cheat Sheet; answers.md, "argon2id".
MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1

#: Source: NIST SP 800-63B section 5.1.1.2, which wants no rules about kinds of characters either.
MIN_CHARS: Final = 8

#: Long enough for any sentence; more would only make hashing dearer. Source: threats row 10.
MAX_CHARS: Final = 1_024

#: How many are hashed at once in one process, how many more may wait, and how long, in seconds.
#: A hash takes 19 MiB and tens of milliseconds: without a bound sign-ins alone could use up the
#: machine. Source: threats row 10.
MAX_CONCURRENT: Final = 2
MAX_WAITING: Final = 8
WAIT_S: Final = 1.0

#: 100 bits: nobody guesses it in the day it works.
_ONE_TIME_GROUPS: Final = 5
_ONE_TIME_GROUP_CHARS: Final = 4

#: Crockford's alphabet without capitals: no two characters look alike.
_ONE_TIME_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


class Passwords:
    """Hashes and verifies passwords, few at a time.

    Args:
        hasher: The function and its parameters; for tests, which want a cheap one.
        wait_s: Seconds a caller waits for its turn.
    """

    def __init__(
        self,
        *,
        hasher: PasswordHasher | None = None,
        max_concurrent: int = MAX_CONCURRENT,
        max_waiting: int = MAX_WAITING,
        wait_s: float = WAIT_S,
    ) -> None:
        self._hasher = hasher or PasswordHasher(PASSES, MEMORY_KIB, LANES)
        self._slots = threading.BoundedSemaphore(max_concurrent)
        self._max_waiting = max_waiting
        self._wait_s = wait_s
        self._waiting = 0
        self._lock = threading.Lock()
        self._dummy = _hash_of_nothing(self._hasher)

    def hash(self, password: str) -> str:
        """Return the hash under which *password* is kept, with its parameters and salt.

        Raises:
            Busy: Too many are being hashed.
            InvalidValue: It is too long, or holds half a surrogate pair.
        """
        material = _material(password)
        if material is None:
            raise InvalidValue("password", f"must be a text of at most {MAX_CHARS} characters")
        with self._turn():
            return self._hasher.hash(material)

    def verify(self, password_hash: str | None, password: str) -> None:
        """Return if *password* is the one that was hashed.

        Args:
            password_hash: None where there is no such user: a hash that fits no password is
                verified then, so that it takes as long as for one who exists.

        Raises:
            Busy: Too many are being hashed; nothing was looked at.
            PasswordWrong: It is another one.
        """
        material = _material(password)
        if password_hash is None or material is None:
            password_hash, material = self._dummy, b""
        with self._turn():
            try:
                self._hasher.verify(password_hash, material)
            except (InvalidHashError, VerificationError) as error:
                raise PasswordWrong from error

    def needs_rehash(self, password_hash: str) -> bool:
        """Return whether it was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._slots.acquire(blocking=False):
            self._wait()
        try:
            yield
        finally:
            self._slots.release()

    def _wait(self) -> None:
        with self._lock:
            if self._waiting >= self._max_waiting:
                raise Busy(1)
            self._waiting += 1
        try:
            if not self._slots.acquire(timeout=self._wait_s):
                raise Busy(1)
        finally:
            with self._lock:
                self._waiting -= 1


def check_strength(password: str, *, name: str) -> None:
    """Return if *password* is good enough for the user *name*.

    Raises:
        InvalidValue: It has fewer than 8 or more than 1,024 characters, is one of the most common
            ones, or is the user's name.

    Source: NIST SP 800-63B section 5.1.1.2.
    """
    if len(password) > MAX_CHARS or _material(password) is None:
        raise InvalidValue("password", f"must be a text of at most {MAX_CHARS} characters")
    if len(normalised(password)) < MIN_CHARS:
        raise InvalidValue("password", f"must have at least {MIN_CHARS} characters")
    form = in_one_form(password)
    if form == in_one_form(name):
        raise InvalidValue("password", "must not be the user's name")
    if form in _frequent_passwords():
        raise InvalidValue("password", "is one of the most common ones; choose another")


def new_one_time_password() -> str:
    """Return a password to hand out: five groups of four characters that read aloud well."""
    groups = (
        "".join(secrets.choice(_ONE_TIME_ALPHABET) for _ in range(_ONE_TIME_GROUP_CHARS))
        for _ in range(_ONE_TIME_GROUPS)
    )
    return "-".join(groups)


def normalised(password: str) -> str:
    """Return *password* in the one form in which keyboards of all systems send it.

    Source: NIST SP 800-63B section 5.1.1.2 (NFKC before hashing).
    """
    return unicodedata.normalize("NFKC", password)


def _material(password: str) -> bytes | None:
    """Return what is hashed, or None for what no password can be."""
    if len(password) > MAX_CHARS:
        return None
    try:
        return normalised(password).encode()
    except UnicodeEncodeError:
        return None


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """Return a hash with the parameters of *hasher* that no password has.

    It is written, not computed: the bytes are random, and a start need not wait for it.
    Source: the PHC string format.
    """
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
        for length in (hasher.salt_len, hasher.hash_len)
    )
    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${parameters}${salt}${digest}"


@cache
def _frequent_passwords() -> frozenset[str]:
    """Return the most common passwords; where they come from is said in the file."""
    text = resources.files(__package__).joinpath("frequent_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
