"""The process that asks a server over gRPC, as TensorFlow Serving's clients do; one job as JSON on standard input.

A process of its own, for whoever wants to know has no gRPC imported.

    out/answers.npz   outputs by name, text of a fixed width, bfloat16 as float32
    out/result.json   {}, or {"error": why there are no answers}
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from jenkins_ml.adapters import recorded
from jenkins_ml.server import messages
from jenkins_ml.server.status import ServingError
from jenkins_ml.server.tensors import from_proto, to_proto

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),  # it is on this machine
)
Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


def main(argv: list[str]) -> int:  # noqa: ARG001 - all that there is to know comes as the job
    """Do one job: {"address", "model", "version", "predictions", "fixed", "seconds", "out"}."""
    line = sys.stdin.readline()
    if not line:
        return 0  # nobody wants the job any more
    job = json.loads(line)
    out, result = Path(job["out"]), {}
    with np.load(job["predictions"], allow_pickle=False) as arrays:
        inputs = recorded.below(arrays, recorded.REPLAY)
    try:
        answers = ask(job["address"], job["model"], job["version"], inputs, job["fixed"], job["seconds"])
        np.savez(
            out / "answers.npz", allow_pickle=False, **{name: recorded.storable(each) for name, each in answers.items()}
        )
    except grpc.RpcError as error:
        result = {"error": f"{error.code().name}: {error.details()}"}
    except (ServingError, ValueError) as error:
        result = {"error": f"the examples or answers cannot be carried: {error}"}
    (out / "result.json").write_text(json.dumps(result))
    return 0


def ask(
    address: str, model: str, version: int, inputs: Arrays, fixed: int | None = None, seconds: float = 30.0
) -> Arrays:
    """Ask a version about examples, all at once or in batches of the size that it takes.

    Args:
        address: host:port.
        model: its name.
        version: the one to ask.
        inputs: by name, each of shape (n, ...).
        fixed: the batch size that the signature takes; None for any.
        seconds: how long each answer may take.

    Raises:
        grpc.RpcError: the server refuses, fails or does not answer.
        ServingError: a type that gRPC does not carry.
        ValueError: an answer that is none.
    """
    count = len(next(iter(inputs.values())))
    parts: list[Arrays] = []
    with grpc.insecure_channel(address, options=_OPTIONS) as channel:
        predict = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=messages.PredictRequest.SerializeToString,
            response_deserializer=messages.PredictResponse.FromString,
        )
        for batch in recorded.batches(inputs, fixed or count):
            answer = predict(_request(model, version, batch), timeout=seconds)
            parts.append({name: from_proto(tensor) for name, tensor in answer.outputs.items()})
    return {name: np.concatenate([part[name] for part in parts])[:count] for name in parts[0]}


def _request(model: str, version: int, batch: Mapping[str, Any]) -> Any:
    request = messages.PredictRequest()
    request.model_spec.name = model
    request.model_spec.version.value = version
    for name, values in batch.items():
        request.inputs[name].CopyFrom(to_proto(_encoded(values)))
    return request


def _encoded(values: Any) -> Any:
    if values.dtype.kind != "U":
        return values
    encoded = [text.encode("utf-8", "surrogateescape") for text in values.ravel().tolist()]
    array = np.empty(len(encoded), object)
    array[:] = encoded
    return array.reshape(values.shape)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
