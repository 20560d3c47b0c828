"""The sprite is what was locked, holds what the pages use, and brings its licence along."""

from __future__ import annotations

import ast
import configparser
import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from tools.icons import LICENCE, LOCK, SPRITE, sha256

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "console"
navigation = import_module("flask_jafsec_console.navigation")

#: Icons of pages that are not there yet. An icon leaves this list when its page comes.
_LATER = """
arrow-left ban bot calendar-clock check chevron-down circle-user-round circle-x clock
code-xml cog download ellipsis external-link eye eye-off fingerprint key-round link
list-filter plus radio refresh-cw scroll-text search shield-check terminal
"""


def locked() -> dict[str, str]:
    found: dict[str, str] = json.loads(LOCK.read_text())["icons"]
    return found


def symbols() -> dict[str, str]:
    """Return the drawing of each symbol of the sprite, by name."""
    return dict(re.findall(r'<symbol id="([\w-]+)" [^>]*>(.*)</symbol>', SPRITE.read_text()))


def used() -> set[str]:
    """Return the names of the icons that templates and the navigation ask for."""
    names = {entry.icon for entry in navigation.ENTRIES}
    for path in sorted(CONSOLE.rglob("*.html")):
        names |= icons_in(path.read_text())
    for path in sorted(CONSOLE.rglob("*.py")):
        names |= texts_of_code(path.read_text()) & set(locked())
    return names


def texts_of_code(source: str) -> set[str]:
    """Return the texts in a module: a page may choose an icon in its code."""
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def icons_in(source: str) -> set[str]:
    """Return the names that a template hands to ``icon``, straight or by way of a variable."""
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(source)
    named = {
        assignment.target.name: assignment.node
        for assignment in tree.find_all(nodes.Assign)
        if isinstance(assignment.target, nodes.Name)
    }
    names: set[str] = set()
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "icon" and call.args:
            names |= _texts(call.args[0], named)
    return names


def _texts(node: nodes.Node, named: dict[str, nodes.Node]) -> set[str]:
    """Return the texts that an expression may come out as."""
    if isinstance(node, nodes.Const):
        return {node.value} if isinstance(node.value, str) else set()
    if isinstance(node, nodes.Name):
        return _texts(named[node.name], named) if node.name in named else set()
    if isinstance(node, nodes.Dict):
        return {name for pair in node.items for name in _texts(pair.value, named)}
    if isinstance(node, nodes.CondExpr):
        branches = [node.expr1] + ([node.expr2] if node.expr2 else [])
        return {name for branch in branches for name in _texts(branch, named)}
    if isinstance(node, nodes.Getitem):
        return _texts(node.node, named)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        rest = {name for argument in node.args[1:] for name in _texts(argument, named)}
        return _texts(node.node.node, named) | rest
    return set()


def test_the_sprite_is_the_one_that_was_locked() -> None:
    assert sha256(SPRITE.read_text()) == json.loads(LOCK.read_text())["sprite"]


def test_each_drawing_is_the_published_one() -> None:
    assert {name: sha256(drawing) for name, drawing in symbols().items()} == locked()


def test_every_icon_that_a_page_asks_for_is_in_the_sprite() -> None:
    assert used() - set(symbols()) == set()


def test_every_icon_in_the_sprite_is_asked_for() -> None:
    assert set(symbols()) - used() - set(_LATER.split()) == set()


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{ icon('x') }}", {"x"}),
        ("{{ icon('a' if b else 'c') }}", {"a", "c"}),
        ("{{ icon({'k': 'a', 'l': 'b'}[k]) }}", {"a", "b"}),
        ("{% set m = {'k': 'a'} %}{{ icon(m.get(k, 'b'), 'label') }}", {"a", "b"}),
        ("{{ icon(entry.icon) }}", set()),
    ],
)
def test_names_of_icons_are_found_in_templates(template: str, names: set[str]) -> None:
    assert icons_in(template) == names


def test_the_drawings_bring_no_script_and_no_address() -> None:
    for drawing in symbols().values():
        assert not re.search(r"<script|<style|<foreignObject|href|url\(|\bon\w+=", drawing)


def test_the_licence_goes_where_the_drawings_go() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")

    assert "ISC" in LICENCE.read_text()
    assert "console/static/icons.LICENSE" in parser["metadata"]["license_files"]
    assert "icons.svg" in (ROOT / "THIRD_PARTY.md").read_text()
