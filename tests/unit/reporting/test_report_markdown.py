from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from report_examples import CONDITIONS, DECISION, FIRST

from jenkins_ml.reporting import markdown
from jenkins_ml.reporting.text import one_line

PLAIN = {"text", "text_special", "strong_open", "strong_close", "softbreak"}


def leaves(source: str) -> Iterator[tuple[str, str]]:
    """(enclosing block, text) of all that a Markdown reader shows; fails on any markup but ours."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source)
    for before, token in zip([Token("", "", 0), *tokens], tokens, strict=False):
        assert token.type not in {"html_block", "code_block", "fence"}
        if token.type == "inline":
            assert {child.type for child in token.children or ()} <= PLAIN
            yield before.type, "".join(child.content for child in token.children or ())


def test_the_summary_is_a_heading_the_verdict_and_a_table() -> None:
    shown = list(leaves(markdown.summary(DECISION)))
    assert shown[0] == ("heading_open", "digits version 12: inconclusive")
    assert shown[1] == ("paragraph_open", "inconclusive: the data cannot tell about loss max_regression")
    cells = [text for block, text in shown if block == "td_open"]
    assert len(cells) == 8 * len(CONDITIONS)
    assert cells[8:13] == ["accuracy max_regression", "passed", "0.9712", "0.9688", "0.005"]


def test_without_conditions_there_is_no_table() -> None:
    assert "|" not in markdown.summary(replace(DECISION, conditions=()))


def test_a_first_release_is_against_nothing() -> None:
    assert "against no version in production" in markdown.summary(FIRST.decision)


@given(st.text() | st.text("|\\`*_[]()<>#~&;!@$-+.:/ \nahtps", max_size=40))
@example("a|b\n| c | d |")
@example("[x](https://example.com) <img src=x> ![y](z) <https://x.y> `z`")
@example("\\| \\\\| &lt; &#124;")
def test_text_from_outside_is_shown_as_it_is(text: str) -> None:
    decision = replace(DECISION, summary=text, conditions=(replace(CONDITIONS[0], name=text, reason=text),))
    shown = list(leaves(markdown.summary(decision)))
    cells = [cell for block, cell in shown if block == "td_open"]
    assert len(cells) == 8
    expected = one_line(text).replace("@", "@\u200b")
    assert cells[0].strip() == cells[7].strip() == expected.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@team", "@\u200bteam"),
        ("see https://x.example", "see https\\://x.example"),
        ("www.x.example", "www\\.x.example"),
        ("a@b.example: 1", "a@\u200bb.example: 1"),
    ],
)
def test_nobody_is_called_and_nothing_is_linked(text: str, expected: str) -> None:
    assert markdown.escape(text) == expected
