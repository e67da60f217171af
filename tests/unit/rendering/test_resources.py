"""templates/ and examples/ are found in a wheel, in a checkout, and nowhere else."""

from pathlib import Path

import pytest

from jenkins_ml import resources
from jenkins_ml.errors import JenkinsMLError


@pytest.fixture
def package(tmp_path: Path) -> Path:
    package = tmp_path / "jenkins_ml"
    package.mkdir()
    return package


def test_this_installation_has_both():
    assert (resources.folder("templates") / "Jenkinsfile.j2").is_file()
    assert "quickstart" in resources.examples()


def test_what_is_bundled_comes_first(package: Path):
    bundled = package / "_bundled" / "templates"
    bundled.mkdir(parents=True)
    (package.parent / "templates").mkdir()
    (package.parent / "pyproject.toml").touch()
    assert resources._find(package, "templates") == bundled


def test_a_checkout_has_them_beside_the_package(package: Path):
    (package.parent / "templates").mkdir()
    (package.parent / "pyproject.toml").touch()
    assert resources._find(package, "templates") == package.parent / "templates"


def test_another_package_s_folder_is_not_ours(package: Path):
    (package.parent / "templates").mkdir()
    with pytest.raises(JenkinsMLError, match="has no templates/"):
        resources._find(package, "templates")
