"""The language of the query bar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.query import (
    MAX_CHARS,
    MAX_TERMS,
    MAX_VALUES,
    Field,
    Query,
    QueryInvalid,
    Term,
    parse,
)
from flask_jafsec.audit.query_values import KNOWN_TYPES, LEVELS

OVERRIDE = "\u202e"

#: "I want", which is written with a joiner that shows nothing.
PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"


def term(field: Field, *values: str, excluded: bool = False) -> Term:
    return Term(field, values, excluded)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param(" \t\n\u3000", [], id="only spaces, whatever kind"),
        pytest.param("type:authz.denied", [term(Field.TYPE, "authz.denied")], id="one type"),
        pytest.param("TYPE:Authz.Denied", [term(Field.TYPE, "authz.denied")], id="capitals"),
        pytest.param("type:auth.*", [term(Field.TYPE, "auth.*")], id="a beginning"),
        pytest.param(
            "-outcome:deny,fail",
            [term(Field.OUTCOME, "deny", "fail", excluded=True)],
            id="none of two",
        ),
        pytest.param(
            "outcome:fail,deny,fail", [term(Field.OUTCOME, "deny", "fail")], id="each value once"
        ),
        pytest.param(
            "severity:>=warning",
            [term(Field.SEVERITY, "warning", "error", "critical")],
            id="from a severity up",
        ),
        pytest.param("severity:<=info", [term(Field.SEVERITY, "debug", "info")], id="and down"),
        pytest.param(
            "severity:info..warning",
            [term(Field.SEVERITY, "info", "notice", "warning")],
            id="a range of severities",
        ),
        pytest.param(
            "severity:debug,>=error",
            [term(Field.SEVERITY, "debug", "error", "critical")],
            id="a severity or a range",
        ),
        pytest.param("kind:cli", [term(Field.KIND, "cli")], id="kind of actor"),
        pytest.param('actor:"Ada L."', [term(Field.ACTOR, "Ada L.")], id="two words"),
        pytest.param("actor:cli:root", [term(Field.ACTOR, "cli:root")], id="a colon inside"),
        pytest.param(r'key:"a\"b\\c"', [term(Field.KEY, 'a"b\\c')], id="escapes in quotes"),
        pytest.param(r"key:a\b", [term(Field.KEY, r"a\b")], id="no escape without quotes"),
        pytest.param('key:"x*"', [term(Field.KEY, "x*")], id="a star in quotes is a star"),
        pytest.param('request:"a,b",c', [term(Field.REQUEST, "a,b", "c")], id="a comma in quotes"),
        pytest.param("request:a..b", [term(Field.REQUEST, "a..b")], id="dots are only dots"),
        pytest.param("ip:192.0.2.7", [term(Field.IP, "192.0.2.7")], id="an address"),
        pytest.param(
            "ip:2001:DB8:0:0:0:0:0:7", [term(Field.IP, "2001:db8::7")], id="an address in one form"
        ),
        pytest.param(
            "Bad Token", [term(Field.TEXT, "bad"), term(Field.TEXT, "token")], id="two words, free"
        ),
        pytest.param('"Bad Token"', [term(Field.TEXT, "bad token")], id="one phrase"),
        pytest.param("-health", [term(Field.TEXT, "health", excluded=True)], id="without a word"),
        pytest.param('"-health"', [term(Field.TEXT, "-health")], id="a minus in quotes"),
        pytest.param("a - b", [term(Field.TEXT, w) for w in "-ab"], id="a minus alone"),
        pytest.param(
            "/chat/<int:id>", [term(Field.TEXT, "/chat/<int:id>")], id="a route is free text"
        ),
        pytest.param("12:30", [term(Field.TEXT, "12:30")], id="a number is no key"),
        pytest.param('"http://a"', [term(Field.TEXT, "http://a")], id="a URL in quotes"),
        pytest.param('ab"c', [term(Field.TEXT, 'ab"c')], id="a quote inside a word"),
        pytest.param(
            "actor:\u05e2\u05d3\u05d4", [term(Field.ACTOR, "\u05e2\u05d3\u05d4")], id="rtl"
        ),
        pytest.param("e\u0301te\u0301", [term(Field.TEXT, "e\u0301te\u0301")], id="combining"),
        pytest.param(PERSIAN, [term(Field.TEXT, PERSIAN)], id="a joiner in a word"),
        pytest.param(f'"a{OVERRIDE}b"', [term(Field.TEXT, f"a{OVERRIDE}b")], id="meant in quotes"),
        pytest.param(
            "type:a type:b",
            [term(Field.TYPE, "a"), term(Field.TYPE, "b")],
            id="one key twice must hold twice",
        ),
    ],
)
def test_what_a_query_means(text: str, terms: list[Term]) -> None:
    assert parse(text, (*KNOWN_TYPES, "a", "b")) == Query.of(terms)


@pytest.mark.parametrize(
    ("text", "position", "length", "nearest", "message"),
    [
        pytest.param("x tpye:a", 2, 4, "type", "there is no filter 'tpye'", id="a wrong key"),
        pytest.param("-outcom:deny", 1, 6, "outcome", "no filter", id="a wrong key behind a minus"),
        pytest.param("http://a", 0, 4, "", "put it in quotes", id="a URL"),
        pytest.param("text:a", 0, 4, "", "no filter", id="free text has no key"),
        pytest.param("before:x", 0, 6, "", "beside the query", id="a time"),
        pytest.param("type:authz.deneid", 5, 12, "authz.denied", "no such type", id="a wrong type"),
        pytest.param("type:zzz*", 5, 4, "", "begins like that", id="a wrong beginning"),
        pytest.param('type:"auth.*"', 5, 8, "", "no such type", id="a star in quotes"),
        pytest.param("outcome:denied", 8, 6, "deny", "allow, deny, done, fail", id="no outcome"),
        pytest.param("outcome:deny,alow", 13, 4, "allow", "one of", id="the second value"),
        pytest.param("severity:>=waring", 9, 8, "warning", "one of", id="no severity"),
        pytest.param("severity:error..info", 9, 11, "", "info..error", id="the wrong way round"),
        pytest.param("severity:..info", 9, 6, "", "one of", id="half a range"),
        pytest.param("kind:human", 5, 5, "", "person", id="no kind"),
        pytest.param("ip:192.0.2.0/24", 3, 12, "", "one exact address", id="a network"),
        pytest.param("ip:somewhere", 3, 9, "", "one exact address", id="no address"),
        pytest.param("actor:>=a", 6, 3, "", "only severity", id="a comparison"),
        pytest.param("request:ab*", 8, 3, "", "only type", id="a beginning of an id"),
        pytest.param("actor:", 0, 6, "", "needs a value after the ':'", id="no value"),
        pytest.param("actor:a,", 0, 8, "", "needs a value after the ','", id="no second value"),
        pytest.param("actor:a,,b", 0, 8, "", "needs a value", id="an empty value"),
        pytest.param('a "b c', 2, 4, "", "not closed", id="an open quote"),
        pytest.param('actor:"b', 6, 2, "", "not closed", id="an open quote of a value"),
        pytest.param('""', 0, 2, "", "nothing between", id="nothing in quotes"),
        pytest.param('actor:""', 6, 2, "", "nothing between", id="an empty value in quotes"),
        pytest.param('"a"b', 3, 1, "", "space is missing", id="something behind a quote"),
        pytest.param(f"abc{OVERRIDE}def", 3, 1, "", "U+202E", id="a hidden override"),
        pytest.param("actor:a\x07", 7, 1, "", "U+0007", id="a control character"),
        pytest.param("a\x00", 1, 1, "", "U+0000", id="NUL"),
        pytest.param('"a\x00"', 2, 1, "", "stands in no event", id="NUL in quotes"),
        pytest.param('"\udc80"', 1, 1, "", "stands in no event", id="half a surrogate pair"),
    ],
)
def test_a_wrong_query_says_where_and_what(
    text: str, position: int, length: int, nearest: str, message: str
) -> None:
    with pytest.raises(QueryInvalid) as raised:
        parse(text)

    error = raised.value
    assert (error.position, error.length, error.nearest) == (position, length, nearest)
    assert message in error.message
    assert error.code == "query_invalid"


def test_a_long_query_is_refused_before_it_is_read() -> None:
    assert len(parse("a" * MAX_CHARS).terms) == 1

    with pytest.raises(QueryInvalid, match="longer than 2,000 characters") as raised:
        parse("a" * 10_000)
    assert (raised.value.position, raised.value.length) == (MAX_CHARS, 8_000)


def test_many_terms_are_refused() -> None:
    words = [f"w{number}" for number in range(MAX_TERMS + 1)]

    assert len(parse(" ".join(words[:-1])).terms) == MAX_TERMS
    with pytest.raises(QueryInvalid, match="more than 32 terms"):
        parse(" ".join(words))


def test_many_values_are_refused() -> None:
    values = [f"v{number}" for number in range(MAX_VALUES + 1)]

    assert len(parse(f"key:{','.join(values[:-1])}").terms) == 1
    with pytest.raises(QueryInvalid, match="more than 50 values"):
        parse(f"key:{','.join(values)}")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Needle  outcome:FAIL,deny type:auth.*", "type:auth.* outcome:deny,fail needle"),
        ("severity:warning,critical,error", "severity:>=warning"),
        ("severity:critical", "severity:critical"),
        ("-actor:cli:root", "-actor:cli:root"),
        ('"type:x"', '"type:x"'),
        ('-"-x"', '-"-x"'),
        ('key:"a b",c', 'key:"a b",c'),
        ("ip:::FFFF:c000:0207", "ip:::ffff:c000:207"),
    ],
)
def test_the_normal_form(text: str, normal: str) -> None:
    assert str(parse(text)).lower() == normal or str(parse(text)) == normal
    assert parse(normal) == parse(text)


def test_a_term_is_added_and_removed() -> None:
    denied = term(Field.OUTCOME, "deny")

    query = parse("needle").with_term(denied)

    assert str(query) == "outcome:deny needle"
    assert str(query.with_term(denied)) == str(query)
    assert str(query.without(denied)) == "needle"


#: What breaks tokenisers: quotes, escapes, marks, spaces and directions beside ordinary letters.
_ODD = st.text(st.sampled_from('ab"\\,:*-<>=.. \t\n\u202e\u200c\u0301\u05d0İΣ\x00\x07\ud800/%_'))
_ANY = st.one_of(_ODD, st.text())


@given(st.one_of(_ANY, st.lists(_ANY).map(" ".join), st.lists(_ANY).map('"'.join)))
def test_no_text_raises_anything_else_and_normal_forms_are_stable(text: str) -> None:
    wrong: QueryInvalid | None = None
    query = Query()
    try:
        query = parse(text)
    except QueryInvalid as error:
        wrong = error

    assert wrong is None or (0 <= wrong.position <= len(text) and wrong.length >= 1)
    assert parse(str(query)) == query
    assert str(parse(str(query))) == str(query)


_STORABLE = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20
)
_FREE = {Field.ACTOR, Field.SUBJECT, Field.REQUEST, Field.KEY}
_VALUES = {
    Field.TYPE: st.sampled_from([*KNOWN_TYPES, "auth.*", "*"]),
    Field.OUTCOME: st.sampled_from(["allow", "deny", "done", "fail"]),
    Field.SEVERITY: st.sampled_from(LEVELS),
    Field.KIND: st.sampled_from(["person", "cli", "system"]),
    Field.IP: st.ip_addresses().map(lambda address: address.compressed),
    Field.TEXT: _STORABLE.map(str.lower),
    **dict.fromkeys(_FREE, _STORABLE),
}


@st.composite
def terms(draw: st.DrawFn) -> Term:
    field = draw(st.sampled_from(list(Field)))
    most = 1 if field is Field.TEXT else 4
    values = draw(st.lists(_VALUES[field], min_size=1, max_size=most))
    return Term(field, tuple(values), draw(st.booleans()))


@given(st.lists(terms(), max_size=6).map(Query.of))
def test_every_query_is_written_so_that_it_is_read_the_same(query: Query) -> None:
    assert parse(str(query)) == query
