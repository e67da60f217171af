"""The committed Jenkinsfile of each example is what `generate` writes today."""

import pytest

from jenkins_ml.config.loader import load
from jenkins_ml.pipeline import build
from jenkins_ml.rendering.jenkinsfile import render
from jenkins_ml.resources import examples, folder


@pytest.mark.parametrize("example", examples())
def test_the_committed_jenkinsfile_is_current(example):
    directory = folder("examples") / example
    config = load(directory)
    files = render(config, build(config), f"examples/{example}")
    assert files
    for name, text in files.items():
        for path in (directory / name, directory / ".jenkins-ml/base" / name):
            assert path.read_text() == text, f"jenkins-ml -C examples/{example} generate"


def test_there_are_examples():
    assert "quickstart" in examples()
