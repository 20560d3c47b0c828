"""Every pair of colours that meet in the console can be told apart, in both themes.

Source: WCAG 2.2, "relative luminance" and "contrast ratio", success criteria 1.4.3 and 1.4.11.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).parents[2] / "console" / "static" / "console.css").read_text()
TEXT, SHAPE = 4.5, 3.0

_TEXTS = ("text", "text-2", "text-3")
_TONES = ("ok", "warn", "bad", "info", "off")
_CHARTS = ("chart-allowed", "chart-denied", "chart-error")

#: What is drawn, upon what, and how much they must differ. White stands for itself.
PAIRS = (
    *((text, ground, TEXT) for text in _TEXTS for ground in ("bg", "surface", "sunken", "hover")),
    *(("accent-text", ground, TEXT) for ground in ("bg", "surface", "sunken", "accent-soft")),
    ("#ffffff", "accent", TEXT),
    ("#ffffff", "accent-hover", TEXT),
    ("text", "accent-soft", TEXT),
    *((tone, f"{tone}-soft", TEXT) for tone in _TONES),
    *((tone, ground, TEXT) for tone in _TONES for ground in ("bg", "surface")),
    *(("text", f"{tone}-soft", TEXT) for tone in _TONES),
    ("text-2", "off-soft", TEXT),
    ("agent", "surface", TEXT),
    *(("control", ground, SHAPE) for ground in ("bg", "surface")),
    *(("accent", ground, SHAPE) for ground in ("bg", "surface")),
    *(("ring", ground, SHAPE) for ground in ("bg", "surface", "sunken", "accent-soft")),
    *((part, "surface", SHAPE) for part in _CHARTS),
)


def tokens(theme: int) -> dict[str, str]:
    """Return the colours of one theme (0 light, 1 dark) by name."""
    found = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", CSS)
    return {name: (light, dark)[theme] for name, light, dark in found}


def luminance(colour: str) -> float:
    """Return how light a colour is, 0 to 1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48)]
)
def test_contrast_is_what_the_guidelines_say(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("drawn", "ground", "wanted"), PAIRS)
def test_two_colours_that_meet_differ_enough(
    theme: int, drawn: str, ground: str, wanted: float
) -> None:
    known = tokens(theme)
    known["#ffffff"] = "#ffffff"

    assert contrast(known[drawn], known[ground]) >= wanted


def test_no_colour_is_written_outside_the_tokens() -> None:
    tokens_end = CSS.index("@layer base {")
    # Black and white of the print layer, shadows, and what lies on a filled button or toast.
    allowed = {"#fff", "#000", "#1b0d0c", "#962019", "#ffa199", "#0f1217", "#171a21", "#e9ecf1"}

    assert set(re.findall(r"#[0-9a-f]{3,8}\b", CSS[tokens_end:])) <= allowed


def test_no_rule_uses_a_token_that_does_not_exist() -> None:
    defined = set(re.findall(r"--([\w-]+):", CSS))

    assert set(re.findall(r"var\(--([\w-]+)", CSS)) <= defined
