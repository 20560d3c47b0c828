"""Root keys out of a setting or a file. How strong they must be stands in secrets.py."""

from __future__ import annotations

import os
from typing import Final

from flask_jafsec.config import secrets
from flask_jafsec.config.files import read_key_file
from flask_jafsec.config.parsing import Faults, refuse, several
from flask_jafsec.config.settings import RootKey
from flask_jafsec.config.sources import Given, Sources

KEY: Final = "JAFSEC_ROOT_KEYS"
FILE: Final = "JAFSEC_ROOT_KEYS_FILE"

#: The id of a root key that was made up.
MADE_UP_ID: Final = "madeup"

_FORM = "Write id:base64, such as the output of `flask jafsec secrets new`; newest first."


def take_root_keys(
    sources: Sources, instance_path: str, *, may_make_up: bool
) -> tuple[tuple[RootKey, ...], bool]:
    """Return the root keys, and whether one was made up because none was given."""
    given, named_file = sources.find(KEY), sources.find(FILE)
    if given is not None and named_file is not None:
        sources.complain(KEY, f"is set, and so is {FILE}", "Set only one of the two.")
    if given is not None:
        return sources.parsed(given, parse_root_keys, ()), False
    if named_file is not None:
        return _from_file(sources, named_file, instance_path), False
    if may_make_up:
        return (RootKey(MADE_UP_ID, os.urandom(secrets.NEW_BYTES)),), True
    sources.complain(
        KEY,
        "is not set",
        f"Run `{secrets.COMMAND}` and put the line it prints into the environment.",
    )
    return (), False


def parse_root_keys(value: object) -> tuple[RootKey, ...]:
    """Return the root keys of ``id:base64`` entries; raises Unfit with all their faults."""
    faults = Faults()
    entries = several(value)
    found: list[RootKey] = []
    for number, entry in enumerate(entries, start=1):
        found += faults.within(f" (entry {number})", _one, entry, [])
    if not entries:
        faults.add("", "is empty", f"Run `{secrets.COMMAND}` and use the line it prints.")
    if len({key.id for key in found}) < len(found):
        faults.add("", "has two keys with the same id", "Give every key an id of its own.")
    if len({key.material for key in found}) < len(found):
        faults.add("", "has the same key under two ids", f"Run `{secrets.COMMAND}` for a new one.")
    faults.finish()
    return tuple(found)


def _one(entry: object) -> list[RootKey]:
    root_id, colon, text = entry.partition(":") if isinstance(entry, str) else ("", "", "")
    if not colon:
        raise refuse("is not id:base64", _FORM)
    if not secrets.is_root_id(root_id.strip()):
        raise refuse("has an id that is not 1 to 8 lower-case letters and digits", _FORM)
    return [RootKey(root_id.strip(), secrets.root_key_material(text.strip()))]


def _from_file(sources: Sources, named: Given, folder: str) -> tuple[RootKey, ...]:
    def parse(path: object) -> tuple[RootKey, ...]:
        lines = read_key_file(path, folder).replace(",", "\n").splitlines()
        stripped = [line.strip() for line in lines]
        return parse_root_keys([line for line in stripped if line and not line.startswith("#")])

    return sources.parsed(named, parse, ())
