"""Releases by the command line where `traffic: argo-rollouts`, with the controller of Argo Rollouts and simulated nodes."""

import shutil

import pytest

from jenkins_ml.adapters.kubernetes import kinds
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import connect
from tests.fakes.engine_repository import answer_of, configure, on_kubernetes, status, train_and_gate
from tests.fakes.kubernetes_site import pods_answer, site_of

pytestmark = [pytest.mark.kubernetes, pytest.mark.tensorflow, pytest.mark.xdist_group("kubernetes")]


@pytest.fixture
def site(cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    api = Api(connect(None))
    with cluster.argo_rollouts(), pods_answer(api) as network, site_of(api, network) as here:
        yield here


@pytest.fixture
def project(tmp_path, trained, repository_factory, site):
    shutil.copytree(trained.folder, tmp_path / "project")
    with repository_factory(tmp_path / "project") as repository:
        serve = on_kubernetes(site.namespace)
        configure(repository, **{**serve, "kubernetes": {**serve["kubernetes"], "traffic": "argo-rollouts"}})
        yield repository


def versions(site):
    serving = site.target(model="tiny", traffic="argo-rollouts").serving()
    return {running.version: (running.replicas, running.ready) for running in serving.versions}


def killed_at_its_step(project, run):
    """The deployer dies just after it has written that it gives the canary its share."""
    entry = len(project.store.journal.entries()) + 2  # after that it has started
    killed = project.call("serve", run=run, at=1, at_entry=entry)
    assert killed.code == -9, killed


def test_a_whole_life(site, project):
    first = answer_of(project, "serve", run="first")
    assert first["rest"] == f"http://tiny-production.{site.namespace}.svc:8501/v1/models/tiny"
    train_and_gate(project, "second")
    killed_at_its_step(project, "second")
    assert status(project)["version"] == 1
    assert project.store.journal.history("production").left.version == 2
    project.ok("serve", "--resume", run="second")
    seen = status(project)
    assert (seen["version"], seen["replicas"], seen["warm"], seen["problem"]) == (2, "3 of 3 ready", "1", None)

    train_and_gate(project, "third")
    killed_at_its_step(project, "third")
    site.network.behave(version=3, fail_share=0.5)
    bad = project.call("serve", "--resume", run="third")
    assert bad.code == 5, bad
    assert "version 1 cannot be kept ready for a rollback: a Rollout has place for one version beside 2" in bad.err
    assert "version 3 was rolled back" in bad.err
    assert "version 2 stays in production" in bad.err
    # The version before had made place, and is warm again, with the pods of a first step of 50 %.
    assert versions(site) == {1: (3, 3), 2: (3, 3)}

    project.ok("rollback", "--reason", "it is slow")
    assert status(project)["version"] == 1
    assert versions(site) == {1: (3, 3)}
    project.ok("promote", "2", "--environment", "production")
    assert status(project)["version"] == 2
    removed = answer_of(project, "destroy", "--yes")["removed"]
    assert "Rollout tiny-production" in removed
    assert site.made() == []
    assert site.api.list(kinds.ROLLOUT, site.namespace)["items"] == []
