"""deploy/releases/ENVIRONMENT.yaml: what it may say, and where it is wrong."""

from pathlib import Path

import pytest

from jenkins_ml.config import gitops
from jenkins_ml.errors import ConfigurationError

DIGEST = "a" * 64


def load(folder: Path, text: str, environments=("production",)):
    file = folder / gitops.FOLDER / "production.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return gitops.load(folder, environments)


def test_nothing_is_released_where_there_is_no_file(tmp_path):
    assert gitops.load(tmp_path, ["production"]) == {"production": gitops.Released()}
    assert load(tmp_path, "# not yet\n") == {"production": gitops.Released()}


def test_what_a_file_says(tmp_path):
    text = f"environment: production\nversions:\n- {{version: 7, manifest_digest: {DIGEST}, by: me}}\nstable: 7\n"
    released = load(tmp_path, text)["production"]
    assert (released.stable, released.canary, released.weight) == (7, None, 0)
    [seven] = released.versions
    assert (seven.version, seven.manifest_digest, seven.by, seven.image) == (7, DIGEST, "me", None)


VERSIONS = (
    f"versions: [{{version: 7, manifest_digest: {DIGEST}}}, {{version: 8, manifest_digest: {DIGEST}, beside: 7}}]\n"
)
WRONG = {
    "stabel: 7\n": "1:1: unknown key 'stabel': did you mean 'stable'?",
    "versions: [{version: 7}]\n": "1:12: missing key 'manifest_digest' in versions[0]",
    "versions: [{version: 7, manifest_digest: abc}]\n": "versions[0].manifest_digest: text 'abc' does not fit: a SHA-256",
    f"versions: [{{version: 1e3, manifest_digest: {DIGEST}}}]\n": "versions[0].version: a whole number is expected",
    f"{VERSIONS}stable: 9\n": "2:9: stable: version 9 is not in `versions`",
    f"{VERSIONS}stable: 7\ncanary: 9\n": "3:9: canary: version 9 is not in `versions`",
    f"{VERSIONS}stable: 7\ncanary: 7\n": "3:9: canary: is the stable version",
    f"{VERSIONS}canary: 8\n": "2:9: canary: there is no `stable` version",
    f"{VERSIONS}stable: 7\nweight: 5\n": "3:9: weight: there is no `canary`",
    f"{VERSIONS}stable: 7\ncanary: 8\nweight: 101\n": "weight: must be at most 100, not 101",
    f"versions: [{{version: 7, manifest_digest: {DIGEST}}}, {{version: 7, manifest_digest: {DIGEST}}}]\n": (
        "versions[1].version: version 7 is listed already"
    ),
    f"versions: [{{version: 7, manifest_digest: {DIGEST}, beside: 7}}]\n": "a version is not released beside itself",
    "environment: staging\n": "1:14: environment: the name of the file says 'production'",
    "- 7\n": "1:1: a section with keys is expected, not a list",
}


@pytest.mark.parametrize("text", WRONG, ids=WRONG.values())
def test_what_is_wrong_is_said_at_its_place(tmp_path, text):
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    assert WRONG[text] in str(caught.value)


def test_a_file_about_no_environment_is_not_overlooked(tmp_path):
    with pytest.raises(ConfigurationError, match="no environment 'production' is on Kubernetes: there are staging"):
        load(tmp_path, "", ["staging"])
