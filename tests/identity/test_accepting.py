"""Which headers a key accepts underneath our own rules for headers."""

from __future__ import annotations

import pytest

from tests.identity.token_setting import KEYS


@pytest.mark.parametrize("name", sorted(KEYS))
def test_a_key_accepts_its_own_algorithm(name: str) -> None:
    key = KEYS[name]

    assert key.accepts({"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt"})


@pytest.mark.parametrize("name", sorted(KEYS))
def test_a_key_accepts_no_other_algorithm_and_no_unknown_member(name: str) -> None:
    key = KEYS[name]
    others = {other.algorithm for other in KEYS.values()} - {key.algorithm}

    for algorithm in [*others, "none"]:
        assert not key.accepts({"alg": algorithm, "kid": key.kid})
    assert not key.accepts({"kid": key.kid})
    assert not key.accepts({"alg": key.algorithm, "x-unknown": "1"})


def test_no_bytes_of_any_length_are_taken_for_a_signature() -> None:
    for key in KEYS.values():
        for length in (0, 1, 31, 32, 33, 64, 256):
            assert not key.verifies(b"a.b", bytes(length))
