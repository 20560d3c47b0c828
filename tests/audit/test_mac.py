"""The prepared MAC is the standard library's, for every key and text."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.mac import prepared


@given(st.binary(max_size=200), st.binary(max_size=80), st.binary(max_size=300))
def test_a_prepared_mac_is_hmac_sha_256(key: bytes, prefix: bytes, text: bytes) -> None:
    assert prepared(key, prefix)(text) == hmac.digest(key, prefix + text, "sha256")


def test_one_mac_leaves_the_next_alone() -> None:
    mac = prepared(b"key")

    assert [mac(b"a"), mac(b"b"), mac(b"a")] == [
        hmac.digest(b"key", text, "sha256") for text in (b"a", b"b", b"a")
    ]
