from types import SimpleNamespace

import pytest
from requests.structures import CaseInsensitiveDict

from jenkins_ml.adapters import jenkins_inventory
from jenkins_ml.adapters.jenkins_answers import Answer, ServerFailed, elsewhere, forbidden, without_crumb, x_error
from jenkins_ml.errors import StageFailed, UsageError

SERVER = "https://ci.example/jenkins/"
PAGE = """<!DOCTYPE html><html><head><title>Jenkins</title><style>p{}</style></head><body><nav><a>menu</a></nav>
<script>var x = 1;</script><h1>%s</h1><p>%s</p></body></html>"""
JETTY = """<html>
<head>
<title>Error 400 This page expects a form submission</title>
</head>
<body><h2>HTTP ERROR 400 This page expects a form submission</h2>
<table><tr><th>URI:</th><td>/job/b</td></tr></table></body></html>"""


def answer(status=200, body="", url=f"{SERVER}job/a", **headers):
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, CaseInsensitiveDict({"Content-Type": "text/html;charset=utf-8", **given}), body.encode(), url)


def test_headers_have_no_case_and_text_is_utf8():
    found = answer(body="grüße", X_Jenkins="2.4")
    assert found.headers["x-jenkins"] == "2.4"
    assert found.text == "grüße"
    assert Answer(200, {}, b"\xff").text == "\ufffd"


@pytest.mark.parametrize("body", ["", "<html>", "[" * 100_000, '{"a":'])
def test_what_is_no_json_is_not_from_jenkins(body):
    with pytest.raises(UsageError, match="is not Jenkins") as caught:
        answer(body=body).json()
    assert f"{SERVER}job/a" in str(caught.value)


@pytest.mark.parametrize(("status", "body"), [(200, "[]"), (200, '"x"'), (200, "null"), (404, "{}"), (302, "{}")])
def test_an_object_is_expected_of_the_api(status, body):
    assert answer(body='{"a": 1}').object() == {"a": 1}
    with pytest.raises(UsageError, match="is not Jenkins"):
        answer(status, body).object()


@pytest.mark.parametrize("look", [jenkins_inventory.plugins, jenkins_inventory.credential_ids])
def test_a_list_of_what_is_installed_that_is_no_object_is_not_from_jenkins(look):
    server = SimpleNamespace(exchange=lambda *_, **__: answer(body="[]"))
    with pytest.raises(UsageError, match="is not Jenkins"):
        look(server)


def test_the_reason_of_a_refusal():
    assert x_error(answer(400, X_Error="No name is specified")) == "No name is specified"
    assert (
        x_error(answer(400, X_Error="A job already exists with the name  c1 "))
        == "A job already exists with the name c1"
    )
    # Bytes of UTF-8 that came through a header, which is read as Latin-1, and a Latin-1 header.
    assert x_error(answer(400, X_Error="modèle ✓".encode().decode("latin-1"))) == "modèle ✓"
    assert x_error(answer(400, X_Error="modèle")) == "modèle"
    assert (
        x_error(answer(400, PAGE % ("Error", "&lsquo;/&rsquo; is an unsafe character")))
        == "Error \u2018/\u2019 is an unsafe character"
    )
    assert x_error(answer(400, JETTY)) == "This page expects a form submission"
    assert x_error(answer(400)) == ""
    assert x_error(answer(400, "plain\x1b[2J words", Content_Type="text/plain")) == "plain\ufffd[2J words"
    assert len(x_error(answer(400, PAGE % ("Error", "x" * 100_000)))) <= 300


def test_a_failure_of_the_server_names_what_to_look_for():
    page = PAGE % ("Oops!", "A problem occurred while processing the request</p><p>Logging ID=0a1b-2c3d")
    failure = ServerFailed(answer(500, page))
    assert isinstance(failure, StageFailed)
    assert (failure.status, failure.logging_id) == (500, "0a1b-2c3d")
    assert failure.next_step == "look for 0a1b-2c3d in the server's log"
    assert ServerFailed(answer(501, X_Error="no such method")).reason == "no such method"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"body": PAGE % ("Access Denied", "viewer is missing the Job/Configure permission")}, "Job/Configure"),
        ({"X_Required_Permission": "hudson.model.Item.Build"}, "Job/Build"),
        ({"X_Required_Permission": "hudson.model.Hudson.Administer"}, "Overall/Administer"),
        ({"X_Required_Permission": "com.acme.Thing.Use"}, "Thing/Use"),
        ({"body": PAGE % ("Access Denied", "Please login to access job priv")}, "Please login to access job priv"),
        ({}, "does not let user viewer"),
    ],
)
def test_a_missing_permission_is_named_as_the_web_page_names_it(given, expected):
    failure = forbidden(answer(403, X_You_Are_Authenticated_As="viewer", **given), "ada")
    assert expected in str(failure)
    assert "viewer" in str(failure)
    assert failure.exit_code == 2


def test_a_request_without_a_crumb_is_known_by_what_jenkins_says():
    assert without_crumb(answer(403, "<title>Error 403 No valid crumb was included in the request</title>"))
    assert not without_crumb(answer(403, "Access Denied"))
    assert not without_crumb(answer(200, "No valid crumb"))


@pytest.mark.parametrize(
    ("status", "location", "safe"),
    [
        (302, "/jenkins/job/a/", False), (302, "/jenkins/", False), (302, f"{SERVER}job/a/", False), (302, ".", False),
        (302, "http://inside:8080/job/a/", False), (303, "http://inside:8080/queue/item/3/", False),
        (302, "/jenkins/job/a/", True), (302, "/job/a/", False), (302, "/", False), (201, "https://elsewhere/", False),
        (200, "", True), (302, "", True), (302, "/jenkins/job/login/", True),
    ],
)  # fmt: skip
def test_redirects_that_jenkins_sends_for_its_own_purposes_are_answers(status, location, safe):
    assert elsewhere(answer(status, Location=location), SERVER, safe) is None


@pytest.mark.parametrize(
    ("status", "location", "safe", "expected"),
    [
        (302, "/jenkins/login?from=%2F", True, "login page"),
        (302, "/jenkins/securityRealm/commenceLogin?from=x", True, "login page"),
        (302, "https://sso.example/oauth2/authorize?client_id=1", True, "login page"),
        (302, "https://sso.example/oauth2/authorize", False, "login page"),
        (302, "https://sso.example/start", False, "leads to https://sso.example/start"),
        (302, "https://sso.example/start", True, "leads to https://sso.example/start"),
        (301, "https://ci.example/jenkins/job/a", True, None),
        (301, "http://ci.example/jenkins/job/a", True, "leads to http://ci.example"),
        (308, "https://other/jenkins/job/a", False, "leads to https://other/jenkins/job/a"),
        (302, "http://ci.example/jenkins/job/a", False, "leads to http://ci.example/jenkins/job/a"),
        (302, "/other/", True, "leads to https://ci.example/other/"),
    ],
)
def test_redirects_elsewhere_are_failures_that_say_where_to(status, location, safe, expected):
    failure = elsewhere(answer(status, Location=location), SERVER, safe)
    if expected is None:
        assert failure is None
    else:
        assert expected in str(failure)
        assert "client_id" not in str(failure)
