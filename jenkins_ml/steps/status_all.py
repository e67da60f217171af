"""What `jenkins-ml status --all` answers: all models of a cluster, by as many requests as for one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from jenkins_ml.adapters.target import Serving
from jenkins_ml.reporting.console import say
from jenkins_ml.reporting.table import Layout, draw

if TYPE_CHECKING:
    from jenkins_ml.adapters.kubernetes.fleet import Deployed

COLUMNS: Final = (
    "model", "environment", "namespace", "version", "since", "replicas", "canary", "digest", "image", "problem"
)  # fmt: skip
# What a narrow terminal does without, the first one first; the JSON has all of it.
_LAYOUT: Final = Layout(
    folding=COLUMNS.index("problem"), spare=[COLUMNS.index(name) for name in ("image", "digest", "namespace", "since")]
)
_DIGEST: Final = 19  # characters of a digest in a table: "sha256:" and twelve of its own


def look(context: str | None, namespace: str | None, environment: str | None) -> list[dict[str, Any]]:
    """All models of ours on a cluster, one row each.

    Args:
        context: of the kubeconfig; None for the current one, or the account of the pod that this runs in.
        namespace: None for all of them.
        environment: None for all of them.

    Raises:
        UsageError: there is no way to the cluster, or it lets us see nothing.
        Unavailable: it does not answer.
    """
    from jenkins_ml.adapters.kubernetes import fleet

    found = fleet.of_context(context, namespace, lambda line: say(line, error=True))
    return [row(each) for each in found if environment in (None, each.environment)]


def row(deployed: Deployed) -> dict[str, Any]:
    """One model in one environment: what has the traffic, and what is wrong."""
    now = deployed.serving
    stable = now.find(now.stable) if now.stable is not None else None
    problems = [f"version {each.version}: {each.problem}" for each in now.versions if each.problem]
    if now.stable is None:
        problems.insert(0, "no version gets traffic")
    elif stable is None:
        problems.insert(0, f"traffic goes to version {now.stable}, which is not there")
    return {
        "model": deployed.model,
        "environment": deployed.environment,
        "namespace": deployed.namespace,
        "version": now.stable,
        "digest": stable.manifest_digest if stable else None,
        "since": (stable.since or None) if stable else None,
        "replicas": f"{stable.ready} of {stable.replicas} ready" if stable else None,
        "traffic": traffic(now),
        "canary": canary(now),
        "warm": [each.version for each in now.versions if each.version not in (now.stable, now.canary)],
        "image": stable.image if stable else None,
        "problem": "; ".join(problems) or None,
        "server": now.rest,
        "grpc": now.grpc,
    }


def traffic(now: Serving) -> str:
    """Who gets the users' requests."""
    shown = f"version {now.stable}" if now.stable is not None else "none"
    if now.canary is not None:
        shown += f", {now.weight} % to version {now.canary}"
        if now.share is not None and round(now.share) != now.weight:
            shown += f" ({now.share:.0f} % observed)"
    return shown


def canary(now: Serving) -> dict[str, Any] | None:
    """The version that gets a share of them; None for none."""
    if now.canary is None:
        return None
    running = now.find(now.canary)
    return {
        "version": now.canary,
        "digest": running.manifest_digest if running else None,
        "replicas": f"{running.ready} of {running.replicas} ready" if running else None,
        "weight": now.weight,
        "share": now.share,
        "image": running.image if running else None,
    }


def draw_table(found: Sequence[dict[str, Any]]) -> None:
    """Print the rows to standard output."""
    draw(sys.stdout, "", COLUMNS, [cells(item) for item in found], _LAYOUT)


def cells(item: dict[str, Any]) -> Sequence[str]:
    """A row as a table shows it: a dash for what there is not, and the beginning of the digest."""
    split = item["canary"]
    shown = {
        **item,
        "canary": split and f"version {split['version']}, {split['weight']} %",
        "digest": item["digest"] and item["digest"][:_DIGEST],
    }
    return ["-" if shown[column] is None else str(shown[column]) for column in COLUMNS]
