"""From the first bad answer to the end of the rollback, with the real Prometheus and Alertmanager of the tests, and the hook."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from unittest.mock import patch

from benchmarks.figures import Result, Section
from benchmarks.project import scratch
from jenkins_ml import names
from jenkins_ml.adapters import warm
from tests.engines.missing import MissingPart
from tests.fakes.alert_site import Fall, fall, seconds, watched
from tests.fakes.jenkins_jobs import VARIABLES
from tests.fakes.repository import Commands, Repository

MOST_SECONDS = 30.0


def measure(repeat: int) -> Section:
    """`repeat` versions that begin to fail, each watched by new servers of everything."""
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ))
        for name in VARIABLES:
            os.environ.pop(name, None)
        place = stack.enter_context(scratch())
        environment = {names.ENV_WARM: str(stack.enter_context(warm.started()))}
        commands = stack.enter_context(Commands())
        with Repository(place / "trained", environment, commands) as repository:
            for command in ("train", "gate"):
                repository.ok(command, run="first")
        falls = []
        for number in range(repeat):
            folder = place / str(number)
            shutil.copytree(place / "trained", folder / "project")
            falls.append(_fall(folder, Repository(folder / "project", environment, commands)))
            print(f"alerts: {number + 1} of {repeat}: {falls[-1].seconds:.1f} s, {falls[-1].ended.reason}", flush=True)
    return Section(results=results(falls))


def results(falls: list[Fall]) -> tuple[Result, ...]:
    """The figures of some runs."""
    took = [each.seconds for each in falls]
    rollbacks = [seconds(each.ended.time) - seconds(each.begun.time) for each in falls]
    after = [asked for each in falls for asked in each.after]
    bad = sum(len(each.bad) for each in falls)
    return (
        Result(
            name="from the first bad answer to the end of the rollback, worst",
            unit="s",
            ours=max(took),
            most=MOST_SECONDS,
            note=f"median {median(took):.1f} s, of it the rollback {median(rollbacks):.2f} s",
        ),
        Result(
            name="failed or bad answers after that, at 100 requests a second, all together",
            unit="requests",
            ours=sum(not asked.good for asked in after),
            most=0,
            note=f"of {len(after)}; {bad} answers were bad before",
        ),
    )


def _fall(folder: Path, repository: Repository) -> Fall:
    try:
        with repository, watched(repository, folder) as site:
            found = fall(site)
    except MissingPart as error:
        raise SystemExit(f"this benchmark {error}") from error
    if not found.bad or not found.after:
        raise SystemExit("the version gave no bad answer, or nobody asked after the rollback")
    return found
