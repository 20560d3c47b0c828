"""The check of the layout finds what it is for: a check that finds nothing proves nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.console.browser.looking import Look

_PAGE = """<!doctype html><html lang="en"><title>x</title>
<style>body {{ margin: 0; font: 14px/20px sans-serif }} {style}</style>
<body><h1>Title</h1>{body}</body>"""


@pytest.mark.parametrize(
    ("style", "body", "says"),
    [
        pytest.param("", "<p>Fine, with a <a href=x>link</a> in it.</p>", "", id="nothing"),
        pytest.param("p { width: 2000px }", "<p>wide</p>", "scrolls sideways", id="too wide"),
        pytest.param(
            "p { position: absolute; left: -50px }", "<p>off</p>", "stands out", id="off the page"
        ),
        pytest.param(
            "p { width: 30px; overflow: hidden; white-space: nowrap }",
            "<p>a long line of text</p>",
            "is cut",
            id="cut",
        ),
        pytest.param(
            "button { width: 40px; height: 40px; white-space: nowrap; overflow: visible }",
            "<button>a long label</button>",
            "does not fit",
            id="too long for its button",
        ),
        pytest.param(
            "p { margin: 0 } p + p { margin-top: -14px }",
            "<p>one text</p><p>another text</p>",
            "overlap",
            id="text upon text",
        ),
        pytest.param(
            "button { width: 20px; height: 20px; padding: 0 }",
            "<button>x</button>",
            "is smaller than",
            id="small target",
        ),
        pytest.param("", "<h1>Another</h1>", "2 h1", id="two titles"),
        pytest.param("", "<i></i>" * 2_500, "elements", id="too many elements"),
        pytest.param(
            "p { width: 60px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }"
            "div { display: flex }",
            "<div><p>a long line of text</p><b>beside it</b></div>",
            "",
            id="dots that say there is more",
        ),
    ],
)
def test_a_page_with_one_fault(look: Callable[..., Look], style: str, body: str, says: str) -> None:
    seen = look("nobody", 768)
    seen.tab.set_content(_PAGE.format(style=style, body=body))

    found = seen.layout()

    assert (says in "; ".join(found)) if says else (found == [])


def test_fingers_want_larger_controls_than_mice(look: Callable[..., Look]) -> None:
    button = _PAGE.format(style="button { width: 34px; height: 34px }", body="<button>x</button>")
    for width, expected in ((1440, []), (390, ['is smaller than 44 px: button "x" 34x34'])):
        seen = look("nobody", width)
        seen.tab.set_content(button)

        assert seen.layout() == expected
