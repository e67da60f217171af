"""Small texts that are kept on the cluster, as annotations of the environment's Lease: rights to it are there already."""

from __future__ import annotations

import contextlib
from typing import Final

from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.kinds import LEASE, Object
from jenkins_ml.adapters.kubernetes.lease import Place
from jenkins_ml.adapters.kubernetes.refusals import Changed, Missing

_PREFIX: Final = "note.jenkins-ml.io/"


def remember(api: Api, place: Place, key: str, text: str | None) -> None:
    """Keep a text; None forgets it.

    Args:
        api: the API server.
        place: where the lease is.
        key: letters, digits, "-", "_" and "."; at most 63.
        text: what is kept. All annotations of an object together have room for 256 KiB.
    """
    change: Object = {"metadata": {"annotations": {_PREFIX + key: text}}}
    try:
        api.patch(LEASE, place.namespace, place.name, change, "merge")
    except Missing:
        if text is None:
            return
        labels = dict(place.labels)
        new = {
            "apiVersion": LEASE.version,
            "kind": LEASE.name,
            "metadata": {"name": place.name, "labels": labels, "annotations": {_PREFIX + key: text}},
            "spec": {"leaseTransitions": 0},
        }
        with contextlib.suppress(Changed):
            api.create(LEASE, place.namespace, new)
            return
        api.patch(LEASE, place.namespace, place.name, change, "merge")


def recall(api: Api, place: Place, key: str) -> str | None:
    """The text that was kept; None for none."""
    kept = api.get(LEASE, place.namespace, place.name)
    text: str | None = ((kept or {}).get("metadata", {}).get("annotations") or {}).get(_PREFIX + key)
    return text
