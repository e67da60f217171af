import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.reporting.pull_request import comment, marker
from tests.unit.reporting.report_examples import CONDITIONS, DECISION

COMMIT = "a" * 40
URL = "https://ci.example/job/digits/4/"
ANY = st.text(max_size=60)
MARKUP = st.text(st.sampled_from("@#!%~^$&*[]()<>`|\\_/-: \n\r\u2028aG12H\"'{}"), max_size=40)


def written(decision=DECISION, subject="digits", url=URL, limit=65_536):
    return comment(decision, subject=subject, commit=COMMIT, build_url=url, limit=limit)


def test_a_comment():
    lines = written().splitlines()
    assert lines[0] == "<!-- jenkins-ml: digits -->"
    assert lines[1] == "### digits version 12: inconclusive"
    assert lines[-1] == f"Commit `{COMMIT}`. [This build](<{URL}>) has the whole report."
    assert sum(line.startswith("| ") for line in lines) == 1 + len(CONDITIONS)


def test_a_build_without_an_address():
    assert written(url=None).endswith(f"Commit `{COMMIT}`. The build has the whole report.\n")


@given(ANY | MARKUP)
def test_a_mark_is_one_line_that_nothing_in_it_ends(subject):
    mark = marker(subject)
    assert re.fullmatch(r"<!-- jenkins-ml: [A-Za-z0-9_.,=%~-]* -->", mark)
    assert mark.count("-->") == 1


@given(ANY, ANY)
def test_marks_of_different_subjects_begin_no_other(one, other):
    assert marker(one).startswith(marker(other)) == (one == other)


@given(MARKUP, MARKUP, MARKUP)
def test_nothing_breaks_out(summary, environment, reason):
    condition = replace(CONDITIONS[0], reason=reason, name=summary)
    text = written(replace(DECISION, summary=summary, environment=environment, conditions=(condition,)))
    lines = text.splitlines()
    assert len(lines) == len(written(replace(DECISION, conditions=CONDITIONS[:1])).splitlines())
    assert not any(line.startswith("/") for line in lines)  # GitLab would carry it out
    assert text.count("<!--") == 1
    inside = text.partition("-->")[2].rpartition("\nCommit")[0]
    shown = re.sub(r"\\(.)", r"\1", inside)  # what the forges look for references in
    assert not re.search(r"@\w", shown)
    assert not re.search(r"[#!%~^$&][\w\"'{]", shown)
    assert not re.search(r"\bGH-\d", shown, re.IGNORECASE)
    assert not re.search(r"(?<!\\)(\\\\)*[<>`]", inside)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("@acme/team", "@\u200bacme/team"),
        ("see #12", "see \\#\u200b12"),
        ("GH-12", "GH-\u200b12"),
        ("!12 %1 ~bug", "\\!\u200b12 %\u200b1 \\~\u200bbug"),
        ("acme/x#1", "acme/x\\#\u200b1"),
        ("[vulnerability:1]", "\\[\u200bvulnerability:1\\]"),
        ("https://evil.example", "https\\://evil.example"),
        ("12 % more", "12 % more"),
    ],
)
def test_references_are_only_text(said, shown):
    assert f"**inconclusive**: {shown}\n" in written(replace(DECISION, summary=said))


@pytest.mark.parametrize(
    "url", ["https://ci/job/a>b/", "https://ci/job/a b", "https://ci/\\`x`", "https://ci/>)[x](y\n"]
)
def test_an_address_does_not_end_its_link(url):
    link = re.search(r"\[This build\]\(<([^<>\s`\\]*)>\) has the whole report\.\n$", written(url=url))
    assert link is not None


def test_what_is_too_long_keeps_what_did_not_pass():
    passed = [replace(CONDITIONS[0], name=f"accuracy of slice {number}") for number in range(2000)]
    failed = replace(CONDITIONS[0], name="the failed one", outcome="failed")
    decision = replace(DECISION, conditions=(*passed, failed), summary="x" * 100_000)
    for limit in (65_536, 4000, 3000):
        text = written(decision, limit=limit)
        assert limit / 2 < len(text) <= limit or limit == 65_536
        assert "the failed one" in text
        rows = sum(line.startswith("| ") for line in text.splitlines()) - 1
        assert f"\n{2001 - rows:,} more conditions are in the report: {2001 - rows:,} passed.\n" in text
        assert text.endswith("has the whole report.\n")
    assert "the failed one" not in written(decision, limit=100)  # nothing more can go


def test_what_did_not_pass_comes_first():
    names = re.findall(r"^\| (\S+)", written(), re.MULTILINE)
    assert names == ["condition", "loss", "f1", "accuracy", "accuracy"]
