"""What differs has the name that jobs.yaml gives it, and shows no secret."""

import pytest

from jenkins_ml.config.jobs import TYPES
from jenkins_ml.core.jobs import classes, difference, meaning
from jenkins_ml.core.jobs.jenkinsfile import Own
from jenkins_ml.core.jobs.xml_tree import parse
from jenkins_ml.rendering.job_xml import config

GIT = {"git": "https://h/a.git"}
PIPELINE = {"type": "pipeline", "scm": GIT}
GITHUB = {"github": "acme/x"}
MULTI = {"type": "multibranch", "scm": GITHUB}
PARAMETERS = "properties", classes.PARAMETERS, "parameterDefinitions"


def settings(value):
    return meaning.settings(config(TYPES[value["type"]].model_validate({"name": "x", **value})))


def named(before, after):
    return {each.setting: (each.before, each.after) for each in difference.changes(settings(after), settings(before))}


def with_(base, **more):
    return {**base, **more}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (PIPELINE, with_(PIPELINE, description="0"), {"description": (None, "0")}),
        (PIPELINE, with_(PIPELINE, display_name="false"), {"display_name": (None, "false")}),
        (PIPELINE, with_(PIPELINE, disabled=True), {"disabled": (None, "true")}),
        (PIPELINE, with_(PIPELINE, script="ci/J"), {"script": ("Jenkinsfile", "ci/J")}),
        (PIPELINE, with_(PIPELINE, lightweight=False), {"lightweight": ("true", None)}),
        (PIPELINE, with_(PIPELINE, quiet_period="7s"), {"quiet_period": (None, "7")}),
        (PIPELINE, with_(PIPELINE, scm={"git": "ssh://git@h/b"}), {"scm.git": ("https://h/a.git", "ssh://***@h/b")}),
        (PIPELINE, with_(PIPELINE, scm={**GIT, "branch": "next"}), {"scm.branch": ("*/main", "*/next")}),
        (PIPELINE, with_(PIPELINE, scm={**GIT, "credentials": "c"}), {"scm.credentials": (None, "c")}),
        (with_(PIPELINE, scm={**GIT, "depth": 1}), with_(PIPELINE, scm={**GIT, "depth": 2}), {"scm.depth": ("1", "2")}),
        (PIPELINE, with_(PIPELINE, concurrent="queue"), {"concurrent: queue": (None, "present")}),
        (
            with_(PIPELINE, concurrent="queue"),
            with_(PIPELINE, concurrent="abort_previous"),
            {"concurrent: abort_previous": (None, "true")},
        ),
        (
            PIPELINE,
            with_(PIPELINE, discard={"keep": 3}),
            {"discard": (None, classes.LOG_ROTATOR), "discard.keep": (None, "3")},
        ),
        (
            with_(PIPELINE, discard={"keep": 3, "days": 1, "artifact_keep": 1, "artifact_days": 1}),
            with_(PIPELINE, discard={"keep": 3}),
            {"discard.days": ("1", None), "discard.artifact_keep": ("1", None), "discard.artifact_days": ("1", None)},
        ),
        (
            {"type": "pipeline", "inline": "a", "sandbox": False},
            {"type": "pipeline", "inline": "b"},
            {"inline": ("a", "b"), "sandbox": (None, "true")},
        ),
        (
            with_(PIPELINE, parameters=[{"string": "X", "default": "a"}]),
            with_(PIPELINE, parameters=[{"string": "X", "default": "0", "description": "d"}]),
            {"parameters[X].default": ("a", "0"), "parameters[X].description": (None, "d")},
        ),
        (
            with_(PIPELINE, parameters=[{"choice": "X", "choices": ["a", "b"]}]),
            with_(PIPELINE, parameters=[{"choice": "X", "choices": ["b", "a"]}]),
            {"parameters[X].choices": ('["a", "b"]', '["b", "a"]')},
        ),
        (
            with_(PIPELINE, parameters=[{"string": "X"}, {"string": "Y"}]),
            with_(PIPELINE, parameters=[{"string": "Y"}, {"string": "X"}]),
            {"order of parameters": ('["X", "Y"]', '["Y", "X"]')},
        ),
        (PIPELINE, with_(PIPELINE, triggers=[{"cron": "@daily"}]), {"triggers.cron": (None, "@daily")}),
        (PIPELINE, with_(PIPELINE, triggers=[{"github": "push"}]), {"triggers.github": (None, "present")}),
        (
            with_(PIPELINE, triggers=[{"gitlab": {}}]),
            with_(PIPELINE, triggers=[{"gitlab": {"push": False}}]),
            {"triggers.gitlab.triggerOnPush": ("true", None)},
        ),
        (MULTI, with_(MULTI, scm={"github": "acme/y"}), {"scm.github (name)": ("x", "y")}),
        (MULTI, with_(MULTI, scm={"github": "b/x"}), {"scm.github (owner)": ("acme", "b")}),
        (MULTI, with_(MULTI, scm={**GITHUB, "credentials": "c"}), {"scm.credentials": (None, "c")}),
        (MULTI, with_(MULTI, orphans={"keep": 3}), {"orphans.keep": (None, "3")}),
        (MULTI, with_(MULTI, orphans={"days": 3}), {"orphans.days": (None, "3")}),
        (MULTI, with_(MULTI, orphans={"remove": False}), {"orphans.remove": ("true", None)}),
        (MULTI, with_(MULTI, orphans={"abort": True}), {"orphans.abort": (None, "true")}),
        (MULTI, with_(MULTI, script="s"), {"script": ("Jenkinsfile", "s")}),
        (MULTI, with_(MULTI, scan="1h"), {"scan (milliseconds)": ("86400000", "3600000")}),
        (with_(MULTI, scan=None), MULTI, {"scan": (None, "present"), "scan (milliseconds)": (None, "86400000")}),
    ],
)  # fmt: skip
def test_each_setting_has_its_name(before, after, expected):
    assert named(before, after) == expected
    assert named(after, after) == {}


def live(text):
    return meaning.settings(parse(f"<flow-definition>{text}</flow-definition>"))


def test_secrets_are_not_shown():
    found = live(
        "<authToken>remote</authToken><properties><x.Y><password>pw</password><apiToken>t</apiToken>"
        "<other>{AQAAABAAAAAQ0xyz+/==}</other><credentialsId>shown</credentialsId></x.Y></properties>"
        "<definition><script>git 'https://user:pw@h/x'</script></definition>"
    )
    changes = difference.changes({}, found)
    text = str(changes)
    assert "shown" in text
    for secret in ("remote", "'pw'", "'t'", "AQAAAB", "user:pw"):
        assert secret not in text
    assert {each.setting: each.before for each in changes}["authToken"] == "***"


def test_an_address_whose_user_changed_differs_though_it_looks_the_same():
    before, after = (live(f"<x.Y><url>https://{user}@h/</url></x.Y>") for user in ("a:b", "c:d"))
    [change] = difference.changes(after, before)
    assert (change.before, change.after) == ("https://***@h/", "https://***@h/")


@pytest.mark.parametrize(("name", "default"), [("timeout", "0"), ("depth", "-1"), ("kind", "NONE")])
def test_a_default_that_a_server_filled_in_is_no_difference(name, default):
    assert not difference.changes({}, {("definition", name): default})
    assert difference.changes({}, {("definition", name): "7"})


@pytest.mark.parametrize(
    "path",
    [
        ("quietPeriod",),
        ("description",),
        ("properties", classes.DISCARDER, "strategy", "numToKeep"),
        ("orphanedItemStrategy", "daysToKeep"),
    ],
)
def test_nothing_and_zero_differ_where_zero_says_something(path):
    [change] = difference.changes({}, {path: "0"})
    assert change.before == "0"


def test_what_the_jenkinsfile_wrote_is_no_difference():
    own = Own(
        properties=frozenset({classes.NOT_CONCURRENT}),
        triggers=frozenset({classes.CRON}),
        parameters=frozenset({"MY PARAMETER", "B"}),
        options=frozenset({"quietPeriod"}),
    )
    found = {
        ("properties", classes.NOT_CONCURRENT): "present",
        ("properties", classes.NOT_CONCURRENT, "abortPrevious"): "true",
        ("properties", classes.TRIGGERS, "triggers", classes.CRON): "present",
        ("properties", classes.TRIGGERS, "triggers", f"{classes.CRON}[1]", "spec"): "@daily",
        (*PARAMETERS, "[MY PARAMETER]"): "hudson.model.StringParameterDefinition",
        (*PARAMETERS, "[B]", "defaultValue"): "1",
        (*PARAMETERS, "order"): '["MY PARAMETER", "A", "B"]',
        ("quietPeriod",): "3",
    }
    assert difference.changes({}, found, own) == ()
    assert len(difference.changes({}, found)) == len(found)
    assert difference.overruled(found, own) == (
        "parameters[B].default", "parameters[MY PARAMETER]", "concurrent: queue", "concurrent: abort_previous",
        "triggers.cron", "properties.PipelineTriggersJobProperty.triggers.TimerTrigger[1].spec", "quiet_period",
    )  # fmt: skip


def test_a_parameter_that_is_called_like_the_order_is_none():
    assert not Own(parameters=frozenset({"rde"})).has((*PARAMETERS, "order"))
    assert Own(parameters=frozenset({"[x]"})).has((*PARAMETERS, "[[x]]"))
