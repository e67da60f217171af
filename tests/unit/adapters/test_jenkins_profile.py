import os

import pytest

from jenkins_ml.adapters.jenkins_profile import Profile, find, servers_file
from jenkins_ml.errors import UsageError

TOKEN = "11secret"
GOOD = {"JENKINS_URL": "https://ci.example/jenkins", "JENKINS_USER": "ada", "JENKINS_TOKEN": TOKEN}


@pytest.fixture
def servers(tmp_path):
    """Writes servers.toml, and gives the environment that leads to it."""

    def write(text, mode=0o600):
        file = tmp_path / "jenkins-ml" / "servers.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return {"XDG_CONFIG_HOME": str(tmp_path), "PATH": os.environ["PATH"]}

    return write


def refused(name, environment):
    with pytest.raises(UsageError) as caught:
        find(name, environment)
    assert caught.value.next_step
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def test_the_environment_names_server_and_user():
    assert find(None, GOOD) == Profile("https://ci.example/jenkins/", "ada", TOKEN)


def test_no_text_of_a_profile_shows_the_token():
    assert TOKEN not in repr(find(None, GOOD))
    assert TOKEN not in f"{find(None, GOOD)}"


def test_all_that_is_missing_is_named_at_once():
    message = refused(None, {"JENKINS_USER": "ada", "JENKINS_TOKEN": " "})
    assert "JENKINS_URL and JENKINS_TOKEN are not set" in message
    assert "API Token" in message
    assert "JENKINS_USER is not set" in refused(None, {**GOOD, "JENKINS_USER": ""})


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://[::1]:8080/", "https://ci.example/a/b//"])
def test_addresses_end_with_one_slash(url):
    found = find(None, {**GOOD, "JENKINS_URL": url}).url
    assert found == url.rstrip("/") + "/"


@pytest.mark.parametrize(
    "url",
    [
        "ci.example", "ftp://ci.example/", "https://", "https://ci.example:x/", "https://ci.example:0/", "https://[::1/",
        f"https://ada:{TOKEN}@ci.example/", "https://@ci.example/", "https://ci.example/?a=b", "https://ci.example/?",
        "https://ci.example/#x", "https://ci.example/#", "https://ci .example/", "https://ci.example/\x7f", "https://ü.example/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_server_is_refused(url):
    refused(None, {**GOOD, "JENKINS_URL": url})


@pytest.mark.parametrize(
    "changed", [{"JENKINS_USER": "a:b"}, {"JENKINS_USER": "a\nb"}, {"JENKINS_TOKEN": f"{TOKEN}\nx"}]
)
def test_what_would_break_the_header_is_refused(changed):
    refused(None, {**GOOD, **changed})


def test_a_token_loses_the_line_end_that_an_editor_leaves():
    assert find(None, {**GOOD, "JENKINS_TOKEN": f"{TOKEN}\n"}).token == TOKEN


def test_a_password_may_hold_blanks_and_any_letter():
    assert find(None, {**GOOD, "JENKINS_TOKEN": "grüße aus ✓"}).token == "grüße aus ✓"


def test_a_profile_by_name_or_by_variable_goes_before_the_environment(servers):
    environment = servers(f'[ci]\nurl = "http://ci/"\nuser = "bob"\ntoken = "{TOKEN}"\n') | GOOD
    expected = Profile("http://ci/", "bob", TOKEN)
    assert find("ci", environment) == expected
    assert find(None, environment | {"JENKINS_ML_SERVER": "ci"}) == expected
    assert find(None, environment).user == "ada"


def test_the_home_folder_is_where_profiles_are_without_a_variable():
    assert str(servers_file({"HOME": "/home/ada"})) == "/home/ada/.config/jenkins-ml/servers.toml"


def test_a_token_from_a_file_and_from_a_command(servers, tmp_path):
    file = tmp_path / "jenkins-ml" / "token"
    environment = servers(
        '[file]\nurl="http://ci/"\nuser="bob"\ntoken_file="token"\n'
        f'[command]\nurl="http://ci/"\nuser="bob"\ntoken_command=["printf", "{TOKEN}\\n"]\n',
        mode=0o644,  # it holds no token itself
    )
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    assert find("file", environment).token == TOKEN
    assert find("command", environment).token == TOKEN
    file.chmod(0o640)
    assert f"chmod 600 {file}" in refused("file", environment)


def test_a_file_that_others_may_read_and_that_holds_a_token_is_refused(servers):
    environment = servers(f'[ci]\nurl="http://ci/"\nuser="bob"\ntoken="{TOKEN}"\n', mode=0o604)
    assert f"chmod 600 {servers_file(environment)}" in refused("ci", environment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[ci]\nurl="http://ci/"\nuser="bob"', "one of token, token_file, token_command"),
        (f'[ci]\nuser="bob"\ntoken="{TOKEN}"', "needs url, user"),
        (f'[ci]\nurl="http://ci/"\nuser="bob"\ntoken="{TOKEN}"\ntoken_file="x"', "one of"),
        (f'[ci]\nurl="http://ci/"\nusr="bob"\ntoken="{TOKEN}"', "did you mean 'user'?"),
        ('[ci]\nurl="http://ci/"\nuser="bob"\ntoken=12', "wrong type"),
        ('[ci]\nurl="http://ci/"\nuser="bob"\ntoken_command="pass show ci"', "is a list"),
        ('[ci]\nurl="http://ci/"\nuser="bob"\ntoken_command=["false"]', "ended with 1"),
        ('[ci]\nurl="http://ci/"\nuser="bob"\ntoken_command=["no-such-program"]', "cannot be started"),
        ('[ci]\nurl="http://ci/"\nuser="bob"\ntoken_file="none"', "cannot be read"),
        (f'[ci2]\nurl="http://ci/"\nuser="bob"\ntoken="{TOKEN}"', "did you mean 'ci2'?"),
        ("", "it has: nothing"),
        ('url="http://ci/"', "outside any profile"),
        (f'[ci]\ntoken = {TOKEN}', "is no TOML"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_explained(servers, text, expected):
    assert expected in refused("ci", servers(text))


def test_a_command_that_fails_shows_what_it_complains_of_and_never_what_it_prints(servers):
    command = f'["sh", "-c", "echo {TOKEN}; echo locked >&2; exit 3"]'
    environment = servers(f'[ci]\nurl="http://ci/"\nuser="bob"\ntoken_command={command}')
    assert "ended with 3: locked" in refused("ci", environment)


def test_without_a_file_the_place_is_named(tmp_path):
    assert str(tmp_path) in refused("ci", {"XDG_CONFIG_HOME": str(tmp_path)})
