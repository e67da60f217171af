"""`python -m jenkins_ml.steps.jobs`: the same as `jenkins-ml jobs`."""

from jenkins_ml.steps.entry import run_step
from jenkins_ml.steps.jobs import command

if __name__ == "__main__":
    run_step(command)
