"""The process that asks over gRPC, against a server that has no TensorFlow."""

import asyncio
import io
import json
import threading
from pathlib import Path

import grpc
import numpy as np
import pytest

from jenkins_ml.records import Signature
from jenkins_ml.server import grpc_client
from jenkins_ml.server.dataplane import DataPlane
from jenkins_ml.server.grpc_api import make_server
from tests.fakes.model import FLOATS, FakeLoader, FakeModel, specs

X = np.arange(10, dtype=np.float32).reshape(5, 2)
TEXT = Signature(inputs=specs(word=("str", (None,))), outputs=specs(word=("str", (None,)), n=("int64", (None,))))


def echo(inputs):
    return {"word": inputs["word"], "n": np.array([len(word) for word in inputs["word"]])}


@pytest.fixture(scope="module")
def models():
    """Version 1 answers x0 + 2 x1, version 2 echoes text."""
    return {"1": FakeModel(signature=FLOATS), "2": FakeModel(signature=TEXT, answer=echo)}


@pytest.fixture(scope="module")
def address(models):
    loop, started, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    ports = []

    async def serve():
        plane = DataPlane("m", FakeLoader(models))
        for version in models:
            await plane.load(int(version), Path(version))
        server, port = make_server(plane, 0)
        await server.start()
        ports.append(port)
        started.set()
        await stop.wait()
        await server.stop(1)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(20)
    yield f"127.0.0.1:{ports[0]}"
    loop.call_soon_threadsafe(stop.set)
    thread.join(20)
    loop.close()


def test_all_at_once(address, models):
    before = models["1"].calls
    answer = grpc_client.ask(address, "m", 1, {"x": X})
    assert answer["y"].tolist() == (X @ [1, 2]).tolist()
    assert answer["y"].dtype == np.float32
    assert models["1"].calls == before + 1


def test_in_batches_of_a_fixed_size(address, models):
    before = models["1"].calls
    assert grpc_client.ask(address, "m", 1, {"x": X}, fixed=2)["y"].tolist() == (X @ [1, 2]).tolist()
    assert models["1"].calls == before + 3


def run(monkeypatch, tmp_path, inputs, **job):
    np.savez(tmp_path / "examples.npz", labels=X, **{f"replay/{name}": values for name, values in inputs.items()})
    whole = {
        "model": "m", "version": 1, "predictions": str(tmp_path / "examples.npz"), "fixed": None, "seconds": 20,
        "out": str(tmp_path),
    } | job  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(whole) + "\n"))
    assert grpc_client.main([]) == 0
    return json.loads((tmp_path / "result.json").read_bytes())


def test_a_job(address, monkeypatch, tmp_path):
    words = np.array(["a", "über"])
    assert run(monkeypatch, tmp_path, {"word": words}, address=address, version=2) == {}
    with np.load(tmp_path / "answers.npz", allow_pickle=False) as answers:
        assert answers["word"].tolist() == ["a", "über"]
        assert answers["n"].tolist() == [1, 5]


@pytest.mark.parametrize(
    ("inputs", "job", "words"),
    [
        ({"x": X}, {"version": 9}, "NOT_FOUND: Servable not found for request: Specific(m, 9)"),
        ({"z": X}, {}, "INVALID_ARGUMENT: input tensor alias not found"),
        ({"x": X.astype(np.longdouble)}, {}, "cannot be carried: Tensors of type"),
        ({"x": X}, {"address": "127.0.0.1:1"}, "UNAVAILABLE: "),
    ],
)
def test_a_job_that_fails_says_why(address, monkeypatch, tmp_path, inputs, job, words):
    error = run(monkeypatch, tmp_path, inputs, **{"address": address} | job)["error"]
    assert words in error


def test_a_model_that_does_not_answer(address, models):
    models["1"].gate.clear()
    try:
        with pytest.raises(grpc.RpcError, match="Deadline Exceeded"):
            grpc_client.ask(address, "m", 1, {"x": X}, seconds=0.2)
    finally:
        models["1"].gate.set()


def test_without_a_job_it_ends(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert grpc_client.main([]) == 0
