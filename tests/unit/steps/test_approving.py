"""Who agreed to a release: by a signature, or by the input of a Jenkinsfile, and never by nobody."""

import pytest

from jenkins_ml import names
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.config.loader import loads
from jenkins_ml.errors import GateRejected, UsageError
from jenkins_ml.records import Approval, JournalEntry, VersionRef
from jenkins_ml.steps import approve, approving
from jenkins_ml.steps.common import Project

ONE = VersionRef(version=1, manifest_digest="d")
HEAD = 'model: digits\ndata: {load: "data:load"}\ntrain: {entrypoint: "model:train"}\n'
NEEDED = "serve: {environments: {production: {approval: true}}}\n"


@pytest.fixture
def project(tmp_path):
    def make(text=NEEDED):
        return Project(tmp_path / "checkout", loads(HEAD + text), ModelStore(tmp_path / "store", "digits"))

    return make


@pytest.fixture
def in_a_build(monkeypatch):
    monkeypatch.setenv(names.ENV_BUILD_TAG, "jenkins-digits-1")


def agreed(project, environment="production"):
    return approving.approver(project, environment, ONE)


@pytest.mark.usefixtures("in_a_build")
def test_in_a_build_the_name_of_the_input_counts(project, monkeypatch):
    monkeypatch.setenv(names.ENV_APPROVER, " alice ")
    assert agreed(project()) == "alice"


@pytest.mark.usefixtures("in_a_build")
@pytest.mark.parametrize("given", ["", " ", "null"])
def test_in_a_build_somebody_has_to_be_named(project, monkeypatch, given):
    monkeypatch.setenv(names.ENV_APPROVER, given)
    with pytest.raises(GateRejected, match="nobody has approved this release into production") as caught:
        agreed(project())
    for way in ("jenkins.approval", "store/digits/signers", "jenkins-ml approve"):
        assert way in caught.value.next_step
    with pytest.raises(GateRejected, match="nobody has approved this release: JENKINS_ML_APPROVER is not set"):
        agreed(project("jenkins: {approval: {}}\n"))
    assert agreed(project(), "staging") is None


def test_outside_of_a_build_the_variable_proves_nothing(project, monkeypatch):
    monkeypatch.setenv(names.ENV_APPROVER, "alice")
    with pytest.raises(UsageError, match="no file says whose signatures count"):
        agreed(project())
    assert agreed(project(), "staging") == "alice", "where nobody has to be asked it is noted, as ever"


@pytest.mark.usefixtures("in_a_build")
def test_with_a_file_of_signers_a_build_needs_a_signature_too(project, monkeypatch):
    made = project()
    made.store.home.mkdir(parents=True)
    (made.store.home / names.SIGNERS).write_text("")
    monkeypatch.setenv(names.ENV_APPROVER, "alice")
    with pytest.raises(GateRejected, match="nobody has approved version 1 for production") as caught:
        agreed(made)
    assert caught.value.next_step == "jenkins-ml approve 1 --environment production"
    assert agreed(made, "staging") == "alice"


def test_a_file_of_signers_that_is_named_comes_before_that_of_the_store(project, monkeypatch, tmp_path):
    made = project()
    made.store.home.mkdir(parents=True)
    assert approving.signers_file(made) is None
    kept = made.store.home / names.SIGNERS
    kept.write_text("")
    assert approving.signers_file(made) == kept
    other = tmp_path / "other"
    monkeypatch.setenv(names.ENV_SIGNERS, str(other))
    with pytest.raises(UsageError, match="which is no file"):
        approving.signers_file(made)
    other.write_text("")
    assert approving.signers_file(made) == other
    made.directory.mkdir()
    (made.directory / "link").symlink_to(other)
    (tmp_path / "out").symlink_to(made.directory / "signers")
    (made.directory / "signers").write_text("")
    monkeypatch.setenv(names.ENV_SIGNERS, str(tmp_path / "out"))
    with pytest.raises(UsageError, match="whoever can push would choose who approves"):
        approving.signers_file(made)


class Notes:
    def __init__(self):
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


APPROVAL = Approval(
    model="digits",
    environment="production",
    candidate=ONE,
    baseline=None,
    entry=0,
    by="alice@laptop",
    reason="",
    created="2026-01-01T00:00:00.000Z",
    expires="2026-01-08T00:00:00.000Z",
)


def test_who_may_not_write_the_journal_may_approve(project, tmp_path):
    made, notes = project(), Notes()
    made.store.home.mkdir(parents=True)
    (made.store.home / names.JOURNAL).write_text("no folder")
    approve._journal(made, APPROVAL, "alice", tmp_path / "1-0.json", notes)
    assert len(notes.warnings) == 1
    assert notes.warnings[0].startswith("the approval is kept, but the journal does not show it")


def test_what_the_journal_says_of_an_approval_is_no_decision_of_a_run(project, tmp_path):
    made = project()
    approve._journal(made, APPROVAL, "alice", tmp_path / "1-0.json", Notes())
    [entry] = made.store.journal.entries()
    assert entry.is_approval
    assert (entry.reason, entry.approver, entry.evidence["approval"]) == ("approved by alice", "alice", "1-0.json")
    of_the_gate = {**vars(entry), "evidence": {}}
    assert not JournalEntry(**of_the_gate).is_approval
