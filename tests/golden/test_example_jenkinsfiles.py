"""The committed Jenkinsfile of each example is what `generate` writes today."""

import pytest

from jenkins_ml.config.loader import load
from jenkins_ml.pipeline import build
from jenkins_ml.rendering.jenkinsfile import FILE, render
from jenkins_ml.resources import examples, folder


@pytest.mark.parametrize("example", examples())
def test_the_committed_jenkinsfile_is_current(example):
    directory = folder("examples") / example
    config = load(directory)
    assert (directory / FILE).read_text() == render(config, build(config)), f"jenkins-ml -C examples/{example} generate"


def test_there_are_examples():
    assert "quickstart" in examples()
