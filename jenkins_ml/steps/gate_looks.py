"""Repeated looks: what this look found is written down, and all looks so far are judged together."""

from __future__ import annotations

import math

from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.evidence import Comparison, EvidenceStore
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.config.gate import Gate
from jenkins_ml.core.conditions import Looks
from jenkins_ml.core.evaluation.evaluation import Answer, Measured
from jenkins_ml.core.evaluation.metric import asked
from jenkins_ml.core.slices import limits_of
from jenkins_ml.core.statistics.looks import look_of_counts, look_of_error, sums_of
from jenkins_ml.core.statistics.sequential import merged, share_of
from jenkins_ml.records import LookSums


def looks_at(
    store: ModelStore, gate: Gate, measured: Measured, comparison: Comparison, run: str, data_digest: str
) -> dict[tuple[str, str], Looks]:
    """(metric's name, slice's name) -> what all looks have come to, this one included.

    Args:
        store: of the model.
        gate: what is asked.
        measured: what this look found.
        comparison: whose looks these are.
        run: the run that looks.
        data_digest: of the examples; the same ones are counted once.
    """
    evidence = EvidenceStore(store)
    position = evidence.position(comparison, now())
    sums = tuple(_sums(measured, answer) for answer in _answers(gate, measured))
    looks = evidence.append(comparison, run, data_digest, tuple(each for each in sums if each is not None), now())
    alpha = share_of(1 - gate.confidence, position)
    names = {(each.metric, each.slice) for look in looks for each in look.sums}
    return {name: Looks(evidence=merged(sums_of(looks, *name)), alpha=alpha) for name in sorted(names)}


def _answers(gate: Gate, measured: Measured) -> list[Answer]:
    found = [
        measured.answer(asked(name, limits), measured.overall, gate.confidence) for name, limits in gate.metrics.items()
    ]
    for number, section in enumerate(gate.slices, 1):
        found += [
            measured.answer(asked(name, limits), part, gate.confidence)
            for part in measured.slices(number)
            for name, limits in limits_of(section, gate.metrics).items()
        ]
    return found


def _sums(measured: Measured, answer: Answer) -> LookSums | None:
    """What is written down of a metric; None where this look says nothing about it."""
    if answer.difference is None or answer.baseline is None:
        return None
    name, part = answer.metric.name, answer.part
    discordant = measured.discordant(answer.metric, part)
    if discordant is not None:
        return look_of_counts(name, part.name, answer.baseline.point, *discordant, part.count)
    if part.count < 2 or not math.isfinite(answer.difference.sigma):
        return None
    sigma, point = 0.0 if answer.alike else answer.difference.sigma, answer.difference.point
    reach = measured.reach(answer.metric)
    return look_of_error(name, part.name, answer.baseline.point, part.count, point, sigma, reach)
