"""The fake Jenkins stores and rewrites job XML as a real one was seen to do."""

import json
import re
from pathlib import Path

import pytest

from tests.fakes.jenkins import FakeJenkins, User, dom
from tests.fakes.jenkins.asking import Asker, wait_until
from tests.fakes.jenkins.dom import Node

RECORDED = Path(__file__).parent / "jenkins" / "job-xml"
NAMES = sorted(path.name for path in RECORDED.iterdir() if path.is_dir())
CIPHER = re.compile(r"\{AQAAAB[^}]*\}")


@pytest.fixture
def server():
    with FakeJenkins(quiet_period=0, extended_read=True) as running:
        running.folder("jx")
        yield running


@pytest.fixture
def admin(server):
    with Asker(server, server.admin) as asker:
        yield asker


def recorded(name: str, part: str) -> str | None:
    path = RECORDED / name / part
    return path.read_bytes().decode() if path.exists() else None


def plain(text: str) -> str:
    """Without what differs between two servers: ciphertext."""
    return CIPHER.sub("SECRET", text)


def tree(text: str):
    """Elements, attributes and texts; no white space between them."""

    def one(element: Node):
        inside = [one(each) for each in element.elements]
        return element.tag, element.attributes, inside or element.text

    return one(dom.parse(plain(text)).root)


def with_secrets(posted: str, server: FakeJenkins, name: str) -> str:
    """What a client posts that has read the configuration before: this server's ciphertext."""
    found = CIPHER.search(server.config(name))
    return CIPHER.sub(found[0], posted) if found else posted


def build(server: FakeJenkins, admin: Asker, name: str) -> str:
    """Builds a job and gives its configuration afterwards."""
    path = f"/job/{name.replace('/', '/job/')}"
    before = len(server.runs(name))
    parameterised = "ParametersDefinitionProperty" in server.config(name)
    assert admin.post(f"{path}/{'buildWithParameters' if parameterised else 'build'}?delay=0sec").status == 201
    wait_until(lambda: len(server.runs(name)) > before and not server.runs(name)[-1].building)
    return admin.get(f"{path}/config.xml").text


@pytest.mark.parametrize("name", NAMES)
def test_what_is_posted_reads_back_byte_for_byte(server, admin, name):
    posted, expected = recorded(name, "posted.xml"), recorded(name, "read-back.xml")
    assert admin.post_xml(f"/job/jx/createItem?name={name}", posted).status == 200
    assert plain(admin.get(f"/job/jx/job/{name}/config.xml").text) == plain(expected)


@pytest.mark.parametrize("name", [name for name in NAMES if recorded(name, "after-save.xml")])
def test_a_life_of_an_item_reads_as_recorded(server, admin, name):
    full = f"jx/{name}"
    path = f"/job/jx/job/{name}/config.xml"
    admin.post_xml(f"/job/jx/createItem?name={name}", recorded(name, "posted.xml"))
    removed = recorded(name, "after-build-without-directives.xml")
    if removed:
        assert tree(build(server, admin, full)) == tree(recorded(name, "after-first-build.xml"))
    if updated := recorded(name, "updated-posted.xml"):
        assert admin.post_xml(path, with_secrets(updated, server, full)).status == 200
        assert plain(admin.get(path).text) == plain(recorded(name, "updated-read-back.xml"))
    built = removed or recorded(name, "after-first-build.xml")
    if built:
        assert tree(build(server, admin, full)) == tree(built)
    server.save(full)
    assert tree(admin.get(path).text) == tree(recorded(name, "after-save.xml"))


def test_reposting_takes_away_what_the_jenkinsfile_declared(server, admin):
    name = "after-first-declarative-build"
    posted, path = recorded(name, "posted.xml"), f"/job/jx/job/{name}/config.xml"
    admin.post_xml(f"/job/jx/createItem?name={name}", posted)
    assert tree(build(server, admin, f"jx/{name}")) == tree(recorded(name, "after-first-build.xml"))
    assert tree(build(server, admin, f"jx/{name}")) == tree(recorded(name, "after-second-build.xml"))
    assert admin.post_xml(path, posted).status == 200
    assert plain(admin.get(path).text) == plain(recorded(name, "after-reposting-posted.xml"))
    assert admin.post(f"/job/jx/job/{name}/buildWithParameters").status == 500


def test_what_the_api_says_after_the_first_build(server, admin):
    name = "after-first-declarative-build"
    admin.post_xml(f"/job/jx/createItem?name={name}", recorded(name, "posted.xml"))
    build(server, admin, f"jx/{name}")
    tree = "nextBuildNumber,property[parameterDefinitions[name,type,defaultParameterValue[value],choices]]"
    expected = json.loads(recorded(name, "api-after-first-build.json"))
    expected.pop("concurrentBuild")  # it was read later, from another state
    assert admin.get(f"/job/jx/job/{name}/api/json?tree={tree}").json == expected


def test_secrets_in_the_eyes_of_others(server, admin):
    name, path = "secrets-read-by-others", "/job/jx/job/secrets-read-by-others/config.xml"
    server.add_user("creator", "Overall/Read", "Job/Read", "Job/Create", "Job/Configure")
    server.add_user("reader", "Overall/Read", "Job/Read", "Job/ExtendedRead")
    server.add_user("viewer", "Overall/Read", "Job/Read")
    by = {user: Asker(server, server.security.users[user]) for user in ("creator", "reader", "viewer")}
    admin.post_xml(f"/job/jx/createItem?name={name}", recorded(name, "posted.xml"))
    assert by["viewer"].get(path).status == 403
    assert "plain-secret" in by["reader"].get(path).text  # nothing was encrypted yet
    server.save(f"jx/{name}")
    as_reader, as_creator = by["reader"].get(path).text, by["creator"].get(path).text
    assert "<defaultValue>********</defaultValue>" in as_reader
    assert "<authToken>remote-tok</authToken>" in as_reader
    assert CIPHER.search(as_creator)
    assert admin.post_xml(path, as_creator).status == 200
    server.save(f"jx/{name}")
    assert server.secrets.decrypted(CIPHER.search(server.config(f"jx/{name}"))[0]) == "plain-secret"
    assert admin.post_xml(path, as_reader).status == 200
    server.save(f"jx/{name}")
    assert server.secrets.decrypted(CIPHER.search(server.config(f"jx/{name}"))[0]) == "********"
    for each in by.values():
        each.__exit__()


def test_extended_read_is_off_by_default():
    with FakeJenkins([User("reader", permissions={"Overall/Read", "Job/Read", "Job/ExtendedRead"})]) as server:
        server.put("job", "<flow-definition/>")
        with Asker(server, server.admin) as reader:
            assert reader.get("/job/job/config.xml").headers["x-required-permission"] == "hudson.model.Item.Configure"


def test_a_plugin_that_is_missing_loses_its_settings(admin):
    plugins = {"workflow-job": "1", "workflow-cps": "1", "cloudbees-folder": "1"}
    xml = recorded("pipeline-from-scm", "posted.xml")
    with FakeJenkins(plugins=plugins) as server:
        server.put("job", xml)
        assert "GitSCM" in server.config("job")
        server.save("job")
        assert "GitSCM" not in server.config("job")
        assert 'plugin="workflow-cps@1"' in server.config("job")


def test_the_credentials_of_a_folder_live_in_its_configuration(server, admin):
    secret = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl><scope>GLOBAL</scope><id>{}</id>"
    secret += "<secret>s3cret</secret></org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>"
    store = "/job/jx/credentials/store/folder/domain/_"
    for name in ("one", "two"):
        assert admin.post_xml(f"{store}/createCredentials", secret.format(name)).status == 200
    kept = admin.get("/job/jx/config.xml").text
    assert "FolderCredentialsProperty" in kept
    assert "s3cret" not in kept
    # Whoever posts back what he read keeps them ...
    assert admin.post_xml("/job/jx/config.xml", kept).status == 200
    listed = admin.get(f"{store}/api/json?tree=credentials[id]").json
    assert [each["id"] for each in listed["credentials"]] == ["one", "two"]
    assert server.secrets.decrypted(server.item("jx").credentials["one"].text_of("secret")) == "s3cret"
    # ... and whoever posts anything else loses them: a POST replaces the whole configuration.
    assert admin.post_xml("/job/jx/config.xml", "<com.cloudbees.hudson.plugins.folder.Folder/>").status == 200
    assert admin.get(f"{store}/api/json?tree=credentials[id]").json["credentials"] == []
