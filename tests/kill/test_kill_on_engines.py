"""kill -9 of a release before and after every entry that it writes into the journal, on a Docker engine and on Kubernetes.

Whoever runs next ends in the state that an uninterrupted release reaches: nothing is left over, and no user goes without
an answer meanwhile.
"""

import contextlib
import shutil

import pytest

from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import connect
from tests.fakes import docker_site
from tests.fakes.engine_repository import (
    answer_of,
    clear_docker,
    configure,
    on_docker,
    on_kubernetes,
    status,
    train_and_gate,
)
from tests.fakes.kubernetes_site import pods_answer, site_of

pytestmark = [pytest.mark.kill, pytest.mark.tensorflow]
# What a release of a second version writes.
ENTRIES = ("release_started", "release_step", "release_step", "released")


class OnDocker:
    """`users()` asks while something is done; `made()` is what there is of ours."""

    def __init__(self, engine, rest):
        self.engine, self.rest = engine, rest

    @contextlib.contextmanager
    def users(self):
        with docker_site.Users(self.rest, rate=50) as asking:
            yield
        assert set(asking.answers) == {200}, "a user went without an answer"

    def made(self):
        labelled = {"label": "jenkins-ml.io/model=tiny"}
        containers = self.engine.client.containers.list(all=True, filters=labelled, ignore_removed=True)
        others = (
            *self.engine.client.networks.list(filters=labelled),
            *self.engine.client.volumes.list(filters=labelled),
        )
        return sorted(each.name for each in (*containers, *others) if not each.name.endswith("-lock"))


class OnKubernetes:
    """Simulated nodes have no network of Services: who would be asked is looked at instead."""

    def __init__(self, site):
        self.site = site

    @contextlib.contextmanager
    def users(self):
        yield
        serving = self.site.target(model="tiny").serving()
        running = serving.find(serving.stable)
        assert running is not None
        assert running.ready == running.replicas == 3, "a user would have gone without an answer"

    def made(self):
        return sorted(
            name for name in self.site.made() if not name.startswith(("Pod ", "ReplicaSet ", "EndpointSlice "))
        )


@contextlib.contextmanager
def docker_scene(folder, trained, repository_factory, engine):
    shutil.copytree(trained.folder, folder)
    clear_docker(engine)
    with repository_factory(folder) as repository:
        configure(repository, **on_docker(engine, docker_site.image_of_model_server(engine)))
        try:
            yield repository, OnDocker(engine, answer_of(repository, "serve", run="first")["rest"])
        finally:
            clear_docker(engine)


@contextlib.contextmanager
def kubernetes_scene(folder, trained, repository_factory, cluster):
    shutil.copytree(trained.folder, folder)
    api = Api(connect(None))
    with pods_answer(api) as network, site_of(api, network) as site, repository_factory(folder) as repository:
        configure(repository, **on_kubernetes(site.namespace))
        repository.ok("serve", run="first")
        yield repository, OnKubernetes(site)


def kill_at_every_entry(repository, engine, tmp_path):
    train_and_gate(repository, "second")
    store, kept = repository.store.home, tmp_path / "kept"
    shutil.copytree(store, kept)
    before = len(repository.store.journal.entries())
    repository.ok("serve", run="second")
    ended, uninterrupted = status(repository), engine.made()
    assert [entry.kind for entry in repository.store.journal.entries()][before:] == list(ENTRIES)
    for number, kind in enumerate(ENTRIES, 1):
        for after in (0, 1):
            way = ["--resume"] if number % 2 == after else []  # half of them are continued, the others begun anew
            place = (kind, number, "after" if after else "before", *way)
            shutil.rmtree(store)
            shutil.copytree(kept, store)
            repository.ok("serve", run="first")  # the engine to what that journal says: nothing but version 1
            assert status(repository)["traffic"] == "version 1"
            with engine.users():
                at_entry = len(repository.store.journal.entries()) + number
                killed = repository.call("serve", run="second", at=after, at_entry=at_entry)
                assert killed.code == -9, (place, killed)
                done = repository.call("serve", *way, run="second")
                if done.code == 2:  # it had not begun: there is nothing to continue
                    assert number == 1, (place, done)
                    done = repository.call("serve", run="second")
                assert done.code == 0, (place, done)
            # When it was released, and how many answers the judge saw, is another release's.
            now = {**status(repository), "since": ended["since"], "canary": ended["canary"]}
            assert now == ended, place
            assert engine.made() == uninterrupted, place
            assert repository.store.journal.history("production").open is None, place


@pytest.mark.docker
@pytest.mark.xdist_group("docker")
def test_on_docker(tmp_path, trained, repository_factory, docker_engine):
    with docker_scene(tmp_path / "project", trained, repository_factory, docker_engine) as (repository, engine):
        kill_at_every_entry(repository, engine, tmp_path)


@pytest.mark.kubernetes
@pytest.mark.xdist_group("kubernetes")
def test_on_kubernetes(tmp_path, trained, repository_factory, cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    with kubernetes_scene(tmp_path / "project", trained, repository_factory, cluster) as (repository, engine):
        kill_at_every_entry(repository, engine, tmp_path)
