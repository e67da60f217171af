"""The laws of jobs as code, for any jobs.yaml: what is asked for is what the server then has, and stays so."""

import json

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from jenkins_ml.adapters import jenkins_items
from jenkins_ml.core.jobs import difference, meaning, plan
from jenkins_ml.core.jobs.plan import Desired, Rules
from jenkins_ml.core.jobs.xml_tree import parse, write
from jenkins_ml.rendering.job_xml import config
from jenkins_ml.steps.jobs import command
from tests.fakes import jobs_files
from tests.fakes.jenkins import FakeJenkins
from tests.fakes.jenkins_jobs import VARIABLES, client

RULES = Rules(owner="us")


@pytest.fixture(scope="module")
def fake():
    with FakeJenkins(quiet_period=0) as running:
        running.keep_requests = False
        yield running


@pytest.fixture(scope="module")
def server(fake):
    with client(fake) as conversation:
        yield conversation


@given(jobs_files.ITEMS)
def test_what_is_rendered_is_what_is_written_and_read(item):
    rendered = config(item)
    assert parse(write(rendered)) == rendered
    assert config(item) == rendered


@given(jobs_files.ITEMS, jobs_files.ITEMS)
def test_equal_settings_and_only_these_have_equal_digests(first, second):
    one, two = config(first), config(second)
    same = (one.tag, meaning.settings(one)) == (two.tag, meaning.settings(two))
    digests = [meaning.digest(each.tag, meaning.settings(each)) for each in (one, two)]
    assert same == (digests[0] == digests[1])
    if one.tag == two.tag:
        assert same == (not difference.changes(meaning.settings(one), meaning.settings(two)))


@given(jobs_files.ITEMS)
def test_what_a_server_was_given_is_what_it_has_also_when_it_has_saved_it(fake, server, item):
    wanted = Desired(name="x", config=config(item))
    sent, _ = plan.marked(wanted, RULES)
    jenkins_items.create(server, "x", write(sent))
    try:
        for _ in range(2):
            found = jenkins_items.read(server, "x")
            live = plan.Live(name="x", kind=fake.item("x").cls, description=found.child("description").text)
            action = plan.action(wanted, live, found, RULES)
            assert (action.deed, action.changes) == ("nothing", ())
            assert meaning.settings(found) == meaning.settings(sent)
            fake.save("x")
    finally:
        jenkins_items.delete(server, "x")


@settings(max_examples=60)
@given(
    st.dictionaries(jobs_files.NAMES, jobs_files.VALUES, max_size=4),
    st.dictionaries(jobs_files.NAMES, jobs_files.VALUES, max_size=4),
)
def test_after_apply_a_plan_is_empty_whatever_was_there(tmp_path_factory, fake, first, second):
    folder = tmp_path_factory.mktemp("jobs")
    variables = dict.fromkeys(VARIABLES) | {
        "JENKINS_URL": fake.url, "JENKINS_USER": fake.admin.name, "JENKINS_TOKEN": fake.admin.token,
    }  # fmt: skip

    def run(*arguments):
        return CliRunner().invoke(command, list(arguments), env=variables, catch_exceptions=True)

    def write_jobs(jobs):
        named = [{"name": name, **value} for name, value in jobs.items()]
        file.write_text(jobs_files.yaml({"owner": "us", "folder": "f", "jobs": named}))

    file = folder / "jobs.yaml"
    for jobs in (first, second, {}):
        write_jobs(jobs)
        # What was another type before has to be said.
        done = run("apply", "-f", str(file), "--yes", "--allow-missing", "--replace")
        assert done.exit_code == 0, (done.stderr, done.exception)
        for _ in range(2):
            planned = run("plan", "-f", str(file), "--json")
            assert [each for each in json.loads(planned.stdout)["actions"] if each["action"] != "nothing"] == []
            for each in list(fake.root.walk()):
                each.save()
    assert not fake.root.children
