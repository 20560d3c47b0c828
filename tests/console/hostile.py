"""Two hundred texts that somebody outside may send, and that a page must show as text.

Most are made: one trick in many places. Sources: OWASP XSS Filter Evasion Cheat Sheet; OWASP CSV
Injection; Unicode Technical Report 36 (security); "Trojan Source", CVE-2021-42574.
"""

# ruff: noqa: RUF001 - letters that look like others are what this is about
from __future__ import annotations

from typing import Final

#: What a page must never contain as markup, whichever text it shows.
MARK: Final = "jafsechostile"

_TAGS: Final = (
    f"<script>{MARK}</script>",
    f"<img src=x onerror={MARK}>",
    f"<svg onload={MARK}>",
    f"<svg><animate onbegin={MARK} attributeName=x>",
    f"<iframe src=javascript:{MARK}>",
    f"<body onload={MARK}>",
    f"<a href=javascript:{MARK}>x</a>",
    f"<base href=//{MARK}.example/>",
    f"<meta http-equiv=refresh content=0;url=//{MARK}.example>",
    f"<link rel=stylesheet href=//{MARK}.example>",
    f"<style>@import '//{MARK}.example'</style>",
    f"<form action=//{MARK}.example><input name=q>",
    f"<input autofocus onfocus={MARK}>",
    f"<details open ontoggle={MARK}>",
    f"<template><script>{MARK}</script></template>",
    f"<math><mtext></form><form><mglyph><style></math><img src onerror={MARK}>",
    f"<noscript><p title='</noscript><img src=x onerror={MARK}>'>",
    f"<!--><img src=x onerror={MARK}>",
    f"<![CDATA[<script>{MARK}</script>]]>",
    f"<x contenteditable onblur={MARK}>",
    f"<table background=//{MARK}.example>",
    f"<object data=//{MARK}.example>",
    f"<embed src=//{MARK}.example>",
    f"<video><source onerror={MARK}>",
    f"<bdi>{MARK}</bdi>",
)
#: Ways out of where a text may stand: an attribute, an element, a script, a template.
_WAYS_OUT: Final = ('"', "'", "`", '">', "'>", "</title>", "</textarea>", "--></style></script>")
_BREAKERS: Final = (
    '" onmouseover="{}',
    "' onmouseover='{}",
    "` onmouseover={}",
    '" style="background:url(//{}.example)',
    '" href="javascript:{}',
    '" data-fragment="//{}.example',
    '" data-copy-of="#{}',
    "{{{{ {} }}}}",
    "{{% {} %}}",
    "${{{}}}",
    "javascript:{}",
    "data:text/html,<script>{}</script>",
    "&lt;script&gt;{}&lt;/script&gt;",
    "&#60;script&#62;{}",
    "%3Cscript%3E{}%3C/script%3E",
    "\\u003cscript\\u003e{}",
    "+ADw-script+AD4-{}",
)
_TERMINAL: Final = (
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x07link\x1b]8;;\x07",
    "\x1b[8mhidden\x1b[0m",
    "\x9b31mred",
    "\rover",
    "a\x08b",
    "line\nother line",
    "tab\tstop",
    "\x0bvertical\x0cfeed",
    "\x7f",
)
_UNSEEN: Final = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u2028\u2029\u0085\u034f\u061c\u115f\u200e\u200f"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufff9\ue000\U000e0041"
)
_HIDDEN: Final = tuple(f"ad{character}min" for character in _UNSEEN)
_SURROGATES: Final = ("\ud800", "a\udfffb", "\udc00\ud800", "\ud83d")
_NULS: Final = ("\x00", "before\x00after", "\x00<script>", "a\x00\x00\x00b")
_MARKS: Final = (
    *("e" + mark * 60 for mark in "\u0300\u0301\u0336\u20dd\u0489\u0f71"),
    "Z\u0351\u036b\u0343a\u0310\u0350l\u0367\u0356g\u0336o\u0337",
)
_WRITING: Final = (
    *("שלום עולם", "مرحبا بالعالم", "नमस्ते", "สวัสดีชาวโลก", "日本語テキスト", "한국어", "Ω≈ç√∫˜µ≤≥"),
    *("👩‍👩‍👧‍👦", "🏳️‍🌈", "ﷺ" * 20, "𝔸𝕕𝕞𝕚𝕟", "аdmin", "ａｄｍｉｎ", "İstanbul ıI", "ß ﬁ ŉ"),
)
FORMULAS: Final = (
    "=1+1",
    "=cmd|'/C calc'!A0",
    '=HYPERLINK("http://evil.example")',
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(1)",
    '=1+1";=1+1',
)
_LONG: Final = ("x" * 10_000, "<" * 5_000, "a b " * 3_000, "\u202e" * 500, "🏳️‍🌈" * 500, '"' * 3_000)
_PATHS: Final = (
    "../../etc/passwd",
    "//evil.example",
    "\\\\evil\\share",
    "/%2e%2e/",
    "?q=1#x",
    "%00",
)
_LANGUAGE: Final = (
    "type:authz.denied",
    "-outcome:deny",
    'key:"',
    "actor:a,b,c",
    "' OR 1=1 --",
    "%_\\",
    "ip:0.0.0.0/0",
    "*",
    ">=warning",
)

TEXTS: Final = tuple(
    dict.fromkeys(
        (
            *_TAGS,
            *(way + tag for way in _WAYS_OUT for tag in _TAGS[:7]),
            *(shape.format(MARK) for shape in _BREAKERS),
            *_TERMINAL,
            *_HIDDEN,
            *_SURROGATES,
            *_NULS,
            *_MARKS,
            *_WRITING,
            *FORMULAS,
            *_LONG,
            *_PATHS,
            *_LANGUAGE,
        )
    )
)
