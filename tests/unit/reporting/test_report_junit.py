from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import BINARY_DECISION, CONDITIONS, DECISION

from jenkins_ml.records import Decision
from jenkins_ml.reporting import junit


def results(decision: Decision, path: Path) -> list[tuple[str, str]]:
    """(name, tag of the result) of each case, read by another parser than wrote it."""
    junit.write(path, decision)
    cases = ET.parse(path).getroot().iter("testcase")
    return [(case.attrib["name"], case[0].tag) for case in cases]


@pytest.mark.parametrize(
    ("outcome", "verdict", "result"),
    [
        ("passed", "approved", "system-out"),
        ("failed", "rejected", "failure"),
        ("inconclusive", "inconclusive", "failure"),
        ("inconclusive", "approved", "system-out"),
        ("warned", "approved", "system-out"),
        ("skipped", "approved", "skipped"),
    ],
)
def test_each_outcome_becomes_its_result(outcome: str, verdict: str, result: str, tmp_path: Path) -> None:
    decision = replace(DECISION, verdict=verdict, conditions=(replace(CONDITIONS[0], outcome=outcome),))
    assert results(decision, tmp_path / "a" / "junit.xml") == [("accuracy min", result)]


def test_an_inconclusive_condition_beside_a_failed_one_did_not_decide(tmp_path: Path) -> None:
    decision = replace(
        DECISION, verdict="rejected", conditions=(replace(CONDITIONS[0], outcome="failed"), CONDITIONS[2])
    )
    assert [result for _, result in results(decision, tmp_path / "junit.xml")] == ["failure", "system-out"]


@pytest.mark.parametrize("conditions", [(), (replace(CONDITIONS[0], outcome="skipped"),)])
def test_no_refused_model_looks_green(conditions: tuple, tmp_path: Path) -> None:
    decision = replace(DECISION, verdict="rejected", summary="nothing was asked of the model", conditions=conditions)
    assert results(decision, tmp_path / "junit.xml")[-1] == ("verdict", "failure")
    assert "nothing was asked of the model" in (tmp_path / "junit.xml").read_text()


def test_the_suite_counts_its_cases(tmp_path: Path) -> None:
    junit.write(tmp_path / "junit.xml", DECISION)
    [suite] = ET.parse(tmp_path / "junit.xml").getroot().iter("testsuite")
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["skipped"]) == ("4", "1", "0")


@given(text=st.text())
def test_any_text_gives_a_document(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    outcomes = ("passed", "failed", "skipped")
    conditions = tuple(replace(CONDITIONS[0], name=text, reason=text, outcome=outcome) for outcome in outcomes)
    decision = replace(DECISION, model=text, summary=text, conditions=conditions)
    found = results(decision, tmp_path_factory.getbasetemp() / "hostile.xml")
    assert [result for _, result in found] == ["failure", "skipped", "system-out"]


def test_a_result_says_its_numbers_with_interval_and_count(tmp_path: Path) -> None:
    junit.write(tmp_path / "junit.xml", BINARY_DECISION)
    [failure] = ET.parse(tmp_path / "junit.xml").getroot().iter("failure")
    assert failure.text == (
        "candidate 0.8622 [0.8469, 0.8775], production 0.8862 [0.8709, 0.9015], "
        "candidate - production -0.024 [-0.0316, -0.0164], limit 0.01, 5,200 examples"
    )


def test_each_slice_is_a_class_beside_the_gate(tmp_path: Path) -> None:
    dotted = replace(CONDITIONS[0], name="accuracy min score=0.5..0.7", slice="score=0.5..0.7")
    junit.write(tmp_path / "junit.xml", replace(DECISION, verdict="approved", conditions=(CONDITIONS[1], dotted)))
    cases = ET.parse(tmp_path / "junit.xml").getroot().iter("testcase")
    assert [(case.attrib["classname"], case.attrib["name"]) for case in cases] == [
        ("digits.gate", "accuracy max_regression"),
        ("digits.gate score=0_5__0_7", "accuracy min score=0.5..0.7"),
    ]
