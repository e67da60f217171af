"""The model server asked by TensorFlow Serving's own client library, whose messages and stubs are not ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from jenkins_ml.server.dataplane import DataPlane
from jenkins_ml.server.grpc_api import make_server
from tests.fakes.model import FakeLoader, FakeModel

pytestmark = pytest.mark.tensorflow


def run(test: Callable[[DataPlane, Any], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    async def scenario() -> None:
        plane = DataPlane("m", FakeLoader({"1": FakeModel(), "2": FakeModel(offset=100)}))
        await plane.load(1, Path("/models/1"))
        await plane.load(2, Path("/models/2"))
        plane.set_traffic(1, None, 0, 0)
        server, port = make_server(plane, 0)
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await asyncio.wait_for(test(plane, channel), 60)
        await server.stop(1)

    def wrapper() -> None:
        asyncio.run(scenario())

    wrapper.__name__ = test.__name__
    return wrapper


@run
async def test_predict(plane: DataPlane, channel: Any) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "m"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.array([[1, 2], [3, 4]], np.float32)))
    response = await stub.Predict(request, timeout=10)
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["y"]), np.array([5, 11], np.float32), strict=True)
    assert (response.model_spec.version.value, response.model_spec.signature_name) == (1, "serving_default")
    request.model_spec.version.value = 2
    request.output_filter.append("y")
    response = await stub.Predict(request, timeout=10)
    assert tf.make_ndarray(response.outputs["y"]).tolist() == [105, 111]
    request.model_spec.version_label = "stable"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Predict(request, timeout=10)
    assert caught.value.details() == "Unrecognized servable version label: stable"


@run
async def test_metadata(plane: DataPlane, channel: Any) -> None:
    from tensorflow_serving.apis import get_model_metadata_pb2, prediction_service_pb2_grpc

    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "m"
    response = await prediction_service_pb2_grpc.PredictionServiceStub(channel).GetModelMetadata(request, timeout=10)
    definitions = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(definitions)
    definition = definitions.signature_def["serving_default"]
    assert [dim.size for dim in definition.inputs["x"].tensor_shape.dim] == [-1, 2]


@run
async def test_status(plane: DataPlane, channel: Any) -> None:
    from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "m"
    response = await model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=10)
    states = get_model_status_pb2.ModelVersionStatus.State
    assert [(item.version, item.state) for item in response.model_version_status] == [
        (2, states.AVAILABLE),
        (1, states.AVAILABLE),
    ]


@run
async def test_what_is_not_here(plane: DataPlane, channel: Any) -> None:
    from tensorflow_serving.apis import classification_pb2, prediction_service_pb2_grpc

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await prediction_service_pb2_grpc.PredictionServiceStub(channel).Classify(
            classification_pb2.ClassificationRequest(), timeout=10
        )
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
