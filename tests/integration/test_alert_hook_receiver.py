"""`jenkins-ml alert-hook` as a service: where it listens, who may send, and the training that it starts on Jenkins."""

import contextlib
import http.client
import json
import signal
import socket
import ssl
from pathlib import Path

import pytest

from jenkins_ml import names
from tests.engines.daemons import free_ports
from tests.engines.missing import left_out, need
from tests.engines.pki import Authority
from tests.fakes.alert_bodies import alert, body
from tests.fakes.jenkins import FakeJenkins
from tests.fakes.jenkins_jobs import VARIABLES, pipeline
from tests.fakes.repository import finish, wait_until

TOKEN = "correct-horse-battery-staple"
MONITOR = """
monitor:
  alerts: {hook: {url: "http://127.0.0.1:9095", token_file: /run/token, retrain_job: team/train}}
"""
DRIFT = alert(alertname="JenkinsMLInputDrift", action="retrain", severity="ticket", annotations={"summary": "x moved"})


@pytest.fixture(autouse=True)
def no_other_server(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def jenkins():
    with FakeJenkins(quiet_period=0) as running:
        running.folder("team")
        running.put("team/train", pipeline())
        yield running


class Service:
    """The command, while it runs."""

    def __init__(self, repository, jenkins, *arguments, **variables):
        (self.port,) = free_ports(1)
        self.account = {
            "JENKINS_URL": jenkins.url,
            "JENKINS_USER": jenkins.admin.name,
            "JENKINS_TOKEN": jenkins.admin.token,
        }
        listen = ("--listen", f"127.0.0.1:{self.port}")
        self.process = repository.start("alert-hook", *listen, *arguments, **(self.account | variables))
        wait_until(lambda: self.process.poll() is not None or self._listens(), "it listens")

    def _listens(self):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self):
        assert self.process.poll() is None, finish(self.process)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.done = finish(self.process)

    def post(self, data, token=TOKEN, tls=None):
        """The status, and the answer."""
        if tls is not None:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=tls)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", "/", data, {"Authorization": f"Bearer {token}"} if token else {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


@pytest.fixture
def repository(cold_project):
    with (cold_project.folder / names.CONFIG_FILE).open("a") as stream:
        stream.write(MONITOR)
    return cold_project


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return path


def builds(jenkins):
    return len(jenkins.seen("POST", "/build"))


def outcomes(answer):
    return [each["outcome"] for each in answer[1]["results"]]


def test_from_start_to_stop(repository, jenkins, token):
    with Service(repository, jenkins, "--token-file", str(token)) as service:
        assert service.post(body(DRIFT), token=None)[0] == 401
        assert service.post(body(DRIFT), token="wrong")[0] == 401
        assert service.post(b"{")[0] == 400
        assert service.post(body(alert(version=None)))[0] == 400
        assert service.post(body(alert(model="other")))[1]["results"] == [
            {
                "alert": "JenkinsMLErrorBudgetBurn",
                "outcome": "ignored",
                "what": "it is about the model other, this is tiny",
            }
        ]
        # Nothing was ever released.
        status, answer = service.post(body(alert()))
        assert (status, answer["results"][0]["what"]) == (200, "nothing is in production in production")
        assert builds(jenkins) == 0
        # Tokens rotate.
        token.write_text("another-" * 3)
        assert service.post(body(DRIFT))[0] == 401
        status, answer = service.post(body(DRIFT, DRIFT, alert(status="resolved")), token="another-" * 3)
        assert (status, outcomes((status, answer))) == (200, ["done", "ignored"])
        assert answer["results"][0]["what"].startswith("team/train was started: item 1 of the queue, ")
        assert builds(jenkins) == 1
        shown = Path(f"/proc/{service.process.pid}/cmdline").read_bytes()
    assert service.done.code == 0
    assert f"listening on http://127.0.0.1:{service.port}/" in service.done.err
    assert service.done.err.endswith("[alert-hook] stopped\n")
    for secret in (TOKEN, "another-", jenkins.admin.token):
        assert secret not in service.done.err
        assert secret.encode() not in shown
        for path in repository.store_root.rglob("*.json"):
            assert secret not in path.read_text()


def test_one_training_in_a_day_whoever_receives_and_failures_cost_nothing(repository, jenkins, token):
    with Service(repository, jenkins, "--token-file", str(token)) as one:
        # Jenkins refuses: that is no training.
        jenkins.fault("answer", status=403, method="POST", path="/build")
        assert one.post(body(DRIFT))[0] == 422
        assert list(repository.store.retrainings.folder.iterdir()) == []
        assert outcomes(one.post(body(DRIFT))) == ["done"]
        with Service(repository, jenkins, "--token-file", str(token)) as two:
            for service in (one, two):
                status, answer = service.post(body(DRIFT))
                assert (status, outcomes((status, answer))) == (200, ["ignored"])
                assert "because of JenkinsMLInputDrift: x moved" in answer["results"][0]["what"]
    with Service(repository, jenkins, "--token-file", str(token)) as again:
        assert outcomes(again.post(body(DRIFT))) == ["ignored"]
    [record] = repository.store.retrainings.folder.iterdir()
    kept = json.loads(record.read_text())
    assert (kept["job"], kept["reason"], kept["alert"]) == ("team/train", "JenkinsMLInputDrift: x moved", "c0ffee")


def test_what_fails_in_production_does_not_wait_for_a_jenkins_that_is_away(repository, jenkins, token):
    (nobody,) = free_ports(1)
    away = f"http://127.0.0.1:{nobody}"
    with Service(repository, jenkins, "--token-file", str(token), JENKINS_URL=away) as service:
        status, answer = service.post(body(DRIFT))
        assert (status, outcomes((status, answer))) == (503, ["unavailable"])
    assert "; waiting up to 5 s" in service.done.err
    assert list(repository.store.retrainings.folder.glob("*")) == []


def test_a_training_without_a_job_is_nobody_s(repository, jenkins, token):
    repository.change(names.CONFIG_FILE, ", retrain_job: team/train", "")
    with Service(repository, jenkins, "--token-file", str(token)) as service:
        _, answer = service.post(body(DRIFT))
    assert answer["results"][0]["what"] == "monitor.alerts.hook.retrain_job names no job that trains"
    assert not repository.store.retrainings.folder.exists()


def test_the_token_from_the_environment_goes_no_further(repository, jenkins):
    with Service(repository, jenkins, JENKINS_ML_ALERT_TOKEN=TOKEN) as service:
        assert service.post(body(DRIFT), token="wrong")[0] == 401
        assert outcomes(service.post(body(DRIFT))) == ["done"]


def test_certificates_of_both_sides(repository, jenkins, tmp_path):
    with left_out():
        need("openssl")
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    ours.server("hook", ["127.0.0.1"], [])
    ours.client("manager", "alertmanager")
    theirs.client("stranger", "alertmanager")
    files = {"--tls-cert": "hook.crt", "--tls-key": "hook.key", "--client-ca": "ca.crt"}
    arguments = [word for option, name in files.items() for word in (option, str(ours.folder / name))]

    def context(*client):
        made = ssl.create_default_context(cafile=ours.folder / "ca.crt")
        if client:
            authority, name = client
            made.load_cert_chain(authority.folder / f"{name}.crt", authority.folder / f"{name}.key")
        return made

    with Service(repository, jenkins, *arguments) as service:
        for client in ((), (theirs, "stranger")):
            with pytest.raises(OSError):  # noqa: PT011 - a failed handshake, or a broken connection
                service.post(body(DRIFT), token=None, tls=context(*client))
        assert builds(jenkins) == 0
        assert outcomes(service.post(body(DRIFT), token=None, tls=context(ours, "manager"))) == ["done"]
    assert f"listening on https://127.0.0.1:{service.port}/" in service.done.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "nothing says who may send alerts"),
        (["--token-file", "short"], "short holds no token of at least 16 printable characters"),
        (["--token-file", "missing"], "reading the token missing"),
        (["--token-file", "good", "--listen", "0.0.0.0:0"], "0.0.0.0 is not this machine alone"),
        (["--token-file", "good", "--listen", "[::]:0"], ":: is not this machine alone"),
        (["--token-file", "good", "--listen", "example.com:1"], "is no address"),
        (["--token-file", "good", "--listen", "127.0.0.1:70000"], "is no address"),
        (["--token-file", "good", "--listen", "127.0.0.300:1"], "does not appear to be an IPv4 or IPv6 address"),
        (["--token-file", "good", "--client-ca", "ca.crt"], "--tls-key and --client-ca need --tls-cert"),
        (["--tls-cert", "good", "--client-ca", "good"], "the certificate or its key cannot be used"),
    ],
)
def test_what_would_let_others_in_does_not_start(repository, jenkins, arguments, why):
    (repository.folder / "short").write_text("short")
    (repository.folder / "good").write_text(TOKEN)
    account = {"JENKINS_URL": jenkins.url, "JENKINS_USER": jenkins.admin.name, "JENKINS_TOKEN": jenkins.admin.token}
    done = repository.call("alert-hook", *arguments, **account)
    assert done.code in (2, 6), done
    assert why in done.error or why in done.err


def test_without_an_account_on_jenkins_it_says_so_at_once(repository, tmp_path, token):
    done = repository.call("alert-hook", "--token-file", str(token))
    assert done.code == 2
    assert "which Jenkins, and as whom?" in done.error


def test_without_a_word_about_alerts_it_does_nothing(cold_project, token):
    done = cold_project.call("alert-hook", "--token-file", str(token))
    assert (done.code, "jenkins-ml.yaml has no monitor.alerts.hook" in done.error) == (2, True)


def test_one_body_from_a_file(repository, jenkins):
    account = {"JENKINS_URL": jenkins.url, "JENKINS_USER": jenkins.admin.name, "JENKINS_TOKEN": jenkins.admin.token}
    for given, code, why in (
        (body(DRIFT), 0, "JenkinsMLInputDrift: done: team/train was started"),
        (body(DRIFT), 0, "JenkinsMLInputDrift: ignored: team/train was started at "),
        (body(alert(version=None)), 2, "JenkinsMLErrorBudgetBurn: it lacks the label version"),
        (b"{", 2, "this is no body of Alertmanager's web hook"),
        (b"x" * (2**20 + 1), 2, "the body is longer than"),
    ):
        (repository.folder / "alert.json").write_bytes(given)
        done = repository.call("alert-hook", "--once", "alert.json", **account)
        assert (done.code, why in done.err) == (code, True), done
    assert builds(jenkins) == 1
