import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics

from benchmarks import environments, gate_error_rates, gate_evaluators, gate_point_gates, gate_runs
from benchmarks.gate_populations import POPULATIONS
from benchmarks.gate_runs import Answer
from benchmarks.processes import PYTHON, Cost, environment


def of_decisions(labels, scores):
    hit, alarm, missed, quiet = (
        np.count_nonzero((labels == label) & ((scores >= 0.5) == said))
        for label, said in ((1, True), (0, True), (1, False), (0, False))
    )
    spread = np.sqrt(float(hit + alarm) * (missed + quiet) * (hit + missed) * (alarm + quiet))
    return {
        "accuracy": (hit + quiet) / len(labels),
        "precision": hit / (hit + alarm),
        "recall": hit / (hit + missed),
        "f1": 2 * hit / (2 * hit + alarm + missed),
        "balanced_accuracy": (hit / (hit + missed) + quiet / (quiet + alarm)) / 2,
        "mcc": (hit * quiet - alarm * missed) / spread,
    }


def value(metric, labels, answers):
    match metric:
        case "mse":
            return np.mean((answers - labels) ** 2)
        case "log_loss":
            return -np.mean(np.log(np.where(labels == 1, answers, 1 - answers)))
        case "brier":
            return sklearn.metrics.brier_score_loss(labels, answers)
        case "roc_auc":
            return sklearn.metrics.roc_auc_score(labels, answers)
        case "pr_auc":
            return sklearn.metrics.average_precision_score(labels, answers)
        case "rmse":
            return sklearn.metrics.root_mean_squared_error(labels, answers)
        case "mae":
            return sklearn.metrics.mean_absolute_error(labels, answers)
    return of_decisions(labels, answers)[metric]


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda population: population.metric)
@pytest.mark.parametrize("margins", [0, 1])
def test_a_population_is_worse_by_what_it_says(population, margins):
    changes = []
    for seed in range(8):
        examples = population.draw(np.random.default_rng(seed), 20_000, margins * population.margin)
        of_candidate, of_baseline = (
            value(population.metric, examples.labels, each) for each in (examples.candidate, examples.baseline)
        )
        changes.append(of_candidate - of_baseline)
    worse = np.mean(changes) * (1 if population.metric in ("log_loss", "brier", "mse", "rmse", "mae") else -1)
    error = np.std(changes, ddof=1) / np.sqrt(len(changes))
    assert worse == pytest.approx(margins * population.margin, abs=5 * error)
    assert 5 * error < 0.7 * population.margin


@pytest.mark.parametrize(
    ("rule", "candidate", "baseline", "tolerance", "passes"),
    [
        (gate_point_gates.tfx, 0.9, 0.9, 0.0, True),
        (gate_point_gates.tfx, 0.8999, 0.9, 0.0, False),
        (gate_point_gates.tfx, 0.895, 0.9, 0.01, True),
        (gate_point_gates.tfx, 0.79, 0.80, 0.01, False),  # 0.79 - 0.80 is less than -0.01 in floating point
        (gate_point_gates.mlflow, 0.9, 0.9, 0.0, True),
        (gate_point_gates.mlflow, 0.8999, 0.9, 0.0, False),
        (gate_point_gates.mlflow, 0.79, 0.80, 0.01, True),
        (gate_point_gates.mlflow, 0.0, 0.0, 0.0, False),  # it asks for 1e-10 more where the baseline is 0
    ],
)
def test_the_rules_are_those_of_the_peers(rule, candidate, baseline, tolerance, passes):
    assert rule(candidate, baseline, tolerance) is passes


def test_test_sets_have_the_discordance_and_the_change_that_is_said():
    draws = gate_point_gates.drawn(10_000, -0.01, 2_000)
    assert np.mean((draws.gained + draws.lost) / 10_000) == pytest.approx(0.05, abs=0.0005)
    assert np.mean([candidate - baseline for candidate, baseline in draws.pairs]) == pytest.approx(-0.01, abs=0.0005)


@pytest.mark.parametrize(
    ("gained", "lost", "verdict"), [(0, 500, "rejected"), (500, 0, "approved"), (50, 70, "inconclusive")]
)
def test_the_gate_judges_the_discordant_examples(gained, lost, verdict):
    assert gate_point_gates.verdict_on(2_000, (gained, lost)) == verdict


def test_every_test_set_gets_a_verdict_and_other_workers_change_none():
    def found(workers):
        with ThreadPoolExecutor(workers) as pool:
            return gate_error_rates.simulated(POPULATIONS[0], 500, 0.02, 120, pool)

    verdicts = found(1)
    assert verdicts.total() == 120
    assert len(verdicts) > 1
    assert found(2) == verdicts


def test_a_peer_is_installed_anew_only_when_its_requirements_change(tmp_path, monkeypatch):
    commands = []

    def run(argv, *_):
        commands.append(argv)
        if "venv" in argv:
            Path(argv[-1]).mkdir(parents=True)

    def installed(text):
        commands.clear()
        (tmp_path / "requirements" / "peer.txt").write_text(text)
        return environments.installed("peer"), len(commands)

    (tmp_path / "requirements").mkdir()
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "run", run)
    folder, count = installed("a==1")
    assert count == 2
    assert installed("a==1") == (folder, 0)
    other, count = installed("a==2")
    assert count == 2
    assert other != folder


def test_memory_is_that_of_all_processes_together(tmp_path):
    hold = "held = bytes(range(256)) * 400_000; time.sleep(0.3)"
    line = f"import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; {hold}']); {hold}; child.wait()"
    cost, _ = gate_runs.watched((PYTHON, "-c", line), tmp_path, environment())
    assert cost.peak > 205


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """What the gate answers, in place of it."""

    def answers(measurements):
        (tmp_path / "answer.json").write_text(json.dumps({"measurements": measurements}))
        monkeypatch.setattr(gate_runs, "JENKINS_ML", (sys.executable, "-c", "print(open('answer.json').read())"))
        return gate_runs.gate(tmp_path, gate_runs.Files(tmp_path / "a", tmp_path / "b"))

    return answers


def measurement(metric, part=""):
    return {"metric": metric, "slice": part, "candidate": 0.5, "baseline": 0.25, "low": 0.125, "high": 0.375}


def test_values_and_widths_are_read_by_slice(stand_in):
    answer = stand_in(
        [measurement(metric, part) for metric in (*gate_runs.METRICS, "f1") for part in ("", "segment=edge")]
    )
    assert answer.values["candidate", "", "accuracy"] == 0.5
    assert answer.values["baseline", "edge", "roc_auc"] == 0.25
    assert answer.widths["edge", "recall"] == 0.25
    assert len(answer.values) == 2 * 2 * len(gate_runs.METRICS)


def test_a_gate_that_leaves_out_a_metric_is_no_figure(stand_in):
    with pytest.raises(SystemExit, match="log_loss"):
        stand_in([measurement(metric) for metric in gate_runs.METRICS[:-1]])


def test_a_gate_that_leaves_out_a_slice_is_no_figure():
    values = {("candidate", "", metric): 0.5 for metric in gate_runs.METRICS}
    pair = gate_evaluators.Pair(
        ours=Answer(Cost(), values, {}, {}),
        peer=Answer(Cost(), values | {("candidate", "edge", "recall"): 1.0}, {}, {}),
    )
    with pytest.raises(SystemExit, match="edge"):
        gate_evaluators._agreement({gate_evaluators.PEERS[0]: [pair]})


def test_an_interval_without_an_end_has_no_width(stand_in):
    answer = stand_in([measurement(metric) | {"low": None} for metric in gate_runs.METRICS])
    assert answer.widths == {}
    assert len(answer.values) == 2 * len(gate_runs.METRICS)
