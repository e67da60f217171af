"""Releases by the command line on a real Docker engine."""

import shutil

import pytest

from tests.fakes import docker_site
from tests.fakes.docker_site import Users, predict
from tests.fakes.engine_repository import answer_of, clear_docker, configure, on_docker, status, train_and_gate

pytestmark = [pytest.mark.docker, pytest.mark.tensorflow, pytest.mark.xdist_group("docker")]
MODEL = "tiny"


def containers(engine, role="server"):
    labels = [f"jenkins-ml.io/model={MODEL}", f"jenkins-ml.io/role={role}"]
    return {
        each.name.rpartition("-")[2]: each
        for each in engine.client.containers.list(all=True, filters={"label": labels})
    }


def made(engine):
    labelled = {"label": f"jenkins-ml.io/model={MODEL}"}
    return sorted(
        each.name
        for kind in (engine.client.containers, engine.client.networks, engine.client.volumes)
        for each in (
            kind.list(all=True, filters=labelled) if kind is engine.client.containers else kind.list(filters=labelled)
        )
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, trained, repository_factory, docker_engine):
    """Version 1 is in production on Docker, and run "second" is approved against it."""
    image = docker_site.image_of_model_server(docker_engine)
    clear_docker(docker_engine)
    folder = tmp_path_factory.mktemp("docker") / "project"
    shutil.copytree(trained.folder, folder)
    with repository_factory(folder) as repository:
        configure(repository, **on_docker(docker_engine, image))
        try:
            yield repository
        finally:
            clear_docker(docker_engine)


def test_a_whole_life(prepared, docker_engine):
    repository = prepared
    first = answer_of(repository, "serve", run="first")
    assert first["version"] == 1
    assert predict(first["rest"], b'{"instances": [[1.0, 2.0, 3.0, 4.0]]}') == (
        200,
        b'{\n    "predictions": [10.0\n    ]\n}',
    )
    train_and_gate(repository, "second")
    with Users(first["rest"], rate=100) as users:
        repository.ok("serve", run="second")
        seen = status(repository)
        assert (seen["version"], seen["traffic"], seen["warm"], seen["problem"]) == (2, "version 2", "1", None)
        repository.ok("rollback", "--reason", "it is slow")
        assert status(repository)["version"] == 1
    assert set(users.answers) == {200}
    assert status(repository)["why"] == "rollback: it is slow"
    released = [entry for entry in repository.store.journal.entries() if entry.kind == "released"]
    assert [entry.evidence["image"] for entry in released] == [
        docker_engine.client.images.get(docker_site.SERVER).id
    ] * 2
    assert set(containers(docker_engine)) == {"v1"}


def test_a_rollback_while_the_store_is_away_is_journalled_when_it_is_back(prepared, docker_engine):
    repository = prepared
    train_and_gate(repository, "third")
    rest = answer_of(repository, "serve", run="third")["rest"]
    assert repository.production() == 3
    store, away = repository.store_root, repository.store_root.with_name("away")
    store.rename(away)
    try:
        with Users(rest, rate=100) as users:
            done = repository.ok("rollback", "--reason", "nobody likes it")
        assert set(users.answers) == {200}
        assert "knows of no release in production; going by what the target keeps" in done.err
        again = repository.call("rollback")
        assert again.code == 2
        assert "no version is kept warm to go back to" in again.err
    finally:
        shutil.rmtree(store, ignore_errors=True)
        away.rename(store)
    assert repository.production() == 3, "nobody has written it yet"
    repository.ok("rollback")  # whoever comes next writes it
    history = repository.store.journal.history("production")
    assert (history.production.version, history.open) == (1, None)
    assert any("nobody likes it (by " in entry.reason for entry in repository.store.journal.entries())
    assert set(containers(docker_engine)) == {"v1"}


def test_destroy_takes_away_exactly_what_was_made(prepared, docker_engine):
    other = docker_engine.client.containers.create(docker_engine.base, ["true"], name="not-ours")
    try:
        removed = answer_of(prepared, "destroy", "--yes")["removed"]
        assert len(removed) >= 4
        assert made(docker_engine) == []
        assert docker_engine.client.containers.get("not-ours").id == other.id
        assert prepared.production() == 1
        assert answer_of(prepared, "destroy")["removed"] == []
    finally:
        other.remove(force=True)
