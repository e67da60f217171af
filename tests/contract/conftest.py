"""The server that the tests of test_any_jenkins*.py run against: the fake one, or any real one that is named."""

import os
import secrets
from types import SimpleNamespace

import pytest

from jenkins_ml.adapters.jenkins_client import Limits, Profile, Server
from jenkins_ml.adapters.jenkins_server import item_path
from tests.fakes import jenkins_jobs
from tests.fakes.jenkins import FakeJenkins
from tests.fakes.jenkins_jobs import FOLDER

VARIABLES = ("JENKINS_ML_TEST_URL", "JENKINS_ML_TEST_USER", "JENKINS_ML_TEST_TOKEN")
REAL = all(os.environ.get(name) for name in VARIABLES)


@pytest.fixture(scope="module")
def account():
    """A server: url, user, token; and how to tell it what a job's builds do, where it cannot read its script."""
    if REAL:
        url, user, token = (os.environ[name] for name in VARIABLES)
        yield SimpleNamespace(url=url.rstrip("/") + "/", user=user, token=token), lambda name, build: None
        return
    with FakeJenkins() as fake:
        account = SimpleNamespace(url=fake.url, user=fake.admin.name, token=fake.admin.token)
        yield account, fake.script


@pytest.fixture(scope="module")
def server(account):
    found, _ = account
    with Server(
        Profile(found.url, found.user, found.token), limits=Limits() if REAL else jenkins_jobs.LIMITS
    ) as connected:
        yield connected


@pytest.fixture(scope="module")
def folder(server):
    """The one folder for everything."""
    name = f"jenkins-ml-contract-{secrets.token_hex(6)}"
    server.create_job(name, FOLDER)
    try:
        yield name
    finally:
        server.ends = None
        server.exchange("POST", f"{item_path(name)}/doDelete", repeat=True)
        assert not server.job_exists(name)
