"""What a configuration means: the same before and after a real server has rewritten it."""

from pathlib import Path

import pytest

from jenkins_ml.core.jobs import difference, jenkinsfile, meaning
from jenkins_ml.core.jobs.xml_tree import element, parse

RECORDED = Path(__file__).parents[3] / "contract" / "jenkins" / "job-xml"
NAMES = sorted(path.name for path in RECORDED.iterdir() if path.is_dir())
PARAMETERS = "properties", "hudson.model.ParametersDefinitionProperty", "parameterDefinitions"
TRIGGERS = "properties", "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty", "triggers"

CRON = "H 3 * * *"
# What the server itself lost, moved or filled in when it saved what had been posted, setting by setting: saved, posted.
CHANGED = {
    "bad-int-in-known-property": {"discard.keep": ("0", "ten")},
    "freestyle": {"scm.class": ("hudson.scm.NullSCM", None)},
    "inline-pipeline": {"description": ("updated", None)},  # posted between the two
    "multibranch-minimal": {
        "factory.class": ("org.jenkinsci.plugins.workflow.multibranch.WorkflowBranchProjectFactory", None),
        "script": ("Jenkinsfile", None),
        "orphanedItemStrategy.class": (
            "com.cloudbees.hudson.plugins.folder.computed.DefaultOrphanedItemStrategy",
            None,
        ),
        "orphans.remove": ("true", None),
    },
    "parameters-choice-bad-class": {"parameters[C].choices": (None, "x\ny")},
    "trigger-cron-bad-spec": {"triggers.cron": (None, "99 nonsense")},
    "trigger-cron-in-triggers": {
        "triggers.cron": (CRON, None), "triggers.TimerTrigger": (None, "present"),
        "triggers.TimerTrigger.spec": (None, CRON),
    },
    "unknown-definition-class": {
        "where the pipeline's text comes from": (None, "com.example.NoDefinition"), "inline": (None, "x"),
    },
    "unknown-elements": {
        "properties.NoSuchProperty": (None, "present"), "properties.NoSuchProperty.x": (None, "1"),
        "triggers.NoSuchTrigger": (None, "present"), "triggers.NoSuchTrigger.spec": (None, "x"),
        "wibble": (None, "dropped?"),
    },
    "unknown-field-in-known-property": {"properties.BuildDiscarderProperty.strategy.bogus": (None, "1")},
}  # fmt: skip
SAVED_AT_ONCE = {"trigger-cron-in-triggers"}
ANOTHER_LIFE = {"declarative-directives-removed"}  # its text was changed before it was saved: see below


def recorded(name, part):
    path = RECORDED / name / part
    return parse(path.read_bytes().decode().replace("<ciphertext>", "AAAAEBgAAAAAAAA=")) if path.exists() else None


def differing(first, second):
    changes = difference.changes(meaning.settings(first), meaning.settings(second))
    return {each.setting: (each.before, each.after) for each in changes}


@pytest.mark.parametrize("name", sorted({*NAMES} - SAVED_AT_ONCE))
def test_what_was_posted_means_what_is_read_back(name):
    assert meaning.settings(recorded(name, "read-back.xml")) == meaning.settings(recorded(name, "posted.xml"))


@pytest.mark.parametrize("name", sorted({*NAMES} - ANOTHER_LIFE))
def test_what_was_posted_means_what_is_saved(name):
    """Beside what the server lost, and what the Jenkinsfile wrote into the job."""
    posted, saved = recorded(name, "posted.xml"), recorded(name, "after-save.xml")
    changes = difference.changes(meaning.settings(posted), meaning.settings(saved), jenkinsfile.own(saved))
    assert {each.setting: (each.before, each.after) for each in changes} == CHANGED.get(name, {})


def test_a_build_without_directives_takes_back_what_the_one_before_wrote():
    name = "declarative-directives-removed"
    posted, saved = recorded(name, "posted.xml"), recorded(name, "after-save.xml")
    changes = differing(posted, saved)
    # With the directives goes what they had replaced, and the quiet period becomes the server's own: both are told.
    assert changes.pop("inline")
    assert changes == {
        "discard": (None, "hudson.tasks.LogRotator"), "discard.keep": (None, "10"), "discard.days": (None, "30"),
        "discard.artifact_keep": (None, "3"), "quiet_period": ("5", None),
    }  # fmt: skip
    built = recorded(name, "after-first-build.xml")
    assert jenkinsfile.own(built).options == {"quietPeriod", "skipDefaultCheckout"}
    assert {"MODEL", "PW"} <= jenkinsfile.own(built).parameters
    assert jenkinsfile.own(saved) == jenkinsfile.NOTHING


def test_reposting_what_a_build_wrote_over_takes_it_away_and_is_told():
    name = "after-first-declarative-build"
    before, after = recorded(name, "after-first-build.xml"), recorded(name, "after-reposting-posted.xml")
    assert {"parameters[MODEL]", "triggers.cron", "discard.keep"} <= differing(after, before).keys()


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_is_a_setting(name):
    for path in (RECORDED / name).glob("*.xml"):
        shown = str(list(meaning.settings(recorded(name, path.name)).items()))
        assert "AQAAAB" not in shown
        assert "remote-tok" not in shown
        assert "tok-3" not in shown or "definition" in shown  # the text of a pipeline is shown


def test_stars_in_the_place_of_secrets_are_seen():
    name = "secrets-read-by-others"
    _, _, seen_by_others = (RECORDED / name / "after-save-as-extendedread-only.txt").read_text().partition("\n")
    assert meaning.redacted(parse(seen_by_others))
    assert not meaning.redacted(recorded(name, "after-save.xml"))
    assert meaning.redacted(parse("<folder><secret><secret-redacted/></secret></folder>"))


# --- what is alike, and what is not ----------------------------------------------------------------------------------
def job(*properties, **fields):
    return element(
        "flow-definition", *(element(name, text) for name, text in fields.items()), element("properties", *properties)
    )


def parameter(kind, name, **fields):
    return element(
        f"hudson.model.{kind}ParameterDefinition", element("name", name), *(element(*each) for each in fields.items())
    )


def parameters(*given):
    return element(PARAMETERS[1], element("parameterDefinitions", *given))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (job(), element("flow-definition")),
        (job(description=""), job()),
        (job(disabled="false"), job()),
        (job(keepDependencies="true"), job()),
        (job(description="\n  "), job()),
        (job(parameters()), job()),
        (job(element(TRIGGERS[1], element("triggers"))), job()),
        (job(parameters(parameter("Boolean", "X", defaultValue="false"))), job(parameters(parameter("Boolean", "X")))),
        (job(parameters(parameter("String", "X", trim="false"))), job(parameters(parameter("String", "X")))),
        (parse('<flow-definition plugin="workflow-job@1"/>'), parse("<flow-definition/>")),
        (
            parse('<a><c class="java.util.Arrays$ArrayList"><a class="string-array"><string>x</string></a></c></a>'),
            parse("<a><c><string>x</string></c></a>"),
        ),
        (
            parse('<a><c class="java.util.concurrent.CopyOnWriteArrayList"><string>x</string></c></a>'),
            parse('<a><c class="linked-list"><string>x</string></c></a>'),
        ),
    ],
)
def test_these_mean_the_same(first, second):
    assert meaning.settings(first) == meaning.settings(second)
    assert meaning.digest("a", meaning.settings(first)) == meaning.digest("a", meaning.settings(second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (job(description="false"), job()),
        (job(description="{production}"), job(description="{development}")),
        (job(disabled="true"), job()),
        (job(quietPeriod="0"), job()),
        (job(parameters(parameter("String", "X", defaultValue="false"))), job(parameters(parameter("String", "X")))),
        (job(parameters(parameter("String", "X", defaultValue="0"))), job(parameters(parameter("String", "X")))),
        (job(parameters(parameter("Text", "X", defaultValue="-1"))), job(parameters(parameter("Text", "X")))),
        (job(parameters(parameter("Boolean", "X", description="false"))), job(parameters(parameter("Boolean", "X")))),
        (job(parameters(parameter("Boolean", "X"))), job(parameters(parameter("String", "X")))),
        (
            job(parameters(parameter("String", "X"), parameter("String", "Y"))),
            job(parameters(parameter("String", "Y"), parameter("String", "X"))),
        ),
        (job(element("x.Y")), job()),
        (parse("<a><c><string>x</string><string>y</string></c></a>"), parse("<a><c><string>x, y</string></c></a>")),
        (parse("<a><b>1</b><b>2</b></a>"), parse("<a><b>2</b><b>1</b></a>")),
        (parse("<a><url>ssh://git@h/x</url></a>"), parse("<a><url>ssh://eve@h/x</url></a>")),
        (parse("<a><credentialsId>false</credentialsId></a>"), parse("<a/>")),
        (parse('<a><trust class="x.TrustNobody"/></a>'), parse('<a><trust class="x.TrustEveryone"/></a>')),
    ],
)
def test_these_do_not(first, second):
    assert meaning.settings(first) != meaning.settings(second)
    assert meaning.digest("a", meaning.settings(first)) != meaning.digest("a", meaning.settings(second))
    assert difference.changes(meaning.settings(first), meaning.settings(second))


def test_the_kind_is_part_of_the_digest():
    assert meaning.digest("a", {}) != meaning.digest("b", {})


def test_of_a_folder_only_what_jobs_yaml_describes_counts():
    folder = parse(
        "<com.cloudbees.hudson.plugins.folder.Folder><description>d</description><displayName>n</displayName>"
        "<properties><x.Y/></properties><folderViews/><icon class='x'/></com.cloudbees.hudson.plugins.folder.Folder>"
    )
    assert meaning.settings(folder) == {("description",): "d", ("displayName",): "n"}


def test_what_is_ignored_is_no_setting_wherever_it_stands():
    config = job(
        element("x.Y", element("z", "1")),
        parameters(parameter("String", "X"), element("x.P", element("name", "Q"))),
        description="d",
    )
    assert meaning.settings(config, ["x.Y", "x.P", "description"]) == {
        (*PARAMETERS, "[X]"): "hudson.model.StringParameterDefinition"
    }


def test_a_configuration_that_is_deep_and_wide_is_read_in_time():
    deep = parse("<a>" * 199 + "<b>x</b>" + "</a>" * 199)
    assert list(meaning.settings(deep).values()) == ["x"]
    wide = parse("<a>" + "<b>x</b>" * 20_000 + "</a>")
    assert len(meaning.settings(wide)) == 20_000
