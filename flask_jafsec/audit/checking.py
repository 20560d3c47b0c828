"""Checks of one event: is it what its row says, in its place, and under a genuine MAC?

The sequencer asks before an event gets its leaf, the verifier asks again at any later time.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final

from flask_jafsec.audit.chain import MAC_PREFIX
from flask_jafsec.audit.envelope import EnvelopeInvalid
from flask_jafsec.audit.mac import prepared
from flask_jafsec.audit.reading import Reading, read_back
from flask_jafsec.audit.rows import EventRow
from flask_jafsec.errors import JafsecError

#: What the first envelope of a writer names as the one before, as it stands in envelopes.
FIRST_PREV: Final = "0" * 64

#: MAC keys kept ready. There are a handful; more names than this were made up.
MAX_KEYS: Final = 256


class RowInvalid(JafsecError):
    """An event is not what its row says; the message says what was found."""

    code = "row_invalid"


def read_row(row: EventRow, origin: str) -> Reading:
    """Return what the event of *row* says, if that agrees with the row and the log.

    Raises:
        RowInvalid: It does not, or cannot be read.
    """
    try:
        reading = read_back(row.envelope)
    except EnvelopeInvalid as error:
        raise RowInvalid(str(error)) from error
    if (reading.writer_id, reading.n) != (row.writer_id, row.n):
        raise RowInvalid(f"says it is {reading.writer_id}/{reading.n}")
    if reading.log != origin:
        raise RowInvalid(f"is of the log {reading.log}")
    return reading


def repeated_id(event_id: str, leaf_index: int) -> str:
    """Return the id under which search copies are kept when an older leaf has *event_id*."""
    return f"{event_id}#{leaf_index}"


def epoch_of(origin: str) -> int:
    """Return the epoch that a log's name ends with, as in ``example.com/shop/audit/1``."""
    epoch = origin.rpartition("/")[2]
    return int(epoch) if epoch.isascii() and epoch.isdecimal() else 1


class Macs:
    """Checks MACs; every key is prepared once.

    Args:
        mac_key: Gives the key derived from a root key by that root key's id, None for a root
            key that is retired or was never there.
    """

    def __init__(self, mac_key: Callable[[str], bytes | None]) -> None:
        self._mac_key = mac_key
        self._prepared: dict[str, Callable[[bytes], bytes] | None] = {}

    def holds(self, envelope: bytes, mac: bytes, root_id: str) -> bool | None:
        """Return whether the MAC is genuine; None where its key is not known."""
        try:
            mac_of = self._prepared[root_id]
        except KeyError:
            mac_of = self._prepare(root_id)
        return None if mac_of is None else hmac.compare_digest(mac_of(envelope), mac)

    def _prepare(self, root_id: str) -> Callable[[bytes], bytes] | None:
        if len(self._prepared) >= MAX_KEYS:
            self._prepared.clear()
        key = self._mac_key(root_id)
        made = None if key is None else prepared(key, MAC_PREFIX)
        self._prepared[root_id] = made
        return made
