"""From staging to production: the same version and digest, with somebody's signature."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from jenkins_ml import names
from jenkins_ml.adapters import approvals, local_server
from jenkins_ml.records import encode
from tests.fakes.ssh_keys import line, make_key

pytestmark = [pytest.mark.tensorflow, pytest.mark.ssh, pytest.mark.xdist_group("environments")]

RECORDS = Path(__file__).resolve().parents[1] / "contract" / "records"
PORTS = "  rest_port: 0\n"
ENVIRONMENTS = "  environment: staging\n  environments: {{production: {{after: staging, approval: {approval}}}}}\n"


def configure(repository, approval="false"):
    repository.change("jenkins-ml.yaml", PORTS, ENVIRONMENTS.format(approval=approval) + PORTS)


@pytest.fixture
def staged(gated):
    """Version 1 is in production in staging, and gated for production, which it may follow into without a signature."""
    configure(gated)
    gated.ok("gate", run="first")
    gated.ok("serve", run="first")
    yield gated
    staging = local_server.find(gated.store.server_state("staging"))
    if staging is not None:
        staging.stop()


@pytest.fixture
def asking(staged):
    """The same, and production wants a signature."""
    staged.change("jenkins-ml.yaml", "approval: false", "approval: true")
    return staged


@pytest.fixture
def alice(tmp_path):
    return make_key(tmp_path / "keys", "alice")


def allow(repository, *lines):
    (repository.store.home / names.SIGNERS).write_text("\n".join(lines))


def promote(repository, version="1", **extra):
    return repository.call("promote", version, "--environment", "production", **extra)


def approve(repository, key, *more, version="1", **extra):
    return repository.call("approve", version, "--environment", "production", "--key", str(key), *more, **extra)


def in_environment(repository, environment):
    reference = repository.store.journal.history(environment).production
    return reference.version if reference else None


def approval_file(repository) -> Path:
    [path] = (repository.store.home / names.APPROVALS / "production").glob("*.json")
    return path


def forge(repository, **changed):
    """Change what stands in the approval, and leave its signature."""
    path = approval_file(repository)
    path.write_bytes(encode(replace(approvals.read(path), **changed)))


def refused(done, code, *messages):
    assert (done.code, done.errors) == (code, 1), done
    for message in messages:
        assert message in done.error


def test_a_version_goes_through_staging_and_no_other_way(gated):
    configure(gated)  # version 1 is gated for production, and was never anywhere
    refused(
        promote(gated),
        3,
        "version 1 comes into production only from staging, and nothing is in production in staging",
        "next: jenkins-ml promote 1 --environment staging",
    )
    gated.ok("gate", run="first")
    assert "stop it: jenkins-ml server --stop (" in gated.ok("promote", "1", "--environment", "staging").err
    done = promote(gated)
    assert done.code == 0
    assert "stop it: jenkins-ml server --stop --environment production (" in done.err
    assert (in_environment(gated, "staging"), gated.production(), gated.answering()) == (1, 1, 1)
    server = local_server.find(gated.store.server_state("staging"))
    assert server is not None, "each environment has its own"
    server.stop()


def test_what_is_typed_for_the_next_version(staged):
    assert promote(staged).code == 0
    staged.ok("train", run="second")
    staged.ok("gate", run="second")
    staged.ok("serve", run="second")
    assert (in_environment(staged, "staging"), staged.production()) == (2, 1)

    missing = promote(staged, "2")
    refused(missing, 3, "version 2 is not approved: it was not gated for production")
    command = "jenkins-ml gate --version 2 --environment production"
    assert f"next: run `{command}` first" in missing.error
    staged.ok(*command.split()[1:])
    assert promote(staged, "2").code == 0
    assert (in_environment(staged, "staging"), staged.production(), staged.answering()) == (2, 2, 2)

    # What has left staging is not taken up again from there, whatever production says.
    staged.ok("rollback")
    assert (in_environment(staged, "staging"), staged.production()) == (1, 2)
    refused(promote(staged, "3"), 2, "there is no version 3")
    staged.ok("rollback", "--environment", "production")
    refused(promote(staged, "2"), 3, "and version 1 is in production in staging")


def test_the_last_word_of_the_gate_counts(staged):
    staged.change("jenkins-ml.yaml", "min: 0.9", "min: 1.1")
    assert staged.call("gate", "--version", "1", "--environment", "production").code == 3
    refused(promote(staged), 3, "the gate rejected version 1")
    staged.change("jenkins-ml.yaml", "min: 1.1", "min: 0.9")
    staged.ok("gate", "--version", "1", "--environment", "production")
    assert promote(staged).code == 0


def test_production_that_has_moved_is_gated_again_by_the_command_that_is_named(staged):
    assert promote(staged).code == 0
    staged.ok("train", run="second")
    for environment in ("staging", "production"):
        staged.ok("gate", "--environment", environment, run="second")
    staged.ok("train", run="third")
    for environment in ("staging", "production"):
        staged.ok("gate", "--environment", environment, run="third")
    staged.ok("serve", run="second")
    assert promote(staged, "2").code == 0
    moved = staged.call("promote", "3", "--environment", "staging")
    command = "jenkins-ml gate --version 3 --environment staging"
    refused(moved, 4, "production has moved since version 3 was gated", f"next: gate it again: {command}")
    staged.ok(*command.split()[1:])
    staged.ok("promote", "3", "--environment", "staging")
    assert in_environment(staged, "staging") == 3


def test_a_release_that_somebody_signs_for(asking, alice):
    refused(
        promote(asking),
        2,
        "releases into production want an approval, and no file says whose signatures count",
        f"keep it as {asking.store.home / 'signers'}",
    )
    allow(asking, line("alice@example.com", alice))
    refused(promote(asking), 3, "nobody has approved version 1 for production", "jenkins-ml approve 1 --environment")
    # The variable is for Jenkins; with a file of signers it is no approval anywhere.
    refused(promote(asking, **{names.ENV_APPROVER: "alice@example.com"}), 3, "nobody has approved version 1")
    done = approve(asking, alice, "--reason", "seen in the\nreview", "--json")
    assert done.code == 0, done
    answer = json.loads(done.out)
    assert (answer["approver"], answer["candidate"]["version"], answer["baseline"]) == ("alice@example.com", 1, None)
    assert answer["file"] == str(approval_file(asking))
    assert "version 1 of commit" in done.err
    assert "into production, as the first one" in done.err

    entry = asking.store.journal.entries()[-1]
    assert (entry.kind, entry.environment, entry.reason, entry.approver) == (
        "decision",
        "production",
        "approved by alice@example.com: seen in the review",
        "alice@example.com",
    )
    assert asking.kinds().count("released") == 1, "an approval releases nothing"
    listed = json.loads(asking.ok("models", "list", "--json").out)["versions"][0]
    assert listed["state"] == "in staging"

    assert promote(asking).code == 0
    assert {e.approver for e in asking.store.journal.entries() if e.kind.startswith("release")} == {
        None,  # staging asks nobody
        "alice@example.com",
    }
    [_, production] = sorted(
        json.loads(asking.ok("status", "--json").out)["environments"],
        key=lambda each: each["environment"],
        reverse=True,
    )
    assert production["approved_by"] == "alice@example.com"
    assert production["why"].startswith("approved: "), "what the gate said, not what alice did"


def test_an_approval_ends_when_production_moves(asking, alice):
    allow(asking, line("alice@example.com", alice))
    assert approve(asking, alice).code == 0
    assert promote(asking).code == 0
    refused(approve(asking, alice), 2, "version 1 is in production in production already")
    asking.ok("train", run="second")
    asking.ok("gate", run="second")
    asking.ok("serve", run="second")
    asking.ok("gate", "--environment", "production", run="second")
    assert approve(asking, alice, version="2").code == 0
    assert promote(asking, "2").code == 0
    # Rolled back, and from staging as before: gate and staging would let it through, but whoever agreed knew of no rollback.
    asking.ok("rollback", "--environment", "production")
    refused(
        promote(asking, "2"),
        3,
        "production has moved since version 2 was approved",
        "next: approve it again: jenkins-ml approve 2 --environment production",
    )
    assert approve(asking, alice, version="2").code == 0
    assert promote(asking, "2").code == 0


def test_signatures_that_do_not_count(asking, alice, tmp_path):
    mallory = make_key(tmp_path / "keys", "mallory")
    allow(asking, line("mallory@example.com", mallory))
    refused(approve(asking, alice), 3, "may not approve releases", "let somebody approve whose key stands in")
    assert not (asking.store.home / names.APPROVALS).exists(), "it would never count"

    assert approve(asking, mallory).code == 0
    allow(asking, line("alice@example.com", alice))
    refused(promote(asking), 3, "may not approve releases")
    allow(asking, line("mallory@example.com", mallory, 'valid-before="20200101"'))
    refused(promote(asking), 3, "may not approve releases (1: key has expired")
    allow(asking, line("mallory@example.com", mallory))
    path = approval_file(asking)
    kept = path.read_bytes()
    for changed in ({"reason": "no"}, {"expires": "2999-01-01T00:00:00.000Z"}, {"signature": ""}):
        forge(asking, **changed)
        refused(promote(asking), 7, "the signature does not belong to what is signed", "look who changed it")
    path.write_bytes(b"{")
    refused(promote(asking), 7, "is not JSON")
    path.write_bytes(kept)
    assert approve(asking, mallory, "--reason", "again").code == 0
    path.write_bytes(b"{")  # one that is damaged does not hide another
    assert promote(asking).code == 0


def test_a_signed_approval_of_something_else(asking, alice):
    allow(asking, line("alice@example.com", alice))
    assert approve(asking, alice).code == 0
    path = approval_file(asking)
    real = approvals.read(path)
    for changed, code, message in (
        ({"environment": "staging"}, 7, "an approval for production is about tiny in staging"),
        ({"candidate": replace(real.candidate, manifest_digest="f" * 64)}, 7, "other files than version 1 has now"),
        ({"entry": 1}, 3, "production has moved since version 1 was approved"),
        ({"expires": "2026-01-01T00:00:00.000Z"}, 3, "has expired"),
    ):
        path.write_bytes(encode(approvals.sign(replace(real, signature="", **changed), alice, terminal=False)))
        refused(promote(asking), code, message)
    path.write_bytes(encode(real))
    assert promote(asking).code == 0


def test_where_the_signers_come_from(asking, alice, tmp_path):
    outside = tmp_path / "trusted"
    outside.write_text(line("alice@example.com", alice))
    assert "warning: no file of signers can be seen from here" in approve(asking, alice).err
    named = {names.ENV_SIGNERS: str(outside)}
    assert promote(asking, **{names.ENV_SIGNERS: str(tmp_path / "none")}).code == 2
    inside = asking.folder / "signers"
    inside.write_text(outside.read_text())
    refused(promote(asking, **{names.ENV_SIGNERS: str(inside)}), 2, "which lies in the checkout")
    assert promote(asking, **named).code == 0
    assert [entry.approver for entry in asking.store.journal.entries()][-1] == "alice@example.com"


def test_who_need_not_agree_is_told(asking, alice):
    done = asking.call("approve", "1", "--environment", "staging", "--key", str(alice))
    refused(done, 2, "nobody has to agree to releases into staging")
    assert asking.call("approve", "9", "--environment", "production", "--key", str(alice)).code == 2


def test_an_older_jenkins_ml_reads_what_an_approval_leaves_in_the_journal(asking, alice):
    allow(asking, line("alice@example.com", alice))
    assert approve(asking, alice).code == 0
    entry = json.loads((asking.store.home / names.JOURNAL / f"{asking.store.journal.last():08d}.json").read_bytes())
    assert set(entry) == set(json.loads((RECORDS / "journal-1.json").read_bytes()))
    assert entry["kind"] == "decision"
