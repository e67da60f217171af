"""What is made on an engine."""

import dataclasses
import io
import ipaddress
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml import names
from jenkins_ml.adapters import archives, files
from jenkins_ml.adapters.docker import causes
from jenkins_ml.adapters.docker.connection import address_of, reached_at, refusal
from jenkins_ml.adapters.docker.shapes import SHAPE, Shapes, bytes_of, free_address
from jenkins_ml.config.serve import Serve
from jenkins_ml.core.origin import Origin
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable, UsageError
from tests.fakes.versions import manifest, servable


def shapes(model="digits", environment="production", server=None, **docker):
    return Shapes(
        model, environment, Serve.model_validate({"target": "docker", "server": server or {}, "docker": docker})
    )


def made(inside=False, user="", **arguments):
    return shapes(**arguments).version_container(
        servable(3), "sha256:1", "s@sha256:2", "172.18.0.3", user, inside=inside
    )


def test_a_version_may_do_nothing_and_publishes_nothing():
    host = made()["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["ReadonlyRootfs"] is True
    assert host["PidsLimit"] > 0
    assert "PortBindings" not in host
    assert host["RestartPolicy"] == {"Name": "no"}


@pytest.mark.parametrize(
    ("user", "expected"),
    [("", "10001:10001"), ("root", "10001:10001"), ("0:0", "10001:10001"), ("serving", "serving"), ("99:99", "99:99")],
)
def test_no_server_runs_as_root(user, expected):
    assert made(user=user)["User"] == expected


def test_a_version_says_why_it_runs():
    labels = made()["Labels"]
    assert labels[names.LABEL_VERSION] == "3"
    assert labels[names.LABEL_ROLE] == "server"
    assert labels[names.NOTE_DIGEST] == "f" * 64
    assert labels[names.NOTE_COMMIT] == "c" * 40
    assert labels[names.NOTE_IMAGE] == "s@sha256:2"


def test_a_version_knows_where_it_comes_from_for_its_log():
    told = dict(each.split("=", 1) for each in made(environment="staging")["Env"])
    assert told[names.ENV_SERVED] == "staging"
    assert Origin.read(told) == servable(3).origin == Origin(run="r", commit="c" * 40, build="me")


def test_limits_are_those_of_the_configuration():
    host = made(cpus=1.5, memory="2Gi", gpus=-1)["HostConfig"]
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (1_500_000_000, 2 << 30, 2 << 30)
    assert host["DeviceRequests"] == [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}]
    without = made()["HostConfig"]
    assert not {"NanoCpus", "Memory", "DeviceRequests"} & without.keys()


def test_only_tensorflow_serving_is_told_of_its_metrics():
    assert any(word.startswith("--monitoring_config_file") for word in made()["Cmd"])
    assert not any(word.startswith("--monitoring") for word in made(server={"kind": "jenkins-ml"})["Cmd"])


def test_our_server_alone_has_a_token():
    token = made(server={"kind": "jenkins-ml"})["Env"][-1]
    assert token == f"{names.ENV_SAMPLE_TOKEN_FILE}=/etc/jenkins-ml/token"
    assert shapes(server={"kind": "jenkins-ml"}).settings("secret") == {"token": b"secret"}
    assert not any(each.startswith(names.ENV_SAMPLE_TOKEN_FILE) for each in made()["Env"])
    assert "token" not in shapes().settings("secret")


def test_an_image_with_the_model_inside_needs_no_place_for_it():
    assert [mount["Target"] for mount in made()["HostConfig"]["Mounts"]] == ["/models", "/etc/jenkins-ml"]
    assert [mount["Target"] for mount in made(inside=True)["HostConfig"]["Mounts"]] == ["/etc/jenkins-ml"]


def test_the_proxy_is_published_where_the_configuration_says():
    settings = shapes(bind="10.0.0.5", metrics_port=9101).proxy_container("sha256:1", "172.18.0.2")
    assert settings["HostConfig"]["PortBindings"] == {
        "8501/tcp": [{"HostIp": "10.0.0.5", "HostPort": "8501"}],
        "8500/tcp": [{"HostIp": "10.0.0.5", "HostPort": "8500"}],
        "8404/tcp": [{"HostIp": "10.0.0.5", "HostPort": "9101"}],
    }


@pytest.mark.parametrize("changed", [{"bind": "10.0.0.5"}, {"metrics_port": 9101}, {"network": "web"}])
def test_a_proxy_with_other_ports_is_another_one(changed):
    assert shapes().shape_of_proxy("1") != shapes(**changed).shape_of_proxy("1")
    assert shapes().shape_of_proxy("1") != shapes().shape_of_proxy("2")
    assert shapes().shape_of_proxy("1") == shapes(cpus=1).shape_of_proxy("1")
    assert shapes().proxy_container("1", "172.18.0.2")["Labels"][SHAPE] == shapes().shape_of_proxy("1")


def test_two_pairs_never_share_a_name():
    assert shapes("a-b", "c").name != shapes("a", "b-c").name
    assert shapes().of_version(3) == "jenkins-ml-digits-production-v3"


@given(st.sets(st.integers(2, 11)), st.integers(1, 14))
def test_a_free_address_is_nobody_elses(used, gateway):
    network = ipaddress.ip_network("10.1.0.0/28")
    taken = {str(network[host]) for host in used}
    engine = str(network[gateway])
    proxy = free_address(str(network), engine, taken, proxy=True)
    found = free_address(str(network), engine, taken, proxy=False)
    assert found not in {*taken, engine, proxy}
    assert ipaddress.ip_address(found) in network
    assert proxy == free_address(str(network), engine, (), proxy=True)


def test_a_full_network_says_so():
    everybody = {f"10.1.0.{host}" for host in range(1, 7)}
    with pytest.raises(StageFailed, match="no address is left"):
        free_address("10.1.0.0/29", "10.1.0.1", everybody, proxy=False)


@pytest.mark.parametrize(
    ("amount", "size"),
    [("512Mi", 512 << 20), ("2Gi", 2 << 30), ("1.5G", 1_500_000_000), ("4096", 4096), ("1Ei", 1 << 60)],
)
def test_amounts_of_memory(amount, size):
    assert bytes_of(amount) == size


# --- causes -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"Status": "exited", "ExitCode": 1}, "ended with exit code 1"),
        ({"Status": "exited", "ExitCode": 134}, "ended by SIGABRT"),
        ({"Status": "exited", "ExitCode": 200}, "ended with exit code 200"),
        (
            {"Status": "exited", "ExitCode": 137, "OOMKilled": True},
            "was killed because it used more than its 2Gi of memory",
        ),
        ({"Status": "exited", "ExitCode": 127, "Error": "no such file"}, "could not be started: no such file"),
    ],
)
def test_how_a_container_ended(state, said):
    assert causes.ending(state, "2Gi").startswith(said)


def test_what_is_wrong_with_a_version():
    running = {"State": {"Status": "running"}, "RestartCount": 0}
    assert causes.problem(running, None, None) == ""
    assert causes.problem(running, "L4CON Connection refused", None) == (
        "it does not answer the proxy: L4CON Connection refused"
    )
    crashing = {"State": {"Status": "restarting", "Restarting": True, "ExitCode": 134}, "RestartCount": 4}
    assert causes.problem(crashing, None, None) == "its container ended by SIGABRT, 4 times"
    assert causes.problem({"State": {"Status": "paused"}}, None, None) == "its container is paused"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("driver failed: Bind for 127.0.0.1:8501 failed: port is already allocated", UsageError),
        ("listen tcp 10.9.9.9:8501: bind: cannot assign requested address", UsageError),
        ('could not select device driver "" with capabilities: [[gpu]]', UsageError),
        ("write /var/lib: no space left on device", Unavailable),
        ("something else", StageFailed),
    ],
)
def test_what_an_engine_refuses(message, kind):
    refused = refusal("starting the proxy", message)
    assert type(refused) is kind
    assert refused.what == f"starting the proxy: {message}"


@pytest.mark.parametrize(
    ("address", "bind", "host"),
    [
        ("unix:///var/run/docker.sock", "127.0.0.1", "127.0.0.1"),
        ("unix:///var/run/docker.sock", "0.0.0.0", "127.0.0.1"),
        ("tcp://ml-1:2376", "0.0.0.0", "ml-1"),
        ("ssh://me@ml-1", "::", "ml-1"),
        ("tcp://ml-1:2376", "10.0.0.5", "10.0.0.5"),
        ("tcp://ml-1:2376", "fd00::5", "[fd00::5]"),
    ],
)
def test_where_it_is_reached(address, bind, host):
    assert reached_at(address, bind) == host


def test_the_engine_is_the_configured_one_or_that_of_the_environment(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://ml-2:2375")
    assert address_of("tcp://ml-1:2375") == "tcp://ml-1:2375"
    assert address_of(None) == "tcp://ml-2:2375"
    monkeypatch.delenv("DOCKER_HOST")
    assert address_of(None) == "unix:///var/run/docker.sock"


# --- archives ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def version(tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "variables" / "v.data").write_bytes(b"x" * 5000)
    return dataclasses.replace(manifest(3), files=files.describe(tmp_path))


def test_a_version_is_sent_as_it_was_recorded(version, tmp_path):
    (tmp_path / "stranger").write_bytes(b"not of the manifest")
    data = b"".join(archives.of_version(version, tmp_path, "m/3"))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {member.name: member for member in archive}
        assert list(members) == [
            *("m", "m/3", "m/3/variables"),
            *("m/3/saved_model.pb", "m/3/variables/v.data", "m/3/manifest.json"),
        ]
        assert archive.extractfile("m/3/variables/v.data").read() == b"x" * 5000
        assert {member.mode for member in members.values()} == {0o755, 0o644}


@pytest.mark.parametrize("data", [b"grap", b"graphs", b"Graph"])
def test_a_file_that_was_changed_is_noticed(version, tmp_path, data):
    (tmp_path / "saved_model.pb").write_bytes(data)
    with pytest.raises(IntegrityError, match=r"saved_model\.pb is not what was recorded"):
        list(archives.of_version(version, tmp_path, "m/3"))
