"""Everything that the simulations ask of the gate under test: one condition, and one plan."""

from __future__ import annotations

from functools import cache

from benchmarks.gate_populations import Examples, Population
from jenkins_ml.config.gate import Gate
from jenkins_ml.core.conditions import Subject, conditions_of
from jenkins_ml.core.evaluation.block import Block
from jenkins_ml.core.evaluation.evaluation import Answer, Evaluation
from jenkins_ml.core.evaluation.metric import asked
from jenkins_ml.core.statistics.intervals import examples_needed

VERDICTS = {"passed": "approved", "inconclusive": "inconclusive", "failed": "rejected"}


def verdict(population: Population, examples: Examples) -> str:
    """What `max_regression: margin` of one metric comes to: "approved", "rejected" or "inconclusive"."""
    gate = _gate(population)
    (condition,) = conditions_of(
        Subject(
            limits=gate.metrics[population.metric],
            policy=gate.inconclusive,
            confidence=gate.confidence,
            answer=_answer(population, examples),
            task=population.task,
            paired=True,
        )
    )
    return VERDICTS[condition.outcome]


def planned(population: Population, examples: Examples) -> int:
    """How many examples the gate would ask for, were the models as good as each other and no more alike than here."""
    difference = _answer(population, examples).difference
    share, confidence = population.metric == "accuracy", _gate(population).confidence
    needed = difference and examples_needed(1, difference.sigma, population.margin, confidence, share=share)
    if not needed:
        raise SystemExit(f"no number of examples settles {population.metric}")
    return needed


def _answer(population: Population, examples: Examples) -> Answer:
    gate = _gate(population)
    metric = asked(population.metric, gate.metrics[population.metric])
    evaluation = Evaluation((metric,), task=population.task)
    evaluation.add(Block(examples.labels, examples.candidate, examples.baseline))
    measured = evaluation.finish()
    return measured.answer(metric, measured.overall, gate.confidence)


@cache
def _gate(population: Population) -> Gate:
    return Gate.model_validate({"metrics": {population.metric: {"max_regression": population.margin}}})
