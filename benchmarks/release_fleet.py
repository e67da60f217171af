"""How quickly all models of a cluster are looked at: a real API server with its controllers, and simulated nodes."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from benchmarks.figures import Result
from benchmarks.processes import JENKINS_ML, Cost, environment, measured
from benchmarks.release_scenes import cluster
from jenkins_ml.adapters.kubernetes import fleet
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import connect
from tests.fakes.kubernetes_site import Site

MODELS, FEW, REPLICAS = 100, 10, 3
MOST_SECONDS = 2.0
_AT_ONCE = 4


def measure(repeat: int) -> list[Result]:
    """Two versions of each model, three pods each; `repeat`: how often they are looked at."""
    with cluster() as site:
        print(f"releases: bringing up {MODELS} models", flush=True)
        names = [f"m{index:03}" for index in range(MODELS)]
        _bring_up(site, names[:FEW])
        requests_of_few, _ = _look(site, FEW)
        _bring_up(site, names[FEW:])
        looks = [_look(site, MODELS) for _ in range(repeat)]
        commands = [_command(site) for _ in range(repeat)]
    requests = max(count for count, _ in looks)
    pods = MODELS * 2 * REPLICAS
    print(
        f"releases: status of {MODELS} models: {max(cost.wall for cost in commands):.2f} s, {requests} requests",
        flush=True,
    )
    return [
        Result(
            name=f"`jenkins-ml status --all`: {MODELS} models, {pods} pods, the whole command, worst",
            unit="s",
            ours=max(cost.wall for cost in commands),
            most=MOST_SECONDS,
            note=f"median {median(cost.wall for cost in commands):.2f} s, of it "
            f"{median(cost.cpu for cost in commands):.2f} CPU-s; the requests and what is made of them "
            f"{median(seconds for _, seconds in looks):.2f} s",
        ),
        Result(
            name="its requests to the API server, beside those for a tenth of the models and pods",
            unit="requests",
            ours=requests,
            peer=requests_of_few,
            most_ratio=1,
        ),
    ]


def _bring_up(site: Site, names: list[str]) -> None:
    def bring(name: str) -> None:
        target = site.target(name, replicas=REPLICAS)
        for version in (1, 2):
            target.load(site.version(version, model=name))
        target.route(2, None, 0)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(bring, names))


def _look(site: Site, models: int) -> tuple[int, float]:
    """How many requests it takes, and how many seconds."""
    api = Api(connect(None))
    began = time.monotonic()
    found = fleet.fleet(api, site.namespace)
    seconds = time.monotonic() - began
    ready = [running.ready for each in found for running in each.serving.versions]
    if len(found) != models or ready != [REPLICAS] * 2 * models:
        raise SystemExit(f"{len(found)} models are there, with these pods: {ready}")
    return api.connection.requests, seconds


def _command(site: Site) -> Cost:
    line = (*JENKINS_ML, "status", "--all", "--namespace", site.namespace, "--json")
    cost, out = measured(line, Path.cwd(), environment())
    if len(json.loads(out)["models"]) != MODELS:
        raise SystemExit(f"the command does not see {MODELS} models: {out[:500]}")
    return cost
