"""A configuration's XML as a value: read as Jenkins writes it, written so that Jenkins and we read the same."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.core.jobs import xml_tree
from jenkins_ml.core.jobs.xml_tree import Element, NotXmlError, element, parse, write

# XML 1.1 has no NUL, no lone surrogates, and not the last two characters of the basic plane.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffe\uffff"), max_size=30)
TAGS = st.sampled_from(["a", "b-c", "hudson.plugins.git.GitSCM", "org.x.a__b.C_-D", "flow-definition"])
ATTRIBUTES = st.dictionaries(st.sampled_from(["class", "plugin", "reference"]), TEXT, max_size=2)
LEAVES = st.builds(Element, TAGS, st.just(()), TEXT, ATTRIBUTES)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(Element, TAGS, st.lists(inner, min_size=1, max_size=4).map(tuple), st.just(""), ATTRIBUTES),
    max_leaves=12,
)


@given(TREES)
def test_what_is_written_is_read_back(tree):
    assert parse(write(tree)) == tree


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_none(text):
    with contextlib.suppress(NotXmlError):
        parse(text)


@given(TREES, st.integers(0, 2000))
def test_half_a_document_is_none(tree, cut):
    text = write(tree)
    half = text[: min(cut, text.rindex(">"))]
    with pytest.raises(NotXmlError):
        parse(half)


@pytest.mark.parametrize("code", [*range(1, 0x20), 0x7F, 0x80, 0x85, 0x9F, 0x2028])
def test_control_characters_survive(code):
    tree = Element("a", (Element("b", (), f"x{chr(code)}y"),), "", {"class": f"{chr(code)}z"})
    assert parse(write(tree)) == tree


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("&#x1b;[31m", "\x1b[31m"),
        ("&#x001B;&#0027;", "\x1b\x1b"),
        ("&#9;&#xA;&#13;", "\t\n\r"),
        ("&#x41;&amp;#27;", "A&#27;"),
        ("<![CDATA[&#27; <b> &amp;]]>&#27;", "&#27; <b> &amp;\x1b"),
        ("\U0010f700A \U0010f71b &#x10F700;B &#1111808;", "\U0010f700A \U0010f71b \U0010f700B \U0010f700"),
        ("<![CDATA[\U0010f700]]>&#1;", "\U0010f700\x01"),
        ("<!-- &#1; -->x<!-- y -->", "x"),
        ("<?php &#1; ?>x", "x"),
    ],
)
def test_references_and_what_only_looks_like_one(written, text):
    assert parse(f"<?xml version='1.1' encoding='UTF-8'?><a>{written}</a>").text == text


@pytest.mark.parametrize(
    "declaration",
    [
        "",
        "<?xml version='1.1' encoding='UTF-8'?>\n",
        '<?xml version="1.0" encoding="ISO-8859-1" standalone="no"?>',
        "\ufeff<?xml version='1.1'?>",
        "\n\n  ",
    ],
)
def test_the_declaration_is_left_out(declaration):
    assert parse(f"{declaration}<a>é ✓</a>") == Element("a", (), "é ✓")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no XML"),
        ("no", "no XML"),
        ("<a>", "no XML"),
        ("<a></b>", "no XML"),
        ("<a/><b/>", "no XML"),
        ("<a x=1/>", "no XML"),
        ("<a>&nope;</a>", "no XML"),
        ("<a>&#0;</a>", "no XML"),
        ("<a>&#xFFFF;</a>", "no XML"),
        ("<a>&#99999999999;</a>", "no XML"),
        ("<a>\x01</a>", "no XML"),
        ("<a>\ud800</a>", "no XML"),
        ("<!DOCTYPE a><a/>", "document type"),
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "document type"),
        ('<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>', "document type"),
        ("<a>" * 201 + "</a>" * 201, "deeper"),
        ("<html><body>not now</body>", "no XML"),
    ],
)
def test_what_is_no_configuration_says_why(text, why):
    with pytest.raises(NotXmlError, match=why):
        parse(text)


def test_the_deepest_that_is_read_is_written_too():
    tree = parse("<a>" * 200 + "x" + "</a>" * 200)
    assert parse(write(tree)) == tree


def test_what_is_too_large_is_not_looked_at(monkeypatch):
    monkeypatch.setattr(xml_tree, "MOST_BYTES", 100)
    with pytest.raises(NotXmlError, match="larger than 100"):
        parse(f"<a>{'x' * 100}</a>")


def test_space_between_elements_is_no_text_and_space_in_one_is():
    assert parse("<a>\n  <b> x </b>\n  <c>  </c>\n</a>") == element("a", element("b", " x "), element("c", "  "))


def test_an_element_from_python():
    made = element("a", element("b", True), None, element("c", 3), element("d"), class_="x.Y", plugin="z")
    assert write(made).splitlines()[1:] == [
        '<a class="x.Y" plugin="z">', "  <b>true</b>", "  <c>3</c>", "  <d/>", "</a>",
    ]  # fmt: skip
    assert made.at("c") == element("c", 3)
    assert made.at("c", "nothing") is None
    assert [each.tag for each in made.all()] == ["a", "b", "c", "d"]
