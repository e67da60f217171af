"""The generated Dockerfile, and the labels of what is built from it."""

import dataclasses

from jenkins_ml import names
from jenkins_ml.records import Commit
from jenkins_ml.rendering import dockerfile
from tests.fakes.versions import manifest


def labelled(commit):
    made = manifest(3)
    made = dataclasses.replace(made, lineage=dataclasses.replace(made.lineage, commit=commit))
    return dockerfile.labels(made, "f" * 64, "base:1", None)


def test_the_labels_say_what_is_in_it_and_where_that_comes_from():
    assert dockerfile.labels(manifest(3), "f" * 64, "base:1", "sha256:0") == {
        "app.kubernetes.io/managed-by": "jenkins-ml",
        "jenkins-ml.io/by": "me",
        "jenkins-ml.io/commit": "c" * 40,
        "jenkins-ml.io/manifest-digest": "f" * 64,
        "jenkins-ml.io/model": "m",
        "jenkins-ml.io/run": "r",
        "jenkins-ml.io/version": "3",
        "org.opencontainers.image.base.digest": "sha256:0",
        "org.opencontainers.image.base.name": "base:1",
        "org.opencontainers.image.created": "2026-01-01T00:00:00.000Z",
        "org.opencontainers.image.revision": "c" * 40,
        "org.opencontainers.image.title": "m 3",
        "org.opencontainers.image.version": "3",
    }


def test_what_is_not_known_has_no_label():
    found = labelled(Commit(sha=None, branch=None, dirty=False))
    assert not {names.NOTE_COMMIT, "org.opencontainers.image.revision", "org.opencontainers.image.base.digest"} & set(
        found
    )


def test_a_checkout_with_changes_is_no_revision():
    found = labelled(Commit(sha="abc", branch="main", dirty=True))
    assert found["org.opencontainers.image.revision"] == "abc-dirty"


def test_the_dockerfile():
    assert dockerfile.dockerfile("base:1", "m", {"a/b": "1", "c": 'say "$HOME" \\ or\nnot'}) == (
        "# Made by jenkins-ml.\n"
        "FROM base:1\n"
        'LABEL "a/b"="1" \\\n'
        '      "c"="say \\"\\$HOME\\" \\\\ or not"\n'
        'ENV MODEL_NAME="m" MODEL_BASE_PATH="/models"\n'
        "COPY root /\n"
    )
