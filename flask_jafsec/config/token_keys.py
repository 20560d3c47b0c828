"""Token keys out of a setting: inline, or in files. What they are is read in identity/."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flask_jafsec.config.files import read_key_file
from flask_jafsec.config.parsing import Faults, mapping, refuse, several
from flask_jafsec.config.settings import TokenKeySource
from flask_jafsec.config.strength import guessable_material
from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.token_key_reading import read_key
from flask_jafsec.identity.token_keys import DERIVED_PREFIX, GUIDE_KID, TokenKey, is_kid

_FORM: Final = (
    "Write kid:path entries, or in app.config a mapping from kid to a path, a PEM or a JWK."
)
_KID_FORM: Final = (
    "Write 1 to 64 letters, digits, '-' or '_'; "
    f"'{GUIDE_KID}' and names that start with '{DERIVED_PREFIX}' are taken."
)


def token_keys_in(folder: str) -> Callable[[object], tuple[TokenKeySource, ...]]:
    """Return a parser of token keys; paths are relative to *folder*."""

    def parse(value: object) -> tuple[TokenKeySource, ...]:
        faults = Faults()
        checked: list[tuple[TokenKeySource, TokenKey]] = []
        for number, (kid, key) in enumerate(_pairs(value), start=1):
            entry = (kid, key)
            place = f" (entry {number})"
            checked += faults.within(place, lambda pair: [_source(pair, folder)], entry, [])
        _check_together(faults, [key for _, key in checked])
        faults.finish()
        return tuple(source for source, _ in checked)

    return parse


def _pairs(value: object) -> list[tuple[object, object]]:
    is_json = isinstance(value, str) and value.strip().startswith("{")
    if is_json or isinstance(value, Mapping):
        return list(mapping(value).items())
    return [_pair(entry) for entry in several(value)]


def _pair(entry: object) -> tuple[object, object]:
    if isinstance(entry, Mapping):
        return entry.get("kid"), entry
    if isinstance(entry, str):
        kid, _, path = entry.partition(":")
        return kid.strip(), path.strip()
    return None, None


def _source(pair: object, folder: str) -> tuple[TokenKeySource, TokenKey]:
    kid, key = pair if isinstance(pair, tuple) else (None, None)
    if not isinstance(kid, str) or not is_kid(kid) or _is_taken(kid):
        raise refuse("has no usable name (kid)", _KID_FORM)
    algorithm = ""
    if isinstance(key, Mapping) and "kty" not in key:
        key, algorithm = _with_algorithm(key)
    text = _key_text(key, folder)
    try:
        made = TokenKey.from_text(kid, text, algorithm)
    except InvalidValue as error:
        problem = error.problem
    else:
        _refuse_guessable(made)
        return TokenKeySource(kid, text, algorithm), made
    raise refuse(problem, "Write one PEM block or one JWK: RSA, P-256, Ed25519 or a secret.")


def _is_taken(kid: str) -> bool:
    return kid == GUIDE_KID or kid.startswith(DERIVED_PREFIX)


def _with_algorithm(members: Mapping[str, object]) -> tuple[object, str]:
    algorithm = members.get("algorithm", "")
    if members.keys() - {"key", "algorithm"} or not isinstance(algorithm, str):
        raise refuse("is neither a JWK nor a key with its algorithm", _FORM)
    return members.get("key"), algorithm


def _key_text(key: object, folder: str) -> str:
    if isinstance(key, Mapping):
        return _json(key)
    if isinstance(key, str) and key.strip().startswith(("{", "-----BEGIN")):
        return key
    return read_key_file(key, folder, is_secret=_is_secret)


def _json(key: Mapping[object, object]) -> str:
    try:
        return json.dumps(dict(key))
    except (TypeError, ValueError):
        pass
    raise refuse("is a JWK with members that JSON cannot hold", _FORM)


def _is_secret(text: str) -> bool:
    try:
        return read_key(text, "").key.is_private
    except InvalidValue:
        return True


def _refuse_guessable(key: TokenKey) -> None:
    secret = key.key.raw_value
    fault = guessable_material(secret) if isinstance(secret, bytes) else None
    if fault:
        raise refuse(fault, "Write a random secret, or leave it out to use the root keys.")


def _check_together(faults: Faults, keys: Sequence[TokenKey]) -> None:
    if keys and not keys[0].may_sign:
        faults.add("", "starts with a public key", "Put the private key that signs first.")
    if len({key.kid for key in keys}) < len(keys):
        faults.add("", "has two keys with the same name (kid)", "Give each a name of its own.")
    if len({key.is_symmetric for key in keys}) > 1:
        faults.add("", "mixes secrets and key pairs", "Write key pairs only, or secrets only.")
