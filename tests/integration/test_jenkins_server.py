"""The client against the fake server, and against sockets that misbehave as no server of ours would."""

import contextlib
import logging
import shutil
import socket
import ssl
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import jenkins
import pytest
import requests

from jenkins_ml.adapters import jenkins_http
from jenkins_ml.adapters.jenkins_client import Limits, Profile, RequestedBuild
from jenkins_ml.adapters.jenkins_server import Forbidden, NotFound, Refused, Server, ServerFailed, Unclear, x_error
from jenkins_ml.errors import JenkinsMLError, StageFailed, Unavailable, UsageError
from tests.fakes.jenkins import READER, FakeJenkins
from tests.fakes.jenkins_jobs import FOLDER, VARIABLES, client, pipeline, string

RESTART = [("503", 0.15), ("401", 0.05), ("refused", 0.15), ("503", 0.1)]
HASTY = Limits(connect=1, request=0.3, restart=0.3, first_pause=0.02)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def fake():
    with FakeJenkins(quiet_period=0) as running:
        running.folder("team")
        running.put("team/job", pipeline())
        yield running


@pytest.fixture
def notes():
    return []


@pytest.fixture
def server(fake, notes):
    with client(fake, note=notes.append) as connected:
        yield connected


@contextlib.contextmanager
def listening(behave):
    """A server of one behaviour for each connection; gives its address."""
    closing = threading.Event()
    threads = []

    def serve(connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            behave(connection, closing)

    def accept():
        with contextlib.suppress(OSError):
            while not closing.is_set():
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            closing.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in threads:
                each.join()


def request_of(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("gone")
        data += piece
    return data


def says(*pieces, every=0.0, forever=b""):
    """Behaviour: read a request, then send pieces; at the end the same one over and over, or close."""

    def behave(connection, closing):
        request_of(connection)
        for piece in pieces:
            connection.sendall(piece)
        while forever and not closing.wait(every):
            connection.sendall(forever)

    return behave


def hasty(url, **more):
    return Server(Profile(url, "ada", "token"), limits=HASTY, **more)


# --- the usual -------------------------------------------------------------------------------------------------------


def test_an_answer_is_given_as_it_came(server, fake):
    answer = server.exchange("GET", "job/team/api/json", query={"tree": "name,jobs[name]"})
    assert answer.status == 200
    assert answer.json()["jobs"][0]["name"] == "job"
    assert answer.headers["x-JENKINS"] == server.get_version()
    assert server.whoami() == fake.admin.name


def test_statuses_below_500_are_the_callers_business(server):
    assert server.exchange("GET", "job/none/api/json").status == 404
    exists = server.exchange(
        "POST", "job/team/createItem", query={"name": "job"}, body=pipeline().encode(), content_type="application/xml"
    )
    assert exists.status == 400
    assert "already exists" in x_error(exists)
    assert server.exchange("POST", "job/team/job/job/doDelete").status == 302


def test_a_token_needs_no_crumb_and_no_session(server, fake):
    server.exchange("POST", "job/team/job/job/build")
    server.exchange("POST", "job/team/job/job/build")
    assert not fake.seen("GET", "crumbIssuer")


def test_connections_are_kept_but_for_what_must_not_break_off_on_one_that_idled(monkeypatch):
    requests_of = []

    def behave(connection, _):
        requests_of.append([])
        while True:
            requests_of[-1].append(request_of(connection).split()[0])
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with listening(behave) as url, hasty(url) as server:
        for method in ("GET", "POST", "GET"):
            server.exchange(method, "x")
        monkeypatch.setattr(jenkins_http, "_IDLE_SECONDS", -1)
        for method in ("GET", "POST", "GET"):
            server.exchange(method, "x")
    assert requests_of == [[b"GET", b"POST", b"GET", b"GET"], [b"POST", b"GET"]]


def test_eight_threads_at_once(server, fake):
    def one(index):
        name = f"job{index}"
        server.create_job(f"team/{name}", pipeline(f"echo '{index}'"))
        return f"echo &apos;{index}&apos;" in server.get_job_config(f"team/{name}").replace("'", "&apos;")

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(64)))
    assert len(list(fake.item("team").walk())) == 65


def test_eight_threads_at_once_with_a_password_each_with_a_crumb_of_its_own(fake):
    with client(fake, secret=fake.admin.password) as server, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: server.exchange("POST", "job/team/job/job/disable").status, range(64))) == {302}


# --- passwords and crumbs --------------------------------------------------------------------------------------------


@pytest.fixture
def with_password(fake):
    with client(fake, secret=fake.admin.password) as connected:
        yield connected


def test_a_password_gets_a_crumb_and_the_request_is_made_once(with_password, fake):
    assert with_password.exchange("POST", "job/team/job/job/build").status == 201
    assert with_password.exchange("POST", "job/team/job/job/build").status == 201
    assert len(fake.seen("GET", "crumbIssuer")) == 1
    assert [each.status for each in fake.seen("POST", "/build")] == [403, 201, 201]


def test_a_crumb_that_has_expired_is_renewed(with_password, fake):
    with_password.exchange("POST", "job/team/job/job/disable")
    fake.expire_crumbs()
    assert with_password.exchange("POST", "job/team/job/job/enable").status == 302
    fake.fault("expire-crumbs", method="POST", path="disable", times=2)
    assert with_password.exchange("POST", "job/team/job/job/disable").status == 302


def test_a_crumb_that_is_never_good_is_an_error(with_password, fake):
    fake.fault("expire-crumbs", method="POST", times=None)
    with pytest.raises(Forbidden, match="No valid crumb"):
        with_password.exchange("POST", "job/team/job/job/disable")


def test_the_crumb_itself_may_break_off_since_nothing_was_done_yet(with_password, fake):
    fake.fault("drop", path="crumbIssuer", times=2)
    fake.fault("answer", path="crumbIssuer", status=502)
    assert with_password.exchange("POST", "job/team/job/job/build").status == 201
    assert len(fake.runs("team/job")) == 1


# --- who may do what -------------------------------------------------------------------------------------------------


def test_a_wrong_token_is_an_error_that_says_how_to_make_one(fake):
    with client(fake, secret="wrong") as server, pytest.raises(UsageError, match="does not accept the token") as caught:
        server.exchange("GET", "api/json")
    assert "API Token" in caught.value.next_step
    assert "wrong" not in str(caught.value).replace("wrong server", "")


def test_a_token_that_is_revoked_meanwhile(fake, notes):
    with client(fake, note=notes.append, limits=Limits(restart=0.3)) as server:
        server.whoami()
        fake.admin.token = "another"
        with pytest.raises(UsageError, match="does not accept the token"):
            server.exchange("GET", "api/json")


def test_a_missing_permission_is_named(fake):
    viewer = fake.add_user("viewer", *READER)
    with client(fake, viewer) as server:
        with pytest.raises(Forbidden, match="user viewer is missing the Job/Build permission"):
            server.exchange("POST", "job/team/job/job/build")
        with pytest.raises(Forbidden, match="Job/Configure"):
            server.reconfig_job("team/job", pipeline())
    nobody = fake.add_user("nobody")
    with client(fake, nobody) as server, pytest.raises(Forbidden, match="Overall/Read"):
        server.exchange("GET", "api/json")


def test_the_token_goes_nowhere_else(server, fake):
    with pytest.raises(UsageError, match="is not below"):
        server.jenkins_open(requests.Request("GET", "http://127.0.0.1:9/x"))
    login = "http://127.0.0.1:9/sso/start"
    fake.fault("answer", status=302, headers={"Location": login})
    with pytest.raises(UsageError, match="leads to a login page"):
        server.exchange("GET", "api/json")
    fake.fault("answer", status=302, headers={"Location": "/securityRealm/commenceLogin?from=%2F"})
    with pytest.raises(UsageError, match="login page"):
        server.get_jobs()


def test_what_is_no_jenkins_is_said_to_be_none():
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"
    with listening(says(page)) as url, hasty(url) as server:
        for ask in (server.whoami, server.get_version, lambda: server.exchange("GET", "api/json").json()):
            with pytest.raises(UsageError, match="is not Jenkins"):
                ask()
            server.close()


def test_a_path_before_the_jobs_belongs_to_the_address():
    asked = []

    def behave(connection, _):
        asked.append(request_of(connection).split()[1])
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Jenkins: 2.4\r\nContent-Length: 2\r\n\r\n{}")

    with listening(behave) as url, hasty(f"{url}jenkins/") as server:
        assert server.exchange("GET", "job/a/api/json").json() == {}
        server.close()
        assert server.get_version() == "2.4"
    assert asked == [b"/jenkins/job/a/api/json", b"/jenkins/api/json?tree=mode"]


# --- restarts and failures -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_restart_is_waited_out_and_told(server, fake, notes, method):
    server.whoami()
    fake.restart(timeline=RESTART)
    path = "job/team/job/job/build" if method == "POST" else "api/json"
    assert server.exchange(method, path).status in (200, 201)
    fake.wait_restarted()
    assert len(fake.runs("team/job")) == (method == "POST")
    assert any("waiting up to 5 s" in note for note in notes)
    assert notes[-1].startswith(f"Jenkins at {fake.url} answers again")


def test_a_client_that_begins_in_the_middle_of_a_restart(fake, notes):
    fake.restart(timeline=[("401", 0.1), ("refused", 0.1), ("503", 0.1)])
    with client(fake, note=notes.append) as server:
        assert server.wait_until_ready(5) == server.get_version()
    fake.wait_restarted()


def test_a_server_that_does_not_come_back_is_an_error(fake):
    fake.fault("answer", status=503, times=None)
    with client(fake, limits=Limits(restart=0.3)) as server:
        for ask in (lambda: server.exchange("POST", "x"), lambda: server.exchange("GET", "x")):
            with pytest.raises(Unavailable, match="503") as caught:
                ask()
            assert not isinstance(caught.value, Unclear)
        with pytest.raises(Unavailable):
            server.wait_until_ready(0.1)
        assert not server.wait_for_normal_op(0.1)


@pytest.mark.parametrize(
    "fault",
    [{"action": "answer", "status": 502}, {"action": "answer", "status": 504}, {"action": "drop"}, {"action": "half"}],
)
def test_what_may_be_repeated_is_repeated_and_what_may_not_is_unclear(server, fake, fault):
    fake.fault(**fault, times=3)
    assert server.exchange("GET", "api/json").json()["mode"] == "NORMAL"
    fake.fault(**fault, after=True)
    with pytest.raises(Unclear) as caught:
        server.exchange("POST", "job/team/api/json")  # it answers as to a GET, with a body
    assert caught.value.under_way is (fault.get("status") == 504)
    assert len(fake.seen("POST")) == 1
    fake.fault(**fault)
    assert server.exchange("POST", "job/team/job/job/disable", repeat=True).status == 302


def test_a_rate_limit_turns_away_and_is_waited_out(server, fake):
    fake.fault("answer", status=429, headers={"Retry-After": "0"}, times=2)
    assert server.exchange("POST", "job/team/job/job/build").status == 201
    assert len(fake.runs("team/job")) == 1


def test_a_failure_of_the_server_carries_its_logging_id(server, fake):
    with pytest.raises(ServerFailed) as caught:
        server.exchange("GET", "job/team/api/json", query={"tree": "jobs[name"})
    assert caught.value.status == 500
    assert caught.value.logging_id
    assert caught.value.exit_code == StageFailed.exit_code


@pytest.mark.parametrize(
    "behave",
    [
        says(),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
        says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone"),
        says(b"no http at all\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nX-Jenkins: 2.4\r\nContent-Le"),
        says(b"HTTP/1.1 200 OK\r\nX-Jenkins: 2.4\r\n"),
        says(b"HTTP/1.1 20"),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", forever=b"x", every=0.02),
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", forever=b"1\r\nx\r\n", every=0.02),
        says(b"HTTP/1.1 200 OK\r\nX-Long: ", forever=b"x", every=0.02),
        says(forever=b"", every=0.02),
    ],
    ids=[
        "closed", "half", "half chunk", "no gzip", "no http", "half head", "head without end", "half first line",
        "trickle", "trickling chunks", "trickling head", "nothing",
    ],
)  # fmt: skip
def test_no_answer_outlasts_its_deadline(behave):
    with listening(behave) as url:
        for method, expected in (("GET", Unavailable), ("POST", Unclear)):
            with hasty(url) as server, pytest.raises(expected):
                server.exchange(method, "x")


def test_a_server_that_takes_requests_and_never_answers():
    def behave(connection, closing):
        request_of(connection)
        closing.wait(10)

    with listening(behave) as url, hasty(url) as server, pytest.raises(Unclear) as caught:
        server.exchange("POST", "x")
    assert caught.value.under_way


def test_an_answer_without_end_is_cut():
    endless = says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", forever=b"x" * 65536)
    with listening(endless) as url, hasty(url) as server, pytest.raises(StageFailed, match="longer than 100000 bytes"):
        server.exchange("GET", "x", most_bytes=100_000)


def test_what_is_left_of_an_answer_is_not_taken_for_the_next_one(server, fake):
    fake.fault("trickle", path="api/json", seconds=30)
    with client(fake, limits=HASTY) as other:
        assert other.exchange("GET", "api/json").json()["mode"] == "NORMAL"


def test_the_deadline_of_the_whole_goes_before_all_others(server, fake):
    fake.fault("answer", status=503, times=None)
    server.ends = server.clock.monotonic() + 0.2
    with pytest.raises(Unavailable, match="503"):
        server.exchange("GET", "x")
    server.ends = server.clock.monotonic()
    with pytest.raises(Unavailable, match="the time is up"):
        server.exchange("GET", "x")


def test_nobody_listens_and_no_such_host(notes):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with hasty(f"http://127.0.0.1:{port}/", note=notes.append) as server, pytest.raises(Unavailable, match="refused"):
        server.exchange("POST", "x")
    assert "waiting up to" in notes[0]


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_nothing_that_is_logged_or_raised_holds_a_secret(fake, environment, caplog, notes):
    environment.setenv("JENKINS_API_EXTRA_HEADERS", "X-Pass: extra-secret\nbroken\nX-Other: 2")
    fake.put("team/job", pipeline(parameters=string("P")))
    caplog.set_level(logging.DEBUG)
    with client(fake, note=notes.append) as server:
        server.whoami()
        fake.fault("drop", method="POST", path="build", after=True)
        RequestedBuild(server, "team/job", [("P", "value-secret")]).trigger()
        server.build_job("team/job", {"P": "value-secret"})
        fake.fault("answer", status=500, body="x")
        with pytest.raises(ServerFailed) as caught:
            server.exchange("GET", "x")
        shown = caplog.text + repr(server) + repr(caught.value) + "".join(notes)
    assert fake.requests[0].headers["x-pass"] == "extra-secret"
    assert fake.requests[0].headers["x-other"] == "2"
    assert caplog.records  # urllib3 tells of connections
    for secret in (fake.admin.token, "extra-secret", "value-secret", "Basic "):
        assert secret not in shown
    assert not any("value-secret" in each.target for each in fake.requests)


def test_certificates_are_checked_whatever_a_variable_says(environment, notes):
    environment.setenv("PYTHONHTTPSVERIFY", "0")
    with Server(Profile("https://ci.invalid/", "ada", "token"), note=notes.append) as server:
        assert server._way().verify is True
    assert "PYTHONHTTPSVERIFY=0 is ignored" in notes[0]


def test_the_variables_of_requests_count(environment, tmp_path):
    authorities = tmp_path / "ca.pem"
    authorities.write_text("")
    environment.setenv("REQUESTS_CA_BUNDLE", str(authorities))
    environment.setenv("https_proxy", "http://proxy.invalid:3128")
    with Server(Profile("https://ci.example/", "ada", "token")) as server:
        assert server._way().verify == str(authorities)
        assert server._way().proxies["https"] == "http://proxy.invalid:3128"


def test_a_proxy_that_is_not_there_is_no_connection(environment):
    with socket.create_server(("127.0.0.1", 0)) as free:
        environment.setenv("http_proxy", f"http://127.0.0.1:{free.getsockname()[1]}")
    with hasty("http://ci.invalid/") as server, pytest.raises(Unavailable, match="by way of the proxy"):
        server.exchange("POST", "x")


def test_a_request_goes_by_way_of_the_proxy_with_its_deadline(environment):
    with listening(says(b"HTTP/1.1 200 OK\r\nX-Long: ", forever=b"x", every=0.02)) as proxy:
        environment.setenv("http_proxy", proxy)
        with hasty("http://ci.invalid/") as server, pytest.raises(Unclear):
            server.exchange("POST", "x")


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://ci.example/", True),
        ("http://127.0.0.2:8080/", False),
        ("http://localhost/", False),
        ("http://[::1]/", False),
        ("https://ci.example/", False),
    ],
)
def test_a_token_that_travels_unencrypted_is_warned_of_once(url, warned, notes):
    with Server(Profile(url, "ada", "token"), note=notes.append):
        assert len(notes) == warned


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for the loopback address, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl, to make certificates")
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
         "/CN=fake", "-addext", "subjectAltName=IP:127.0.0.1", "-out", folder / "cert.pem", "-keyout", folder / "key.pem"],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


def encrypted(behave, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def inside(connection, closing):
        try:
            wrapped = context.wrap_socket(connection, server_side=True)
        except OSError:  # the client hung up: it does not trust us
            return
        with wrapped:
            behave(wrapped, closing)

    return inside


def secure(url):
    return url.replace("http:", "https:")


def test_a_certificate_that_is_not_trusted_is_an_error_at_once(certificate, notes):
    with listening(encrypted(says(), certificate)) as url, hasty(secure(url), note=notes.append) as server:
        with pytest.raises(UsageError, match="is not trusted: self-signed") as caught:
            server.exchange("POST", "x")
        assert "REQUESTS_CA_BUNDLE" in caught.value.next_step
    assert notes == []


def test_a_certificate_that_the_environment_names_is_trusted(certificate, environment):
    environment.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    answer = b"HTTP/1.1 200 OK\r\nX-Jenkins: 2.4\r\nContent-Length: 2\r\n\r\n{}"
    with listening(encrypted(says(answer), certificate)) as url, hasty(secure(url)) as server:
        assert server.get_version() == "2.4"


@pytest.mark.parametrize(
    "behave",
    [
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", forever=b"x", every=0.02),
        says(b"HTTP/1.1 200 OK\r\nX-Long: ", forever=b"x", every=0.02),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
        says(),
    ],
    ids=["trickle", "trickling head", "half", "closed"],
)
def test_deadlines_hold_under_encryption_too(behave, certificate, environment):
    environment.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    with listening(encrypted(behave, certificate)) as url:
        for method, expected in (("GET", Unavailable), ("POST", Unclear)):
            with hasty(secure(url)) as server, pytest.raises(expected):
                server.exchange(method, "x")


def tunnel(heard):
    """The behaviour of a proxy: connects, and passes on what it cannot read."""

    def behave(connection, closing):
        heard.append(request_of(connection))
        host, _, port = heard[-1].split()[1].decode().partition(":")
        with socket.create_connection((host, int(port))) as onward:
            connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            connection.settimeout(0.02)
            onward.settimeout(0.02)
            while not closing.is_set():
                for one, other in ((connection, onward), (onward, connection)):
                    with contextlib.suppress(TimeoutError):
                        other.sendall(one.recv(65536))

    return behave


def test_a_proxy_passes_on_what_is_encrypted_and_never_sees_the_token(certificate, environment):
    environment.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    answer = b"HTTP/1.1 200 OK\r\nX-Jenkins: 2.4\r\nContent-Length: 2\r\n\r\n{}"
    heard = []
    with listening(encrypted(says(answer), certificate)) as url, listening(tunnel(heard)) as proxy:
        environment.setenv("https_proxy", proxy)
        with hasty(secure(url)) as server:
            assert server.get_version() == "2.4"
    assert heard[0].startswith(b"CONNECT 127.0.0.1:")
    assert b"authorization" not in heard[0].lower()


@pytest.mark.parametrize("hangs_up", [False, True])
def test_a_server_that_does_not_agree_on_an_encryption_was_sent_nothing(hangs_up):
    def behave(connection, closing):
        if not hangs_up:
            closing.wait(10)

    with listening(behave) as url, hasty(secure(url)) as server:
        with pytest.raises(Unavailable) as caught:
            server.exchange("POST", "x")
        assert not isinstance(caught.value, Unclear)


# --- python-jenkins --------------------------------------------------------------------------------------------------


def test_it_has_every_attribute_that_python_jenkins_sets_and_uses(fake):
    """A newer python-jenkins with more of them would break this, not a method in some corner."""
    theirs = set(vars(jenkins.Jenkins(fake.url, "a", "b")))
    with client(fake) as server:
        assert theirs - set(vars(server)) == {"_auths", "_auth_resolved", "_session"}  # for methods that are ours here


def test_methods_of_python_jenkins(server, fake):
    server.create_job("team/new", pipeline())
    assert server.job_exists("team/new")
    assert not server.job_exists("team/none")
    assert server.get_job_info("team/new")["fullName"] == "team/new"
    assert server.get_all_jobs()
    server.reconfig_job("team/new", pipeline("echo 'other'"))
    assert "other" in server.get_job_config("team/new")
    server.disable_job("team/new")
    server.enable_job("team/new")
    server.copy_job("team/new", "team/copy")
    server.upsert_job("team/copy", pipeline())
    server.delete_job("team/copy")
    assert server.get_whoami()["id"] == fake.admin.name
    assert server.wait_for_normal_op(1)
    assert server.get_plugins()
    server.create_folder("team/folder")
    assert server.is_folder("team/folder")


def test_python_jenkins_builds_with_parameters_in_the_body(server, fake):
    fake.put("team/p", pipeline(parameters=string("P", "x")))
    first = server.build_job("team/p", {"P": "a b"})
    assert server.get_queue_item(first)["id"] == first
    second = server.build_job("team/p", {})
    assert second != first
    assert {run.value("P") for run in fake.runs("team/p")} == {"a b", "x"}
    # One that joins a waiting item is followed by python-jenkins itself, and then fails.
    fake.quiet_down()
    assert server.build_job("team/p", {"P": "1"}) == server.build_job("team/p", {"P": "1"})


def test_errors_are_ours_and_what_callers_of_python_jenkins_expect(server):
    with pytest.raises(NotFound) as missing:
        server.get_job_config("team/none")
    assert isinstance(missing.value, jenkins.NotFoundException)
    assert missing.value.exit_code == 2
    with pytest.raises(Refused, match="already exists") as refused:
        server.jenkins_open(
            requests.Request(
                "POST",
                f"{server.server}job/team/createItem?name=job",
                data=pipeline().encode(),
                headers={"Content-Type": "text/xml"},
            )
        )
    assert isinstance(refused.value, requests.HTTPError)
    assert isinstance(refused.value, JenkinsMLError)
    assert refused.value.response.status_code == 400
    with pytest.raises(jenkins.JenkinsException, match="does not exist"):
        server.get_job_info("team/none")


def test_python_jenkins_too_waits_out_a_restart_and_does_not_repeat_blindly(server, fake):
    server.whoami()
    fake.restart(timeline=RESTART)
    server.create_job("team/late", FOLDER)
    fake.wait_restarted()
    fake.fault("drop", method="POST", after=True)
    with pytest.raises(Unclear):
        server.create_job("team/lost", FOLDER)
    assert server.job_exists("team/lost")
