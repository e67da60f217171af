"""TensorFlow Serving's REST interface: /v1/models/... Requests become exchanges with the data plane, and come back."""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from jenkins_ml import names
from jenkins_ml.records import Signature, TensorSpec
from jenkins_ml.server import json_response
from jenkins_ml.server.answer_keeper import AnswerKeeper
from jenkins_ml.server.dataplane import Answer, DataPlane, Version, unknown_label
from jenkins_ml.server.dtypes import BY_NUMPY
from jenkins_ml.server.inference import Exchange
from jenkins_ml.server.json_reader import parse
from jenkins_ml.server.json_request import PredictDocument, check_document
from jenkins_ml.server.json_text import error_body
from jenkins_ml.server.request_log import Outcome, RequestLog
from jenkins_ml.server.status import HTTP_STATUS, Code, ServingError, VersionError, invalid

# Beyond TensorFlow Serving's contract: a bound on what one request may hold in memory.
_MAX_BODY: Final = 256 << 20
# Longer bodies are parsed beside the event loop, so that the other requests need not wait for them.
_LONG_BODY: Final = 64 << 10
_MAX_VERSION: Final = 2**63 - 1
_FLAGS: Final = re.IGNORECASE | re.ASCII
_HANDLED: Final = re.compile(r"/v1/.*", _FLAGS | re.DOTALL)
_CHOICE: Final = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_ASK: Final = re.compile(rf"/v1/models/(?P<model>[^/:]+){_CHOICE}:(?P<method>classify|regress|predict)", _FLAGS)
_LOOK: Final = re.compile(rf"/v1/models(?:/(?P<model>[^/:]+))?{_CHOICE}(?P<metadata>/metadata)?", _FLAGS)
_NOT_FOUND: Final = "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"


class RestApi:
    """An ASGI application.

    Args:
        plane: what answers.
        log: takes a line for each prediction that is asked for; its request's id is answered then.
        answers: keeps what was predicted.
    """

    def __init__(self, plane: DataPlane, log: RequestLog | None = None, answers: AnswerKeeper | None = None) -> None:
        self._plane = plane
        self._log = log
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        path = scope["raw_path"].decode("latin-1")
        if not _HANDLED.fullmatch(path):
            response: Response = HTMLResponse(_NOT_FOUND, 404)
        else:
            try:
                response = await self._route(request, path)
            except ServingError as error:
                response = _failure(error)
            except ClientDisconnect:
                return
        await response(scope, receive, send)

    async def _route(self, request: Request, path: str) -> Response:
        if request.method == "OPTIONS":
            if not re.search("https?://", request.headers.get("origin", "")):
                raise invalid("Origin header is missing in CORS preflight")
            return _json(b"", None)
        if request.method == "POST" and (match := _ASK.fullmatch(path)):
            if self._log is not None:
                return await self._logged(request, match, self._log)
            answer = await self._ask(request, match, request.headers.get(names.REQUEST_HEADER))
            return _json(answer.value, answer.version)
        if request.method == "GET" and (match := _LOOK.fullmatch(path)):
            return self._look(match)
        raise invalid(f"Malformed request: {request.method} {path}")

    # --- POST --------------------------------------------------------------------------------------------------------
    async def _logged(self, request: Request, match: re.Match[str], log: RequestLog) -> Response:
        asked = log.ask(request.headers.get(names.REQUEST_HEADER), request.headers.get(names.TRACE_HEADER))
        try:
            answer = await self._ask(request, match, asked.id)
        except ServingError as error:
            log.answer(asked, "http", Outcome(error.code, error.version, isinstance(error, VersionError)))
            response = _failure(error)
        except ClientDisconnect:
            log.answer(asked, "http", Outcome(Code.CANCELLED, None))
            raise
        else:
            log.answer(asked, "http", Outcome(Code.OK, answer.version, instead_of=answer.instead_of))
            response = _json(answer.value, answer.version)
        response.headers[names.REQUEST_HEADER] = asked.id
        return response

    async def _ask(self, request: Request, match: re.Match[str], request_id: str | None) -> Answer[bytes]:
        version = _version(match)
        method = match["method"].lower()
        if method != "predict":
            raise ServingError(Code.UNIMPLEMENTED, f"This server does not {method}; send tensors to :predict")
        body = await _body(request)
        document = check_document(parse(body) if len(body) < _LONG_BODY else await asyncio.to_thread(parse, body))
        if match["label"]:
            raise unknown_label(unquote(match["label"]))
        if version is None:
            self._plane.sampler.offer(body)
        model, exchange = unquote(match["model"]), _exchange(document)
        if self._answers is not None:
            return await self._answers.ask(self._plane, model, version, exchange, request_id)
        return await self._plane.predict(model, version, exchange)

    # --- GET ---------------------------------------------------------------------------------------------------------
    def _look(self, match: re.Match[str]) -> Response:
        if match["model"] is None:
            raise invalid("Missing model name in request.")
        model, version = unquote(match["model"]), _version(match)
        if not match["metadata"]:
            # A label is not looked at, as in TensorFlow Serving: it answers with all versions.
            statuses = [_version_status(item) for item in self._plane.statuses(model, version)]
            return _json(_dump({"model_version_status": statuses}) + b"\n", None)
        if match["label"]:
            raise unknown_label(unquote(match["label"]))
        found, loaded = self._plane.available(model, version)
        return _json(_metadata(model, found.number, loaded.signatures), None)


def _exchange(document: PredictDocument) -> Exchange[bytes]:
    return Exchange(document.decode, json_response.rows if document.rows else json_response.columns)


def _failure(error: ServingError) -> Response:
    return _json(error_body(error.message), error.version, HTTP_STATUS[error.code])


def _json(body: bytes, version: int | None, status: int = 200) -> Response:
    headers = {} if version is None else {names.VERSION_HEADER: str(version)}
    return Response(body, status, headers, media_type="application/json")


def _version(match: re.Match[str]) -> int | None:
    text = match["version"]
    if text is None:
        return None
    if len(text.lstrip("0")) > len(str(_MAX_VERSION)) or int(text) > _MAX_VERSION:
        raise invalid(f"Failed to convert version: {text} to numeric.")
    return int(text)


async def _body(request: Request) -> bytes:
    decompress = zlib.decompressobj(wbits=31) if request.headers.get("content-encoding", "").lower() == "gzip" else None
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += decompress.decompress(chunk, _MAX_BODY + 1 - len(body)) if decompress and chunk else chunk
            if len(body) > _MAX_BODY:
                raise invalid(f"The request body is larger than {_MAX_BODY} bytes")
    except zlib.error as error:
        raise invalid(f"The request body is not valid gzip: {error}") from error
    if decompress and not decompress.eof:
        raise invalid("The request body is not valid gzip: it is cut off")
    return bytes(body)


def _version_status(version: Version) -> dict[str, Any]:
    code = Code.INTERNAL if version.error else Code.OK
    status = {"error_code": code.name, "error_message": version.error}
    return {"version": str(version.number), "state": version.state, "status": status}


def _metadata(model: str, version: int, signatures: Mapping[str, Signature]) -> bytes:
    spec = {"name": model, "signature_name": "", "version": str(version)}
    definitions = {name: _definition(signature) for name, signature in sorted(signatures.items())}
    metadata = {"signature_def": {"signature_def": definitions}}
    return b'{\n"model_spec":' + _dump(spec) + b',\n"metadata": ' + _dump(metadata) + b"\n}\n"


def _definition(signature: Signature) -> dict[str, Any]:
    return {
        "inputs": {spec.name: _tensor_info(spec) for spec in signature.inputs},
        "outputs": {spec.name: _tensor_info(spec) for spec in signature.outputs},
        "method_name": "tensorflow/serving/predict",
        "defaults": {},
    }


def _tensor_info(spec: TensorSpec) -> dict[str, Any]:
    # The name of the graph's tensor stays empty: a signature knows its inputs and outputs by alias only.
    dim = [{"size": str(-1 if size is None else size), "name": ""} for size in spec.shape]
    shape = {"dim": dim, "unknown_rank": False}
    return {"dtype": BY_NUMPY[spec.dtype].enum_name, "tensor_shape": shape, "name": ""}


def _dump(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()
