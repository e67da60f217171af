from __future__ import annotations

from dataclasses import replace

from report_examples import manifest

from jenkins_ml.records import Commit
from jenkins_ml.reporting.lineage import origins


def test_lineage_shows_both_versions_side_by_side() -> None:
    lines = {line.name: line for line in origins(manifest(12), manifest(11))}
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
    lines = {line.name: line for line in origins(first, second)}
    assert (lines["parameter a"].candidate, lines["parameter a"].production) == ("1", "-")
    assert (lines["parameter b"].candidate, lines["parameter b"].production) == ("-", "null")
    assert (lines["commit"].candidate, lines["branch"].candidate) == ("-", "-")


def test_a_huge_parameter_is_cut() -> None:
    candidate = manifest(12)
    candidate = replace(candidate, lineage=replace(candidate.lineage, params={"vocabulary": ["word"] * 10_000}))
    [line] = [line for line in origins(candidate, None) if line.name == "parameter vocabulary"]
    assert len(line.candidate) == 300
    assert line.production is None
