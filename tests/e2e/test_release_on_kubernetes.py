"""Releases by the command line on a real API server with its controllers, and simulated nodes."""

import shutil

import pytest

from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import connect
from tests.fakes.engine_repository import answer_of, configure, on_kubernetes, status, train_and_gate
from tests.fakes.kubernetes_site import pods_answer, site_of

pytestmark = [pytest.mark.kubernetes, pytest.mark.tensorflow, pytest.mark.xdist_group("kubernetes")]


@pytest.fixture
def site(cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    api = Api(connect(None))
    with pods_answer(api) as network, site_of(api, network) as here:
        yield here


def test_a_whole_life(site, tmp_path, trained, repository_factory):
    folder = tmp_path / "project"
    shutil.copytree(trained.folder, folder)
    with repository_factory(folder) as repository:
        configure(repository, **on_kubernetes(site.namespace))
        first = answer_of(repository, "serve", run="first")
        assert first["rest"] == f"http://tiny-production.{site.namespace}.svc:8501/v1/models/tiny"
        train_and_gate(repository, "second")
        repository.ok("serve", run="second")
        seen = status(repository)
        assert (seen["version"], seen["replicas"], seen["warm"], seen["problem"]) == (2, "3 of 3 ready", "1", None)

        train_and_gate(repository, "third")
        site.network.behave(version=3, fail_share=0.5)  # its replayed requests fail, once it was golden
        bad = repository.call("serve", run="third")
        assert bad.code == 5, bad
        assert "version 3 was rolled back" in bad.err
        assert "version 2 stays in production" in bad.err
        assert [running.version for running in site_target(site).serving().versions] == [1, 2]

        repository.ok("rollback", "--reason", "it is slow")
        assert status(repository)["version"] == 1
        removed = answer_of(repository, "destroy", "--yes")["removed"]
        assert "Deployment tiny-production-v1" in removed
        assert site.made() == []


def site_target(site):
    return site.target(model="tiny")
