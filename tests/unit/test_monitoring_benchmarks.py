"""What the benchmarks of monitoring make of what they see."""

import importlib

import numpy as np
import pytest

from benchmarks import accuracy_estimates, alerts, server_monitoring
from benchmarks.__main__ import ASKED_FOR, BENCHMARKS
from benchmarks.figures import Section, markdown
from benchmarks.server_monitoring import Look
from jenkins_ml.records import JournalEntry
from tests.fakes.alert_site import Asked, Fall


@pytest.mark.parametrize("name", ["server-monitoring", "alerts", "accuracy-estimates"])
def test_they_are_measured_with_all_others(name):
    benchmark = BENCHMARKS[name]
    assert name not in ASKED_FOR
    assert callable(getattr(importlib.import_module(f"benchmarks.{benchmark.module}"), benchmark.function))


def lines(results):
    return markdown(Section(results=tuple(results), peer="peer")).splitlines()[2:]


# --- what monitoring costs --------------------------------------------------------------------------------------------
def test_the_target_is_for_all_parts_together():
    pairs = [(Look(rate=90.0, cpu=1.1, slowest=9.0), Look(rate=100.0, cpu=1.0, slowest=8.0))] * 3
    cpu, between, _ = lines(server_monitoring._results("all", pairs, whole=True))
    assert "| 1.1 ms | 1 ms | 1.10 | ratio at most 1.05 | missed: the ratio | median ratio of a pair 1.100 |" in cpu
    assert "| 11.1 ms | 10 ms | 1.11 | ratio at most 1.05 | missed: the ratio |" in between
    assert len(lines(server_monitoring._results("a part", pairs, whole=False))) == 2
    assert all(not each.verdict for each in server_monitoring._results("a part", pairs, whole=False))


@pytest.mark.parametrize("first", [True, False])
def test_whoever_is_looked_at_first_a_pair_is_the_watched_one_and_the_other(monkeypatch, first):
    seen = []

    def look(_load, server, _body, watched):
        seen.append(server)
        return server, watched

    monkeypatch.setattr(server_monitoring, "_look", look)
    alone, watched = server_monitoring.Watched(), server_monitoring.ALL
    assert server_monitoring._pair(None, "own", "nothing", b"", watched, first=first) == (
        ("own", watched),
        ("nothing", alone),
    )
    assert seen == (["own", "nothing"] if first else ["nothing", "own"])


# --- from an alert to the rollback ------------------------------------------------------------------------------------
def entry(number, kind, second):
    return JournalEntry(
        number=number,
        kind=kind,
        environment="production",
        version=1,
        time=f"2026-03-04T12:00:{second:02}+00:00",
        manifest_digest="",
        previous=2,
        run="first",
        by="alert-hook",
        reason="",
    )


def fallen(first_bad, ended, *asked):
    noon = alerts.seconds("2026-03-04T12:00:00+00:00")
    seen = [Asked(noon + first_bad, noon + first_bad + 0.1, False, "2")]
    seen += [Asked(noon + when, noon + when + 0.1, good, "1") for when, good in asked]
    return Fall(seen, entry(1, "rollback_started", ended - 1), entry(2, "rolled_back", ended))


def test_the_worst_rollback_is_held_against_the_target():
    slow, lossy = lines(
        alerts.results([fallen(5, 12, (13, True)), fallen(5, 40, (39, False), (41, True), (42, False))])
    )
    assert "| 35 s | at most 30 s | missed: the figure | median 21.0 s, of it the rollback 1.00 s |" in slow
    assert "| 1 requests | at most 0 requests | missed: the figure | of 3; 4 answers were bad before |" in lossy


# --- accuracy without labels ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", accuracy_estimates.CASES, ids=lambda case: case.title)
def test_labels_follow_from_inputs_alike_also_when_those_have_moved(case):
    scores, labels = case.draw(np.random.default_rng(3), case.shifted)
    assert len(scores) == len(labels) == accuracy_estimates.ROWS
    right = accuracy_estimates.judged(scores, labels)
    assert 0.5 < right.mean() < 0.95
    if scores.ndim == 2:
        np.testing.assert_allclose(scores.sum(axis=1), 1)


def test_a_calibrated_classifier_is_right_as_often_as_it_says():
    rng = np.random.default_rng(4)
    draws = [accuracy_estimates.binary()(rng, shifted) for shifted in (False, True) for _ in range(10)]
    scores, labels = (np.concatenate(parts) for parts in zip(*draws, strict=True))
    for low in (0.1, 0.5, 0.8):
        among = (scores > low) & (scores < low + 0.1)
        assert labels[among].mean() == pytest.approx(scores[among].mean(), abs=0.02)


def test_an_interval_holds_what_lies_within_it():
    trials = accuracy_estimates.Trials(*np.array([[0.5, 0.5], [0.4, 0.45], [0.6, 0.55]]), cpu=0.0)
    assert accuracy_estimates._held(trials, np.array([0.42, 0.42])) == "50.0%, ± 7.50 points"
