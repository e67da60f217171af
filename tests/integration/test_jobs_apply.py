"""`jobs plan`, `apply` and `destroy` on a fake server, through the command line, as several people and a server do."""

import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from jenkins_ml.adapters import jenkins_conversation
from jenkins_ml.adapters.jenkins_client import Limits
from jenkins_ml.core.jobs import meaning
from jenkins_ml.errors import IntegrityError, Interrupted, StageFailed, Unavailable, UsageError
from tests.fakes.jenkins import READER, FakeJenkins, User, dom
from tests.fakes.jenkins_jobs import pipeline
from tests.fakes.jobs_commands import Desk, small

GOLDEN = Path(__file__).parents[1] / "golden" / "jobs" / "jobs.yaml"
QUICK = [("503", 0.1), ("401", 0.05), ("refused", 0.1), ("503", 0.1)]
DECLARATIVE = """pipeline {
  agent none
  options {
    buildDiscarder(logRotator(numToKeepStr: '7'))
    disableConcurrentBuilds()
    quietPeriod(3)
  }
  parameters {
    string(name: 'MODEL', defaultValue: 'resnet')
    booleanParam(name: 'FORCE', defaultValue: true)
  }
  triggers {
    cron('H 3 * * *')
  }
  stages {
    stage('A') {
      steps {
        echo 'hi'
      }
    }
  }
}
"""
CREDENTIAL = (
    "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl><scope>GLOBAL</scope><id>{id}</id>"
    "<secret>{secret}</secret></org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>"
)


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    limits = Limits(connect=2, request=2, restart=5, first_pause=0.02, longest_pause=0.1)
    monkeypatch.setattr(jenkins_conversation, "Limits", lambda: limits)


@pytest.fixture
def fake():
    with FakeJenkins(quiet_period=0, extended_read=True) as running:
        yield running


@pytest.fixture
def desk(fake, tmp_path):
    """Ours."""
    mine = Desk(fake, tmp_path / "ours")
    yield mine
    mine.search()


@pytest.fixture
def other(fake, tmp_path):
    """Somebody else's on the same server."""
    yours = Desk(fake, tmp_path / "theirs", owner="other/models")
    yield yours
    yours.search()


def names(fake):
    return {each.full_name for each in fake.root.walk()}


def posts(fake):
    return [each for each in fake.requests if each.method != "GET"]


def edit(fake, name, old, new, count=1):
    """Somebody changes a job in the web page."""
    text = fake.config(name)
    assert old in text, text
    fake.put(name, text.replace(old, new, count))
    fake.save(name)


def put_credential(fake, folder, identity, secret="hidden-value"):
    xml = CREDENTIAL.format(id=identity, secret=secret)
    item = fake.item(folder) if folder else fake.root
    with fake.lock:
        fake.put_credential(item, fake.understanding.object(dom.parse(xml).root))


def build(fake, name):
    fake.trigger(name)
    while not fake.runs(name) or fake.runs(name)[-1].building:
        time.sleep(0.005)


# --- what is made stays what it is -----------------------------------------------------------------------------------
def test_every_key_of_jobs_yaml_once(desk, fake):
    desk.file.write_text(GOLDEN.read_text())
    planned = desk.plan()
    assert set(planned.deeds.values()) == {"create"}
    made = desk.apply("--allow-missing")
    assert made.code == 0
    assert set(made.outcomes.values()) == {"done"}
    assert names(fake) == set(planned.deeds)
    for _ in range(2):
        assert desk.plan().deeds == {}
        for each in list(fake.root.walk()):
            each.save()
    again = desk.apply("--allow-missing")
    assert (again.json["results"], again.json["untouched"]) == ([], 13)
    gone = desk.destroy()
    assert gone.code == 0
    assert not fake.root.children


def test_no_jobs_at_all(desk, fake):
    desk.write()
    assert desk.plan().json["actions"] == []
    desk.applied()
    assert not posts(fake)
    assert desk.destroy().json["results"] == []
    said = desk.run("apply", "--yes")
    assert said.out.endswith("nothing to do\n")


def test_what_a_build_writes_into_its_job_is_no_drift_and_stays(desk, fake):
    desk.write(small("f/a", DECLARATIVE, parameters=[{"string": "OURS", "default": "x"}], discard={"keep": 3}))
    desk.applied()
    build(fake, "f/a")
    desk.settled()
    assert "<numToKeep>3" in fake.config("f/a")  # a property that is there already is replaced by the second build
    build(fake, "f/a")
    before = fake.config("f/a")
    assert all(text in before for text in ("resnet", "H 3 * * *", "<numToKeep>7", "OURS", "<quietPeriod>3"))
    desk.settled()
    assert "last word on discard" in desk.plan().note("f/a")
    edit(fake, "f/a", "OURS", "THEIRS")
    assert desk.plan().deeds == {"f/a": "update"}
    desk.applied()
    after = fake.config("f/a")
    assert all(text in after for text in ("resnet", "H 3 * * *", "<numToKeep>7", "OURS", "<quietPeriod>3", "FORCE"))
    assert "THEIRS" not in after
    build(fake, "f/a")
    desk.settled()


def test_a_build_between_plan_and_apply_does_not_make_the_plan_stale(desk, fake):
    desk.write(small("a", DECLARATIVE))
    desk.applied()
    desk.write(small("a", DECLARATIVE, description="new"))
    desk.plan("-o", desk.folder / "saved.plan")
    build(fake, "a")
    assert desk.apply(desk.folder / "saved.plan").outcomes == {"a": "done"}
    assert "resnet" in fake.config("a")
    desk.settled()


def test_how_many_requests_it_takes(desk, fake):
    """One for each job, and a few more."""
    jobs = [small(f"f/g{index % 10}/{index}", needs={"credentials": ["key"]}) for index in range(300)]
    put_credential(fake, "", "key")
    desk.write(*jobs)
    assert desk.apply().code == 0
    assert len(posts(fake)) == 300 + 11
    assert len(fake.requests) <= 311 + 10
    fake.requests.clear()
    assert desk.plan().deeds == {}
    assert len(fake.requests) <= 311 + 10
    fake.requests.clear()
    assert desk.plan("--trust-digests").deeds == {}
    assert len(fake.requests) <= 10
    edit(fake, "f/g7/7", "echo", "sh")
    fake.requests.clear()
    assert desk.apply().outcomes == {"f/g7/7": "done"}
    assert [each.target for each in posts(fake)] == ["/job/f/job/g7/job/7/config.xml"]


def test_folders_deeper_than_a_server_lists_at_once(desk, fake):
    deep = "/".join("abcdefghijklmnopqrstuvwxyz"[:20])
    desk.write(f"{deep}/job", f"{deep[:13]}/beside", f"{deep[:15]}/beside")
    desk.applied()
    assert len(names(fake)) == 23
    assert desk.destroy().code == 0
    assert not names(fake)


# --- real drift ------------------------------------------------------------------------------------------------------
# Leaves of a configuration that say nothing about how a job behaves, or that follow from another one.
SILENT = {"keepDependencies", "configVersion", "doGenerateSubmoduleConfigurations", "id", "repositoryUrl"}
OPTIONAL = {"regexpFilter", "defaultValue", "token", "noteRegex", "credentialsId", "reference", "refspec"}


def other_value(tag, text):
    if text in ("true", "false"):
        return "false" if text == "true" else "true"
    if re.fullmatch(r"-?\d+", text):
        return str(int(text) + 1)
    return "@weekly" if tag == "spec" else f"{text}-by-hand"


def leaves(root):
    """What somebody can change in a web page: the elements with a text, and optional ones without."""
    managed = meaning.MANAGED.get(root.tag)
    for each in (below for top in root.elements if managed is None or top.tag in managed for below in top.walk()):
        if not each.elements and (each.text.strip() or each.tag in OPTIONAL):
            yield each


GOLDEN_JOBS = [
    "ml/team", "ml/team/from-scm", "ml/team/inline", "ml/team/templated", "ml/multi/git", "ml/multi/github",
    "ml/multi/gitlab", "ml/production/promote", "ml/production/rollback",
]  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN_JOBS)
def test_whatever_is_changed_by_hand_is_found_named_and_restored(desk, fake, name):
    desk.file.write_text(GOLDEN.read_text())
    desk.apply("--allow-missing")
    fake.save(name)
    pristine = fake.config(name)
    count = len(list(leaves(dom.parse(pristine).root)))
    assert count >= (2 if name == "ml/team" else 5)
    found = set()
    for index in range(count):
        document = dom.parse(pristine)
        leaf = list(leaves(document.root))[index]
        before = leaf.text
        after = other_value(leaf.tag, before)
        if leaf.tag == "description" and "Made by jenkins-ml" in before:
            after = "by hand\n\n" + before[before.index("Made by") :]
        leaf.children = [after]
        fake.put(name, dom.saved(document.root))
        fake.save(name)
        planned = desk.plan()
        scan = leaf.tag == "spec" and "PeriodicFolderTrigger" in pristine
        if leaf.tag in SILENT or scan:
            assert planned.deeds == {}, leaf
            fake.put(name, pristine)
            continue
        assert planned.deeds == {name: "update"}, (leaf, before, after)
        changes = planned.changes(name)
        if leaf.tag == "string" or leaf.tag == "name":
            assert changes
        else:
            [(setting, (was, wanted))] = changes.items()
            found.add(setting)
            shown = {"false": None, "-1": None, "": None}
            if leaf.tag != "description":
                assert was in (after, shown.get(after, after), "***"), (setting, was)
                assert wanted == shown.get(before, before), (setting, wanted)
        assert desk.apply("--allow-missing").outcomes == {name: "done"}
        fake.save(name)
        assert fake.config(name) == pristine
    assert found
    assert desk.plan().deeds == {}


_JOB = "org.jenkinsci.plugins.workflow.job.properties."


def _wrapped(tag, *fields):
    return f"<{tag}>{''.join(f'<{name}>{text}</{name}>' for name, text in fields)}</{tag}>"


# What somebody adds: into which element, what, and which setting the plan names.
HAND = {
    "an unknown property": (
        "properties", _wrapped("com.coravy.hudson.plugins.github.GithubProjectProperty", ("projectUrl", "u")),
        "GithubProjectProperty",
    ),
    "another trigger": ("triggers", _wrapped("com.cloudbees.jenkins.GitHubPushTrigger", ("spec", "")), "triggers.github"),
    "a trigger twice": ("triggers", _wrapped("hudson.triggers.TimerTrigger", ("spec", "@daily")), "TimerTrigger"),
    "another parameter": (
        "parameterDefinitions", _wrapped("hudson.model.StringParameterDefinition", ("name", "EVIL")), "parameters[EVIL]"
    ),
    "a password": (
        "parameterDefinitions",
        _wrapped("hudson.model.PasswordParameterDefinition", ("name", "PW"), ("defaultValue", "typed-secret")),
        "parameters[PW]",
    ),
    "a quiet period": ("flow-definition", "<quietPeriod>0</quietPeriod>", "quiet_period"),
    "a token for remote builds": ("flow-definition", "<authToken>typed-secret</authToken>", "authToken"),
    "no builds are kept": ("numToKeep", "0", "discard.keep"),
    "only the newest is removed": ("removeLastBuild", "true", "removeLastBuild"),
    "one at a time": (
        "properties", _wrapped(f"{_JOB}DisableConcurrentBuildsJobProperty", ("abortPrevious", "true")), "concurrent"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HAND)
def test_what_is_added_by_hand_is_found_and_removed(desk, fake, what):
    where, more, setting = HAND[what]
    desk.secrets.add("typed-secret")
    desk.write(small("a", parameters=[{"string": "X"}], triggers=[{"cron": "H 1 * * *"}], discard={"days": 3}))
    desk.applied()
    pristine = fake.config("a")
    document = dom.parse(pristine)
    place = next(each for each in [document.root, *document.root.walk()] if each.tag == where)
    added = dom.parse(f"<x>{more}</x>").root.children
    place.children = added if where in ("numToKeep", "removeLastBuild") else [*added, *place.children]
    fake.put("a", dom.saved(document.root))
    fake.save("a")
    planned = desk.plan()
    assert any(setting in each for each in planned.changes("a")), planned
    desk.applied()
    assert fake.config("a") == pristine


@pytest.mark.parametrize("value", ["disabled", "enabled"])
def test_a_job_that_somebody_disabled(desk, fake, value):
    desk.write(small("a", disabled=value == "enabled"))
    desk.applied()
    fake.item("a").set_text("disabled", str(value == "disabled").lower())
    assert list(desk.plan().changes("a")) == ["disabled"]
    desk.applied()


def test_trusted_digests_read_nothing_and_are_blind_to_changes_by_hand(desk, fake):
    desk.write(*(f"f/{index}" for index in range(30)))
    desk.applied()
    edit(fake, "f/3", "echo", "sh")
    fake.requests.clear()
    assert desk.plan("--trust-digests").deeds == {}
    assert len(fake.requests) <= 10
    assert desk.plan().deeds == {"f/3": "update"}
    desk.write(*(f"f/{index}" for index in range(30)), small("f/new"), small("f/4"))
    desk.write(*(small(f"f/{index}", "echo 'y'" if index == 4 else "echo 'x'") for index in range(30)))
    assert desk.plan("--trust-digests").deeds == {"f/4": "update"}


# --- whose is what ---------------------------------------------------------------------------------------------------
def test_two_owners_never_touch_what_is_the_others(desk, other, fake):
    desk.write({"name": "team", "type": "folder"}, "team/ours", "shared/ours", "team/x/deep")
    other.write("team/theirs", "shared/theirs", "theirs", {"name": "shared/in", "type": "folder"}, "team/x/theirs")
    desk.applied()
    other.applied()
    for each in (desk, other):
        each.settled()
    assert "team/theirs" in names(fake)
    # The same name: refused, whoever asks, whatever flags.
    other.write("team/theirs", "team/ours", {"name": "team", "type": "folder", "description": "mine now"})
    ended = other.apply("--adopt", "--replace")
    assert ended.code == StageFailed.exit_code
    assert {ended.outcomes["team/ours"], ended.outcomes["team"]} == {"refused"}
    assert "belongs to acme/models" in ended.reasons["team/ours"]
    assert "acme/models" in fake.config("team/ours")
    # What is the others' goes with nobody: neither with a job that is not asked for any more, nor with destroy.
    desk.write("alone")
    desk.apply()
    assert {"team/theirs", "team"} <= names(fake)
    assert "team/ours" not in names(fake)
    gone = desk.destroy()
    assert gone.code == 0
    assert names(fake) >= {"team", "team/theirs"}
    assert not [each for each in names(fake) if each.endswith(("ours", "alone"))]
    other.write("team/theirs")
    other.destroy()
    # A folder that held what was the others' then still carries its own owner, who can remove it.
    desk.destroy()
    assert not names(fake)


def test_a_folder_goes_only_when_nothing_of_others_lies_in_it(desk, other, fake):
    desk.write("f/g/a", "f/b")
    desk.applied()
    fake.put("f/g/by hand", pipeline())
    ended = desk.destroy()
    assert ended.outcomes == {"f/g/a": "done", "f/b": "done"}
    assert names(fake) == {"f", "f/g", "f/g/by hand"}
    assert "stays: in it lies 'f/g/by hand'" in ended.err


def test_somebody_puts_a_job_into_a_folder_while_it_is_removed(desk, fake):
    desk.write("f/a")
    desk.applied()

    def meanwhile(request):
        if request.method == "POST" and "doDelete" in request.target and "by hand" not in names(fake):
            fake.on_request = None
            fake.put("f/by hand", pipeline())

    fake.on_request = meanwhile
    ended = desk.destroy()
    assert ended.outcomes == {"f/a": "done", "f": "changed"}
    assert "'by hand' lies in it" in ended.reasons["f"]
    assert names(fake) == {"f", "f/by hand"}


def test_jobs_that_nobody_manages_are_taken_over_only_when_asked(desk, fake):
    fake.put("a", pipeline("echo 'by hand'"))
    fake.folder("f")
    desk.write("a", {"name": "f", "type": "folder", "description": "ours"})
    ended = desk.apply()
    assert ended.code == StageFailed.exit_code
    assert ended.outcomes == {"a": "refused", "f": "refused"}
    assert "--adopt" in ended.reasons["a"]
    assert "by hand" in fake.config("a")
    assert desk.plan("--adopt").changes("a")["inline"] == ("echo 'by hand'", "echo 'x'")
    assert desk.apply("--adopt").outcomes == {"a": "done", "f": "done"}
    desk.applied()


def test_an_owner_that_changes_takes_its_jobs_along(desk, other, fake):
    other.write("f/a", "f/b", "c")
    other.applied()
    desk.write("f/a", small("c", "echo 'new'"), "d")
    assert desk.apply().outcomes == {"d": "done", "c": "refused", "f/a": "refused"}
    ended = desk.apply("--adopt-from", other.owner)
    assert ended.outcomes == {"f": "done", "f/a": "done", "c": "done"}
    desk.settled()
    assert names(fake) == {"f", "f/a", "f/b", "c", "d"}  # what the file does not ask for stays with its owner
    assert set(other.plan().deeds.values()) == {"refuse"}
    assert set(other.destroy().outcomes) == {"f/b"}


def test_another_type_is_replaced_only_when_asked(desk, fake):
    desk.write("f/a")
    desk.applied()
    build(fake, "f/a")
    multi = {"name": "f/a", "type": "multibranch", "scm": {"git": "https://h/x.git"}}
    desk.write(multi)
    ended = desk.apply()
    assert ended.outcomes == {"f/a": "refused"}
    assert "--replace" in ended.reasons["f/a"]
    assert desk.plan("--replace").deeds == {"f/a": "replace"}
    assert desk.apply("--replace").outcomes == {"f/a": "done"}
    assert fake.item("f/a").tag.endswith("WorkflowMultiBranchProject")
    desk.applied()
    fake.put("f/a/main", pipeline())  # a branch was found
    desk.write({"name": "f/a", "type": "folder"})
    assert desk.apply("--replace").outcomes == {"f/a": "done"}
    desk.applied()
    assert names(fake) == {"f", "f/a"}


def test_a_folder_with_anything_in_it_is_never_replaced(desk, other, fake):
    desk.write({"name": "f", "type": "folder"})
    desk.applied()
    other.write("f/g/theirs")
    other.applied()
    desk.write("f")
    ended = desk.apply("--replace", "--adopt")
    assert ended.outcomes == {"f": "refused"}
    assert "lies 'f/g' (and 1 more), which would be deleted too" in ended.reasons["f"]
    assert "f/g/theirs" in names(fake)


def test_a_folder_of_our_own_jobs_becomes_a_job_after_they_are_gone(desk, fake):
    desk.write("f/a", "f/g/b")
    desk.applied()
    desk.write("f")
    ended = desk.apply("--replace")
    assert ended.outcomes == dict.fromkeys(["f", "f/a", "f/g", "f/g/b"], "done")
    assert fake.item("f").tag == "flow-definition"
    desk.applied()


def test_somebody_fills_a_folder_while_it_is_replaced(desk, fake):
    desk.write({"name": "f", "type": "folder"})
    desk.applied()
    desk.write("f")
    desk.plan("--replace", "-o", desk.folder / "saved.plan")
    fake.put("f/by hand", pipeline())
    ended = desk.apply(desk.folder / "saved.plan")
    assert ended.outcomes == {"f": "changed"}
    assert "f/by hand" in names(fake)


def test_in_what_is_no_folder_nothing_is_made(desk, fake):
    fake.put("f", pipeline())
    desk.write("f/a", "f/g/b", "c")
    ended = desk.apply()
    assert ended.outcomes == {"f": "refused", "f/g": "refused", "f/a": "refused", "f/g/b": "refused", "c": "done"}
    assert "'f', in which it would lie, is refused" in ended.reasons["f/g/b"]
    assert names(fake) == {"f", "c"}


# --- what belongs to the server --------------------------------------------------------------------------------------
UNKNOWN = "<com.example.Unknown plugin='example@3'><x>kept</x></com.example.Unknown>"
FOLDER_PERMISSION = (
    "<com.cloudbees.hudson.plugins.folder.properties.AuthorizationMatrixProperty>"
    "<permission>USER:hudson.model.Item.Read:somebody</permission>"
    "</com.cloudbees.hudson.plugins.folder.properties.AuthorizationMatrixProperty>"
)
PERMISSION = (
    "<hudson.security.AuthorizationMatrixProperty><permission>USER:hudson.model.Item.Read:v</permission>"
    "</hudson.security.AuthorizationMatrixProperty>"
)


def with_property(fake, name, xml):
    document = dom.parse(fake.config(name))
    document.root.find("properties").children += dom.parse(f"<x>{xml}</x>").root.children
    fake.put(name, dom.saved(document.root))


def test_credentials_permissions_and_unknown_properties_of_a_folder_stay(desk, fake):
    def described(text):
        desk.write({"name": "f", "type": "folder", "description": text, "display_name": "F"})

    described("one")
    desk.applied()
    with_property(fake, "f", UNKNOWN)
    described("two")
    assert desk.apply().outcomes == {"f": "done"}
    assert all(text in fake.config("f") for text in ("kept", "example@3", "two"))  # until the server saves it
    put_credential(fake, "f", "key")
    with_property(fake, "f", FOLDER_PERMISSION)
    before = fake.item("f").credentials["key"].text_of("secret")
    desk.secrets |= {"hidden-value", before}
    described("three")
    desk.applied()
    after = fake.item("f").credentials["key"].text_of("secret")
    assert after == before
    assert fake.secrets.decrypted(after) == "hidden-value"
    assert "Read:somebody" in fake.config("f")
    assert "three" in fake.config("f")


def test_permissions_of_a_job_stay(desk, fake):
    desk.write(small("a", parameters=[{"string": "X"}]))
    desk.applied()
    with_property(fake, "a", PERMISSION)
    fake.save("a")
    desk.settled()
    desk.write(small("a", "echo 'new'"))
    desk.applied()
    assert "Item.Read:v" in fake.config("a")


def test_a_secret_of_a_trigger_stays(desk, fake):
    desk.write(small("a", triggers=[{"gitlab": {}}]))
    desk.applied()
    desk.secrets.add("gitlab-secret")
    edit(fake, "a", "</triggerOnPush>", "</triggerOnPush><secretToken>gitlab-secret</secretToken>")
    desk.settled()
    cipher = re.search(r"<secretToken>(.*?)</secretToken>", fake.config("a"))[1]
    desk.secrets.add(cipher)
    desk.write(small("a", triggers=[{"gitlab": {"push": False}}]))
    desk.applied()
    assert cipher in fake.config("a")


def test_what_is_ignored_is_left_as_it_is(desk, fake):
    project = "com.coravy.hudson.plugins.github.GithubProjectProperty"
    ignore = {"ignore": [project, "quietPeriod", "scriptPath"]}
    job = {"name": "a", "scm": {"git": "https://h/x.git"}, "quiet_period": "7s"}
    desk.write(job, **ignore)
    desk.applied()
    with_property(fake, "a", f"<{project}><projectUrl>u</projectUrl></{project}>")
    edit(fake, "a", "<quietPeriod>7", "<quietPeriod>9")
    edit(fake, "a", "Jenkinsfile<", "ByHand<")
    desk.settled()
    desk.write({**job, "scm": {"git": "https://h/y.git"}}, **ignore)
    desk.applied()
    assert all(text in fake.config("a") for text in ("<quietPeriod>9", "ByHand", "projectUrl", "https://h/y.git"))
    desk.write({**job, "scm": {"git": "https://h/y.git"}})
    assert {"quiet_period", "script"} <= set(desk.plan().changes("a"))
    desk.applied()


def test_branches_keep_their_source(desk, fake):
    job = {"name": "m", "type": "multibranch", "scm": {"git": "https://h/x.git"}}
    desk.write(job)
    desk.applied()
    edit(fake, "m", re.search("<id>(.*?)</id>", fake.config("m"))[1], "made-by-hand")
    desk.settled()
    desk.write({**job, "scm": {"git": "https://h/moved.git"}})
    desk.applied()
    assert "<id>made-by-hand</id>" in fake.config("m")


# --- rights ----------------------------------------------------------------------------------------------------------
def test_who_sees_no_secrets_destroys_none(desk, fake, tmp_path):
    desk.write(small("a", triggers=[{"gitlab": {}}]), "b")
    desk.applied()
    edit(fake, "a", "</triggerOnPush>", "</triggerOnPush><secretToken>gitlab-secret</secretToken>")
    reader = fake.add_user("reader", *READER, "Job/ExtendedRead", "Job/Create")
    theirs = Desk(fake, tmp_path / "reader", user=reader)
    theirs.write(small("a", "echo 'new'", triggers=[{"gitlab": {}}]), "b", "c")
    fake.requests.clear()
    ended = theirs.apply()
    assert ended.outcomes == {"a": "refused", "c": "done"}
    assert "Job/Configure" in ended.reasons["a"]
    assert [each.target for each in posts(fake)] == ["/createItem?name=c"]
    assert "gitlab-secret" in fake.secrets.decrypted(re.search(r"<secretToken>(.*?)</", fake.config("a"))[1])
    theirs.search()


def test_a_configuration_that_may_not_be_read_does_not_keep_others_from_being_planned(desk, fake, tmp_path):
    desk.write("a", "b", "c")
    desk.applied()
    fake.seclude("b")
    user = fake.add_user("user", *READER, "Job/Configure", "Job/Create")
    fake.grant("user", "b", "Job/Read")
    theirs = Desk(fake, tmp_path / "user", user=user)
    theirs.write("a", "b", small("c", "echo 'new'"))
    ended = theirs.apply()
    assert ended.outcomes == {"b": "refused", "c": "done"}
    assert "cannot be read: user user is missing the Job/" in ended.reasons["b"]
    assert ended.code == StageFailed.exit_code


def test_who_may_only_read_changes_nothing_and_is_told_what_is_missing(desk, fake, tmp_path):
    desk.write("a")
    desk.applied()
    reader = fake.add_user("reader", *READER, "Job/ExtendedRead")
    theirs = Desk(fake, tmp_path / "reader", user=reader)
    theirs.write(small("a", "echo 'new'"), "b", "f/c")
    ended = theirs.apply()
    assert ended.code == StageFailed.exit_code
    assert ended.outcomes == {"a": "failed", "b": "failed", "f": "failed", "f/c": "skipped"}
    assert "Job/Configure" in ended.reasons["a"]
    assert "Job/Create" in ended.reasons["b"]
    assert "its folder was not made" in ended.reasons["f/c"]
    gone = theirs.destroy()
    assert gone.outcomes == {"a": "failed"}
    assert "Job/Delete" in gone.reasons["a"]


# --- what the jobs need ----------------------------------------------------------------------------------------------
def test_missing_plugins_and_credentials_are_told_and_nothing_is_applied(desk, fake):
    del fake.plugins["timestamper"]
    needs = {"plugins": ["timestamper", "no-such"], "credentials": ["nowhere"]}
    desk.write(small("f/a", "timestamps { echo 'x' }", needs=needs), "b")
    planned = desk.plan()
    assert sorted(each.partition(":")[0] for each in planned.json["missing"]) == [
        "credential 'nowhere' is in no store that these see", "plugin 'no-such' is not installed and active",
        "plugin 'timestamper' is not installed and active",
    ]  # fmt: skip
    assert desk.plan("--check").code == StageFailed.exit_code
    ended = desk.apply()
    assert ended.code == UsageError.exit_code
    assert "--allow-missing" in str(ended.error)
    assert not names(fake)
    assert desk.apply("--allow-missing").code == 0


def test_credentials_are_looked_for_where_a_job_sees_them(desk, fake):
    fake.folder("f")
    fake.folder("f/in")
    fake.folder("g")
    put_credential(fake, "", "everywhere")
    put_credential(fake, "f", "in-f")
    put_credential(fake, "g", "in-g")
    needing = {"credentials": ["everywhere", "in-f", "in-g"]}
    desk.write(small("f/in/a", needs=needing), small("f/b", needs={"credentials": ["in-f"]}))
    desk.secrets.add("hidden-value")
    planned = desk.plan()
    assert planned.json["missing"] == ["credential 'in-g' is in no store that these see: needed by f/in/a"]
    assert planned.json["unchecked"] == []


def test_what_may_not_be_looked_at_is_said(desk, fake, tmp_path):
    fake.folder("f")
    put_credential(fake, "f", "in-f")
    user = fake.add_user("user", *READER, "Job/Create", "Job/Configure")
    theirs = Desk(fake, tmp_path / "user", user=user)
    theirs.write(small("f/a", needs={"credentials": ["in-f"], "plugins": ["no-such"]}))
    planned = theirs.plan()
    assert planned.json["missing"] == []
    assert len(planned.json["unchecked"]) == 2
    assert "Overall/SystemRead" in planned.json["unchecked"][0]
    assert "Credentials/View" in planned.json["unchecked"][1]
    assert theirs.apply().code == 0


# --- a plan that was saved -------------------------------------------------------------------------------------------
@pytest.fixture
def saved(desk, fake):
    """Jobs of every kind of action, and a plan of them in a file."""
    desk.write("update", "gone", "f/kept", "folder-to-go/x")
    desk.applied()
    fake.put("adopt", pipeline())
    desk.write(small("update", "echo 'two'"), "f/kept", "f/new/deep", "adopt")
    path = desk.folder / "saved.plan"
    assert desk.plan("--adopt", "-o", path).code == 0
    return path


ALL = dict.fromkeys(["update", "gone", "folder-to-go", "folder-to-go/x", "f/new", "f/new/deep", "adopt"], "done")
FOLDER_BY_HAND = (
    "<com.cloudbees.hudson.plugins.folder.Folder><description>by hand</description>"
    "</com.cloudbees.hudson.plugins.folder.Folder>"
)


def test_a_saved_plan_is_carried_out_exactly(desk, saved, fake):
    # jobs.yaml says something else by now, or nothing at all: what was reviewed counts.
    desk.file.write_text("owner: somebody\nno such key: 1\n")
    assert desk.apply(saved).outcomes == ALL
    desk.write(small("update", "echo 'two'"), "f/kept", "f/new/deep", "adopt")
    desk.settled()
    again = desk.apply(saved)  # what it rests on is not there any more
    assert set(again.outcomes.values()) <= {"done"}, again
    desk.settled()


def test_what_changed_since_is_left_alone_and_told_and_the_rest_is_done(desk, saved, fake):
    edit(fake, "update", "echo", "sh")
    edit(fake, "gone", "Made by", "Kept by hand. Made by")
    fake.put("f/new", FOLDER_BY_HAND)
    fake.put("adopt", pipeline("echo 'other'"))
    ended = desk.apply(saved)
    assert ended.code == StageFailed.exit_code
    assert ended.outcomes == ALL | dict.fromkeys(["update", "gone", "f/new", "adopt"], "changed") | {
        "f/new/deep": "skipped"
    }
    assert "sh &apos;x&apos;" in fake.config("update")
    assert "plan again" in ended.reasons["update"]
    assert desk.apply("--adopt").outcomes == {"update": "done", "adopt": "done", "f/new/deep": "done"}


def test_what_is_another_type_since(desk, saved, fake):
    for name in ("update", "adopt", "f/new"):
        if name in names(fake):
            fake.delete(fake.item(name))
        fake.put(name, pipeline() if name == "f/new" else FOLDER_BY_HAND)
    ended = desk.apply(saved)
    assert {name for name, outcome in ended.outcomes.items() if outcome == "changed"} == {"update", "adopt", "f/new"}
    assert ended.outcomes["f/new/deep"] == "skipped"


def test_what_is_deleted_while_the_plan_is_made(desk, fake):
    desk.write("a", "b")
    desk.applied()

    def meanwhile(request):
        if "/job/a/config.xml" in request.target and "a" in names(fake):
            fake.delete(fake.item("a"))

    fake.on_request = meanwhile
    assert desk.plan().deeds == {"a": "create"}
    fake.on_request = None
    desk.applied()


def test_what_is_gone_since(desk, saved, fake):
    for name in ("update", "gone", "adopt"):
        fake.delete(fake.item(name))
    ended = desk.apply(saved)
    assert ended.outcomes == ALL | {"update": "changed", "adopt": "changed"}
    assert "somebody has deleted it" in ended.reasons["update"]


def test_a_plan_for_another_server(desk, saved, tmp_path):
    with FakeJenkins() as elsewhere:
        there = Desk(elsewhere, desk.folder)
        ended = there.apply(saved)
        assert ended.code == IntegrityError.exit_code
        assert not elsewhere.requests


def _replaced(old, new):
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("edited", "said"),
    [
        (lambda text: text[: len(text) // 2], "not JSON"),
        (lambda _: "", "not JSON"),
        (lambda _: "[]", "not a record"),
        (lambda _: "\0" * 100, "not JSON"),
        (_replaced('"deed": "update"', '"deed": "delete"'), "edited"),
        (_replaced("echo 'two'", "sh 'evil'"), "edited"),
        (_replaced("<flow-definition>", "<flow-definition><x>"), "edited"),
        (_replaced('"owner": "acme/models"', '"owner": "other/models"'), "edited"),
        (_replaced('"missing": []', '"missing": [], "extra": 1'), "unknown field"),
        (_replaced("jobs-plan/1", "jobs-plan/2"), "a newer jenkins-ml wrote it"),
        (_replaced("jobs-plan/1", "decision/1"), "not 'jobs-plan/1'"),
        (lambda text: re.sub(r'"digest": "[0-9a-f]{64}"', '"digest": ""', text), "edited"),
        (_replaced('"deed": "update"', '"deed": "explode"'), "explode"),
    ],
)
def test_a_plan_that_is_not_as_it_was_saved_is_not_carried_out(desk, saved, fake, edited, said):
    before = saved.read_text()
    saved.write_text(edited(before))
    assert saved.read_text() != before
    fake.requests.clear()
    ended = desk.apply(saved)
    assert ended.code == IntegrityError.exit_code, ended
    assert said in str(ended.error)
    assert not fake.requests


def test_options_that_a_plan_has_decided_cannot_stand_beside_it(desk, saved, fake):
    for option in (["-f", "x"], ["--adopt"], ["--adopt-from", "o"], ["--replace"], ["--trust-digests"]):
        ended = desk.run("apply", saved, "--yes", *option)
        assert ended.code == UsageError.exit_code
    assert desk.run("apply", desk.folder / "none.plan", "--yes").code == UsageError.exit_code


# --- bad input -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "owner: a\njobs:\n  - {name: ok, inline: x}\n  - {name: bad, inline: x, nmae: y}\n",
        "owner: a\njobs: [{name: ok, inline: x}, {name: ok, inline: y}]\n",
        "owner: a\njobs: [{name: ok, inline: x}, {name: OK, inline: y}]\n",
        "owner: a\njobs: [{name: a, inline: x}, {name: a/b, inline: y}]\n",
        "owner: 'a b'\njobs: []\n",
        "owner: a\njobs: [{name: 'a?b', inline: x}]\n",
        "owner: a\njobs: [{name: a, inline_file: not-there}]\n",
        "owner: a\njobs: [{name: a, inline: x, triggers: [{cron: nonsense}]}]\n",
        "owner: a\njobs: [\n",
        "",
    ],
)
def test_a_file_with_any_error_sends_no_request(desk, fake, text):
    desk.file.write_text(text)
    for arguments in (["plan"], ["apply", "--yes"], ["destroy", "--yes"]):
        ended = desk.run(*arguments)
        if arguments[0] != "destroy" or "inline_file" not in text:  # for which the owner is enough
            assert ended.code == UsageError.exit_code, ended
            assert not fake.requests
    assert not names(fake)


def test_nobody_is_there_to_be_asked(desk, fake):
    desk.write("a")
    ended = desk.run("apply")
    assert ended.code == UsageError.exit_code
    assert "--yes" in str(ended.error)
    assert not posts(fake)


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, {"new"}), ("n", UsageError.exit_code, {"old"})])
def test_who_sits_at_a_terminal_is_asked(desk, fake, answer, code, left):
    desk.write("old")
    desk.applied()
    desk.write("new")
    keyboard, terminal = os.openpty()
    try:
        process = desk.start("apply", stdin=terminal)
        os.write(keyboard, f"{answer}\n".encode())
        ended = desk.finish(process)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert "1 will be DELETED with all builds." in ended.err
    assert ended.code == code, ended
    assert names(fake) == left


# --- a job that the server refuses -----------------------------------------------------------------------------------
def test_one_that_is_refused_among_many_is_named_with_the_servers_reason(desk, fake):
    desk.write(*(f"f/{index}" for index in range(20)), "bad/one", "bad/two")
    fake.fault("answer", status=400, path="name=7", headers={"X-Error": "No job 7 on my server, please"})
    fake.fault("answer", status=400, path="name=bad", headers={"X-Error": "badly named"})
    ended = desk.apply()
    assert ended.code == StageFailed.exit_code
    assert ended.outcomes == {f"f/{index}": "done" for index in range(20) if index != 7} | {
        "f": "done", "f/7": "failed", "bad": "failed", "bad/one": "skipped", "bad/two": "skipped",
    }  # fmt: skip
    assert ended.reasons["f/7"] == "Jenkins refused to make 'f/7': No job 7 on my server, please"
    assert "badly named" in ended.reasons["bad/one"]
    assert "4 of 24 could not be applied" in str(ended.error)
    assert "f/7" in ended.err
    desk.applied()


@pytest.mark.parametrize("deed", ["update", "delete"])
def test_changes_and_removals_that_are_refused(desk, fake, deed):
    desk.write("a", "b")
    desk.applied()
    desk.write(*(small(each, "echo 'new'") for each in ("a", "b"))) if deed == "update" else desk.write()
    path = "/job/a/config.xml" if deed == "update" else "/job/a/doDelete"
    fake.fault("answer", status=400, method="POST", path=path, headers={"X-Error": "not today"})
    ended = desk.apply()
    assert ended.outcomes == {"a": "failed", "b": "done"}
    assert "not today" in ended.reasons["a"]
    desk.applied()


def test_what_is_deleted_and_cannot_be_made_anew_says_so(desk, fake):
    desk.write("a")
    desk.applied()
    desk.write({"name": "a", "type": "folder"})
    fake.fault("answer", status=400, path="createItem", headers={"X-Error": "no"})
    ended = desk.apply("--replace")
    assert ended.outcomes == {"a": "failed"}
    assert "what was there is deleted, and nothing is in its place" in ended.reasons["a"]
    assert not names(fake)
    desk.applied()


def test_a_failure_that_was_none_is_told_as_done(desk, fake):
    desk.write("a", "gone")
    desk.applied()
    desk.write(small("a", "echo 'new'"), "b")
    fake.fault("answer", status=500, method="POST", path="createItem", after=True)
    fake.fault("answer", status=500, method="POST", path="a/config.xml", after=True)
    fake.fault("answer", status=500, method="POST", path="doDelete", after=True)
    ended = desk.apply()
    assert ended.outcomes == {"a": "done", "b": "done", "gone": "done"}
    assert ended.code == 0
    desk.settled()


# --- others, at the same time ----------------------------------------------------------------------------------------
def scene(desk, fake):
    """A server and a file that ask for one of each deed."""
    desk.write("f/update", "gone", small("replaced"))
    desk.applied()
    desk.write(small("f/update", "echo 'new'"), "new/a", {"name": "replaced", "type": "folder"}, "replaced/in")


def test_a_second_person_at_every_request(fake, tmp_path):
    """The same file, applied by somebody else in the middle of ours, at each request in turn."""
    index, over = 0, False
    while not over:
        mine, second = (Desk(fake, tmp_path / f"{name}{index}") for name in ("a", "b"))
        scene(mine, fake)
        second.file.write_text(mine.file.read_text())
        seen, theirs = [], []

        def meanwhile(request, seen=seen, theirs=theirs, second=second, at=index):
            seen.append(request)
            if len(seen) - 1 == at:
                fake.on_request = None
                theirs.append(second.apply("--replace"))

        fake.on_request = meanwhile
        ours = mine.apply("--replace", "--parallel", "1")  # so that ours stands still meanwhile
        fake.on_request = None
        over = not theirs
        for each in [ours, *theirs]:
            assert set(each.outcomes.values()) <= {"done", "changed", "skipped"}, (index, each)
        if not over:
            # Whoever was second has to have done it, or have seen that it was done; nothing is lost, nothing is half.
            assert theirs[0].code == 0, (index, theirs)
        mine.apply("--replace")
        mine.applied()
        assert names(fake) == {"f", "f/update", "new", "new/a", "replaced", "replaced/in"}
        mine.destroy()
        mine.search()
        assert not names(fake)
        index += 1
    assert index > 12


def test_two_processes_at_once(fake, tmp_path):
    """Two versions of one file, applied at the same time: one of the two for each job, and a third apply settles it."""
    first, second = (Desk(fake, tmp_path / name) for name in ("a", "b"))
    jobs = [f"f{number}/{index}" for number in range(3) for index in range(8)]
    first.write(*(small(each, "echo 'first'") for each in jobs))
    first.applied()
    first.write(*(small(each, "echo 'first, changed'") for each in [*jobs, "new/1", "new/2"]))
    second.write(*(small(each, "echo 'second'") for each in [*jobs[3:], "new/1", "new/3"]))
    fake.latency = 0.01
    processes = [each.start("apply", "--yes", "--json") for each in (first, second)]
    ended = [each.finish(process) for each, process in zip((first, second), processes, strict=True)]
    for each in ended:
        assert "Traceback" not in each.err
        assert each.code in (0, StageFailed.exit_code)
        assert set(each.outcomes.values()) <= {"done", "changed", "skipped"}
        assert (each.code == 0) == (set(each.outcomes.values()) <= {"done"})
    # What one of them says to have written, and the other does not say so too, is there.
    told = {"first, changed": ended[0].outcomes, "second": ended[1].outcomes}
    for name in names(fake):
        text = fake.config(name)
        writers = [word for word, outcomes in told.items() if outcomes.get(name) == "done"]
        if "flow-definition" in text and len(writers) == 1:
            assert f"&apos;{writers[0]}&apos;" in text or f"'{writers[0]}'" in text
    fake.latency = 0
    second.applied()
    assert names(fake) == {*jobs[3:], "f0", "f1", "f2", "new", "new/1", "new/3"}
    for each in (first, second):
        each.search()


# --- a server that goes away -----------------------------------------------------------------------------------------
def test_a_restart_in_the_middle(desk, fake):
    desk.write(*(f"f/{index}" for index in range(30)))
    begun = []

    def meanwhile(request):
        if request.method == "POST" and not begun and len(posts(fake)) == 10:
            begun.append(request)
            fake.restart(timeline=QUICK)

    fake.on_request = meanwhile
    ended = desk.apply()
    fake.wait_restarted()
    assert begun
    assert set(ended.outcomes.values()) == {"done"}
    assert len(names(fake)) == 31
    desk.settled()


def test_a_server_that_does_not_come_back(desk, fake, monkeypatch):
    """The rest is not tried one by one, each with its own patience."""
    monkeypatch.setattr(
        jenkins_conversation, "Limits", lambda: Limits(connect=0.5, request=0.5, restart=0.5, longest_pause=0.1)
    )
    desk.write(*(f"f/{index}" for index in range(200)))
    fake.on_request = lambda request: fake.unlisten() if len(fake.seen("POST")) == 12 else None
    began = time.monotonic()
    ended = desk.apply()
    assert time.monotonic() - began < 30  # with its patience for each of 200 it would be longer than that
    fake.on_request = None
    fake.listen()
    assert ended.code == Unavailable.exit_code
    done = [name for name, outcome in ended.outcomes.items() if outcome == "done"]
    assert set(done) <= names(fake)
    assert len(ended.outcomes) == 201
    assert set(ended.outcomes.values()) == {"done", "skipped"} or "unknown" in ended.outcomes.values()
    assert list(ended.outcomes.values()).count("unknown") <= 8
    desk.applied()


def test_when_the_time_is_up_the_rest_is_skipped(desk, fake):
    desk.write(*(f"f/{index}" for index in range(200)))
    desk.plan()
    fake.latency = 0.1
    ended = desk.apply("--timeout", "2s", "--parallel", "2")
    fake.latency = 0
    assert ended.code == Unavailable.exit_code, ended
    assert "the time is up" in ended.err
    outcomes = list(ended.outcomes.values())
    assert len(outcomes) == 201
    assert outcomes.count("skipped") > 100
    assert outcomes.count("unknown") <= 2  # under way when it was up
    assert {name for name, outcome in ended.outcomes.items() if outcome == "done"} <= names(fake)
    desk.applied()


@pytest.mark.parametrize("text", ["0s", "1", "soon"])
def test_a_timeout_that_is_none(desk, fake, text):
    desk.write("a")
    assert desk.apply("--timeout", text).code == UsageError.exit_code
    assert not fake.requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_in_the_middle_of_apply(desk, fake, number):
    desk.write(*(f"f/{index}" for index in range(60)))
    fake.latency = 0.05
    begun = threading.Event()
    fake.on_request = lambda request: begun.set() if len(posts(fake)) == 9 else None
    process = desk.start("apply", "--yes", "--json", "--parallel", "4")
    assert begun.wait(30)
    process.send_signal(number)
    ended = desk.finish(process)
    fake.on_request = None
    assert ended.code == Interrupted.exit_code, ended
    there = names(fake)
    done = {name for name, outcome in ended.outcomes.items() if outcome == "done"}
    assert done == there
    assert 5 < len(done) < 40
    assert {outcome for name, outcome in ended.outcomes.items() if name not in done} == {"skipped"}
    assert len(ended.outcomes) == 61
    assert f"{61 - len(done)} of 61 were not done" in ended.err
    fake.latency = 0
    desk.applied()


def test_an_interrupt_while_the_server_is_away_does_not_wait_for_it(desk, fake):
    desk.write(*(f"{index}" for index in range(30)))
    away = threading.Event()

    def leave(request):
        if len(posts(fake)) == 5:
            fake.on_request = None
            fake.unlisten()
            away.set()

    fake.on_request = leave
    process = desk.start("apply", "--yes", "--json")
    assert away.wait(30)
    time.sleep(0.5)  # until it waits
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    ended = desk.finish(process)
    assert time.monotonic() - began < 30  # of the three minutes of its patience
    fake.listen()
    assert ended.code == Interrupted.exit_code
    assert len(ended.outcomes) == 30
    done = {name for name, outcome in ended.outcomes.items() if outcome == "done"}
    assert done <= names(fake)
    assert not {name for name, outcome in ended.outcomes.items() if outcome == "skipped"} & names(fake)
    desk.applied()


def test_an_interrupt_in_the_middle_of_planning(desk, fake):
    desk.write(*(f"f/{index}" for index in range(40)))
    desk.applied()
    fake.latency = 0.05
    begun = threading.Event()
    fake.on_request = lambda request: begun.set() if "config.xml" in request.target else None
    fake.requests.clear()
    process = desk.start("plan", "--parallel", "2")
    assert begun.wait(30)
    process.send_signal(signal.SIGINT)
    ended = desk.finish(process)
    assert ended.code == Interrupted.exit_code
    assert not ended.out
    assert len(fake.requests) < 20


def test_a_kill_in_the_middle_of_apply(desk, fake):
    desk.write(*(f"f/{index}" for index in range(60)))
    fake.latency = 0.05
    begun = threading.Event()
    fake.on_request = lambda request: begun.set() if len(posts(fake)) == 9 else None
    process = desk.start("apply", "--yes", "--json", "--parallel", "4")
    assert begun.wait(30)
    os.kill(process.pid, signal.SIGKILL)
    desk.finish(process)
    fake.latency = 0
    time.sleep(0.2)  # what was sent is carried out
    planned = desk.plan()
    assert set(planned.deeds.values()) == {"create"}
    assert set(planned.deeds) | names(fake) == {"f", *(f"f/{index}" for index in range(60))}
    assert not set(planned.deeds) & names(fake)
    desk.applied()


def test_who_reads_the_plan_may_go_and_it_is_applied_all_the_same(desk, fake):
    desk.write(*(f"f/{index}{'x' * 150}" for index in range(600)))
    process = desk.start("apply", "--yes")
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 0
    assert "Traceback" not in err
    assert len(names(fake)) == 601


def test_who_reads_the_answer_may_go_and_the_exit_code_stays(desk, fake):
    desk.write(*(f"f/{index}{'x' * 150}" for index in range(300)))
    fake.fault("answer", status=400, path="name=7x", headers={"X-Error": "no"})
    process = desk.start("apply", "--yes", "--json")
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == StageFailed.exit_code
    assert "Traceback" not in err


def test_an_output_that_lacks_the_characters(desk, fake, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    desk.write("模/ü", small("b", description="é"))
    for arguments in (["plan"], ["plan", "--json"], ["apply", "--yes", "--json"], ["plan", "--all"]):
        ended = desk.finish(desk.start(*arguments))
        assert ended.code == 0, ended
        assert "Traceback" not in ended.err
        if "--json" in arguments:
            assert "模/ü" in str(ended.json)
    assert names(fake) == {"模", "模/ü", "b"}


# --- names -----------------------------------------------------------------------------------------------------------
NAMES = [
    "with blank", "a+b", "100 percent", "模型", "grüße", "é", "'single' \"double\"", "x" * 200, "~tilde", "a=b",
    "job", "config.xml", "api", "createItem", "-", "..a", "a..b", "{x}", "(x)", "\U0001f600", "a'b`c",
]  # fmt: skip


def test_names_of_every_kind(desk, fake):
    desk.write(*(f"f 模/{name}" for name in NAMES), *(f"deep/{'/'.join('abcdefghijkl')}" for _ in range(1)))
    desk.applied()
    assert {f"f 模/{name}" for name in NAMES} <= names(fake)
    edit(fake, f"f 模/{NAMES[6]}", "echo", "sh")
    assert desk.plan().deeds == {f"f 模/{NAMES[6]}": "update"}
    desk.applied()
    assert set(desk.destroy().outcomes.values()) == {"done"}
    assert not names(fake)


def test_inside_a_folder_case_counts_and_at_the_top_it_does_not(desk, fake):
    desk.write("f/x", "f/X", "f/ß", "f/SS")
    desk.applied()
    fake.put("Top", pipeline())
    desk.write("f/x", "f/X", "f/ß", "f/SS", "top")
    ended = desk.apply("--adopt")
    assert ended.outcomes == {"top": "refused"}
    assert "'Top'" in ended.reasons["top"]


def test_a_name_in_another_case_removes_nothing(desk, fake):
    desk.write("Team/a", "b")
    desk.applied()
    desk.write("team/a", "b")
    ended = desk.apply()
    assert ended.code == StageFailed.exit_code
    assert ended.outcomes == {"team": "refused", "team/a": "refused"}
    assert names(fake) == {"Team", "Team/a", "b"}


def test_texts_that_would_speak_to_a_terminal_are_made_harmless(desk, fake):
    desk.write(small("a", parameters=[{"string": "OURS"}]))
    desk.applied()
    fake.put("a", fake.config("a").replace("OURS", "X&#27;[2J&#10;+ create fake (pipeline)"))
    said = desk.run("plan")
    assert "\x1b" not in said.out
    assert "+ create fake (pipeline)" not in said.out.splitlines()
    desk.applied()


def test_values_that_look_alike_are_shown_where_they_differ(desk, fake):
    long = "x" * 300
    desk.write(small("a", description=f"{long}ours"), small("b", description="a b"))
    desk.applied()
    edit(fake, "a", f"{long}ours", f"{long}theirs")
    edit(fake, "b", "a b", "a  b")
    said = desk.run("plan").out
    assert '…"xxxxxxxxxxtheirs" -> …"xxxxxxxxxxours"' in said
    assert '"a  b" -> "a b"' in said


# --- what is said ----------------------------------------------------------------------------------------------------
def test_json_stands_on_standard_output_alone(desk, fake):
    desk.write("a", "f/b")
    for arguments in (["plan", "--json"], ["apply", "--yes", "--json"], ["destroy", "--yes", "--json"]):
        process = desk.start(*arguments)
        ended = desk.finish(process)
        assert ended.code == 0
        assert json.loads(ended.out)
        assert ended.err


def test_the_exit_code_of_check(desk, fake):
    desk.write("a")
    assert desk.run("plan").code == 0
    assert desk.run("plan", "--check").code == StageFailed.exit_code
    desk.apply()
    assert desk.run("plan", "--check").code == 0
    desk.write({"name": "a", "scm": {"git": "https://h/x.git", "credentials": "none"}})
    assert desk.apply("--allow-missing").code == 0
    ended = desk.run("plan", "--check")
    assert ended.code == StageFailed.exit_code
    assert "lacks" in str(ended.error)


def test_what_answers_is_not_jenkins(desk, fake):
    desk.write("a")
    for body in ("[]", '"x"', "null", "<html/>", "{"):
        fake.fault("answer", status=200, body=body, path="api/json")
        ended = desk.plan()
        assert ended.code == UsageError.exit_code
        assert "is not Jenkins" in str(ended.error)


@pytest.mark.parametrize("user", [User("owner-token-only", permissions={"Overall/Administer"})])
def test_with_a_password_and_crumbs(fake, tmp_path, user):
    fake.security.users[user.name] = user
    desk = Desk(fake, tmp_path / "x", user=User(user.name, token=user.password))
    desk.write(*(f"f/{index}" for index in range(10)))
    seen = []

    def expire(request):
        seen.append(request)
        if len(seen) % 23 == 0:
            fake.expire_crumbs()

    fake.on_request = expire
    desk.applied()
    assert len(names(fake)) == 11
    desk.search()
