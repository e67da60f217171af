"""Files that are missing or changed, runs and branches that do not fit, and other things that a store meets."""

import json
import shutil

import pytest

from jenkins_ml import names

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("store-faults")]


def refused(done, code, *words):
    """The command has ended with that code and with one message, which holds those words."""
    print(f"--- {done.code}\n{done.error}")
    assert (done.code, done.errors) == (code, 1), done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.error, done.err


def one_byte(path):
    """Change one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.fixture(scope="module")
def live(tmp_path_factory, trained, repository_factory):
    """Version 1 is in production, version 2 of run "second" is approved; not to be changed."""
    folder = tmp_path_factory.mktemp("live") / "project"
    shutil.copytree(trained.folder, folder)
    with repository_factory(folder) as repository:
        repository.ok("serve", run="first")
        repository.ok("train", run="second")
        repository.ok("gate", run="second")
        repository.stop_server()
        yield repository


@pytest.fixture
def approved(live, tmp_path, repository_factory):
    """A copy of that, with no server running."""
    shutil.copytree(live.folder, tmp_path / "project")
    with repository_factory(tmp_path / "project") as repository:
        yield repository


# --- damage ----------------------------------------------------------------------------------------------------------
DAMAGE = {
    "a changed weight": lambda home: one_byte(home / "versions/2/variables/variables.data-00000-of-00001"),
    "a changed graph": lambda home: one_byte(home / "versions/2/saved_model.pb"),
    "a missing file": lambda home: (home / "versions/2/saved_model.pb").unlink(),
    "an added file": lambda home: (home / "versions/2/assets/more").write_bytes(b""),
    "a missing manifest": lambda home: (home / "versions/2/manifest.json").unlink(),
    "a changed manifest": lambda home: one_byte(home / "versions/2/manifest.json"),
    "a missing version": lambda home: shutil.rmtree(home / "versions/2"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_version_is_never_served(approved, damage):
    DAMAGE[damage](approved.store.home)
    refused(approved.call("serve", run="second"), 7, "version", "2")
    refused(approved.call("gate", run="second"), 7, "version", "2")
    if damage != "a missing version":
        refused(approved.call("models", "verify"), 7, "damaged: version 2", "next: restore it from a backup")
    approved.ok("server")
    assert approved.answering() == 1
    assert set(approved.server().state()["versions"]) == {"1"}
    assert approved.store.published() == {1}


def test_damage_of_production_stops_no_running_server_and_no_rollback(approved):
    approved.ok("serve", run="second")
    one_byte(approved.store.path(2) / "saved_model.pb")
    one_byte(approved.store.home / "serving/2/saved_model.pb")
    approved.ok("server")
    assert approved.answering() == 2  # what is in memory is what was checked
    approved.kill_server()
    refused(approved.call("server"), 7, "version 2 is not what was recorded: saved_model.pb")
    approved.ok("rollback")
    assert approved.answering() == 1


def test_a_damaged_copy_in_serving_is_made_again(approved):
    one_byte(approved.store.home / "serving/1/saved_model.pb")
    approved.ok("server")
    assert approved.answering() == 1


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: one_byte(folder / "predictions.npz"), "were changed"),
        (lambda folder: (folder / "predictions.npz").unlink(), "were changed"),
        (lambda folder: (folder / "predictions.json").unlink(), "were changed"),
        (lambda folder: (folder / "predictions.json").write_text("{}"), "not 'predictions/1'"),
    ],
)
def test_damaged_predictions(gated, damage, words):
    [folder] = (gated.store.home / "predictions").iterdir()
    damage(folder)
    for stage in ("gate", "serve"):
        refused(gated.call(stage, run="first"), 7, words)
    shutil.rmtree(folder)  # as the message says
    gated.ok("gate", run="first")
    gated.ok("serve", run="first")


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_damaged_journal_stops_everything_but_the_server(approved, damage):
    approved.ok("server")
    entry = approved.store.home / "journal/00000002.json"
    if damage == "missing":
        entry.unlink()
    else:
        entry.write_text(entry.read_text().replace("release_started", "release_begun"))
    for command in ("gate", "serve", "rollback", "status", "server"):
        refused(approved.call(command, run="second"), 7, "journal", "2", "next: ")
    assert approved.answering() == 1


@pytest.mark.parametrize("record", ["run", "train", "gate-production-against-1"])
def test_records_of_a_run(approved, record):
    path = approved.store.home / "runs/second" / f"{record}.json"
    path.write_text(path.read_text()[:-20])
    refused(approved.call("serve", run="second"), 7, f"{record}.json is not JSON", "next: ")
    path.write_text(json.dumps({"record": f"{record.partition('-')[0]}/2"}))
    refused(approved.call("serve", run="second"), 7, "holds")


# --- runs ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("stage", ["gate", "serve"])
def test_no_stage_asks_for_the_latest(approved, stage):
    refused(approved.call(stage), 2, "JENKINS_ML_RUN is not set", "next: use `jenkins-ml run`")
    refused(
        approved.call(stage, run="unknown"), 2, "run unknown has no trained version", "next: run `jenkins-ml train`"
    )


@pytest.mark.parametrize("stage", ["train", "gate", "serve"])
def test_a_run_of_another_commit(approved, stage):
    before = approved.git("rev-parse", "HEAD")
    approved.git("commit", "-q", "--allow-empty", "-m", "another")
    refused(approved.call(stage, run="second"), 7, "run second began at commit", before, "next: check out that commit")


@pytest.mark.parametrize(
    "run",
    [
        "../../../outside",
        "/tmp",
        ".",
        "..",
        "a/b/12",
        'it\'s "quoted"',
        "two\nlines",
        "$(touch evil)",
        "Ünï ✓",
        "\udcff",
    ],
)
def test_hostile_names_of_runs(gated, run):
    before = set(gated.folder.parent.rglob("*")) - set(gated.folder.rglob("*"))
    done = gated.ok("run", "--until", "gate", run=run)
    [folder] = [path for path in (gated.store.home / "runs").iterdir() if path.name != "first"]
    assert {path.name for path in folder.glob("[!.]*.json")} == {"run.json", "train.json", "gate-production.json"}
    gated.ok("gate", run=run)  # by the name that was given
    gated.ok("gate", run=folder.name)  # and by the one that is printed
    assert f"run {folder.name}: " in done.err
    assert folder.name.replace("%", "").replace("+", "").replace(".", "").isalnum()
    assert set(gated.folder.parent.rglob("*")) - set(gated.folder.rglob("*")) == before


def test_a_name_of_a_run_that_is_too_long_is_shortened(gated):
    run = "folder/" * 40 + "digits/main-12"
    gated.ok("run", "--until", "gate", run=run)
    [folder] = [path for path in (gated.store.home / "runs").iterdir() if path.name != "first"]
    assert len(folder.name) == 200
    gated.ok("gate", run=run)
    refused(gated.call("gate", run=run + "3"), 2, "has no trained version")


# --- Jenkins ---------------------------------------------------------------------------------------------------------
def test_a_relative_store_in_a_jenkins_build(gated):
    for command in ("train", "gate", "serve", "run", "status", "rollback"):
        done = gated.call(command, run="first", BUILD_TAG="jenkins-x-1")
        refused(done, 2, "the store '.jenkins-ml/models' is relative", "JENKINS_ML_STORE")


def test_a_first_release_in_a_jenkins_build(gated):
    build = {
        "BUILD_TAG": "jenkins-x-1",
        "BRANCH_NAME": "main",
        "NODE_NAME": "gpu 1",
        names.ENV_STORE: str(gated.store.root),
    }
    with (gated.folder / names.CONFIG_FILE).open("a") as file:
        file.write("jenkins: {agents: {serve: {node: gpu 1}}}\n")
    gated.ok("train", run="x-1", **build)
    refused(gated.call("gate", run="x-1", **build), 4, "version 2", "first_release")
    refused(gated.call("serve", run="x-1", **build), 4, "version 2")
    gated.change(names.CONFIG_FILE, "gate: {", "gate: {first_release: allow, ")
    gated.ok("train", run="x-2", **build)
    gated.ok("gate", run="x-2", **build)
    gated.ok("serve", run="x-2", **build)
    assert gated.answering() == 3


# --- who may release -------------------------------------------------------------------------------------------------
def test_a_rejected_version(approved):
    approved.change("model.py", "bias=-6.0", "bias=600.0")
    approved.commit("worse")
    done = approved.call("run", run="worse")
    assert done.code == 3
    refused(approved.call("serve", run="worse"), 3, "the gate rejected version 3: accuracy", "below the minimum of 0.9")
    approved.ok("server")
    assert approved.answering() == 1


def test_a_version_that_was_not_gated(approved):
    approved.ok("train", run="third")
    refused(
        approved.call("serve", run="third"),
        3,
        "version 3 is not approved: it was not gated",
        "next: run `jenkins-ml gate --environment production`",
    )


def test_another_branch_trains_and_gates(approved):
    approved.git("checkout", "-q", "-b", "feature/x")
    journal = approved.store.journal.entries()
    done = approved.ok("run", run="of-branch")
    assert "not released: branch 'feature/x' does not release: only 'main' does" in done.err
    refused(approved.call("serve", run="of-branch"), 2, "branch 'feature/x' does not release", "next: merge it")
    assert approved.store.versions() == (1, 2)
    assert approved.store.versions("feature/x") == (3,)
    assert approved.store.journal.entries() == journal


def test_production_moves_between_gate_and_serve(approved):
    approved.ok("run", run="third")
    done = approved.call("serve", run="second")
    refused(
        done, 4, "production has moved since version 2 was gated", "JENKINS_ML_RUN=second jenkins-ml run --from gate"
    )
    assert approved.answering() == 3
    approved.ok("run", "--from", "gate", run="second")
    assert approved.answering() == approved.production() == 2


def test_a_version_of_another_environment(approved):
    refused(
        approved.call("serve", "--environment", "staging", run="second"),
        3,
        "version 2 is not approved: it was not gated for staging",
        "next: run `jenkins-ml gate --environment staging`",
    )
    approved.ok("gate", "--environment", "staging", run="second")  # one run is gated for each environment
    assert approved.store.handed_over("second") >= {"gate-production-against-1", "gate-staging"}
    refused(approved.call("serve", "--environment", "../x", run="second"), 2, "'../x' is no name of an environment")


# --- data and places -------------------------------------------------------------------------------------------------
def test_a_test_split_that_changes_between_train_and_gate(approved):
    shutil.rmtree(approved.store.home / "predictions")
    approved.change("data.py", '"test": 2', '"test": 3')
    refused(
        approved.call("gate", run="second"), 7, "the test split is not the one", "next: data.load must return the same"
    )


@pytest.mark.parametrize("name", ["two words", "Ünï ✓ 文", "it's", "$HOME;x"])
def test_a_folder_of_any_name(tmp_path, repository_factory, name):
    with repository_factory(tmp_path / name) as repository:
        repository.ok("run")
        assert repository.answering() == 1
        repository.ok("models", "verify")
        repository.ok("server", "--stop")
        assert repository.server() is None
