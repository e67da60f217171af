import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import jobs, many_jobs
from benchmarks.__main__ import BENCHMARKS, PAGE
from benchmarks.figures import Result, Section, Table, markdown, number, replaced
from benchmarks.processes import PYTHON, environment, measured
from benchmarks.quickstart import Cost, Process, Road, processes
from jenkins_ml.config import jobs_file

positive = st.floats(min_value=1e-3, max_value=1e6)


def result(**fields):
    return Result(**({"name": "start", "unit": "s", "ours": 2.0} | fields))


@given(ours=positive, peer=positive, most=positive, most_ratio=positive)
def test_a_figure_is_met_exactly_when_every_target_is(ours, peer, most, most_ratio):
    verdict = result(ours=ours, peer=peer, most=most, most_ratio=most_ratio).verdict
    assert (verdict == "met") == (ours <= most and ours / peer <= most_ratio)
    assert ("the figure" in verdict) == (ours > most)
    assert ("the ratio" in verdict) == (ours / peer > most_ratio)


def test_a_target_is_met_by_the_figure_that_equals_it():
    assert result(ours=0.0, most=0).verdict == "met"
    assert result(ours=3.0, peer=2.0, most_ratio=1.5).verdict == "met"


def test_without_a_target_there_is_no_verdict():
    assert result(peer=1.0).verdict == ""


def test_a_ratio_that_is_not_known_is_missed():
    assert result(most_ratio=1.0).verdict == "missed: the ratio"


def test_numbers_are_as_long_as_they_are_known():
    assert [number(value) for value in (0.0, 0.04567, 12.345, 99.96, 1234.5)] == ["0", "0.0457", "12.3", "100", "1234"]


def test_the_table_says_in_words_what_was_missed():
    text = markdown(Section(peer="bare", results=(result(peer=1.0, most=3, most_ratio=1.5, note="busy"),)))
    assert text.splitlines() == [
        "| figure | jenkins-ml | bare | ratio | target | verdict | note |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| start | 2 s | 1 s | 2.00 | at most 3 s, ratio at most 1.5 | missed: the ratio | busy |",
    ]


def test_columns_that_no_row_fills_are_left_out():
    assert markdown(Section(results=(result(),))).splitlines()[0] == "| figure | jenkins-ml |"


def test_further_tables_follow_with_their_titles():
    table = Table(title="By stage", columns=("stage", "s"), rows=(("a|b", "1"),))
    assert markdown(Section(results=(result(),), tables=(table,))).endswith(
        "By stage:\n\n| stage | s |\n| --- | --- |\n| a\\|b | 1 |"
    )


TEXT = "# Title\n<!-- a: results -->\nold\n<!-- a: end -->\nbetween\n<!-- b: results -->\nkept\n<!-- b: end -->\n"


def test_only_the_part_between_the_markers_is_replaced():
    page = replaced(TEXT, "a", "new")
    assert page == TEXT.replace("old", "\nnew\n")
    assert replaced(page, "a", "new") == page


@pytest.mark.parametrize("page", ["", TEXT.replace("<!-- a: end -->\n", ""), TEXT.replace("<!-- a: results -->\n", "")])
def test_a_page_without_the_markers_is_refused(page):
    with pytest.raises(ValueError, match="<!-- a: results -->"):
        replaced(page, "a", "new")


def test_the_page_has_a_part_for_every_benchmark():
    for name in BENCHMARKS:
        assert f"<!-- {name}: results -->\n\nnew\n" in replaced(PAGE.read_text(), name, "new")


def event(kind, pid, *argv, cpu=1.0):
    return json.dumps({"event": kind, "pid": pid, "argv": ["python", *argv], "cpu": cpu, "wall": 9.0})


def test_processes_are_named_and_know_what_tensorflow_cost_them():
    events = [
        event("import", 7, "train.py", cpu=5.0),
        event("exit", 7, "train.py", cpu=8.0),
        event("import", 9, "-m", "jenkins_ml.server", "--model", "m", cpu=3.0),
        event("exit", 6, "-m", "jenkins_ml.cli", "train", cpu=0.5),
    ]
    assert processes("\n".join(events), {9: 4.0}) == (
        Process("`train.py`", 8.0, 5.0),
        Process("the server, until the release has ended", 4.0, 3.0),
        Process("`jenkins-ml train` itself", 0.5, None),
    )


def test_a_process_whose_cost_is_not_known_is_not_left_out():
    with pytest.raises(KeyError):
        processes(event("import", 7, "train.py"), {})


def test_a_road_costs_what_its_stages_cost():
    assert Road((Cost(1.0, 2.0), Cost(0.5, 3.0)), ()).whole == Cost(1.5, 5.0)


def test_a_command_is_measured_with_its_output_and_memory(tmp_path):
    cost, text = measured((PYTHON, "-c", "held = bytes(range(256)) * 500_000; print('done')"), tmp_path, environment())
    assert text == "done\n"
    assert cost.peak > 128
    assert cost.cpu > 0


def test_a_command_that_fails_shows_its_output(tmp_path):
    line = "import sys; print('said'); print('complained', file=sys.stderr); sys.exit(3)"
    with pytest.raises(SystemExit, match=r"exited with 3:\nsaid\ncomplained"):
        measured((PYTHON, "-c", line), tmp_path, environment())


def test_a_command_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(subprocess.TimeoutExpired):
        measured((PYTHON, "-c", "import time; time.sleep(600)"), tmp_path, {}, 0.2)


def test_the_jobs_are_the_same_with_and_without_a_template():
    asked = many_jobs.jobs(7, 2)
    one_by_one, by_template = (
        jobs_file.loads("".join(pieces)) for pieces in (many_jobs.ours(asked), many_jobs.ours_by_template(asked))
    )
    assert dict(one_by_one) == dict(by_template)
    assert set(one_by_one) == {"team-000", "team-001", *(job.name for job in asked)}


def plan_of(**edited):
    """What `jobs plan --json` says when all items are there, and these have a change: its value at the server."""
    asked = many_jobs.jobs(jobs.JOBS, jobs.FOLDERS)
    actions = {name: ("nothing", []) for name in (*many_jobs.folders_of(asked), *(job.name for job in asked))}
    actions |= {name: ("update", [{"before": value}]) for name, value in edited.items()}
    return json.dumps({"actions": [{"name": n, "action": a, "changes": c} for n, (a, c) in actions.items()]})


@pytest.mark.parametrize(
    ("found", "edited"),
    [
        ({}, {"team-000/model-000": "<n>300</n>"}),
        ({"team-000/model-000": "300"}, {}),
        ({"team-000/model-001": "300"}, {"team-000/model-000": "<n>300</n>"}),
        ({"team-000/model-000": "30"}, {"team-000/model-000": "<n>300</n>"}),
        ({"team-000/model-000": "300", "one/more": "300"}, {"team-000/model-000": "<n>300</n>"}),
    ],
)
def test_a_plan_that_misses_or_invents_a_change_is_no_figure(found, edited):
    with pytest.raises(SystemExit):
        jobs._expect_plan(plan_of(**found), edited)


def test_a_plan_that_finds_what_was_changed_is_one():
    jobs._expect_plan(plan_of(), {})
    jobs._expect_plan(plan_of(**{"team-000/model-000": "300"}), {"team-000/model-000": "<n>300</n>"})
