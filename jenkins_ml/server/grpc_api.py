"""TensorFlow Serving's gRPC interface: PredictionService and ModelService, as far as they predict and tell the state.

A method that is not here is answered with UNIMPLEMENTED by gRPC itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NoReturn

import grpc

from jenkins_ml import names
from jenkins_ml.records import TensorSpec
from jenkins_ml.server import messages
from jenkins_ml.server.answer_keeper import AnswerKeeper
from jenkins_ml.server.dataplane import Answer, DataPlane, Version, unknown_label
from jenkins_ml.server.dtypes import BY_NUMPY, Tensor
from jenkins_ml.server.inference import DEFAULT_SIGNATURE, Exchange, Prediction, Signatures
from jenkins_ml.server.listening import LOOPBACK, in_use
from jenkins_ml.server.request_log import Outcome, RequestLog
from jenkins_ml.server.status import Code, ServingError, VersionError, invalid
from jenkins_ml.server.tensors import from_proto, to_proto

Metadata = tuple[tuple[str, str], ...]
_MAX_MESSAGE: Final = 2**31 - 1
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE),
    ("grpc.max_send_message_length", _MAX_MESSAGE),
    ("grpc.so_reuseport", 0),  # or two servers would share a port without a word
)
_CODES: Final = {status.value[0]: status for status in grpc.StatusCode}


class GrpcApi:
    """The methods.

    Args:
        plane: what answers.
        log: takes a line for each prediction that is asked for; its request's id is answered then.
        answers: keeps what was predicted.
    """

    def __init__(self, plane: DataPlane, log: RequestLog | None = None, answers: AnswerKeeper | None = None) -> None:
        self._plane = plane
        self._log = log
        self._answers = answers

    async def predict(self, request: Any, context: Any) -> Any:
        """PredictionService.Predict."""
        identity: Metadata = ()
        if self._log is None:
            answer = await self._ask(request, _given(context).get(names.REQUEST_HEADER) if self._answers else None)
        else:
            answer, identity = await self._logged(request, context, self._log)
        spec = request.model_spec
        context.set_trailing_metadata(((names.VERSION_HEADER, str(answer.version)), *identity))
        signature = spec.signature_name or DEFAULT_SIGNATURE
        answer.value.model_spec.CopyFrom(_spec(spec.name, answer.version, signature))
        return answer.value

    async def _ask(self, request: Any, request_id: str | None) -> Answer[Any]:
        spec, exchange = request.model_spec, _exchange(request)
        if self._answers is not None:
            return await self._answers.ask(self._plane, spec.name, _version(spec), exchange, request_id)
        return await self._plane.predict(spec.name, _version(spec), exchange)

    async def _logged(self, request: Any, context: Any, log: RequestLog) -> tuple[Answer[Any], Metadata]:
        """The answer, and the request's id; a failure is answered here."""
        given = _given(context)
        asked = log.ask(given.get(names.REQUEST_HEADER), given.get(names.TRACE_HEADER))
        identity = ((names.REQUEST_HEADER, asked.id),)
        try:
            answer = await self._ask(request, asked.id)
        except ServingError as error:
            log.answer(asked, "grpc", Outcome(error.code, error.version, isinstance(error, VersionError)))
            await _abort(context, error, identity)
        except asyncio.CancelledError:
            log.answer(asked, "grpc", Outcome(Code.CANCELLED, None))
            raise
        log.answer(asked, "grpc", Outcome(Code.OK, answer.version, instead_of=answer.instead_of))
        return answer, identity

    async def metadata(self, request: Any, _: Any) -> Any:
        """PredictionService.GetModelMetadata."""
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        version, model = self._plane.available(request.model_spec.name, _version(request.model_spec))
        response = messages.GetModelMetadataResponse(model_spec=_spec(request.model_spec.name, version.number, ""))
        response.metadata["signature_def"].Pack(_definitions(model.signatures))
        return response

    async def status(self, request: Any, _: Any) -> Any:
        """ModelService.GetModelStatus. A label is not looked at, as in TensorFlow Serving."""
        name = request.model_spec.name
        number = request.model_spec.version.value if request.model_spec.HasField("version") else None
        statuses = self._plane.statuses(name, number)
        return messages.GetModelStatusResponse(model_version_status=[_status(version) for version in statuses])


def make_server(
    plane: DataPlane,
    port: int,
    address: str = LOOPBACK,
    setting: str = "serve.grpc_port",
    log: RequestLog | None = None,
    answers: AnswerKeeper | None = None,
) -> tuple[Any, int]:
    """A server bound to a port, not started yet; answers it and its port.

    Args:
        plane: what answers.
        port: 0 takes a free one.
        address: of the interface.
        setting: what sets the port, for whoever has to choose another.
        log: see `GrpcApi`.
        answers: see `GrpcApi`.

    Raises:
        Unavailable: the port is in use.
    """
    api = GrpcApi(plane, log, answers)
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "tensorflow.serving.PredictionService",
                {
                    "Predict": _method(api.predict, messages.PredictRequest),
                    "GetModelMetadata": _method(api.metadata, messages.GetModelMetadataRequest),
                },
            ),
            grpc.method_handlers_generic_handler(
                "tensorflow.serving.ModelService",
                {"GetModelStatus": _method(api.status, messages.GetModelStatusRequest)},
            ),
        )
    )
    try:
        bound = server.add_insecure_port(f"[{address}]:{port}" if ":" in address else f"{address}:{port}")
    except RuntimeError as error:
        raise in_use(port, setting) from error
    return server, bound


def _method(answer: Callable[[Any, Any], Awaitable[Any]], request: Any) -> Any:
    async def call(message: Any, context: Any) -> Any:
        try:
            return await answer(message, context)
        except ServingError as error:
            await _abort(context, error)

    return grpc.unary_unary_rpc_method_handler(
        call, request_deserializer=request.FromString, response_serializer=lambda response: response.SerializeToString()
    )


async def _abort(context: Any, error: ServingError, identity: Metadata = ()) -> NoReturn:
    version = () if error.version is None else ((names.VERSION_HEADER, str(error.version)),)
    await context.abort(_CODES[error.code], error.message, (*version, *identity))
    raise AssertionError("abort raises")


def _given(context: Any) -> dict[str, str]:
    """The metadata of a request that are text."""
    return {name: value for name, value in context.invocation_metadata() if isinstance(value, str)}


def _exchange(request: Any) -> Exchange[Any]:
    def decode(signatures: Signatures) -> Prediction:
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        if name not in signatures:
            raise ServingError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        return Prediction(name, dict(map(_tensor, request.inputs.items())), tuple(request.output_filter))

    return Exchange(decode, _response)


def _tensor(item: tuple[str, Any]) -> tuple[str, Tensor]:
    name, proto = item
    try:
        return name, from_proto(proto)
    except ValueError as error:
        raise invalid(f"tensor parsing error: {name}: {error}") from error


def _response(outputs: Mapping[str, Tensor]) -> Any:
    return messages.PredictResponse(outputs={name: to_proto(tensor) for name, tensor in outputs.items()})


def _version(spec: Any) -> int | None:
    choice = spec.WhichOneof("version_choice")
    if choice == "version_label" and spec.name:
        raise unknown_label(spec.version_label)
    return spec.version.value if choice == "version" else None


def _spec(name: str, version: int, signature: str) -> Any:
    spec = messages.ModelSpec(name=name, signature_name=signature)
    spec.version.value = version
    return spec


def _status(version: Version) -> Any:
    code = Code.INTERNAL if version.error else Code.OK
    return messages.ModelVersionStatus(
        version=version.number, state=version.state, status={"error_code": code.value, "error_message": version.error}
    )


def _definitions(signatures: Signatures) -> Any:
    definitions = messages.SignatureDefMap()
    for name, signature in signatures.items():
        definition = definitions.signature_def[name]
        definition.method_name = "tensorflow/serving/predict"
        for spec in signature.inputs:
            _fill(definition.inputs[spec.name], spec)
        for spec in signature.outputs:
            _fill(definition.outputs[spec.name], spec)
    return definitions


def _fill(info: Any, spec: TensorSpec) -> None:
    info.dtype = BY_NUMPY[spec.dtype].number
    for size in spec.shape:
        info.tensor_shape.dim.add(size=-1 if size is None else size)
    if not spec.shape:
        info.tensor_shape.SetInParent()
