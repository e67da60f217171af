"""What has to be done about a job, in every state that a server can be in."""

import pytest

from jenkins_ml.core.jobs import classes, marker, plan
from jenkins_ml.core.jobs.plan import Desired, Live, Rules
from jenkins_ml.core.jobs.saved import intact, sealed
from jenkins_ml.core.jobs.xml_tree import element, parse, write
from jenkins_ml.records import JobAction, JobsPlan

OURS = Rules(owner="us")
FOLDER, PIPELINE, MULTIBRANCH = (
    classes.API_CLASSES[each] for each in (classes.FOLDER, classes.PIPELINE, classes.MULTIBRANCH)
)
ORGANISATION = "jenkins.branch.OrganizationFolder"
DIGEST = "0" * 32


def pipeline(script="x", description="", **more):
    return element(
        classes.PIPELINE,
        element("description", description),
        element("properties"),
        element("definition", element("script", script), class_=classes.INLINE),
        *(element(name, value) for name, value in more.items()),
    )


def folder(description=""):
    return element(classes.FOLDER, element("description", description))


def desired(config=None, name="a", **more):
    return Desired(name=name, config=config or pipeline(), **more)


def config_of(wanted, rules=OURS):
    return parse(write(plan.marked(wanted, rules)[0]))


def live(config, name="a", kind=None):
    return Live(name=name, kind=kind or classes.API_CLASSES[config.tag], description=config.child("description").text)


def act(wanted, config, rules=OURS, **more):
    return plan.action(wanted, live(config, wanted.name), config, rules, **more)


# --- what is there ---------------------------------------------------------------------------------------------------
def test_what_is_not_there_is_made():
    assert plan.action(desired(), None, None, OURS) == JobAction(name="a", deed="create", kind="pipeline")
    assert plan.action(desired(folder()), None, None, OURS).kind == "folder"


def test_what_is_as_it_should_be_stays():
    wanted = desired(pipeline(description="text\n"))
    found = act(wanted, config_of(wanted))
    assert (found.deed, found.changes) == ("nothing", ())


@pytest.mark.parametrize("text", ["x", "x\n", "x\r\ny", "\n", " x ", "two\n\nparts\n\n"])
def test_a_description_is_found_again(text):
    wanted = desired(pipeline(description=text))
    assert act(wanted, config_of(wanted)).deed == "nothing"


def test_what_changed_by_hand_is_named():
    wanted = desired(pipeline("new", "ours"))
    found = act(wanted, config_of(desired(pipeline("old", "theirs"))))
    assert found.deed == "update"
    assert {(each.setting, each.before, each.after) for each in found.changes} == {
        ("description", "theirs", "ours"), ("inline", "old", "new"),
    }  # fmt: skip
    assert found.before == plan.state(config_of(desired(pipeline("old", "theirs"))), OURS)


def test_a_secret_that_somebody_typed_is_no_drift():
    """It is kept whenever the job is changed, so a plan that promised to remove it would come back for ever."""
    trigger = element(classes.GITLAB_PUSH, element("triggerOnPush", True))
    job = pipeline().with_children(
        (*pipeline().children[:1], element("properties", element(classes.TRIGGERS, element("triggers", trigger))))
    )
    wanted = desired(job)
    typed = write(config_of(wanted)).replace(
        "</triggerOnPush>", "</triggerOnPush><secretToken>{AQAAABAAAAAQabc=}</secretToken>"
    )
    assert act(wanted, parse(typed)).deed == "nothing"


def test_an_old_digest_is_renewed():
    wanted = desired()
    old = config_of(wanted)
    old = old.with_children((element("description", marker.mark("", "us", DIGEST)), *old.children[1:]))
    found = act(wanted, old)
    assert (found.deed, found.changes) == ("update", ())
    assert "digest" in found.note


def test_what_belongs_to_others_is_left_alone():
    wanted = desired()
    found = act(wanted, config_of(wanted, Rules(owner="them")))
    assert found.deed == "refuse"
    assert "belongs to them" in found.note
    for rules in (Rules(owner="us", adopt=True, replace=True), Rules(owner="us", trust=True)):
        assert act(wanted, config_of(wanted, Rules(owner="them")), rules).deed == "refuse"


def test_what_belongs_to_others_by_the_time_that_it_is_read_too():
    wanted = desired()
    found = plan.action(wanted, live(config_of(wanted)), config_of(wanted, Rules(owner="them")), OURS)
    assert found.deed == "refuse"
    assert "them by now" in found.note


def test_what_belongs_to_nobody_is_taken_over_only_when_asked():
    found = act(desired(pipeline("new")), pipeline("old"))
    assert found.deed == "refuse"
    assert "--adopt" in found.note
    assert [each.setting for each in found.changes] == ["inline"]  # what it would change is worth knowing
    taken = act(desired(pipeline("new")), pipeline("old"), Rules(owner="us", adopt=True))
    assert taken.deed == "adopt"
    assert taken.before == plan.state(pipeline("old"), OURS)


def test_what_belonged_to_an_owner_before_us_is_taken_over_only_when_asked():
    wanted, theirs = desired(pipeline("new")), config_of(desired(pipeline("old")), Rules(owner="them"))
    rules = Rules(owner="us", adopt_from="them")
    taken = act(wanted, theirs, rules)
    assert (taken.deed, taken.note) == ("adopt", "from them")
    assert [each.setting for each in taken.changes] == ["inline"]
    assert taken.before == plan.state(theirs, rules)
    assert act(wanted, config_of(wanted, Rules(owner="them")), rules).deed == "adopt"  # also when only the line differs
    assert act(wanted, config_of(wanted), rules).deed == "nothing"
    assert act(wanted, config_of(wanted, Rules(owner="others")), rules).deed == "refuse"
    assert act(wanted, pipeline("old"), rules).deed == "refuse"  # of nobody: that is what adopt is for
    digest = Rules(owner="us", adopt_from="them", trust=True)
    assert plan.needs_reading(wanted, live(config_of(wanted, Rules(owner="them"))), digest)
    assert list(plan.removals([live(theirs)], (), rules)) == []


def test_what_has_another_type_is_not_deleted_by_who_takes_over():
    marked = Live(name="a", kind=FOLDER, description=marker.mark("", "them", DIGEST))
    found = plan.action(desired(), marked, None, Rules(owner="us", adopt=True, adopt_from="them", replace=True))
    assert found.deed == "refuse"
    assert "of them" in found.note


@pytest.mark.parametrize("kind", [FOLDER, MULTIBRANCH, ORGANISATION, "hudson.model.FreeStyleProject"])
def test_another_type_is_replaced_only_when_asked(kind):
    marked = Live(name="a", kind=kind, description=marker.mark("", "us", DIGEST))
    for rules in (OURS, Rules(owner="us", adopt=True)):
        found = plan.action(desired(), marked, None, rules)
        assert found.deed == "refuse"
        assert "--replace" in found.note
    found = plan.action(desired(), marked, None, Rules(owner="us", replace=True))
    assert (found.deed, found.before) == ("replace", DIGEST)
    assert "builds" in found.note


def test_another_type_that_is_nobodys_needs_both_flags():
    unmarked = Live(name="a", kind=FOLDER, description="by hand")
    assert plan.action(desired(), unmarked, None, Rules(owner="us", replace=True)).deed == "refuse"
    assert plan.action(desired(), unmarked, None, Rules(owner="us", adopt=True)).deed == "refuse"
    assert plan.action(desired(), unmarked, None, Rules(owner="us", adopt=True, replace=True)).deed == "replace"


def test_a_folder_in_which_anything_stays_is_never_replaced():
    marked = Live(name="a", kind=FOLDER, description=marker.mark("", "us", DIGEST))
    found = plan.action(desired(), marked, None, Rules(owner="us", replace=True, adopt=True), ["a/theirs", "a/b"])
    assert found.deed == "refuse"
    assert "'a/theirs' (and 1 more), which would be deleted too" in found.note


# --- folders that are only asked for because something lies in them --------------------------------------------------
@pytest.mark.parametrize("owner", ["them", None])
def test_whose_folder_it_is_does_not_matter_when_it_is_only_needed(owner):
    wanted = desired(folder(), implied=True)
    text = marker.mark("kept", owner, DIGEST) if owner else "kept"
    found = Live(name="a", kind=FOLDER, description=text)
    assert not plan.needs_reading(wanted, found, OURS)
    assert plan.action(wanted, found, None, Rules(owner="us", adopt=True)).deed == "nothing"


def test_our_own_such_folder_is_looked_after():
    wanted = desired(folder(), implied=True)
    found = config_of(desired(folder("was described")))
    assert plan.needs_reading(wanted, live(found), OURS)
    assert [each.setting for each in act(wanted, found).changes] == ["description"]


@pytest.mark.parametrize("kind", [MULTIBRANCH, PIPELINE])
def test_what_is_needed_as_a_folder_and_is_none_is_refused(kind):
    found = plan.action(desired(folder(), implied=True), Live(name="a", kind=kind, description=None), None, OURS)
    assert found.deed == "refuse"


def test_nothing_is_made_in_what_is_no_folder():
    there = {"a": Live(name="a", kind=PIPELINE, description=None), "f": Live(name="f", kind=FOLDER, description=None)}
    actions = [
        JobAction(name="a/b/c", deed="create", kind="pipeline", config="x"),
        JobAction(name="a", deed="refuse", kind="folder"),
        JobAction(name="a/b", deed="create", kind="folder", config="x"),
        JobAction(name="f", deed="refuse", kind="folder"),
        JobAction(name="f/x", deed="create", kind="pipeline", config="x"),
        JobAction(name="ab", deed="create", kind="pipeline", config="x"),
    ]
    found = list(plan.without_place(actions, there))
    assert [each.name for each in found] == [each.name for each in actions]
    assert [each.deed for each in found] == ["refuse", "refuse", "refuse", "refuse", "create", "create"]
    assert found[0].note == found[2].note == "'a', in which it would lie, is refused"
    assert not found[0].config


# --- reading only what has to be -------------------------------------------------------------------------------------
def test_what_has_to_be_read():
    wanted = desired()
    ours, theirs = config_of(wanted), config_of(wanted, Rules(owner="them"))
    trusting = Rules(owner="us", trust=True)
    assert not plan.needs_reading(wanted, None, OURS)
    assert plan.needs_reading(wanted, live(ours), OURS)
    assert not plan.needs_reading(wanted, live(theirs), OURS)
    assert not plan.needs_reading(wanted, live(ours, kind=FOLDER), OURS)
    assert plan.needs_reading(wanted, live(pipeline()), OURS)
    assert not plan.needs_reading(wanted, live(ours), trusting)
    assert plan.needs_reading(desired(pipeline("new")), live(ours), trusting)
    assert plan.action(wanted, live(ours), None, trusting).note == "by its digest"


def test_a_configuration_without_its_secrets_is_never_written():
    found = act(
        desired(), parse(write(config_of(desired())).replace("<script>x", "<password>********</password><script>x"))
    )
    assert found.deed == "refuse"
    assert "Job/Configure" in found.note


def test_a_configuration_that_cannot_be_read_is_told():
    found = plan.unreadable(desired(), "user x is missing the Job/Configure permission")
    assert found.deed == "refuse"
    assert "missing the Job/Configure" in found.note


# --- what goes -------------------------------------------------------------------------------------------------------
def listed(*items):
    return [
        Live(name=name, kind=kind, description=marker.mark("", owner, DIGEST) if owner else None)
        for name, kind, owner in items
    ]


def going(items, asked=()):
    return [(each.name, each.deed, each.note) for each in plan.removals(listed(*items), asked, OURS)]


def test_what_is_ours_and_not_asked_for_goes_the_innermost_first():
    items = [
        ("f", FOLDER, "us"), ("f/g", FOLDER, "us"), ("f/g/a", PIPELINE, "us"), ("f/g/m", MULTIBRANCH, "us"),
        ("b", PIPELINE, "us"), ("c", PIPELINE, "them"), ("d", PIPELINE, None), ("kept", PIPELINE, "us"),
    ]  # fmt: skip
    assert [name for name, deed, _ in going(items, ["kept"]) if deed == "delete"] == ["f/g/a", "f/g/m", "f/g", "b", "f"]


@pytest.mark.parametrize("owner", ["them", None])
def test_a_folder_with_something_of_others_stays_and_so_does_what_holds_it(owner):
    items = [("f", FOLDER, "us"), ("f/g", FOLDER, "us"), ("f/g/x", PIPELINE, owner), ("f/a", PIPELINE, "us")]
    assert going(items) == [
        ("f/g", "nothing", "stays: in it lies 'f/g/x'"), ("f/a", "delete", ""), ("f", "nothing", "stays: in it lies 'f/g'"),
    ] or going(items) == [
        ("f/a", "delete", ""), ("f/g", "nothing", "stays: in it lies 'f/g/x'"), ("f", "nothing", "stays: in it lies 'f/g'"),
    ]  # fmt: skip


def test_our_folder_within_that_of_others_goes_alone():
    assert going([("t", FOLDER, "them"), ("t/o", FOLDER, "us"), ("t/o/a", PIPELINE, "us")]) == [
        ("t/o/a", "delete", ""), ("t/o", "delete", ""),
    ]  # fmt: skip


def test_what_is_asked_for_and_lies_in_it_keeps_a_folder():
    items = [("f", FOLDER, "us"), ("f/a", PIPELINE, "us")]
    assert going(items, ["f/a"]) == [("f", "nothing", "stays: in it lies 'f/a'")]


# --- what a plan rests on --------------------------------------------------------------------------------------------
def test_what_a_build_writes_into_its_job_does_not_make_a_plan_stale():
    tracker = element(classes.DECLARATIVE_TRACKER, element("options", element("string", "quietPeriod")))
    built = pipeline(quietPeriod=3).with_children((element("actions", tracker), *pipeline(quietPeriod=3).children))
    assert plan.state(built, OURS) == plan.state(pipeline(), OURS)
    assert plan.state(pipeline(quietPeriod=3), OURS) != plan.state(pipeline(), OURS)


def test_satisfied():
    asked = config_of(desired(pipeline("new")))
    assert plan.satisfied(asked, asked, OURS)
    assert not plan.satisfied(asked, config_of(desired(pipeline("old"))), OURS)


def test_the_digest_is_equal_only_for_equal_settings():
    first, second = desired(pipeline("1")), desired(pipeline("2"))
    assert plan.marked(first, OURS)[1] == plan.marked(desired(pipeline("1")), Rules(owner="them"))[1]
    assert plan.marked(first, OURS)[1] != plan.marked(second, OURS)[1]


def test_parents():
    assert list(plan.parents(["a/b/c", "a/d", "x", "e/f"])) == ["a", "e", "a/b"]
    assert list(plan.parents(["a/b", "a"])) == []


# --- a plan in a file ------------------------------------------------------------------------------------------------
def test_a_saved_plan_that_was_edited_is_seen():
    from dataclasses import replace

    made = JobsPlan(
        owner="us",
        server="s",
        created="now",
        ignore=(),
        actions=(JobAction(name="a", deed="create", kind="pipeline"),),
        missing=(),
        unchecked=(),
    )
    saved = sealed(made)
    assert intact(saved)
    assert sealed(saved) == saved
    assert not intact(made)
    assert not intact(replace(saved, actions=(JobAction(name="a", deed="delete", kind="pipeline"),)))
    assert not intact(replace(saved, missing=("x",)))
