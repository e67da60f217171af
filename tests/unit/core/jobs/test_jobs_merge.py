"""What is sent to change a job: what is described, in what the server has and nobody here describes."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.core.jobs import classes, difference, jenkinsfile, meaning
from jenkins_ml.core.jobs.merge import merged
from jenkins_ml.core.jobs.xml_tree import Element, element, parse
from jenkins_ml.rendering.job_xml import config
from tests.fakes import jobs_files

CIPHER = "{AQAAABAAAAAQ0123456789/+abc==}"
PERMISSIONS = element(classes.JOB_PERMISSIONS, element("permission", "USER:hudson.model.Item.Read:viewer"))
FOLDER_PROPERTY = element(
    "com.cloudbees.hudson.plugins.folder.properties.FolderCredentialsProvider_-FolderCredentialsProperty",
    element("secret", CIPHER),
)
UNKNOWN = element("com.example.Unknown", element("x", "1"), plugin="example@7")
OWN_PARAMETERS = [
    element("hudson.model.StringParameterDefinition", element("name", name), element("defaultValue", "from it"))
    for name in ("A", "FROM FILE")
]
OWN_TRIGGER = element(classes.CRON, element("spec", "@yearly"))
OWN_PROPERTY = element(classes.DISCARDER, element("strategy", element("numToKeep", 77), class_=classes.LOG_ROTATOR))


def _strings(name, *texts):
    return element(name, *(element("string", text) for text in texts))


TRACKER = element(
    classes.DECLARATIVE_TRACKER,
    _strings("jobProperties", classes.DISCARDER),
    _strings("triggers", classes.CRON),
    _strings("parameters", "A", "FROM FILE"),
    _strings("options", "quietPeriod"),
)


def put(parent, tag, *children):
    """A parent with more in one of its children, which is there then."""
    found = parent.child(tag) or element(tag)
    rest = tuple(each for each in parent.children if each.tag != tag)
    return parent.with_children((*rest, found.with_children((*found.children, *children))))


def without(parent, *tags):
    return parent.with_children(tuple(each for each in parent.children if each.tag not in tags))


def listed(parent, kind, name, *children):
    """Properties with more parameters or triggers."""
    properties = parent.child("properties") or element("properties")
    holder = properties.child(kind) or element(kind)
    inner = holder.child(name) or element(name)
    taken = {each.tag for each in children} | {each.text for child in children for each in child.children[:1]}
    stays = tuple(
        each
        for each in inner.children
        if each.tag not in taken and (not each.children or each.children[0].text not in taken)
    )
    holder = holder.with_children((inner.with_children((*stays, *children)),))
    return put(without(parent, "properties"), "properties", *without(properties, kind).children, holder)


def lived(job, extras):
    """A job as a server has it after some life: with what people, plugins and builds have added."""
    if "jenkinsfile" in extras and job.tag == classes.PIPELINE:
        job = put(without(job, "quietPeriod"), "actions", TRACKER)
        job = job.with_children((*job.children, element("quietPeriod", 3)))
        properties = without(job.child("properties"), classes.DISCARDER)
        job = without(job, "properties").with_children(
            (*without(job, "properties").children, properties.with_children((*properties.children, OWN_PROPERTY)))
        )
        job = listed(job, classes.PARAMETERS, "parameterDefinitions", *OWN_PARAMETERS)
        job = listed(job, classes.TRIGGERS, "triggers", OWN_TRIGGER)
    if "permissions" in extras:
        job = put(job, "properties", PERMISSIONS)
    if "unknown" in extras:
        job = put(job, "properties", UNKNOWN)
    if "credentials" in extras:
        job = put(job, "properties", FOLDER_PROPERTY)
    if "noise" in extras:
        job = job.with_children(
            (*job.children, element("folderViews", element("x", 1), class_="y"), element("icon", class_="z"))
        )
    return Element(job.tag, job.children, "", {"plugin": "some@1"})


@st.composite
def pairs(draw):
    kind = draw(st.sampled_from([*jobs_files.KINDS]))
    values = jobs_files.KINDS[kind]
    desired, live = (config(jobs_files.item(draw(values))) for _ in range(2))
    if draw(st.booleans()):
        live = copy.deepcopy(desired)
    extras = draw(st.sets(st.sampled_from(["jenkinsfile", "permissions", "unknown", "credentials", "noise"])))
    return desired, lived(live, extras)


@given(pairs())
def test_it_means_what_is_described(pair):
    desired, live = pair
    own = jenkinsfile.own(live)
    result = difference.without(meaning.settings(merged(desired, live)), own)
    asked = difference.without(meaning.settings(desired), own)
    assert {path: result.get(path) for path in asked} == asked
    # Beside it only what the server alone knows, or what holds what the Jenkinsfile wrote.
    assert {value for path, value in result.items() if path not in asked} <= {meaning.MASK}


@given(pairs())
def test_twice_is_once(pair):
    desired, live = pair
    once = merged(desired, live)
    assert merged(desired, once) == once
    assert merged(desired, parse_of(once)) == parse_of(once)


def parse_of(config):
    from jenkins_ml.core.jobs.xml_tree import write

    return parse(write(config))


@given(pairs())
def test_what_nobody_describes_stays(pair):
    desired, live = pair
    result = merged(desired, live)
    assert result.tag == live.tag
    assert result.attributes == live.attributes
    if live.child("actions") is not None:
        assert result.child("actions") == live.child("actions")
    managed = meaning.MANAGED.get(live.tag)
    if managed is not None:
        for each in live.children:
            if each.tag not in managed:
                assert each in result.children
    before, after = live.child("properties"), result.child("properties")
    if before is not None:
        own = jenkinsfile.own(live)
        for each in before.children:
            if each.tag == classes.JOB_PERMISSIONS or each.tag in own.properties:
                assert each in after.children
        for kind, name in ((classes.PARAMETERS, "parameterDefinitions"), (classes.TRIGGERS, "triggers")):
            for each in (before.at(kind, name) or element("none")).children:
                field = each.child("name")
                if each.tag in own.triggers or (field is not None and field.text in own.parameters):
                    assert each in after.at(kind, name).children
        if own.options:
            assert result.child("quietPeriod") == live.child("quietPeriod")


@given(pairs())
def test_what_the_jenkinsfile_wrote_is_there_once(pair):
    result = merged(*pair)
    names = [
        each.child("name").text
        for each in (result.at("properties", classes.PARAMETERS, "parameterDefinitions") or element("none")).children
    ]
    assert len(names) == len(set(names))
    triggers = [
        each.tag for each in (result.at("properties", classes.TRIGGERS, "triggers") or element("none")).children
    ]
    assert len(triggers) == len(set(triggers))


@given(
    pairs(), st.sets(st.sampled_from(["description", "com.example.Unknown", "script", "scriptPath", "credentialsId"]))
)
def test_what_is_ignored_stays_wherever_it_stands(pair, ignore):
    desired, live = pair
    result = merged(desired, live, ignore)
    own = jenkinsfile.own(live)
    asked = difference.without(meaning.settings(desired, ignore), own)
    found = difference.without(meaning.settings(result, ignore), own)
    assert {path: found.get(path) for path in asked} == asked
    if "description" in ignore:
        assert result.child("description") == live.child("description")
    if "com.example.Unknown" in ignore:
        assert (UNKNOWN in result.all()) == (UNKNOWN in live.all())
    for path in (("definition", "script"), ("definition", "scriptPath"), ("factory", "scriptPath")):
        before, after = live.child(path[0]), desired.child(path[0])
        if path[1] in ignore and before and after and before.attributes.get("class") == after.attributes.get("class"):
            assert result.at(*path) == live.at(*path)


def _webhook(**fields):
    trigger = element(classes.GITLAB_PUSH, *(element(name, text) for name, text in fields.items()))
    return element(classes.PIPELINE, element("properties", element(classes.TRIGGERS, element("triggers", trigger))))


SECRET = "properties", classes.TRIGGERS, "triggers", classes.GITLAB_PUSH, "secretToken"


@pytest.mark.parametrize("text", [CIPHER, "typed, and not saved yet"])
def test_a_secret_that_somebody_typed_stays(text):
    result = merged(_webhook(triggerOnPush="true"), _webhook(triggerOnPush="false", secretToken=text))
    assert result.at(*SECRET).text == text
    assert result.at(*SECRET[:-1], "triggerOnPush").text == "true"


def test_a_secret_that_is_described_as_empty_goes():
    result = merged(_webhook(secretToken=""), _webhook(secretToken=CIPHER))
    assert result.at(*SECRET).text == ""


def test_a_secret_goes_with_what_it_belongs_to():
    result = merged(element(classes.PIPELINE, element("properties")), _webhook(secretToken=CIPHER))
    assert CIPHER not in str(result)


def sources(*given):
    return element(
        classes.MULTIBRANCH,
        element(
            "sources",
            element(
                "data",
                *(
                    element(
                        "jenkins.branch.BranchSource",
                        element("source", element("id", name), element("remote", remote), class_="git"),
                    )
                    for name, remote in given
                ),
            ),
            class_="list",
        ),
    )


def ids(job):
    return [each.text for each in job.all() if each.tag == "id"]


def test_the_id_of_a_source_stays():
    assert ids(merged(sources(("new", "a")), sources(("old", "b")))) == ["old"]
    assert ids(merged(sources(("new", "a")), sources(("", "b")))) == ["new"]


def test_the_id_is_that_of_our_source_though_somebody_put_another_before_it():
    assert ids(merged(sources(("ours", "a")), sources(("theirs", "b"), ("ours", "a")))) == ["ours"]


def test_a_source_of_another_kind_is_a_new_one():
    other = parse(
        f"<{classes.MULTIBRANCH}><sources class='list'><data><jenkins.branch.BranchSource>"
        f"<source class='github'><id>old</id></source></jenkins.branch.BranchSource></data></sources></{classes.MULTIBRANCH}>"
    )
    assert ids(merged(sources(("new", "a")), other)) == ["new"]


def test_several_of_a_kind_keep_each_its_own_secret():
    def two(*secrets):
        each = ([element("password", secret)] if secret else [] for secret in secrets)
        return element("a", element("definition", *(element("x.Y", element("name", "n"), *fields) for fields in each)))

    result = merged(two(None, None), two("first", "second"))
    assert [each.text for each in result.all() if each.tag == "password"] == ["first", "second"]


def test_what_stands_twice_by_mistake_stands_once_after():
    live = parse("<flow-definition><description>a</description><description>b</description></flow-definition>")
    assert merged(element(classes.PIPELINE, element("description", "c")), live) == parse(
        "<flow-definition><description>c</description></flow-definition>"
    )
