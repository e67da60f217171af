"""How long a canary that turns bad has traffic, what users lose by a switch, and how quickly 100 models are looked at.

Against the engines and stand-ins of the tests: see release_scenes.py and release_fleet.py.
"""

from __future__ import annotations

import random
from statistics import median

from benchmarks import release_fleet
from benchmarks.figures import Result, Section
from benchmarks.release_scenes import TARGETS, Fall, Scene, scene

REQUESTS_PER_SECOND = 200
# Test-sized windows: a look each second, as with the shipped configuration.
CANARY = {"steps": [50, 100], "interval": "5s", "min_requests": 100}
QUICK = {"steps": [50, 100], "interval": "1s", "min_requests": 20}
MOST_SECONDS = {"local": 5.0, "docker": 10.0, "kubernetes": 10.0}
_TITLES = {"local": "local server", "docker": "Docker", "kubernetes": "Kubernetes"}
_SEEN = {
    "local": "first NaN that a user got, last answer of the canary to a user",
    "docker": "first failure and last request of the canary by its own count, looked at each 10 ms",
    "kubernetes": "first failure of replayed examples by the pods' own count, the Service's selector names production "
    "alone; looked at each 10 ms",
}


def measure(repeat: int) -> Section:
    """`repeat`: how many canaries turn bad on each target."""
    results = []
    for target in TARGETS:
        with scene(target, CANARY) as found:
            falls = [_fall(found, target, index) for index in range(repeat)]
        results += _results(target, falls)
    for target in ("local", "docker"):
        with scene(target, QUICK) as found:
            results.append(_switches(found, target, repeat))
    results += release_fleet.measure(repeat)
    return Section(results=tuple(results))


def _fall(found: Scene, target: str, index: int) -> Fall:
    fall = found.fall(REQUESTS_PER_SECOND, random.Random(index))
    print(
        f"releases: {target}: {index + 1}: {fall.seconds:.2f} s, {fall.failed} failed, {fall.after} after", flush=True
    )
    return fall


def _results(target: str, falls: list[Fall]) -> list[Result]:
    title, seconds = _TITLES[target], [fall.seconds for fall in falls]
    results = [
        Result(
            name=f"{title}: from the first bad answer to 100 % stable, worst",
            unit="s",
            ours=max(seconds),
            most=MOST_SECONDS[target],
            note=f"median {median(seconds):.2f} s; {_SEEN[target]}",
        )
    ]
    if target != "kubernetes":  # nobody can call a Service whose nodes are simulated
        asked = sum(fall.answers for fall in falls)
        failed = sum(fall.failed for fall in falls)
        results.append(
            Result(
                name=f"{title}: failed or bad answers after that, at {REQUESTS_PER_SECOND} requests a second, all together",
                unit="requests",
                ours=sum(fall.after for fall in falls),
                most=0,
                note=f"of {asked} answers since the first bad one {failed} were failures",
            )
        )
    return results


def _switches(found: Scene, target: str, repeat: int) -> Result:
    """Promote a good version and roll back from it, in turns, while users ask."""
    repository = found.repository
    with found.users(REQUESTS_PER_SECOND) as users:
        for index in range(repeat):
            repository.ok("serve", run="good")
            repository.ok("rollback")
            print(f"releases: {target}: {index + 1}: promoted and rolled back", flush=True)
    answers = users.answers
    pace = len(answers) / (answers[-1].time - answers[0].time)
    failed = [answer for answer in answers if not answer.ok]
    for answer in failed[:5]:
        print(f"releases: {target}: failed: {answer}", flush=True)
    return Result(
        name=f"{_TITLES[target]}: failed requests in {repeat} promotions by a canary and {repeat} rollbacks",
        unit="requests",
        ours=len(failed),
        most=0,
        note=f"of {len(answers)} at {pace:.0f} a second",
    )
