from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from report_examples import BINARY_DECISION, CONDITIONS, DECISION, FIRST, MEASUREMENTS

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
    assert cells[:7] == [
        "loss max_regression", "inconclusive", "0.1042", "0.0987", "0.0055 [-0.0021, 0.0131]", "0.01", "10,000",
    ]  # fmt: skip
    assert cells[16:22] == ["accuracy min", "passed", "0.9712", "0.9688", "-", "0.95"]


def test_measurements_come_with_intervals_the_worst_slices_first() -> None:
    cells = [text for block, text in leaves(markdown.summary(BINARY_DECISION)) if block == "td_open"]
    rows = [cells[start : start + 6] for start in range(8 * 6, len(cells), 6)]
    assert rows[1][3] == "0.9417 [0.93902, 0.94438], off by at most 1.1e-05"
    assert [row[1] for row in rows[:5]] == ["", "", "", "country=PL", "country=AT"]
    assert rows[3][5] == "-0.024 [-0.0316, -0.0164]"
    assert len(rows) == 20
    assert "8 more measurements are in the report" in markdown.summary(BINARY_DECISION)
    assert "6 more conditions are in the report: 1 skipped, 5 passed." in markdown.summary(BINARY_DECISION)


def test_predictions_in_files_are_named() -> None:
    said = markdown.summary(replace(BINARY_DECISION, candidate=None, baseline=None, candidate_file="a_b.csv"))
    assert said.startswith("### churn predictions in a\\_b.csv: rejected\n")
    assert "against no other predictions; run" in said


HOSTILE = "|\\`*_[]<>~#&$!@" * 1000


def test_a_summary_is_never_longer_than_a_comment_may_be() -> None:
    conditions = [
        replace(CONDITIONS[1], name=f"{n}{HOSTILE}", outcome="failed", reason=HOSTILE, slice=HOSTILE)
        for n in range(3000)
    ]
    measurements = [
        replace(MEASUREMENTS[1], metric=HOSTILE, slice=f"{n}{HOSTILE}", low=-1.23456e-300, high=1.23456e-300)
        for n in range(3000)
    ]
    decision = replace(
        BINARY_DECISION, model=HOSTILE, environment=HOSTILE, run=HOSTILE, summary=HOSTILE, candidate=None, baseline=None,
        candidate_file=HOSTILE, baseline_file=HOSTILE, conditions=tuple(conditions), measurements=tuple(measurements),
    )  # fmt: skip
    summary = markdown.summary(decision)
    assert 20_000 < len(summary) < 65_536
    assert "2,960 more conditions are in the report: 2,960 failed." in summary


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
    for cell, limit in ((cells[0], 80), (cells[7], 300)):
        assert cell.strip() == one_line(text, limit).replace("@", "@\u200b").strip()


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
