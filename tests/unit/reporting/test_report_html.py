from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from page_parser import PageParser
from report_examples import CONDITIONS, DATA, DECISION, FIRST, confusion, manifest

from jenkins_ml.errors import StageFailed
from jenkins_ml.records import Commit
from jenkins_ml.reporting import html
from jenkins_ml.reporting.data import ReportData

ALLOWED_ATTRIBUTES = {
    "lang", "charset", "name", "content", "rel", "href", "class", "scope", "datetime", "src", "width", "height", "alt",
    "aria-hidden",
}  # fmt: skip


def check_page(page: Path) -> PageParser:
    """What Jenkins' content security policy lets through, and nothing that is not in the folder."""
    parsed = PageParser(page.read_text())
    for tag, attributes in parsed.tags:
        assert tag not in {"script", "style", "iframe", "object", "form", "base", "svg", "a"}
        assert attributes.keys() <= ALLOWED_ATTRIBUTES
        for name in ("src", "href"):
            assert name not in attributes or (page.parent / str(attributes[name])).is_file()
        if tag == "img":
            assert attributes["alt"]
    for picture in page.parent.glob("*.svg"):
        for element in ET.fromstring(picture.read_text()).iter():
            assert element.tag.split("}")[1] in {"svg", "rect", "line", "polyline", "circle", "path", "text"}
            assert not {name for name in element.attrib if name in {"style", "class", "href"} or name.startswith("on")}
    return parsed


@pytest.mark.parametrize("data", [DATA, FIRST], ids=["candidate", "first release"])
def test_a_report_needs_nothing_that_jenkins_blocks(data: ReportData, tmp_path: Path) -> None:
    page = html.write(tmp_path / "new" / "folder", data)
    assert page == tmp_path / "new" / "folder" / "index.html"
    check_page(page)
    for file in page.parent.iterdir():
        text = file.read_text().lower()
        for blocked in ("style=", "<style", "<script", "data:", "javascript:", "@import", "url("):
            assert blocked not in text
    assert sum(file.stat().st_size for file in page.parent.iterdir()) < 60_000


def test_the_page_says_what_was_decided_and_why(tmp_path: Path) -> None:
    text = check_page(html.write(tmp_path, DATA)).text
    for said in ("digits", "inconclusive", DECISION.summary, "version 11 in production", "jenkins-digits-42", "0.95"):
        assert said in text
    for condition in CONDITIONS:
        assert condition.name in text
        assert condition.reason in text


def test_pictures_are_told_in_numbers(tmp_path: Path) -> None:
    alts = [str(attributes["alt"]) for tag, attributes in check_page(html.write(tmp_path, DATA)).tags if tag == "img"]
    assert len(alts) == 5
    for number, alt in zip(("0.0024", "0.104", "0.9712", "9385", "9385"), alts, strict=True):
        assert number in alt


def test_a_first_release_shows_no_production(tmp_path: Path) -> None:
    parsed = check_page(html.write(tmp_path, FIRST))
    assert "nothing: no version in production" in parsed.text
    assert not [tag for tag, _ in parsed.tags if tag == "img"]
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "style.css"}


def test_a_decision_without_conditions_says_so(tmp_path: Path) -> None:
    decision = replace(DECISION, conditions=(), metrics={}, baseline_metrics={})
    assert "The gate looked at no condition." in check_page(html.write(tmp_path, replace(DATA, decision=decision))).text


def test_too_many_classes_are_told_in_the_page(tmp_path: Path) -> None:
    parsed = check_page(html.write(tmp_path, replace(DATA, confusion=confusion(201, 5), baseline_confusion=None)))
    assert "Confusion matrix, candidate: " in parsed.text
    assert "201 classes" in parsed.text


def test_lineage_shows_both_versions_side_by_side() -> None:
    lines = {line.name: line for line in html.lineage(manifest(12), manifest(11))}
    assert lines["commit"].candidate.endswith("with uncommitted changes")
    assert lines["commit"].differs
    assert (lines["parameter epochs"].candidate, lines["parameter epochs"].production) == ("10", "10")
    assert not lines["parameter epochs"].differs
    assert lines["parameter layers"].candidate == "[64, 64]"
    assert lines["environment keras"].candidate == "3.12.0"
    assert lines["built by"].candidate == "https://jenkins.example.com/job/digits/42/"


def test_lineage_lists_what_only_one_version_has_and_survives_outside_git() -> None:
    first, second = manifest(12), manifest(11)
    first = replace(
        first, lineage=replace(first.lineage, params={"a": 1}, commit=Commit(sha=None, branch=None, dirty=False))
    )
    second = replace(second, lineage=replace(second.lineage, params={"b": None}))
    lines = {line.name: line for line in html.lineage(first, second)}
    assert (lines["parameter a"].candidate, lines["parameter a"].production) == ("1", "-")
    assert (lines["parameter b"].candidate, lines["parameter b"].production) == ("-", "null")
    assert (lines["commit"].candidate, lines["branch"].candidate) == ("-", "-")


def test_a_huge_parameter_is_cut() -> None:
    candidate = manifest(12)
    candidate = replace(candidate, lineage=replace(candidate.lineage, params={"vocabulary": ["word"] * 10_000}))
    [line] = [line for line in html.lineage(candidate, None) if line.name == "parameter vocabulary"]
    assert len(line.candidate) == 300
    assert line.production is None


def hostile(text: str) -> ReportData:
    """A report in which every text that comes from outside is `text`."""
    condition = replace(CONDITIONS[1], name=text, metric=text, reason=text)
    decision = replace(
        DECISION, run=text, model=text, environment=text, summary=text, created=text, conditions=(condition,),
        metrics={text: 0.5}, baseline_metrics={text: 0.4},
    )  # fmt: skip
    version = manifest(12)
    lineage = replace(
        version.lineage, commit=Commit(sha=text, branch=text, dirty=True), data_digest=text, training=text, run=text,
        params={text: text, text + "2": {text: [text]}}, environment={text: text}, built_by=text,
    )  # fmt: skip
    version = replace(version, model=text, created=text, curves={text: (1.0, 2.0)}, lineage=lineage)
    return replace(DATA, decision=decision, candidate=version, baseline=version)


@settings(max_examples=30)
@given(st.text() | st.text("<>&\"'/=-!{}%# \n\x00\x1b\ud800\u202escriptonload", max_size=60))
@example("<script>alert(1)</script>")
@example('"><img src=x onerror=alert(1) style="x">')
@example("{{ decision }}{% raw %}]]><!-- &lt;")
@example("\x00\x1b[31m\ud800\ufffe\u202e")
def test_text_from_outside_stays_text(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        harmless = PageParser(html.write(Path(folder) / "harmless", hostile("x")).read_text())
        parsed = check_page(html.write(Path(folder) / "hostile", hostile(text)))
        assert [tag for tag, _ in parsed.tags if tag != "tr"] == [tag for tag, _ in harmless.tags if tag != "tr"]


def test_a_folder_that_cannot_be_written_is_one_clear_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StageFailed, match=r"the report .*file.* cannot be written"):
        html.write(tmp_path / "file", DATA)


def test_writing_again_replaces_and_leaves_no_temporary_files(tmp_path: Path) -> None:
    html.write(tmp_path, DATA)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    html.write(tmp_path, DATA)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in tmp_path.iterdir())
