"""`status --all` on a real API server with simulated nodes: from a folder without a model, by the kubeconfig alone."""

import json
import subprocess
import sys

import pytest

from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import connect
from tests.fakes.kubernetes_site import pods_answer, site_of

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]


@pytest.fixture
def site(cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    api = Api(connect(None))
    with pods_answer(api) as network, site_of(api, network) as here:
        yield here


def status(folder, *arguments):
    command = [sys.executable, "-m", "jenkins_ml.cli", "status", "--all", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_all_models_of_a_cluster(site, tmp_path):
    for model, environment, digest in (("a", "production", "a"), ("a", "staging", "b"), ("b", "production", "c")):
        target = site.target(model, environment)
        target.load(site.version(1, model=model, digest=digest))
        target.route(1, None, 0)
    canary = site.target("b")
    canary.load(site.version(2, model="b"))
    canary.route(1, 2, 25)

    done = status(tmp_path, "--namespace", site.namespace, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["models"]
    assert [(row["model"], row["environment"], row["version"], row["replicas"]) for row in found] == [
        ("a", "production", 1, "3 of 3 ready"),
        ("a", "staging", 1, "3 of 3 ready"),
        ("b", "production", 1, "3 of 3 ready"),
    ]
    assert len({row["digest"] for row in found}) == 3
    assert {row["image"][:18] for row in found} == {"registry.test/m:1@"}
    assert {row["problem"] for row in found} == {None}
    assert [row["canary"] and row["canary"]["version"] for row in found] == [None, None, 2]
    assert all(row["since"] for row in found)

    everywhere = json.loads(status(tmp_path, "--context", "tests", "--json").stdout)["models"]
    assert [row for row in everywhere if row["namespace"] == site.namespace] == found
    refused = status(tmp_path, "--context", "nobody")
    assert refused.returncode == 2
    assert "there is no way to a cluster context nobody" in refused.stderr
    for model, environment in (("a", "production"), ("a", "staging"), ("b", "production")):
        site.target(model, environment).destroy()
