"""The line that says whose a job is, at the end of any description."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jenkins_ml.config import patterns
from jenkins_ml.core.jobs import marker

DIGEST = "0123456789abcdef" * 2
OWNERS = st.from_regex(patterns.OWNER, fullmatch=True).filter(lambda owner: "\n" not in owner)
LINE = marker.mark("", "other", DIGEST)


@given(st.text(max_size=80), OWNERS)
@example("", "a")
@example("a\n", "a")
@example("one\r\n\r\ntwo\r\n", "a/b")
@example(LINE, "me")
@example(f"{LINE}\n{LINE}", "me")
@example(f"text\n\n{LINE}\n\n", "me")
@example("<b>&amp;</b>\t", "me")
def test_what_was_marked_is_read(text, owner):
    found = marker.read(marker.mark(text, owner, DIGEST))
    assert found == (owner, DIGEST, marker.tidied(text))
    assert marker.mark(found.text, owner, DIGEST) == marker.mark(text, owner, DIGEST)


@given(st.text(max_size=80))
def test_a_text_without_the_line_is_nobodys(text):
    if "Made by jenkins-ml" not in text:
        assert marker.read(text) is None


@pytest.mark.parametrize("after", ["", "\n", "  \n\n ", "\r\n"])
@pytest.mark.parametrize("before", ["", "text\n", "text\n\n\n", "text\r\n\r\n", "  \n "])
def test_white_space_around_the_line_does_not_matter(before, after):
    found = marker.read(f"{before}{LINE}{after}")
    assert found is not None
    assert found[:2] == ("other", DIGEST)
    assert found.text == before.strip()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        LINE + " And more.",
        LINE + "\n\nadded by hand",
        "x " + LINE,
        LINE.replace("(", "(x"),
        LINE.replace(DIGEST, DIGEST[1:]),
        LINE.replace("other", "o t"),
        LINE.replace("other", "x" * 101),
        LINE.replace("other", "ö"),
        LINE.lower(),
        LINE[:-1],
    ],
)
def test_what_is_not_the_line_at_the_end_is_nobodys(text):
    assert marker.read(text) is None


def test_a_line_in_the_text_of_a_description_does_not_change_whose_it_is():
    assert marker.read(marker.mark(LINE, "me", DIGEST)).owner == "me"


def test_white_space_without_end_does_not_hold_us_up():
    """With a pattern over the whole text this took hours: anybody may write a description."""
    for filling in ("\n", " \n", "\n\t", " "):
        assert marker.read(filling * 200_000 + "x") is None
        assert marker.read("x" + filling * 200_000) is None
        assert marker.read("x" + filling * 200_000 + "\n" + LINE).text == "x"
