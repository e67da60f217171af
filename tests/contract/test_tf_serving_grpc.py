"""The gRPC interface as clients of TensorFlow Serving know it, and its messages against TensorFlow's own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf import descriptor_pb2

from jenkins_ml import names
from jenkins_ml.errors import Unavailable
from jenkins_ml.records import Signature
from jenkins_ml.server import messages
from jenkins_ml.server.dataplane import DataPlane
from jenkins_ml.server.dtypes import BY_NUMPY
from jenkins_ml.server.grpc_api import make_server
from jenkins_ml.server.tensors import from_proto, to_proto
from tests.fakes.model import FakeLoader, FakeModel, specs

PROTOS = Path(messages.__file__).parent / "protos"
ECHO = Signature(
    inputs=specs(s=("str", (None,)), h=("float16", (None,))), outputs=specs(s=("str", (None,)), h=("float16", (None,)))
)


class Bench:
    """A server on a free port, and a channel to it. Version 1 adds, version 2 answers its inputs."""

    async def __aenter__(self) -> Bench:
        self.loader = FakeLoader({"1": FakeModel(), "2": FakeModel(signature=ECHO, answer=dict)})
        self.plane = DataPlane("m", self.loader)
        await self.plane.load(1, Path("/models/1"))
        await self.plane.load(2, Path("/models/2"))
        self.plane.set_traffic(1, None, 0, 0)
        self.server, self.port = make_server(self.plane, 0)
        await self.server.start()
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()
        await self.server.stop(1)

    def call(self, method: str, request: Any, response: Any) -> Any:
        stub = self.channel.unary_unary(
            f"/tensorflow.serving.{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        return stub(request, timeout=10)

    def predict(self, request: Any) -> Any:
        return self.call("PredictionService/Predict", request, messages.PredictResponse)

    async def refusal(self, call: Any) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        return caught.value.code(), caught.value.details()


def run(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    async def scenario() -> None:
        async with Bench() as bench:
            await asyncio.wait_for(test(bench), 20)

    def wrapper() -> None:
        asyncio.run(scenario())

    wrapper.__name__ = test.__name__
    return wrapper


def request(version: int | None = None, **inputs: np.ndarray) -> Any:
    message = messages.PredictRequest(inputs={name: to_proto(tensor) for name, tensor in inputs.items()})
    message.model_spec.name = "m"
    if version is not None:
        message.model_spec.version.value = version
    return message


X = np.array([[1, 2]], np.float32)


@run
async def test_predict(bench: Bench) -> None:
    call = bench.predict(request(x=X))
    response = await call
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("m", 1, "serving_default")
    assert list(response.outputs["y"].float_val) == [5.0]
    assert not response.outputs["y"].tensor_content
    assert dict(await call.trailing_metadata())[names.VERSION_HEADER] == "1"


@run
async def test_predict_of_a_version_with_strings_and_halves(bench: Bench) -> None:
    strings = np.array([b"\xff", b""], object)
    halves = np.array([1.5, np.inf], np.float16)
    message = request(2, s=strings, h=halves)
    message.output_filter.extend(["h"])
    response = await bench.predict(message)
    assert set(response.outputs) == {"h"}
    np.testing.assert_array_equal(from_proto(response.outputs["h"]), halves, strict=True)
    response = await bench.predict(request(2, s=strings, h=halves))
    assert list(response.outputs["s"].string_val) == [b"\xff", b""]


@run
async def test_refusals(bench: Bench) -> None:
    def changed(change: Callable[[Any], object], version: int | None = None) -> Any:
        message = request(version, x=X)
        change(message)
        return message

    def cut(message: Any) -> None:
        message.inputs["x"].ClearField("float_val")
        message.inputs["x"].tensor_content = b"123"

    invalid = grpc.StatusCode.INVALID_ARGUMENT
    for message, expected in [
        (
            changed(lambda item: setattr(item.model_spec, "name", "foo")),
            (grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(foo)"),
        ),
        (request(99, x=X), (grpc.StatusCode.NOT_FOUND, "Servable not found for request: Specific(m, 99)")),
        (changed(lambda item: item.ClearField("model_spec")), (invalid, "ModelSpec has no name specified.")),
        (
            changed(lambda item: setattr(item.model_spec, "version_label", "x")),
            (invalid, "Unrecognized servable version label: x"),
        ),
        (
            changed(lambda item: setattr(item.model_spec, "signature_name", "x")),
            (grpc.StatusCode.FAILED_PRECONDITION, 'Serving signature key "x" not found.'),
        ),
        (
            request(),
            (
                invalid,
                "input size does not match signature: 0!=1 len({}) != len({x}). "
                "Sent extra: {}. Missing but required: {x}.",
            ),
        ),
        (changed(cut), (invalid, "tensor parsing error: x: its content has 3 bytes instead of 8")),
        (
            changed(lambda item: item.output_filter.append("z")),
            (invalid, "output tensor alias not found in signature: z Outputs expected to be in the set {y}."),
        ),
        (
            changed(lambda item: item.output_filter.extend(["y", "y"])),
            (invalid, "duplicate output tensor alias: y"),
        ),
    ]:
        assert await bench.refusal(bench.predict(message)) == expected


@run
async def test_metadata(bench: Bench) -> None:
    asked = messages.GetModelMetadataRequest(metadata_field=["signature_def"])
    asked.model_spec.name = "m"
    method = "PredictionService/GetModelMetadata"
    response = await bench.call(method, asked, messages.GetModelMetadataResponse)
    assert response.model_spec.version.value == 1
    packed = response.metadata["signature_def"]
    assert packed.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    definition = messages.SignatureDefMap.FromString(packed.value).signature_def["serving_default"]
    assert definition.method_name == "tensorflow/serving/predict"
    assert [dim.size for dim in definition.inputs["x"].tensor_shape.dim] == [-1, 2]
    assert definition.outputs["y"].dtype == 1
    for fields, message in [
        ([], "GetModelMetadataRequest must specify at least one metadata_field"),
        (["foo"], "Metadata field foo is not supported"),
    ]:
        asked.ClearField("metadata_field")
        asked.metadata_field.extend(fields)
        refused = await bench.refusal(bench.call(method, asked, messages.GetModelMetadataResponse))
        assert refused == (grpc.StatusCode.INVALID_ARGUMENT, message)


@run
async def test_status(bench: Bench) -> None:
    asked = messages.GetModelStatusRequest()
    asked.model_spec.name = "m"
    asked.model_spec.version_label = "anything"
    method = "ModelService/GetModelStatus"
    response = await bench.call(method, asked, messages.GetModelStatusResponse)
    assert [(item.version, item.state, item.status.error_code) for item in response.model_version_status] == [
        (2, 30, 0),
        (1, 30, 0),
    ]
    asked.model_spec.version.value = 99
    refused = await bench.refusal(bench.call(method, asked, messages.GetModelStatusResponse))
    assert refused == (grpc.StatusCode.NOT_FOUND, "Could not find version 99 of model m")


@run
async def test_other_methods(bench: Bench) -> None:
    for method in ("PredictionService/Classify", "PredictionService/MultiInference", "ModelService/Nothing"):
        code, _ = await bench.refusal(bench.call(method, messages.PredictRequest(), messages.PredictResponse))
        assert code is grpc.StatusCode.UNIMPLEMENTED


@run
async def test_a_port_that_is_in_use(bench: Bench) -> None:
    with pytest.raises(Unavailable, match=f"port {bench.port} is in use") as caught:
        make_server(bench.plane, bench.port)
    assert "serve.grpc_port" in caught.value.next_step


# --- messages --------------------------------------------------------------------------------------------------------
def test_the_descriptor_set_is_made_from_the_proto_files(tmp_path: Path) -> None:
    made = tmp_path / "serving.binpb"
    arguments = ["-I", ".", "--include_imports", f"--descriptor_set_out={made}", "serving.proto"]
    # A process of its own: the compiler and TensorFlow do not get on in one.
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], cwd=PROTOS, check=True, timeout=60)

    def ours(path: Path) -> dict[str, Any]:
        files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file
        return {file.name: file for file in files if not file.name.startswith("google/")}

    assert ours(made) == ours(PROTOS / "serving.binpb")


def test_a_tensor_repeats_its_last_value() -> None:
    for values, expected in [([], [0, 0, 0]), ([7], [7, 7, 7]), ([7, 8], [7, 8, 8]), ([1, 2, 3, 4], [1, 2, 3])]:
        proto = messages.TensorProto(dtype=BY_NUMPY["float32"].number, float_val=values)
        proto.tensor_shape.dim.add(size=3)
        assert from_proto(proto).tolist() == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda proto: setattr(proto, "dtype", 21), "data type 21 is not supported"),
        (lambda proto: setattr(proto.tensor_shape, "unknown_rank", True), "its shape is not fully known"),
        (lambda proto: proto.tensor_shape.dim.add(size=-1), "its shape is not fully known"),
        (lambda proto: proto.tensor_shape.dim.add(size=2**40), "too large"),
    ],
)
def test_tensors_that_cannot_be_read(change: Callable[[Any], object], message: str) -> None:
    proto = messages.TensorProto(dtype=1)
    change(proto)
    with pytest.raises(ValueError, match=message):
        from_proto(proto)


@pytest.mark.tensorflow
def test_tensors_are_tensorflows() -> None:
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2

    for name, kind in BY_NUMPY.items():
        values = [b"\xff", b"", b"a"] if name == "str" else [0, 1, 1]
        tensor = np.array(values, kind.array_dtype).reshape(1, 3)
        theirs = tf.make_tensor_proto(tensor, dtype=kind.number)
        back = from_proto(messages.TensorProto.FromString(theirs.SerializeToString()))
        np.testing.assert_array_equal(back, tensor, strict=True)
        ours = tensor_pb2.TensorProto.FromString(to_proto(tensor).SerializeToString())
        assert tf.as_dtype(ours.dtype).name == (kind.numpy if name != "str" else "string")
        np.testing.assert_array_equal(tf.make_ndarray(ours), tensor)
        content = tf.io.serialize_tensor(tf.constant(tensor)).numpy()
        np.testing.assert_array_equal(from_proto(messages.TensorProto.FromString(content)), tensor, strict=True)
    strings = messages.TensorProto(dtype=7, tensor_content=b"\x01\x00\x81\x01" + b"a" + b"b" * 129)
    strings.tensor_shape.dim.add(size=3)
    assert from_proto(strings).tolist() == [b"a", b"", b"b" * 129]
    assert tf.io.parse_tensor(strings.SerializeToString(), tf.string).numpy().tolist() == from_proto(strings).tolist()
