"""How long a bad version goes on answering after `jenkins-ml rollback`, under live traffic."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.figures import Result, Section
from benchmarks.project import Project, project
from benchmarks.traffic import Traffic, example_body

MOST_SECONDS = 1.0
REQUESTS_PER_SECOND = 100
# Three, so that a rollback also meets a version before the good one, which the server no longer has in memory.
OLDEST, GOOD, BAD = "oldest", "good", "bad"


def measure(repeat: int) -> Section:
    """Release three versions, then roll back from the last and release it again, in turns."""
    with project("quickstart") as made:
        for run_name in (OLDEST, GOOD, BAD):
            print(f"rollback: training and releasing the {run_name} version", flush=True)
            made.jenkins_ml("run", run_name=run_name)
        looks = []
        for index in range(repeat):
            if index:
                made.jenkins_ml("serve", run_name=BAD)  # its decision holds again: the good version is in production
            looks.append(_roll_back(made))
            bad, command, failed = looks[-1]
            print(
                f"rollback: {index + 1} of {repeat}: {bad:.2f} s, command {command:.2f} s, {failed} failed", flush=True
            )
    bads, commands, failures = zip(*looks, strict=True)
    return Section(
        results=(
            Result(
                name="from the command to the bad version's last answer, worst",
                unit="s",
                ours=max(bads),
                most=MOST_SECONDS,
                note=f"median {median(bads):.2f} s; the whole command {median(commands):.2f} s",
            ),
            Result(
                name=f"failed requests at {REQUESTS_PER_SECOND} a second, all together",
                unit="requests",
                ours=sum(failures),
                most=0,
            ),
        )
    )


def _roll_back(made: Project) -> tuple[float, float, int]:
    """Seconds until the bad version's last answer, seconds of the command, and how many requests failed."""
    server = made.server()
    with Traffic(server["rest"], example_body(made.folder), REQUESTS_PER_SECOND) as traffic:
        time.sleep(1.0)
        began = time.monotonic()
        command = made.jenkins_ml("rollback")
        time.sleep(1.0)
    answers = traffic.answers
    bad = answers[0].version
    if bad is None or answers[-1].version in (None, bad):
        raise SystemExit(f"the rollback did not change the version that answers: {answers[0]}, {answers[-1]}")
    last = max(answer.time for answer in answers if answer.version == bad)
    return last - began, command.wall, sum(not answer.ok for answer in answers)
