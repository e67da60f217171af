"""How near accuracy without labels comes to the truth, beside NannyML's estimate of the same rows.

Simulated classifiers: each row has a logit (or ten), from which its label is drawn; what the classifier says is another
function of that logit, so that it may be more sure of itself than it should be. Under covariate shift the logits of the live rows
are others, and how labels follow from them is the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.environments import installed, variables
from benchmarks.figures import Result, Section, Table
from benchmarks.machine import ROOT
from benchmarks.processes import output
from benchmarks.project import scratch
from jenkins_ml.core.drift.certainty import Certainty, accuracy, judged
from jenkins_ml.core.drift.summary import empty, summarised
from jenkins_ml.core.estimated_accuracy import confidences
from jenkins_ml.records import Summary

SEED = 20_261_127
ROWS = 5_000  # labelled, and as many live ones
CONFIDENCE = 0.95  # of each bound, as the gate has it
CLASSES = 10
_NINETY = 1.6449  # standard errors to each side hold 90 % of a normal number
_HOUR = 3600.0
_QUIET = {"NML_DISABLE_USAGE_LOGGING": "1", "PYTHONWARNINGS": "ignore"}  # nothing is sent anywhere

Floats = np.ndarray
Draw = Callable[[np.random.Generator, bool], tuple[Floats, Floats]]  # scores and labels; of shifted inputs or not


@dataclass(frozen=True)
class Case:
    """A classifier, and whether its live inputs have moved."""

    name: str
    draw: Draw
    shifted: bool

    @property
    def title(self) -> str:
        """As the tables call it."""
        return f"{self.name}, {'inputs have moved' if self.shifted else 'as labelled'}"


@dataclass(frozen=True)
class Trials:
    """What one of them estimated, with bounds, of shape (trials,) each, and CPU-seconds of one estimate."""

    point: Floats
    low: Floats
    high: Floats
    cpu: float


@dataclass(frozen=True)
class Outcome:
    """Ours and NannyML's estimates of the same rows, and their accuracy.

    Args:
        truth: shape (trials,).
        ours: two bounds of 95 %.
        theirs: as it reports them, three standard errors to each side.
        narrowed: the same with 1.64 standard errors, which are meant to hold as often as ours.
    """

    truth: Floats
    ours: Trials
    theirs: Trials
    narrowed: Trials


def binary(sharpness: float = 1.0, bias: float = 0.0) -> Draw:
    """A classifier whose logit is that of the truth times `sharpness`, and `bias` more."""

    def draw(generator: np.random.Generator, shifted: bool) -> tuple[Floats, Floats]:
        logits = generator.normal(0.75, 1.0, ROWS) if shifted else generator.normal(0.0, 1.5, ROWS)
        labels = generator.random(ROWS) < _sigmoid(logits)
        return _sigmoid(sharpness * logits + bias), labels.astype(np.int64)

    return draw


def ten_classes(sharpness: float) -> Draw:
    """The same for ten classes; when inputs have moved, one class is more frequent, and all are harder to tell apart."""

    def draw(generator: np.random.Generator, shifted: bool) -> tuple[Floats, Floats]:
        logits = generator.normal(0.0, 2.0 if shifted else 3.0, (ROWS, CLASSES))
        logits[:, 0] += 1.5 * shifted
        labels = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)  # by their softmax
        raised = np.exp(sharpness * (logits - logits.max(axis=1, keepdims=True)))
        return raised / raised.sum(axis=1, keepdims=True), labels

    return draw


CLASSIFIERS = {
    "calibrated": binary(),
    "overconfident": binary(sharpness=2.0),
    "too often the second class": binary(bias=1.0),
    f"{CLASSES} classes, overconfident": ten_classes(1.5),
}
CASES = tuple(Case(name, draw, shifted) for name, draw in CLASSIFIERS.items() for shifted in (False, True))


def measure(repeat: int) -> Section:
    """`repeat` times each: a classifier with new labelled and live rows."""
    found, version = {}, ""
    with scratch() as place:
        for case in CASES:
            print(f"accuracy-estimates: {case.title}", flush=True)
            found[case], version = _outcome(place, case, repeat)
    return Section(
        peer=f"NannyML {version}",
        results=tuple(_result(case, outcome) for case, outcome in found.items()),
        tables=(
            Table(
                title=f"How often the interval holds the accuracy, of {repeat} estimates, and half its width",
                columns=("classifier", "jenkins-ml: 90 %", "NannyML: 3 standard errors", "NannyML: 1.64"),
                rows=tuple(
                    (case.title, *(_held(each, outcome.truth) for each in (outcome.ours, outcome.theirs, outcome.narrowed)))
                    for case, outcome in found.items()
                ),
            ),
            Table(
                title=f"CPU of one estimate, from {ROWS:,} labelled and {ROWS:,} live rows",
                columns=("classifier", "jenkins-ml", "NannyML"),
                rows=tuple(
                    (case.title, f"{outcome.ours.cpu * 1000:.2f} ms", f"{outcome.theirs.cpu * 1000:.0f} ms")
                    for case, outcome in found.items()
                ),
            ),
        ),
    )  # fmt: skip


def ours(scores: Floats, labels: Floats, live: Floats) -> tuple[float, float, float]:
    """Estimate and both bounds, in the way that a version's evaluation split and its requests are counted."""
    labelled = Certainty()
    labelled.add(scores, labels)
    reference = labelled.added_to(Summary(of="evaluation", rows=len(scores), inputs=()))
    if reference.certainty is None:
        raise SystemExit("this is no classifier")
    counted = summarised(empty(reference.certainty), confidences(live))
    asked = replace(Summary(of="requests", rows=len(live), inputs=()), certainty=counted)
    found = accuracy(reference, asked, CONFIDENCE)
    if found is None or found.low is None or found.high is None:
        raise SystemExit("nothing was estimated")
    return found.value, found.low, found.high


def _outcome(place: Path, case: Case, repeat: int) -> tuple[Outcome, str]:
    generator = np.random.default_rng(SEED)
    labelled = [case.draw(generator, False) for _ in range(repeat)]
    live = [case.draw(generator, case.shifted) for _ in range(repeat)]
    asked = [(scores, labels, now) for (scores, labels), (now, _) in zip(labelled, live, strict=True)]
    began = time.process_time()
    found = [ours(*each) for each in asked]
    own = Trials(*np.array(found).T, cpu=(time.process_time() - began) / repeat)
    file = place / "rows.npz"
    scores, labels, now = (np.stack(each) for each in zip(*asked, strict=True))
    np.savez(file, scores=scores, labels=labels, live=now)
    told = _nannyml(file)
    points, errors, lows, highs = np.array(told["estimates"]).T
    theirs = Trials(points, lows, highs, told["cpu"])
    narrowed = replace(theirs, low=points - _NINETY * errors, high=points + _NINETY * errors)
    truth = np.array([np.mean(judged(*each)) for each in live])
    return Outcome(truth, own, theirs, narrowed), told["version"]


def _nannyml(file: Path) -> dict:
    python = installed("peers-nannyml") / "bin" / "python"
    script = ROOT / "benchmarks" / "drift_peers" / "nannyml_accuracy.py"
    said = output((str(python), str(script), str(file)), ROOT, variables() | _QUIET, _HOUR)
    told: dict = json.loads(said.splitlines()[-1])
    return told


def _result(case: Case, outcome: Outcome) -> Result:
    ours, theirs = (100 * float(np.abs(each.point - outcome.truth).mean()) for each in (outcome.ours, outcome.theirs))
    bias, others = (100 * float((each.point - outcome.truth).mean()) for each in (outcome.ours, outcome.theirs))
    return Result(
        name=f"{case.title}: mean absolute error of the accuracy",
        unit="points",
        ours=ours,
        peer=theirs,
        note=f"accuracy {outcome.truth.mean():.1%}; on average too high by {bias:+.2f}, NannyML by {others:+.2f} points",
    )


def _held(trials: Trials, truth: Floats) -> str:
    held = (trials.low <= truth) & (truth <= trials.high)
    return f"{held.mean():.1%}, ± {100 * (trials.high - trials.low).mean() / 2:.2f} points"


def _sigmoid(logits: Floats) -> Floats:
    return 1 / (1 + np.exp(-logits))
