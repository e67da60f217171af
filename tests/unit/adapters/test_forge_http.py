import json
import shutil
import socket
import subprocess

import pytest

from jenkins_ml.adapters import forge_http
from jenkins_ml.adapters.forge_http import Client, Clock, Refused, Unclear
from jenkins_ml.errors import StageFailed, Unavailable, UsageError
from tests.fakes.forge import TOKEN, Canned, FakeGitHub

NOW = 1_700_000_000.0


class FakeTime:
    """Time that passes only when somebody waits."""

    def __init__(self):
        self.waits = []

    @property
    def clock(self):
        return Clock(monotonic=lambda: sum(self.waits), wall=lambda: NOW + sum(self.waits), sleep=self.waits.append)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def forge():
    with FakeGitHub() as running:
        yield running


@pytest.fixture
def time():
    return FakeTime()


def client(forge, time=None, *, api=None, token=TOKEN):
    time = time or FakeTime()
    return Client("GitHub", api or forge.api, token, needs="the scope x", headers={"X-More": "1"}, clock=time.clock)


def me(forge, time=None, **given):
    return client(forge, time, **given).call("GET", "/user", doing="ask").value


def test_a_call_carries_the_token_and_says_who_asks(forge):
    assert me(forge) == {"id": 7}
    [seen] = forge.seen
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["user-agent"].startswith("jenkins-ml/")
    assert seen.headers["x-more"] == "1"


def test_white_space_around_a_token_is_dropped(forge):
    assert me(forge, token=f"{TOKEN}\n") == {"id": 7}


@pytest.mark.parametrize("token", ["two words", "line\nbreak: x", "nö", " ", "\x00"])
def test_what_is_no_token_is_refused_and_not_shown(forge, token):
    with pytest.raises(UsageError) as caught:
        client(forge, token=token)
    assert not token.strip() or token not in str(caught.value)


@pytest.mark.parametrize(
    "api",
    [
        "ftp://host/x",
        "https://",
        "host",
        "https://user:secret@host",
        "https://host?x=1",
        "http://ho st/",
        "http://h:99999",
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(forge, api):
    with pytest.raises(UsageError, match=r"jenkins\.forge\.api") as caught:
        client(forge, api=api)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_busy_forge_is_asked_again(forge, time, status):
    forge.canned += [Canned(status), Canned(status)]
    assert me(forge, time) == {"id": 7}
    assert time.waits == [1.0, 2.0]


def test_it_is_asked_four_times_at_most(forge, time):
    forge.canned += [Canned(503)] * 9
    with pytest.raises(Unavailable, match="not available: it answered 503"):
        me(forge, time)
    assert len(forge.seen) == 4


def test_a_lost_connection_is_asked_again(forge, time):
    forge.canned += [Canned(0)]
    assert me(forge, time) == {"id": 7}
    assert time.waits == [1.0]


def test_retry_after_is_obeyed(forge, time):
    forge.canned += [Canned(503, {"Retry-After": "7"}), Canned(429, {"Retry-After": "Tue, 14 Nov 2023 22:13:37 GMT"})]
    assert me(forge, time) == {"id": 7}
    assert time.waits == [7.0, 10.0]  # NOW is 22:13:20, and 7 s have gone


def test_retry_after_zero_means_at_once(forge, time):
    forge.canned += [Canned(429, {"Retry-After": "0"})]
    assert me(forge, time) == {"id": 7}
    assert time.waits == [0.0]


@pytest.mark.parametrize("asked", ["61", "3600", "999999999"])
def test_nobody_waits_beyond_the_deadline(forge, time, asked):
    forge.canned += [Canned(503, {"Retry-After": asked})]
    with pytest.raises(Unavailable):
        me(forge, time)
    assert (time.waits, len(forge.seen)) == ([], 1)


def test_the_deadline_is_one_for_all_calls(forge, time):
    one = client(forge, time)
    forge.canned += [Canned(503, {"Retry-After": "50"})]
    one.call("GET", "/user", doing="ask")
    forge.canned += [Canned(503, {"Retry-After": "11"})]
    with pytest.raises(Unavailable):
        one.call("GET", "/user", doing="ask")
    time.waits.append(20.0)
    with pytest.raises(Unavailable, match="no answer within 60 s"):
        one.call("GET", "/user", doing="ask")


@pytest.mark.parametrize("status", [403, 429])
def test_a_rate_limit_says_until_when(forge, time, status):
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 1800)}
    forge.canned += [Canned(status, headers, {"message": "API rate limit exceeded for user ID 7."})]
    with pytest.raises(Unavailable, match=r"rate limit of GitHub .* again at 22:43 UTC"):
        me(forge, time)
    assert time.waits == []


def test_a_short_rate_limit_is_waited_for(forge, time):
    forge.canned += [Canned(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 5)})]
    assert me(forge, time) == {"id": 7}
    assert time.waits == [5.0]


def test_a_secondary_rate_limit_that_names_no_time_ends_the_command(forge, time):
    forge.canned += [Canned(403, body={"message": "You have exceeded a secondary rate limit."})]
    with pytest.raises(Unavailable, match="rate limit"):
        me(forge, time)
    assert time.waits == []


def test_a_permission_is_no_rate_limit(forge):
    # GitHub sends these headers with every answer.
    headers = {"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": str(int(NOW) + 5)}
    forge.canned += [Canned(403, headers, {"message": "Must have admin rights"})]
    with pytest.raises(UsageError, match="does not let this token ask: Must have admin rights") as caught:
        me(forge)
    assert "the scope x" in caught.value.next_step


def test_a_wrong_token_is_said_and_not_shown(forge):
    with pytest.raises(UsageError, match="does not accept the token in JENKINS_ML_FORGE_TOKEN: Bad cred") as caught:
        me(forge, token="wrong-token")
    assert "wrong-token" not in str(caught.value)
    assert "the scope x" in caught.value.next_step


def test_a_token_that_the_forge_repeats_is_not_shown(forge):
    forge.canned += [Canned(401, body={"message": f"unknown token {TOKEN}"})]
    with pytest.raises(UsageError) as caught:
        me(forge)
    assert TOKEN not in str(caught.value)


def test_what_is_hidden_or_not_there(forge):
    with pytest.raises(UsageError, match="could not look: GitHub has no such thing, or hides it") as caught:
        client(forge).call("GET", "/repos/acme/nothing", doing="look")
    assert "jenkins.forge.repository" in caught.value.next_step


def test_a_refusal_says_what_the_forge_says(forge):
    said = {"message": "Validation Failed", "errors": [{"message": "description is too long\nreally"}]}
    forge.canned += [Canned(422, body=said)]
    with pytest.raises(Refused, match=r"refused to ask \(422\): Validation Failed; description is too long really"):
        me(forge)


# --- what must not be done twice ------------------------------------------------------------------------------------
@pytest.mark.parametrize("broken", [Canned(502), Canned(0), Canned(504)])
def test_what_must_not_be_repeated_is_not(forge, time, broken):
    forge.canned += [broken]
    with pytest.raises(Unclear):
        client(forge, time).call("POST", "/x", {}, doing="write", repeat=False)
    assert (len(forge.seen), time.waits) == (1, [])


def test_a_rate_limit_does_nothing_so_it_may_be_repeated(forge, time):
    forge.canned += [Canned(429, {"Retry-After": "3"}), Canned(201, body={})]
    assert client(forge, time).call("POST", "/x", {}, doing="write", repeat=False).status == 201
    assert time.waits == [3.0]


# --- redirects and pages --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_at_the_same_origin_repeats_the_request(forge, status):
    forge.canned += [Canned(status, {"Location": "/elsewhere"}), Canned(201, body={})]
    client(forge).call("POST", "/x", {"a": 1}, doing="write")
    assert [(seen.method, seen.path, seen.body) for seen in forge.seen] == [
        ("POST", "/x", {"a": 1}),
        ("POST", "/elsewhere", {"a": 1}),
    ]


def test_a_redirect_to_another_host_is_not_followed(forge):
    with FakeGitHub() as other:
        forge.canned += [Canned(302, {"Location": f"{other.origin}/user"})]
        with pytest.raises(UsageError, match="where the token must not go"):
            me(forge)
        assert other.seen == []


def test_a_redirect_to_another_scheme_is_not_followed(forge):
    forge.canned += [Canned(301, {"Location": forge.origin.replace("http:", "https:") + "/user"})]
    with pytest.raises(UsageError, match=r"jenkins\.forge\.api"):
        me(forge)


def test_redirects_end(forge):
    forge.canned += [Canned(302, {"Location": "/user"})] * 9
    with pytest.raises(UsageError, match="in a circle"):
        me(forge)
    assert len(forge.seen) == 5


def test_links_to_pages_lead_the_token_nowhere_else(forge):
    with FakeGitHub() as other:
        forge.canned += [Canned(200, {"Link": f'<{other.origin}/user?page=2>; rel="next"'}, [1]), Canned(200, body=[2])]
        assert list(client(forge).pages("/user", doing="read")) == [1, 2]
        assert other.seen == []
    assert forge.seen[1].path == "/user?page=2"


def test_pages_without_end_end(forge):
    forge.canned += [Canned(200, {"Link": '</user?page=2>; rel="next"'}, [1])] * 200
    with pytest.raises(StageFailed, match="more than 100 pages"):
        list(client(forge).pages("/user", doing="read"))


@pytest.mark.parametrize("body", [b"<html>sign in</html>", {"message": "no list"}, None])
def test_what_is_no_list_is_not_the_api(forge, body):
    forge.canned += [Canned(200, body=body)]
    with pytest.raises(UsageError, match="is not the API of GitHub"):
        list(client(forge).pages("/user", doing="read"))


# --- the outside ----------------------------------------------------------------------------------------------------
def test_the_proxy_of_the_environment_is_used(forge, monkeypatch):
    monkeypatch.setenv("http_proxy", forge.origin)
    forge.canned += [Canned(200, body={"id": 9})]
    assert me(forge, api="http://forge.invalid") == {"id": 9}
    assert forge.seen[0].path == "http://forge.invalid/user"


def test_no_proxy_is_honoured(forge, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert me(forge) == {"id": 7}


def test_nobody_listens(time):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match=r"cannot be reached: .*refused"):
            me(None, time, api=f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert time.waits == [1.0, 2.0, 4.0]


def test_a_forge_that_says_nothing_is_waited_for_so_long(forge, time, monkeypatch):
    monkeypatch.setattr(forge_http, "REQUEST_SECONDS", 0.05)
    forge.released.clear()
    with pytest.raises(Unavailable, match=r"cannot be reached: (no answer within|timed out)"):
        me(forge, time)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Self-signed certificates: one for the server's address, one for another host."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl, to make certificates")
    folder = tmp_path_factory.mktemp("certificates")
    made = {}
    for name, subject in (("right", "IP:127.0.0.1"), ("wrong", "DNS:elsewhere.example")):
        made[name] = folder / f"{name}.pem", folder / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
             "/CN=fake forge", "-addext", f"subjectAltName={subject}", "-out", made[name][0], "-keyout", made[name][1]],
            check=True, capture_output=True, timeout=30,
        )  # fmt: skip
    return made


def test_a_certificate_that_is_not_trusted(certificates):
    forge = FakeGitHub()
    forge.certificate = certificates["right"]
    with forge, pytest.raises(UsageError, match=r"127\.0\.0\.1 is not trusted: self-signed") as caught:
        me(forge)
    assert "SSL_CERT_FILE" in caught.value.next_step
    assert forge.seen == []


def test_a_certificate_that_the_environment_trusts(certificates, monkeypatch):
    forge = FakeGitHub()
    forge.certificate = certificates["right"]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates["right"][0]))
    with forge:
        assert me(forge) == {"id": 7}


def test_a_certificate_of_another_host(certificates, monkeypatch):
    forge = FakeGitHub()
    forge.certificate = certificates["wrong"]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates["wrong"][0]))
    with forge, pytest.raises(UsageError, match="IP address mismatch"):
        me(forge)
    assert forge.seen == []


def test_bodies_are_json(forge):
    forge.canned += [Canned(201, body={})]
    client(forge).call("POST", "/x", {"text": "é\n\u2028"}, doing="write")
    assert forge.seen[0].body == {"text": "é\n\u2028"}
    assert forge.seen[0].headers["content-type"] == "application/json"
    assert json.dumps(forge.seen[0].body)
