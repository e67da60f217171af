from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from page_parser import PageParser
from report_examples import (
    BINARY,
    BINARY_CONDITIONS,
    CONDITIONS,
    DATA,
    DECISION,
    FILES,
    FIRST,
    MEASUREMENTS,
    confusion,
    manifest,
)

from jenkins_ml.errors import StageFailed
from jenkins_ml.records import Commit
from jenkins_ml.reporting import html
from jenkins_ml.reporting.data import ReportData
from jenkins_ml.reporting.estimate import candidate_of, difference_of, production_of

# Nothing that runs, sends, frames or styles; <details> folds without a script.
ALLOWED_TAGS = {
    "html", "head", "meta", "title", "link", "body", "main", "header", "section", "h1", "h2", "h3", "p", "span", "strong",
    "dl", "dt", "dd", "div", "time", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "figure",
    "figcaption", "img",
}  # fmt: skip
ALLOWED_ATTRIBUTES = {
    "lang", "charset", "name", "content", "rel", "href", "class", "scope", "datetime", "src", "width", "height", "alt",
    "aria-hidden",
}  # fmt: skip


def check_page(page: Path) -> PageParser:
    """What Jenkins' content security policy lets through, and nothing that is not in the folder."""
    parsed = PageParser(page.read_text())
    for tag, attributes in parsed.tags:
        assert tag in ALLOWED_TAGS
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


@pytest.mark.parametrize("data", [DATA, FIRST, BINARY, FILES], ids=["candidate", "first release", "slices", "files"])
def test_a_report_needs_nothing_that_jenkins_blocks(data: ReportData, tmp_path: Path) -> None:
    page = html.write(tmp_path / "new" / "folder", data)
    assert page == tmp_path / "new" / "folder" / "index.html"
    check_page(page)
    for file in page.parent.iterdir():
        text = file.read_text().lower()
        for blocked in ("style=", "<style", "<script", "data:", "javascript:", "@import", "url("):
            assert blocked not in text
    assert sum(file.stat().st_size for file in page.parent.iterdir()) < 100_000


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
    for number, alt in zip(("0.0024", "9,385", "9,385", "0.104", "0.9712"), alts, strict=True):
        assert number in alt


def test_every_picture_of_slices_scores_and_the_past_is_told_in_numbers(tmp_path: Path) -> None:
    parsed = check_page(html.write(tmp_path, BINARY))
    alts = [str(attributes["alt"]) for tag, attributes in parsed.tags if tag == "img"]
    begins = [alt.partition(":")[0] for alt in alts]
    assert begins == [
        "Candidate against production", "accuracy by slice", "roc_auc by slice", "loss by slice", "ROC",
        "Precision and recall", "Calibration", "Confusion matrix, candidate", "Confusion matrix, production", "loss",
        "accuracy", "accuracy of past decisions", "roc_auc of past decisions", "loss of past decisions",
    ]  # fmt: skip
    assert all(re.search(r"\d", alt) for alt in alts)
    assert len(begins) + 2 == len(list(tmp_path.iterdir()))


def test_every_measurement_stands_in_the_page_with_its_intervals(tmp_path: Path) -> None:
    text = check_page(html.write(tmp_path, BINARY)).text
    for item in MEASUREMENTS:
        assert item.slice in text
        for estimate in (candidate_of(item), production_of(item), difference_of(item)):
            assert estimate.written() in text
    assert "1.1e-05" in text


def test_long_tables_fold_after_what_matters(tmp_path: Path) -> None:
    passed = [replace(CONDITIONS[0], name=f"accuracy min user={n}", slice=f"user={n}") for n in range(500)]
    last = replace(passed[-1], outcome="failed", name="the failed one")
    decision = replace(DECISION, conditions=(*CONDITIONS, *passed[:-1], last))
    parsed = check_page(html.write(tmp_path, replace(DATA, decision=decision)))
    assert [tag for tag, _ in parsed.tags].count("details") == 1
    shown, folded = parsed.text.split("480 more: 480 passed")
    assert "the failed one" in shown
    assert folded.count("user=") == 480
    assert "500 conditions: 1 failed, 499 passed" in shown


def test_predictions_in_files_have_no_lineage(tmp_path: Path) -> None:
    text = check_page(html.write(tmp_path, FILES)).text
    assert "predictions in scores/new.parquet" in text
    assert "predictions in scores/old.parquet" in text
    assert "version" not in text
    assert "roduction" not in text.replace(BINARY_CONDITIONS[1].reason, "")
    assert "Lineage" not in text


def test_a_first_release_shows_no_production(tmp_path: Path) -> None:
    parsed = check_page(html.write(tmp_path, FIRST))
    assert "no version in production" in parsed.text
    assert not [tag for tag, _ in parsed.tags if tag == "img"]
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "style.css"}


def test_a_decision_without_conditions_says_so(tmp_path: Path) -> None:
    decision = replace(DECISION, conditions=(), metrics={}, baseline_metrics={})
    assert "The gate looked at no condition." in check_page(html.write(tmp_path, replace(DATA, decision=decision))).text


def test_too_many_classes_are_told_in_the_page(tmp_path: Path) -> None:
    parsed = check_page(html.write(tmp_path, replace(DATA, confusion=confusion(201, 5), baseline_confusion=None)))
    assert "Confusion matrix, candidate: " in parsed.text
    assert "201 classes" in parsed.text


def hostile(text: str) -> ReportData:
    """A report in which every text that comes from outside is `text`."""
    condition = replace(CONDITIONS[1], name=text, metric=text, reason=text)
    in_slice = replace(condition, slice=f"a={text}")
    decision = replace(
        DECISION, run=text, model=text, environment=text, summary=text, created=text, conditions=(condition, in_slice),
        metrics={text: 0.5}, baseline_metrics={text: 0.4}, measurements=(
            replace(MEASUREMENTS[0], metric=text), replace(MEASUREMENTS[3], metric=text, slice=f"a={text}"),
        ),
    )  # fmt: skip
    version = manifest(12)
    lineage = replace(
        version.lineage, commit=Commit(sha=text, branch=text, dirty=True), data_digest=text, training=text, run=text,
        params={text: text, text + "2": {text: [text]}}, environment={text: text}, built_by=text,
    )  # fmt: skip
    version = replace(version, model=text, created=text, curves={text: (1.0, 2.0)}, lineage=lineage)
    before = replace(BINARY.history[0], created=text, metrics={text: 0.25})
    return replace(
        DATA, decision=decision, candidate=version, baseline=version, curves=BINARY.curves, history=(before,)
    )


def test_names_of_ten_thousand_characters_are_cut(tmp_path: Path) -> None:
    slices = [f"{n}{'x' * 10_000}" for n in range(100)]
    conditions = [replace(CONDITIONS[1], name=where, slice=where, reason=where) for where in slices]
    measurements = [replace(MEASUREMENTS[3], metric=where, slice=where) for where in slices]
    decision = replace(DECISION, conditions=tuple(conditions), measurements=tuple(measurements))
    html.write(tmp_path, replace(DATA, decision=decision))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 700_000


@cache
def tags_of_a_harmless_page() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        page = PageParser(html.write(Path(folder), hostile("x")).read_text())
    return [tag for tag, _ in page.tags if tag != "tr"]


@settings(max_examples=30)
@given(st.text() | st.text("<>&\"'/=-!{}%# \n\x00\x1b\ud800\u202escriptonload", max_size=60))
@example("<script>alert(1)</script>")
@example('"><img src=x onerror=alert(1) style="x">')
@example("{{ decision }}{% raw %}]]><!-- &lt;")
@example("\x00\x1b[31m\ud800\ufffe\u202e")
def test_text_from_outside_stays_text(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        parsed = check_page(html.write(Path(folder) / "hostile", hostile(text)))
        assert [tag for tag, _ in parsed.tags if tag != "tr"] == tags_of_a_harmless_page()


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
