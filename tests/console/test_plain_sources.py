"""What the sources of the console never contain: markup that nobody escaped, code in markup,
somebody else's files, text that cannot be translated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

CONSOLE = Path(__file__).parents[2] / "console"
TEMPLATES = sorted(CONSOLE.rglob("*.html"))
MODULES = sorted(CONSOLE.rglob("*.py"))
SCRIPT = (CONSOLE / "static" / "console.js").read_text()
CSS = (CONSOLE / "static" / "console.css").read_text()

#: Modules that make markup themselves. Each was read with hostile text in mind: every value goes
#: through ``Markup.format``, which escapes it.
REVIEWED = {"csrf.py", "rendering.py", "texts.py"}

#: Texts of templates that no language changes.
UNTRANSLATED = {
    "JAFSEC_DATABASE_URL",
    "UTC",
    "curl -i",
    "debug",
    "flask jafsec audit verify",
    "flask jafsec init",
    "flask jafsec keys new NAME --scope PERMISSION",
    "flask jafsec roles grant",
    "sha256",
    "type:auth.key.* outcome:deny actor:ann",
}

#: Blocks that stand in a class, not in the page.
CLASS_BLOCKS = {"width"}


def _id(path: Path) -> str:
    return str(path.relative_to(CONSOLE))


each_template = pytest.mark.parametrize("path", TEMPLATES, ids=_id)
each_module = pytest.mark.parametrize("path", MODULES, ids=_id)


def parsed(path: Path) -> nodes.Template:
    return Environment(extensions=["jinja2.ext.i18n"]).parse(path.read_text())


@each_template
def test_a_template_escapes_everything(path: Path) -> None:
    tree = parsed(path)

    assert {filter_.name for filter_ in tree.find_all(nodes.Filter)} & {"safe", "xmlattr"} == set()
    assert list(tree.find_all(nodes.EvalContextModifier)) == []
    assert list(tree.find_all(nodes.MarkSafe)) == []


@each_template
@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a style of its own", r"\sstyle\s*="),
        ("a handler", r"\son[a-z]+\s*="),
        ("a script of its own", r"<script(?![^>]*\ssrc=)"),
        ("a stylesheet of its own", r"<style"),
        ("an address of a script", r"javascript:"),
        ("a file inside an address", r"""["'(]data:"""),
        ("somebody else's file", r"""\s(?:src|srcset|poster|action)\s*=\s*["'](?:https?:)?//"""),
        ("somebody else's stylesheet", r"<(?:link|use|image)[^>]*https?://"),
        ("a frame", r"<(?:iframe|frame|object|embed|base|portal)\b"),
        ("a refresh", r"http-equiv"),
        ("a tab order of its own", r"""tabindex=["'][1-9]"""),
    ],
)  # fmt: skip
def test_a_template_has_no(path: Path, what: str, pattern: str) -> None:
    assert re.findall(pattern, path.read_text(), re.IGNORECASE) == [], what


@each_template
def test_every_form_that_changes_something_has_a_token(path: Path) -> None:
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", path.read_text(), re.DOTALL):
        assert "tokens(" in form or ".jafsec_token" in form or "hidden_tag" in form, form[:200]


@each_template
def test_a_table_says_its_roles(path: Path) -> None:
    # On phones rows become blocks, and a table of blocks is none for a screen reader.
    roles = {
        "table": "table",
        "thead": "rowgroup",
        "tbody": "rowgroup",
        "tr": "row",
        "td": "cell",
        "th": "(?:columnheader|rowheader|cell)",
    }
    for tag, attributes in re.findall(r"<(table|thead|tbody|tr|td|th)\b([^>]*)", path.read_text()):
        assert re.search(f'role="{roles[tag]}"', attributes), f"<{tag}{attributes}>"


def said(path: Path) -> Iterator[str]:
    """Yield the texts that a template shows as they stand there, and those of its attributes."""
    tree = parsed(path)
    tree.body = [part for part in tree.body if getattr(part, "name", "") not in CLASS_BLOCKS]
    pieces = [data.data for data in tree.find_all(nodes.TemplateData)]
    attributes = r'\s(?:aria-label|title|alt|placeholder)="([^"]+)"'
    yield from re.findall(attributes, "".join(pieces))
    # Tags may have expressions inside, so they are taken out before the pieces are parted.
    for piece in re.sub(r"<[^<>]*>", "\n", "\x00".join(pieces)).replace("\x00", "\n").split("\n"):
        yield re.sub(r"&\w+;", "", piece).strip(" .,;:!?()/\"'-·…>")


@each_template
def test_every_text_of_a_template_can_be_translated(path: Path) -> None:
    raw = {text for text in said(path) if re.search(r"[^\W\d_]{2}", text)}

    assert raw - UNTRANSLATED == set()


@each_module
def test_markup_is_made_in_reviewed_modules_only(path: Path) -> None:
    source = path.read_text()

    if path.name not in REVIEWED:
        assert not re.search(r"\bMarkup\b|\|\s*safe\b|__html__|render_template_string", source)
    # Even there nothing is formatted in before it is markup.
    assert not re.search(r"Markup\(\s*f[\"']|Markup\([^)\"']*\+|Markup\([^\"')]", source)


@each_module
def test_a_module_fetches_nothing_and_decides_nothing(path: Path) -> None:
    source = path.read_text()

    assert not re.search(
        r"^\s*(?:import|from) (?:requests|httpx|urllib\.request|sqlalchemy)", source, re.MULTILINE
    )
    assert not re.search(r"\b(?:eval|exec)\(", source)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\beval\b",
        r"\bFunction\(",
        r"\bimport\(",
        r"set(?:Timeout|Interval)\(\s*[\"'`]",
        r"outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|srcdoc|setHTML",
        r"localStorage|sessionStorage|indexedDB|document\.cookie",
        r"https?://",
        r"javascript:|data:",
        r"\.style\b|\.cssText",
    ],
)
def test_the_script_never(pattern: str) -> None:
    assert re.findall(pattern, SCRIPT) == []


def test_the_script_turns_text_into_markup_in_one_place() -> None:
    assert len(re.findall(r"innerHTML", SCRIPT)) == 1
    assert len(re.findall(r"createPolicy\(", SCRIPT)) == 1
    assert len(re.findall(r"trusted\.createHTML\(", SCRIPT)) == 1


def test_the_script_finds_things_by_what_they_do_not_by_how_they_look() -> None:
    texts = re.findall(
        r"""(?:one|all|closest|matches|querySelector(?:All)?)\(\s*(["'`])(.*?)\1""", SCRIPT
    )
    selectors = [re.sub(r"\$\{[^}]*\}", "", selector) for _, selector in texts]

    assert selectors, "the test would not notice anything"
    assert [s for s in selectors if re.search(r"(?:^|[\s,>+~\w\]])\.[a-z]", s)] == []
    assert "classList.contains" not in SCRIPT
    assert "getElementsByClassName" not in SCRIPT


def test_the_stylesheet_loads_nothing() -> None:
    assert re.findall(r"url\(|@import|@font-face|expression\(", CSS) == []
    assert re.findall(r"(?<![\w-])(?:margin|padding|border)-(?:left|right)\s*:", CSS) == []
    assert re.findall(r"text-align: (?:left|right)", CSS) == []
