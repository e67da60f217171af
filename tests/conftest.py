"""What the tests share: one process with TensorFlow imported, and small model repositories to work in."""

import os
import shutil

import pytest
from hypothesis import settings

from jenkins_ml import names
from jenkins_ml.adapters import warm
from tests.engines.fixtures import (  # noqa: F401 - fixtures
    cluster,
    docker_engine,
    elasticsearch,
    node_cluster,
    prometheus_programs,
)
from tests.engines.missing import left_out, need
from tests.fakes.repository import Commands, Repository

# No deadline an example: how long one takes says how busy the machine is.
settings.register_profile("jenkins-ml", deadline=None)
settings.load_profile("jenkins-ml")

# What this process was started in must not reach the commands under test: a Jenkins build, for example.
for variable in (
    names.ENV_RUN,
    names.ENV_STORE,
    names.ENV_PARAMS,
    names.ENV_WARM,
    names.ENV_BUILD_TAG,
    names.ENV_APPROVER,
    names.ENV_FORGE_TOKEN,
    names.ENV_SIGNERS,
    names.ENV_TRACEPARENT,
    "BRANCH_NAME",
    "CHANGE_ID",
    "GIT_BRANCH",
    "NODE_NAME",
    "TAG_NAME",
):
    os.environ.pop(variable, None)


# Marker -> the programs that its real part needs; the fixtures of engines see for themselves.
REAL_PARTS = {"groovy": ("java", "mvn"), "ssh": ("ssh-keygen", "ssh-agent", "ssh-add")}


def pytest_runtest_setup(item):
    """Leave out a test whose real part this machine does not have; where all are required, fail instead."""
    for marker, programs in REAL_PARTS.items():
        if item.get_closest_marker(marker) is not None:
            with left_out():
                need(*programs)


@pytest.fixture(scope="session")
def warm_process():
    """The socket of a process that has TensorFlow imported: what trains and serves in tests is forked from it."""
    with warm.started() as address:
        yield address


@pytest.fixture(scope="session")
def commands():
    """A process that runs commands of jenkins-ml without importing them anew."""
    with Commands() as process:
        yield process


@pytest.fixture(scope="session")
def repository_factory(warm_process, commands):
    """Makes model repositories that train and serve out of the warm process; stops their servers at the end of the block."""
    return lambda folder, **files: Repository(folder, {names.ENV_WARM: str(warm_process)}, commands, **files)


@pytest.fixture
def project(tmp_path, repository_factory):
    """A model repository of a tiny Keras model."""
    with repository_factory(tmp_path / "project") as repository:
        yield repository


@pytest.fixture
def cold_project(tmp_path, commands):
    """The same for tests that never get as far as TensorFlow."""
    with Repository(tmp_path / "project", {}, commands) as repository:
        yield repository


@pytest.fixture(scope="session")
def trained(tmp_path_factory, repository_factory):
    """A repository with one trained and gated version, run "first", to be copied; it must not be changed."""
    with repository_factory(tmp_path_factory.mktemp("trained") / "project") as repository:
        repository.ok("train", run="first")
        repository.ok("gate", run="first")
        yield repository


@pytest.fixture
def gated(tmp_path, trained, repository_factory):
    """A copy of that: nothing is in production, and version 1 waits to be served."""
    shutil.copytree(trained.folder, tmp_path / "project")
    with repository_factory(tmp_path / "project") as repository:
        yield repository
