"""The recorded examples of a version, as a release uses them: to ask each instance one, and to replay them to a canary."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from jenkins_ml.adapters import recorded, rest_json
from jenkins_ml.adapters.answers import AnswerReader, edges
from jenkins_ml.adapters.target import Golden
from jenkins_ml.core.model_conditions import Answers, Tolerance, compare
from jenkins_ml.errors import StageFailed
from jenkins_ml.records import Signature

_MOST_ENTRIES: Final = 1_000_000  # of an output, to take deciles of


@dataclass(frozen=True, kw_only=True)
class Examples:
    """What is known to ask a version.

    Args:
        bodies: predict requests over REST, one example each (or one batch, where the signature has a fixed size).
        golden: the first of them, with what it has to be answered; None where JSON cannot carry it.
        reader: takes apart what is answered to them.
    """

    bodies: tuple[bytes, ...] = ()
    golden: Golden | None = None
    reader: AnswerReader = field(default_factory=AnswerReader)


def read(predictions: Path, signature: Signature, tolerance: Tolerance | None) -> Examples:
    """The examples kept beside predictions.

    Args:
        predictions: the file.
        signature: of the version.
        tolerance: how far an answer may be off; None where answers are not compared.

    Raises:
        IntegrityError: the file cannot be read.
    """
    record = recorded.read(predictions, signature)
    if rest_json.not_carried(signature) or not record.inputs:
        return Examples()
    first = signature.inputs[0].shape if signature.inputs else ()
    bodies = rest_json.bodies(record.inputs, first[0] if first else None)
    output = signature.outputs[0].name
    values = record.exported.get(output, np.empty(0))
    single = values.dtype.kind in "iuf" and values.size == len(values) and values.size <= _MOST_ENTRIES
    return Examples(
        bodies=bodies,
        golden=Golden(body=bodies[0], check=_Check(signature, record.exported, tolerance)) if bodies else None,
        reader=AnswerReader(
            edges=edges(values.ravel().tolist()) if single else (),
            output=output if len(signature.outputs) > 1 else None,
        ),
    )


@dataclass(frozen=True)
class _Check:
    """Whether an answer to the first example is what the exported model answered when it was gated."""

    signature: Signature
    exported: Answers
    tolerance: Tolerance | None

    def __call__(self, body: bytes) -> str | None:
        try:
            answered = rest_json.answers([body], self.signature, 1)
        except StageFailed as error:
            return error.what
        if self.tolerance is None:
            return None
        expected = {name: values[:1] for name, values in self.exported.items()}
        return compare(expected, answered, self.tolerance, "the exported model").reason or None
