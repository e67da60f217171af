"""What the trained model answers in memory to the first examples, recorded beside what the exported one answers.

Where the two differ, the export has lost something, and so would serving.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from jenkins_ml.adapters import recorded
from jenkins_ml.records import Signature

EXAMPLES: Final = 64
_FOUND: Final = "it was a SavedModel when it came here, so there is no trained model in memory to ask"

_COLOURS: Final = re.compile("\x1b\\[[0-9;]*m")

Array = np.ndarray[Any, np.dtype[Any]]


def ask(model: Any, features: Mapping[str, Array]) -> dict[str, Array] | str:
    """What a Keras model answers, by output, each of shape (n, ...); or a sentence that says why it does not.

    It is called as `predict` would, without training, on the features as they were loaded. Outputs are named as Keras
    names them in an export: output_0, output_1 and so on, but those of a dictionary by its keys.

    Args:
        model: the model; None where there is none in memory.
        features: of all examples, by name; a single unnamed input has the name "".
    """
    if model is None:
        return _FOUND
    if not model.built:
        return "the trained model has not been called on data yet"
    first = {name: values[:EXAMPLES] for name, values in features.items()}
    count = len(next(iter(first.values())))
    try:
        parts = [_call(model, batch) for batch in recorded.batches(first, _batch_size(model) or count)]
        return {name: recorded.storable(np.concatenate([part[name] for part in parts])[:count]) for name in parts[0]}
    except Exception as error:
        return f"the trained model could not be asked: {type(error).__name__}: {_words(error)}"


def as_recorded(
    signature: Signature, inputs: Mapping[str, Array], predictions: Array, trained: Mapping[str, Array] | str
) -> dict[str, Array]:
    """The first examples and their answers, as predictions.npz has them.

    Args:
        signature: of the exported model, with one output.
        inputs: of all examples, as the signature takes them.
        predictions: the exported model's, of all examples.
        trained: what `ask` answered.
    """
    name = signature.outputs[0].name
    kept = {recorded.REPLAY + key: values[:EXAMPLES] for key, values in inputs.items()}
    kept[recorded.EXPORTED + name] = recorded.storable(predictions[:EXAMPLES])
    if isinstance(trained, Mapping) and len(trained) == 1:
        trained = {name: next(iter(trained.values()))}  # whatever an export of the user's own calls it
    if isinstance(trained, Mapping) and name in trained:
        return kept | {recorded.TRAINED + name: trained[name]}
    if isinstance(trained, Mapping):
        trained = f"the trained model has no output {name!r}, only {', '.join(map(repr, sorted(trained)))}"
    return kept | {recorded.NOT_TRAINED: np.array(trained)}


def _inputs(model: Any) -> list[Any]:
    """The inputs of a model made of layers; empty for one that is a class of the user's."""
    return list(getattr(model, "inputs", None) or [])


def _batch_size(model: Any) -> int | None:
    """The batch size that a model was built for; None for any."""
    shape = getattr(next(iter(_inputs(model)), None), "shape", None)
    return shape[0] if shape else None


def _call(model: Any, batch: Mapping[str, Array]) -> dict[str, Array]:
    unnamed = set(batch) == {""} or (len(batch) == 1 and len(_inputs(model)) == 1)
    answer = model(next(iter(batch.values())) if unnamed else dict(batch), training=False)
    if not isinstance(answer, Mapping):
        several = answer if isinstance(answer, list | tuple) else [answer]
        answer = {f"output_{index}": value for index, value in enumerate(several)}
    return {str(name): np.asarray(value) for name, value in answer.items()}


def _words(error: Exception) -> str:
    """The line of an error that says something: Keras puts another before it, and colours it."""
    lines = [_COLOURS.sub("", line).strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and not line.startswith("Exception encountered")), "no message")
