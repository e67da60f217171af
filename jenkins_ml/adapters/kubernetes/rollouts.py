"""A Rollout of Argo, read as what brings up one version or two. Pure.

A Rollout has one template of pods: that of its newest version. Its controller makes a ReplicaSet of each template that
it is given, and calls the one that was completed last the stable one. While the newest version is another, `setWeight`
says how many of all pods are its. So a Rollout stands here for the newest version and the one before it, each of which
looks like a Deployment: as many pods as the Rollout wants of it, and the status of its ReplicaSet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from jenkins_ml.adapters.kubernetes.causes import STOPPED, UNHEARD
from jenkins_ml.adapters.kubernetes.kinds import Object, version_of
from jenkins_ml.errors import StageFailed

# The label by which Argo tells the ReplicaSets of a Rollout apart.
HASH: Final = "rollouts-pod-template-hash"
_WHOLE: Final = 100
# How phases begin in which the controller does nothing more by itself; what its pods lack is said by them.
_ENDS: Final = ("InvalidSpec", "RolloutAborted")


@dataclass(frozen=True)
class Pair:
    """The versions that a Rollout brings up.

    Args:
        rollout: the Rollout.
        sets: its ReplicaSets.
    """

    rollout: Object
    sets: tuple[Object, ...]

    @cached_property
    def newest(self) -> int:
        """The version whose template it has."""
        number = version_of(self.rollout["spec"]["template"])
        if number is None:
            name = self.rollout["metadata"]["name"]
            raise StageFailed(
                f"somebody has changed the template of Rollout {name}: it says of no version",
                "find out who changes it (kubectl get rollout --show-managed-fields); then jenkins-ml destroy, and serve",
            )
        return number

    @cached_property
    def before(self) -> int | None:
        """The version that Argo calls stable; None where that is the newest one."""
        found = self._of_hash(self._status.get("stableRS"))
        version = version_of(found) if found is not None else None
        return None if version == self.newest else version

    @cached_property
    def counts(self) -> Mapping[int, int]:
        """How many pods of each version the Rollout wants."""
        total = int(self.rollout["spec"].get("replicas") or 0)
        if self.before is None:
            return {self.newest: total}
        newest = share(total, self._weight)
        return {self.newest: newest, self.before: total - newest}

    @cached_property
    def is_heard(self) -> bool:
        """Whether the controller has taken up the Rollout as it is now."""
        known = str(self._status.get("observedGeneration")) == str(self.rollout["metadata"]["generation"])
        current = self._set_of(self.newest)
        return known and current is not None

    @property
    def is_alone(self) -> bool:
        """Whether no other version than these two is to have pods any more."""
        return not self._left

    def views(self) -> dict[int, Object]:
        """Both versions, as Deployments look; and those of which no pods are wanted any more, as long as they have some."""
        left = {version: self._view(version, 0, own) for version, own in self._left.items()}
        wanted = {
            version: self._view(version, replicas, self._set_of(version)) for version, replicas in self.counts.items()
        }
        return left | wanted

    def template_before(self) -> Object:
        """The template of the version before, as the Rollout had it."""
        found = self._set_of(self.before) if self.before is not None else None
        if found is None:
            raise AssertionError("without a version before nobody asks for its template")
        template: Object = found["spec"]["template"]
        labels = {label: text for label, text in template["metadata"]["labels"].items() if label != HASH}
        notes = template["metadata"].get("annotations") or {}
        return {**template, "metadata": {"labels": labels, "annotations": dict(notes)}}

    # --- inside ------------------------------------------------------------------------------------------------------
    @property
    def _status(self) -> Object:
        status: Object = self.rollout.get("status") or {}
        return status

    @property
    def _weight(self) -> int:
        canary = self.rollout["spec"]["strategy"].get("canary") or {}
        steps = canary.get("steps") or [{}]
        return int(steps[0].get("setWeight", _WHOLE))

    def _of_hash(self, hashed: str | None) -> Object | None:
        return next((each for each in self.sets if hashed and each["metadata"]["labels"].get(HASH) == hashed), None)

    def _set_of(self, version: int) -> Object | None:
        """The ReplicaSet of a version; None where Argo has not made it yet."""
        found = self._of_hash(self._status.get("stableRS" if version == self.before else "currentPodHash"))
        return found if found is not None and version_of(found) == version else None

    @cached_property
    def _left(self) -> Mapping[int, Object]:
        """The ReplicaSets that still have pods of other versions."""
        return {
            number: each
            for each in self.sets
            if each["spec"]["replicas"] and (number := version_of(each)) is not None and number not in self.counts
        }

    def _view(self, version: int, replicas: int, own: Object | None) -> Object:
        """A version, as a Deployment looks."""
        shown = own if own is not None else self.rollout
        template = self.rollout["spec"]["template"] if version == self.newest else shown["spec"]["template"]
        told = (own or {}).get("status") or {}
        # Once it is as the Rollout wants it, nobody need have heard of that: pods that are ready answer without Argo.
        formed = (
            own is not None
            and own["spec"]["replicas"] == replicas
            and told.get("observedGeneration", 0) >= own["metadata"]["generation"]
        )
        return {
            "metadata": {
                "name": shown["metadata"]["name"],
                "namespace": shown["metadata"]["namespace"],
                "labels": template["metadata"]["labels"],
                "annotations": template["metadata"].get("annotations") or {},
                "creationTimestamp": shown["metadata"]["creationTimestamp"],
                "generation": 1,
            },
            "spec": {"replicas": replicas, "template": template},
            "status": {
                "observedGeneration": int(formed),
                "replicas": told.get("replicas", 0),
                "updatedReplicas": told.get("replicas", 0),
                "readyReplicas": told.get("readyReplicas", 0),
                "availableReplicas": told.get("availableReplicas", 0),
                "conditions": [*(told.get("conditions") or ()), *self._conditions()],
            },
        }

    def _conditions(self) -> list[Object]:
        name, said = self.rollout["metadata"]["name"], str(self._status.get("message") or "")
        if not self.is_heard:
            text = f"no controller of Argo Rollouts has taken up Rollout {name}"
            return [{"type": UNHEARD, "status": "True", "message": text}]
        if self.rollout["spec"].get("paused"):
            said = said or "it is paused"
        elif not said.startswith(_ENDS):
            return []
        text = f"Argo's controller does not go on with Rollout {name}: {said}"
        return [{"type": STOPPED, "status": "True", "message": text}]


def share(total: int, weight: int) -> int:
    """How many of all pods Argo gives to the newest version: what comes nearest, and at least one of each.

    As its canaries without a traffic router do it where `maxSurge` is 0.

    Args:
        total: pods of both versions.
        weight: the newest one's, in percent.
    """
    if weight in (0, _WHOLE):
        return total * weight // _WHOLE
    return min(total - 1, max(1, math.floor(total * weight / _WHOLE + 0.5)))


def weight_of(newest: int, total: int) -> int:
    """The weight with which Argo gives exactly so many of all pods to the newest version; exact up to 100 pods."""
    if newest in (0, total):
        return _WHOLE * newest // total if total else 0
    return min(_WHOLE - 1, max(1, round(_WHOLE * newest / total)))


def pair_of(rollout: Object, sets: Iterable[Object]) -> Pair:
    """A Rollout with those of some ReplicaSets that are its."""
    uid = rollout["metadata"]["uid"]
    owned = (
        each for each in sets if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences") or ())
    )
    return Pair(rollout, tuple(owned))


def views_of(rollouts: Iterable[Object], sets: Sequence[Object]) -> list[Object]:
    """What Rollouts bring up, as Deployments look; without those that are on their way out, or of no version."""
    return [
        view
        for rollout in rollouts
        if "deletionTimestamp" not in rollout["metadata"] and version_of(rollout["spec"]["template"]) is not None
        for view in pair_of(rollout, sets).views().values()
    ]
