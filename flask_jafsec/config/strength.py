"""Says why a secret could be guessed. Finds what people do; randomness itself cannot be proven.

The rules are set so that they refuse a truly random secret less than once in 20,000.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise
from typing import Final

from flask_jafsec.config.well_known import (
    WORDS,
    decode_base64,
    is_well_known,
    is_well_known_material,
    texts_in,
    unrepeated,
)

#: As long as SHA-256's output. Source: RFC 7518 section 3.2; RFC 2104 section 3.
MIN_BYTES: Final = 32

#: 32 random bytes have about 30 different values; fewer than 16 happen once in 10^11.
MIN_DIFFERENT_BYTES: Final = 16

#: 32 random hexadecimal digits, the smallest alphabet in use, have about 14 of the 16.
MIN_DIFFERENT_CHARACTERS: Final = 6

#: 32 random hexadecimal digits are estimated at about 117 bits (they have 128), give or take 5.
#: The line is drawn five times that below, so that no good secret is refused by accident.
MIN_ENTROPY_BITS: Final = 90

#: Differences between neighbours take this few values only in sequences.
MAX_SEQUENCE_STEPS: Final = 4

#: Share of the text that is words people put into secrets. Random text stays below a tenth.
MAX_SHARE_OF_WORDS: Final = 1 / 3

#: Share of neighbours that are frequent pairs of English: 0.35 to 0.5 in English, 0.05 in random
#: letters and digits of both cases. Short texts reach it by accident, so a number counts as well.
MAX_SHARE_OF_PAIRS: Final = 0.3
MAX_PAIRS: Final = 11

#: The 50 most frequent pairs of letters in English, more than half of all pairs in a text.
#: Source: Peter Norvig, "English Letter Frequency Counts: Mayzner Revisited".
_FREQUENT = (
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se "
    "ha as ou io le ve co me de hi ri ro ic ne ea ra ce li ch ll be ma si om ur"
)
_PAIRS: Final = frozenset(_FREQUENT.split())

_KNOWN: Final = "is a value everybody knows"
_REPEATS: Final = "repeats itself"
_SEQUENCE: Final = "is a sequence"
_WORDS: Final = "is made of words"
#: Four words or more with something between them, as in a sentence or a passphrase.
_PHRASE: Final = re.compile(r"[A-Za-z]?[a-z]+(?:[ _.,-]+[A-Za-z]?[a-z]+){3,}[.!?]?")
_PRINTABLE: Final = re.compile(rb"[\t\n\r -~]*")


def guessable_material(material: bytes) -> str | None:
    """Return why key material of at least ``MIN_BYTES`` could be guessed, or None."""
    if is_well_known_material(material):
        return _KNOWN
    if unrepeated(material.decode("latin-1")) != material.decode("latin-1"):
        return _REPEATS
    if _is_sequence(material):
        return _SEQUENCE
    # A passphrase in base64 has the right length and little to guess.
    if _PRINTABLE.fullmatch(material):
        return "is text in base64, not random bytes"
    if len(set(material)) < MIN_DIFFERENT_BYTES:
        return "has too few different bytes to be random"
    return None


def guessable_text(text: str) -> str | None:
    """Return why a secret written as *text* could be guessed, or None."""
    if is_well_known(text):
        return _KNOWN
    for each in texts_in(text):
        fault = _fault_of_one(each)
        if fault:
            return fault
    decoded = decode_base64(text)
    return _KNOWN if decoded and is_well_known_material(decoded) else None


def entropy_bits(text: str) -> float:
    """Return an estimate of the bits in *text* from how often each character stands there.

    Never above the truth for independent characters on average; blind for order, which
    ``guessable_text`` looks at. Source: Shannon 1948; Miller 1955 for the bias in short texts.
    """
    counts = Counter(text).values()
    return sum(-count * math.log2(count / len(text)) for count in counts)


def _fault_of_one(text: str) -> str | None:
    if unrepeated(text) != text:
        return _REPEATS
    if _is_sequence(text.encode()):
        return _SEQUENCE
    is_words = _share_of_words(text) >= MAX_SHARE_OF_WORDS or _PHRASE.fullmatch(text.strip())
    return _WORDS if is_words or _has_frequent_pairs(text) else None


def _is_sequence(raw: bytes) -> bool:
    for _ in range(2):
        raw = bytes((after - before) % 256 for before, after in pairwise(raw))
        if len(set(raw)) <= MAX_SEQUENCE_STEPS:
            return True
    return False


def _share_of_words(text: str) -> float:
    lower, covered = text.casefold(), set[int]()
    for word in WORDS:
        start = lower.find(word)
        while start >= 0:
            covered.update(range(start, start + len(word)))
            start = lower.find(word, start + 1)
    return len(covered) / len(text) if text else 0.0


def _has_frequent_pairs(text: str) -> bool:
    lower = text.casefold()
    frequent = sum(lower[start : start + 2] in _PAIRS for start in range(len(lower) - 1))
    return frequent > MAX_PAIRS and frequent >= MAX_SHARE_OF_PAIRS * (len(lower) - 1)
