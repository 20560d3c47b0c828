"""The examples of RFC 7520, read by our key loading and verified underneath by joserfc."""

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk, jws

from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.token_keys import TokenKey
from tests.identity.signatures import holds

VECTORS = Path(__file__).parent.parent / "vectors" / "jose"


def _signatures() -> list[Any]:
    """Every signature as (key, algorithm, header in base64url, signing input, signature)."""
    found = []
    for path in sorted((VECTORS / "jws").glob("*.json")):
        example = json.loads(path.read_text())
        keys, algorithms = example["input"]["key"], example["input"]["alg"]
        signings = example["signing"]
        if not isinstance(keys, list):
            keys, algorithms, signings = [keys], [algorithms], [signings]
        for key, algorithm, signing in zip(keys, algorithms, signings, strict=True):
            parts = [*signing["sig-input"].split("."), signing["sig"]]
            found.append(pytest.param(key, algorithm, parts, id=f"{path.stem}-{algorithm}"))
    return found


SIGNATURES = _signatures()
OURS = [one for one in SIGNATURES if one.values[1] in {"HS256", "RS256"}]
OTHERS = [one for one in SIGNATURES if one.values[1] not in {"HS256", "RS256"}]


def test_all_eight_examples_are_here() -> None:
    assert len(list((VECTORS / "jws").glob("*.json"))) == 8
    assert (len(OURS), len(OTHERS)) == (7, 3)


@pytest.mark.parametrize(("key", "algorithm", "parts"), OURS)
def test_a_signature_of_an_algorithm_of_ours_holds(
    key: dict[str, str | list[str]], algorithm: str, parts: list[str]
) -> None:
    ours = TokenKey.from_text("cookbook", json.dumps(key), algorithm)

    assert holds(ours, {"alg": algorithm}, parts)
    assert not holds(ours, {"alg": algorithm}, [parts[0], parts[1] + "AA", parts[2]])


@pytest.mark.parametrize(("key", "algorithm", "parts"), OTHERS)
def test_a_signature_of_another_algorithm_holds_underneath_and_is_refused_by_us(
    key: dict[str, str | list[str]], algorithm: str, parts: list[str]
) -> None:
    below = jws.CompactSignature({"alg": algorithm}, b"")
    below.segments["header"], below.segments["payload"] = parts[0].encode(), parts[1].encode()
    below.segments["signature"] = parts[2].encode()

    assert jws.validate_compact(below, jwk.import_key(key), [algorithm])
    with pytest.raises(InvalidValue):
        TokenKey.from_text("cookbook", json.dumps(key), algorithm)


@pytest.mark.parametrize(
    ("name", "may_sign"),
    [
        ("3_3.rsa_public_key", False),
        ("3_4.rsa_private_key", True),
        ("3_5.symmetric_key_mac_computation", True),
    ],
)
def test_a_key_for_signatures_is_read(name: str, may_sign: bool) -> None:
    text = (VECTORS / "jwk" / f"{name}.json").read_text()

    assert TokenKey.from_text("cookbook", text).may_sign is may_sign


@pytest.mark.parametrize(
    "name", ["3_1.ec_public_key", "3_2.ec_private_key", "3_6.symmetric_key_encryption"]
)
def test_a_key_on_another_curve_or_for_encryption_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue):
        TokenKey.from_text("cookbook", (VECTORS / "jwk" / f"{name}.json").read_text())
