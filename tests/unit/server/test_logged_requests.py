"""Requests over REST and gRPC as the log has them, and what their clients are told."""

import asyncio
import json
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest

from jenkins_ml import names
from jenkins_ml.core.origin import Origin
from jenkins_ml.server import messages
from jenkins_ml.server.admin import Admin, Identity
from jenkins_ml.server.app import make_app
from jenkins_ml.server.dataplane import DataPlane
from jenkins_ml.server.grpc_api import make_server
from jenkins_ml.server.logs import into_file, request_log
from jenkins_ml.server.metrics import Metrics
from jenkins_ml.server.request_log import RequestLog
from jenkins_ml.server.tensors import to_proto
from tests.fakes.model import FakeLoader, FakeModel

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = {names.REQUEST_HEADER: "r-1", names.TRACE_HEADER: f"00-{TRACE}-{SPAN}-01"}
SECRET = 123456.789


class Bench:
    """Version 1 is stable; version 2 fails on everything."""

    def __init__(self):
        self.lines = []
        self.log = RequestLog("m", "production", self.lines.append)
        broken = FakeModel()
        broken.error = ValueError(f"cannot work with {SECRET}")
        self.plane = DataPlane("m", FakeLoader({"1": FakeModel(), "2": broken}))
        identity = Identity(environment="production", rest_port=1, grpc_port=2, token="t")
        self.app = make_app(
            self.plane, Metrics("m"), Admin(self.plane, identity, asyncio.Event(), self.log).routes(), self.log
        )

    async def ready(self, canary=0):
        await self.plane.load(1, Path("/models/1"))
        await self.plane.load(2, Path("/models/2"))
        self.plane.set_traffic(1, 2, canary, 1e9)

    async def post(self, path, body, headers):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1") as client:
            return await client.post(path, json=body, headers=headers)

    async def rest(self, headers=GIVEN, path="/v1/models/m:predict", body=None):
        return await self.post(path, body or {"instances": [[SECRET, 0]]}, headers)

    def found(self):
        return [json.loads(line) for line in self.lines]


@pytest.fixture
def bench():
    return Bench()


def test_rest(bench):
    async def scenario():
        await bench.ready()
        answer = await bench.rest()
        assert answer.headers[names.REQUEST_HEADER] == "r-1"
        made = await bench.rest(headers={names.REQUEST_HEADER: 'no"id', names.TRACE_HEADER: "no trace"})
        assert len(made.headers[names.REQUEST_HEADER]) == 32
        return made.headers[names.REQUEST_HEADER]

    made = asyncio.run(scenario())
    first, second = bench.found()
    assert (first["http"]["request"]["id"], first["trace"]["id"], first["span"]["id"]) == ("r-1", TRACE, SPAN)
    assert (first["service"]["version"], first["http"]["response"]["status_code"]) == ("1", 200)
    assert second["http"]["request"]["id"] == made
    assert "span" not in second


def test_failures_over_rest_and_what_stays_private(bench):
    async def scenario():
        await bench.ready()
        return [
            await bench.rest(path="/v1/models/m/versions/2:predict"),
            await bench.rest(body={"instances": [["a text", SECRET]]}),
            await bench.rest(path="/v1/models/other:predict"),
        ]

    answers = asyncio.run(scenario())
    assert [answer.headers[names.REQUEST_HEADER] for answer in answers] == ["r-1"] * 3
    lines = bench.found()
    assert [(line["log.level"], line["error"]["type"]) for line in lines] == [
        ("error", "INTERNAL"),
        ("warning", "INVALID_ARGUMENT"),
        ("warning", "NOT_FOUND"),
    ]
    assert [line["http"]["response"]["status_code"] for line in lines] == [answer.status_code for answer in answers]
    assert [line["service"].get("version") for line in lines] == ["2", "1", None]
    assert str(SECRET) not in b"".join(bench.lines).decode()


def test_a_canary_that_failed_before_stable_answered_is_named(bench):
    async def scenario():
        await bench.ready(canary=100)
        assert (await bench.rest()).status_code == 200

    asyncio.run(scenario())
    (line,) = bench.found()
    assert (line["service"]["version"], line["labels"]["instead_of"]) == ("1", "2")


def test_only_predictions_are_logged(bench):
    async def scenario():
        await bench.ready()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(bench.app), base_url="http://h") as client:
            for path in ("/v1/models/m", "/v1/models/m/metadata", "/metrics"):
                assert (await client.get(path)).status_code == 200

    asyncio.run(scenario())
    assert bench.lines == []


def test_where_a_version_comes_from_is_told_over_the_admin_interface(bench):
    async def scenario():
        await bench.ready()
        body = {"version": 1, "origin": {"run": "vision-7", "commit": "abc", "build": "b", "release": 4, "more": 1}}
        told = await bench.post(f"{names.ADMIN_PREFIX}/origin", body, {"Authorization": "Bearer t"})
        assert told.status_code == 200
        await bench.rest()

    asyncio.run(scenario())
    assert bench.found()[0]["labels"] == {"run": "vision-7", "commit": "abc", "build": "b", "release": "4"}


def test_grpc(bench):
    def question(version):
        spec = messages.ModelSpec(name="m")
        spec.version.value = version
        x = to_proto(np.array([[SECRET, 0]], np.float32))
        return messages.PredictRequest(model_spec=spec, inputs={"x": x})

    async def scenario():
        await bench.ready()
        server, port = make_server(bench.plane, 0, log=bench.log)
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            ask = channel.unary_unary(
                "/tensorflow.serving.PredictionService/Predict",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=messages.PredictResponse.FromString,
            )
            call = ask(question(1), timeout=10, metadata=tuple(GIVEN.items()))
            await call
            trailing = dict(await call.trailing_metadata())
            assert (trailing[names.REQUEST_HEADER], trailing[names.VERSION_HEADER]) == ("r-1", "1")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ask(question(2), timeout=10, metadata=tuple(GIVEN.items()))
            assert dict(caught.value.trailing_metadata())[names.REQUEST_HEADER] == "r-1"
        await server.stop(1)

    asyncio.run(scenario())
    good, bad = bench.found()
    assert (good["trace"]["id"], good["network"]["protocol"], good["service"]["version"]) == (TRACE, "grpc", "1")
    assert "response" not in good["http"]
    assert (bad["error"]["type"], bad["service"]["version"], bad["log.level"]) == ("INTERNAL", "2", "error")
    assert str(SECRET) not in b"".join(bench.lines).decode()


def test_a_folder_that_cannot_be_written_fails_no_request_and_is_told_of_once(bench, tmp_path, caplog):
    (tmp_path / "folder").write_text("a file")
    writer, bench.log = request_log("m", "production", into_file(tmp_path / "folder", "m", "production"))
    bench.app = make_app(bench.plane, Metrics("m"), log=bench.log)

    async def scenario():
        await bench.ready()
        answers = [await bench.rest() for _ in range(3)]
        while writer.dropped < 3:
            await asyncio.sleep(0.01)
        answers += [await bench.rest() for _ in range(3)]
        return [answer.status_code for answer in answers]

    assert asyncio.run(scenario()) == [200] * 6
    writer.close()
    assert writer.dropped >= 6
    assert [record.message for record in caplog.records if "cannot be written" in record.message] == [
        f"the log {tmp_path}/folder/m.production.server.ndjson cannot be written: File exists"
    ]


def test_an_origin_goes_through_environment_variables():
    origin = Origin(run="r", commit="c", release=3)
    assert Origin.read(origin.variables()) == origin
    assert Origin.read(dict.fromkeys(Origin(run="", commit="", build="", release=0).variables(), "")) == Origin()
    assert Origin.read({"JENKINS_ML_ORIGIN_RELEASE": "three", "JENKINS_ML_RUN": "another"}) == Origin()
    assert Origin.of({"run": 7, "release": "8", "commit": True}) == Origin()
