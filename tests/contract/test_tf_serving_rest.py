"""The REST interface as clients of TensorFlow Serving know it: paths, methods, codes, texts, headers, gzip."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from jenkins_ml import names
from jenkins_ml.errors import IntegrityError
from jenkins_ml.server.admin import Admin, Identity
from jenkins_ml.server.app import make_app
from jenkins_ml.server.dataplane import DataPlane
from jenkins_ml.server.metrics import Metrics
from tests.fakes.model import FakeLoader, FakeModel

TOKEN = "secret-of-this-test"
PREDICT = "/v1/models/m:predict"


class Client:
    """Asks the application in this process."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.models = {"1": FakeModel(), "2": FakeModel(offset=100), "3": IntegrityError("broken")}
        self.stop = asyncio.Event()
        metrics = Metrics("m")
        self.plane = DataPlane("m", FakeLoader(self.models), metrics.observe, wall=lambda: 1.7e9)
        identity = Identity(environment="production", rest_port=1, grpc_port=2, token=TOKEN)
        self.app = make_app(self.plane, metrics, Admin(self.plane, identity, self.stop).routes())

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> httpx.Response:
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, content=content, headers=headers)

        return self.runner.run(send())

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.ask("POST", path, body)

    def admin(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> httpx.Response:
        return self.ask(method, names.ADMIN_PREFIX + path, body, {"Authorization": f"Bearer {token}"})

    def refusal(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        response = self.ask(method, path, body)
        assert response.headers["content-type"] == "application/json"
        message = response.json()["error"]
        assert response.content.startswith(b'{\n    "error": "')
        assert response.content.endswith(b'"\n}')
        return response.status_code, message


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    client.runner.run(client.plane.load(1, Path("/models/1")))
    client.runner.run(client.plane.load(2, Path("/models/2")))
    client.plane.set_traffic(1, None, 0, 0)
    yield client
    client.runner.close()


# --- predict ---------------------------------------------------------------------------------------------------------
def test_rows(client: Client) -> None:
    response = client.post(PREDICT, {"instances": [[1, 2], [3, 4]]})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers[names.VERSION_HEADER] == "1"
    assert response.content == b'{\n    "predictions": [5.0, 11.0\n    ]\n}'


def test_columns_of_a_version(client: Client) -> None:
    response = client.post("/v1/models/m/versions/2:predict", {"inputs": {"x": [[1, 2]]}})
    assert response.headers[names.VERSION_HEADER] == "2"
    assert response.content == b'{\n    "outputs": [\n        105.0\n    ]\n}'


def test_paths_are_matched_whatever_their_case_and_decoded(client: Client) -> None:
    body = {"instances": [[1, 2]]}
    assert client.post("/V1/Models/m/Versions/1:Predict?query=ignored", body).status_code == 200
    assert client.post("/v1/models/%6D:predict", body).status_code == 200
    assert client.post("/v1/models/M:predict", body).status_code == 404


def test_gzip(client: Client) -> None:
    body = gzip.compress(b'{"instances": [[1, 2]]}')
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/whatever"}
    assert client.ask("POST", PREDICT, body, headers).json() == {"predictions": [5.0]}
    for broken in (b"no gzip", body[:-4]):
        response = client.ask("POST", PREDICT, broken, headers)
        assert response.status_code == 400
        assert "not valid gzip" in response.json()["error"]


def test_a_long_body(client: Client) -> None:
    rows = np.ones((20_000, 2)).tolist()
    assert client.post(PREDICT, {"instances": rows}).json() == {"predictions": [3.0] * 20_000}


def test_a_failing_model(client: Client) -> None:
    model = client.models["1"]
    assert isinstance(model, FakeModel)
    model.error = ValueError("boom")
    response = client.post(PREDICT, {"instances": [[1, 2]]})
    assert (response.status_code, response.headers[names.VERSION_HEADER]) == (500, "1")
    assert response.json() == {"error": "ValueError: boom"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/v1/models/foo:predict", {"instances": [1]}, 404, "Servable not found for request: Latest(foo)"),
        (
            "POST",
            "/v1/models/m/versions/99:predict",
            {"instances": [1]},
            404,
            "Servable not found for request: Specific(m, 99)",
        ),
        (
            "POST",
            "/v1/models/m/versions/18446744073709551615:predict",
            {"instances": [1]},
            400,
            "Failed to convert version: 18446744073709551615 to numeric.",
        ),
        ("POST", "/v1/models/m/labels/x:predict", {"instances": [1]}, 400, "Unrecognized servable version label: x"),
        (
            "POST",
            "/v1/models/m/versions/1/labels/x:predict",
            {"instances": [1]},
            400,
            "Malformed request: POST /v1/models/m/versions/1/labels/x:predict",
        ),
        ("POST", "/v1/models/m:predict", b"", 400, "JSON Parse error: The document is empty"),
        ("POST", "/v1/models/m:predict", b"x", 400, "JSON Parse error: Invalid value. at offset: 0"),
        ("POST", "/v1/models/m:predict", {}, 400, "Missing 'inputs' or 'instances' key"),
        ("POST", "/v1/models/m:classify", {}, 501, "This server does not classify; send tensors to :predict"),
        ("POST", "/v1/models/m:regress", {}, 501, "This server does not regress; send tensors to :predict"),
        ("POST", "/v1/models/m?x=1", {}, 400, "Malformed request: POST /v1/models/m"),
        ("GET", "/v1/models/m:predict", None, 400, "Malformed request: GET /v1/models/m:predict"),
        ("PUT", "/v1/models/m", None, 400, "Malformed request: PUT /v1/models/m"),
        ("DELETE", "/v1/anything", None, 400, "Malformed request: DELETE /v1/anything"),
        ("GET", "/v1/models", None, 400, "Missing model name in request."),
        ("GET", "/v1/models/foo", None, 404, "Could not find any versions of model foo"),
        ("GET", "/v1/models/m/versions/99", None, 404, "Could not find version 99 of model m"),
        ("GET", "/v1/models/foo/metadata", None, 404, "Servable not found for request: Latest(foo)"),
        ("GET", "/v1/models/m/versions/99/metadata", None, 404, "Servable not found for request: Specific(m, 99)"),
        ("OPTIONS", "/v1/models/m", None, 400, "Origin header is missing in CORS preflight"),
    ],
)
def test_refusals(client: Client, method: str, path: str, body: Any, status: int, message: str) -> None:
    assert client.refusal(method, path, body) == (status, message)


def test_a_preflight(client: Client) -> None:
    assert client.ask("OPTIONS", PREDICT, headers={"Origin": "https://example.com"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/v2/models/m", "/v1", "/jenkins-ml/v1/nothing"])
def test_other_paths(client: Client, path: str) -> None:
    response = client.ask("GET", path)
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


# --- status and metadata ---------------------------------------------------------------------------------------------
def test_status_of_one_version(client: Client) -> None:
    response = client.ask("GET", "/v1/models/m/versions/1")
    assert response.content == (
        b'{\n "model_version_status": [\n  {\n   "version": "1",\n   "state": "AVAILABLE",\n   "status": {\n'
        b'    "error_code": "OK",\n    "error_message": ""\n   }\n  }\n ]\n}\n'
    )


def test_status_of_all_versions(client: Client) -> None:
    client.admin("POST", "/load", {"version": 3, "path": "/models/3"})
    for path in ("/v1/models/m", "/v1/models/m/labels/anything"):
        statuses = client.ask("GET", path).json()["model_version_status"]
        assert [(item["version"], item["state"]) for item in statuses] == [
            ("3", "END"),
            ("2", "AVAILABLE"),
            ("1", "AVAILABLE"),
        ]
        assert statuses[0]["status"] == {"error_code": "INTERNAL", "error_message": "broken"}


def test_metadata(client: Client) -> None:
    response = client.ask("GET", "/v1/models/m/metadata")
    dim = {"size": "-1", "name": ""}
    two = {"size": "2", "name": ""}
    assert response.json() == {
        "model_spec": {"name": "m", "signature_name": "", "version": "1"},
        "metadata": {
            "signature_def": {
                "signature_def": {
                    "serving_default": {
                        "inputs": {
                            "x": {
                                "dtype": "DT_FLOAT",
                                "tensor_shape": {"dim": [dim, two], "unknown_rank": False},
                                "name": "",
                            }
                        },
                        "outputs": {
                            "y": {
                                "dtype": "DT_FLOAT",
                                "tensor_shape": {"dim": [dim], "unknown_rank": False},
                                "name": "",
                            }
                        },
                        "method_name": "tensorflow/serving/predict",
                        "defaults": {},
                    }
                }
            }
        },
    }


# --- metrics and admin, which TensorFlow Serving has not --------------------------------------------------------------
def test_metrics(client: Client) -> None:
    client.plane.set_traffic(1, 2, 25, 60)
    client.post("/v1/models/m/versions/2:predict", {"instances": [[1, 2], [float("inf"), 0]]})
    client.post("/v1/models/m/versions/2:predict", {"instances": [[1]]})
    lines = client.ask("GET", "/metrics").text.splitlines()
    for line in (
        'jenkins_ml_requests_total{code="OK",model="m",version="2"} 1.0',
        'jenkins_ml_requests_total{code="INVALID_ARGUMENT",model="m",version="2"} 1.0',
        'jenkins_ml_nan_predictions_total{model="m",version="2"} 1.0',
        'jenkins_ml_traffic_weight{model="m",version="1"} 75.0',
        'jenkins_ml_traffic_weight{model="m",version="2"} 25.0',
        'jenkins_ml_version_loaded_timestamp_seconds{model="m",version="1"} 1.7e+09',
        'jenkins_ml_request_duration_seconds_count{model="m",version="2"} 2.0',
    ):
        assert line in lines


def test_admin_needs_the_token(client: Client) -> None:
    for path, method in [("/state", "GET"), ("/stop", "POST"), ("/traffic", "POST")]:
        assert client.admin(method, path, {}, token="guess").status_code == 401
        assert client.ask(method, names.ADMIN_PREFIX + path).status_code == 401
    assert not client.stop.is_set()


def test_admin_state(client: Client) -> None:
    client.post(PREDICT, {"instances": [[1, 2]]})
    state = client.admin("GET", "/state").json()
    assert (state["model"], state["environment"], state["rest_port"], state["grpc_port"]) == ("m", "production", 1, 2)
    assert state["traffic"] == {"stable": 1, "canary": None, "weight": 0, "lease_seconds_left": 0}
    assert state["versions"]["1"] == {
        "state": "AVAILABLE",
        "error": "",
        "requests": 1,
        "failed": 0,
        "nan": 0,
        "sequence": 1,
        "loaded_at": 1.7e9,
    }


def test_admin_moves_traffic(client: Client) -> None:
    traffic = {"stable": 1, "canary": 2, "weight": 100, "lease_seconds": 60}
    assert client.admin("POST", "/traffic", traffic).status_code == 200
    assert client.post(PREDICT, {"instances": [[1, 2]]}).headers[names.VERSION_HEADER] == "2"
    refused = client.admin("POST", "/unload", {"version": 2})
    assert (refused.status_code, refused.json()) == (409, {"error": "version 2 gets traffic"})
    window = client.admin("POST", "/window", {"version": 2, "since": 0, "slower_than_ms": None}).json()
    assert (window["sequence"], window["requests"], window["failed"], window["slow"]) == (1, 1, 0, 0)
    empty = client.admin("POST", "/window", {"version": 2, "since": 1, "slower_than_ms": 5}).json()
    assert empty == {
        "sequence": 1, "requests": 0, "failed": 0, "nan": 0, "slow": 0, "p50_ms": None, "p99_ms": None,
        "latencies": [0] * 15, "predicted": [1],
    }  # fmt: skip
    assert client.admin("POST", "/traffic", {**traffic, "canary": 3}).status_code == 409


def test_admin_loads_and_stops(client: Client) -> None:
    assert client.admin("POST", "/load", {"version": 1, "path": "/models/1"}).status_code == 200
    refused = client.admin("POST", "/load", {"version": 3, "path": "/models/3"})
    assert (refused.status_code, refused.json()) == (422, {"error": "broken"})
    assert client.admin("POST", "/stop").status_code == 200
    assert client.stop.is_set()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/load", {"version": "1", "path": "/models/1"}),
        ("/load", {"version": 1, "path": "models/1"}),
        ("/load", b"{"),
        ("/load", [1]),
        ("/unload", {}),
        ("/traffic", {"stable": 1, "canary": None, "weight": 1, "lease_seconds": 1}),
        ("/traffic", {"stable": 1, "canary": 2, "weight": 101, "lease_seconds": 1}),
        ("/traffic", {"stable": 1, "canary": 1, "weight": 1, "lease_seconds": 1}),
        ("/traffic", {"stable": 1, "canary": 2, "weight": 1, "lease_seconds": -1}),
        ("/traffic", {"stable": 1, "canary": 2, "weight": True, "lease_seconds": 1}),
        ("/window", {"version": 1, "since": -1, "slower_than_ms": None}),
        ("/window", {"version": 1, "since": 0, "slower_than_ms": "1"}),
    ],
)
def test_admin_checks_its_fields(client: Client, path: str, body: Any) -> None:
    response = client.admin("POST", path, body)
    assert response.status_code == 400
    assert response.json()["error"]
