"""A scripted agent: answers from a small table, word by word when asked to."""

from __future__ import annotations

from collections.abc import Iterator

ANSWERS = {
    "hello": "Hello! Ask me about limits, keys or the weather.",
    "keys": "An API key is shown once. Keep it like a password; rotate it when in doubt.",
    "limits": "You may send twenty messages a minute. The RateLimit header says what is left.",
    "weather": "I have no window, so I would only be guessing.",
}

NOTHING_KNOWN = "I am a small example and know only: " + ", ".join(sorted(ANSWERS)) + "."


def answer(message: str) -> str:
    """Return what the agent says to *message*."""
    said = message.casefold()
    return next((text for word, text in ANSWERS.items() if word in said), NOTHING_KNOWN)


def answer_in_pieces(message: str) -> Iterator[str]:
    """Give the same answer word by word."""
    for word in answer(message).split():
        yield word + " "
