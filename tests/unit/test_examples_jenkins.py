"""examples/jenkins: what can be held of a server without starting one. Nothing secret, nothing open, nothing unpinned."""

import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from jenkins_ml import __version__
from jenkins_ml.config.loader import load
from jenkins_ml.names import ENV_STORE
from jenkins_ml.rendering import plugins

ROOT = Path(__file__).parents[2]
HERE = ROOT / "examples/jenkins"
FILES = sorted(path for path in HERE.rglob("*") if path.is_file())
DOCKERFILES = [path for path in FILES if path.name == "Dockerfile"]


def read(name):
    return YAML(typ="safe").load(HERE / name)


def leaves(value, path=()):
    """Every key path of a YAML document with its scalar."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, path)
    else:
        yield path, value


@pytest.fixture(scope="module")
def compose():
    return read("compose.yaml")


@pytest.fixture(scope="module")
def jenkins():
    return read("controller/jenkins.yaml")


@pytest.fixture(scope="module")
def installed():
    """Plugin -> version."""
    lines = (HERE / "controller/plugins.txt").read_text().splitlines()
    return dict(line.split(":") for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("example", ["digits", "quickstart"])
def test_the_server_has_the_plugins_of_the_examples(installed, example):
    assert set(plugins.used(load(ROOT / "examples" / example))) <= set(installed)


def test_the_server_has_the_plugins_of_its_own_configuration(installed, jenkins):
    assert {"configuration-as-code", "job-dsl", "git", "pipeline-groovy-lib", "credentials-binding"} <= set(installed)
    assert set(jenkins) == {"jenkins", "credentials", "unclassified", "jobs"}, "another section needs its plugin"


def test_every_plugin_and_image_is_pinned(installed):
    assert all(re.fullmatch(r"\d[\w.-]*", version) for version in installed.values())
    assert len(DOCKERFILES) == 2
    for path in DOCKERFILES:
        [image] = re.findall(r"^FROM (\S+)", path.read_text(), re.M)
        assert re.fullmatch(r"jenkins/[a-z-]+:\d+\.\w.*", image), image


def test_the_controller_lets_nobody_in_and_builds_nothing(jenkins):
    server = jenkins["jenkins"]
    assert server["numExecutors"] == 0
    assert server["slaveAgentPort"] == -1
    assert server["securityRealm"]["local"]["allowsSignup"] is False
    assert server["authorizationStrategy"] == {"loggedInUsersCanDoAnything": {"allowAnonymousRead": False}}
    assert server["crumbIssuer"] == {"standard": {"excludeClientIPFromCrumb": False}}


def test_every_secret_comes_from_outside(jenkins, compose):
    held = {
        path[-1]: value for path, value in leaves(jenkins) if path[-1] in ("password", "secret", "token", "privateKey")
    }
    assert held == {"password": "${admin_password}", "secret": "${JENKINS_FORGE_TOKEN:-}"}
    assert compose["secrets"] == {"admin_password": {"environment": "JENKINS_ADMIN_PASSWORD"}}
    assert compose["services"]["controller"]["environment"]["JENKINS_FORGE_TOKEN"] == "${JENKINS_FORGE_TOKEN:-}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_looks_like_it_holds_a_secret(path):
    looks = r"-----BEGIN|gh[pousr]_\w{20}|glpat-|AKIA[A-Z0-9]{12}|\{AQAA|://[^/\s:]+:[^@\s]+@|\b[0-9a-f]{40,}\b"
    assert not re.search(looks, path.read_text())


@pytest.mark.parametrize("service", ["controller", "agent", "repositories"])
def test_a_container_has_no_more_rights_than_it_needs(compose, service):
    found = compose["services"][service]
    assert found["user"] == "1000:1000"
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & set(found)
    assert not [volume for volume in found["volumes"] if "docker.sock" in volume]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_an_image_does_not_end_as_root(path):
    assert re.findall(r"^USER (\S+)", path.read_text(), re.M)[-1] == "1000"


def test_only_this_machine_reaches_the_server(compose):
    ports = {name: service.get("ports", []) for name, service in compose["services"].items()}
    assert ports == {"controller": ["127.0.0.1:8080:8080"], "agent": [], "repositories": []}


def test_what_must_last_lies_on_named_volumes(compose, jenkins):
    mounted = {
        name: [volume.split(":")[:2] for volume in service["volumes"]] for name, service in compose["services"].items()
    }
    assert ["jenkins_home", "/var/jenkins_home"] in mounted["controller"]
    [node] = jenkins["jenkins"]["nodes"]
    [variables] = node["permanent"]["nodeProperties"]
    [store] = variables["envVars"]["env"]
    assert store["key"] == ENV_STORE
    assert ["models", store["value"]] in mounted["agent"]
    named = {source for volumes in mounted.values() for source, _ in volumes if not source.startswith(".")}
    assert named == set(compose["volumes"])


def test_server_and_agent_mean_the_same_agent(compose, jenkins):
    [node] = jenkins["jenkins"]["nodes"]
    name = node["permanent"]["name"]
    agent = compose["services"]["agent"]["environment"]
    assert agent["JENKINS_AGENT_NAME"] == name
    assert agent["JENKINS_AGENT_WORKDIR"] == node["permanent"]["remoteFS"]
    assert agent["JENKINS_SECRET"] == f"@/var/lib/jenkins-agent/{name}"
    assert f"String name = '{name}'" in (HERE / "controller/agent-secret.groovy").read_text()
    assert f"agent: {{node: {name}}}" in (HERE / "agent/repositories.sh").read_text()


def test_the_library_is_asked_for_and_pinned(jenkins):
    [library] = jenkins["unclassified"]["globalUntrustedLibraries"]["libraries"]
    assert library["name"] == "jenkins-ml"
    assert library["implicit"] is False
    assert library["defaultVersion"] == f"v{__version__}"


def test_jobs_build_repositories_that_are_made(jenkins):
    [job] = jenkins["jobs"]
    models = re.search(r"\[(.*)\]\.each", job["script"])[1].replace("'", "").replace(",", "")
    assert f"for example in {models}; do" in (HERE / "agent/repositories.sh").read_text()
    assert '"git://repositories/" + model + ".git"' in job["script"]
    assert "$" not in job["script"], "configuration-as-code would replace it"


def test_every_container_waits_for_what_it_needs(compose):
    for service in compose["services"].values():
        for name, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            assert "healthcheck" in compose["services"][name]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_shells_understand_the_scripts(shell):
    for path in [HERE / "agent/repositories.sh", ROOT / "resources/jenkins_ml/install.sh"]:
        subprocess.run([shell, "-n", str(path)], check=True, timeout=10)
