"""What the API server refuses, as our errors."""

import pytest

from jenkins_ml.adapters.kubernetes import refusals
from jenkins_ml.errors import StageFailed, Unavailable, UsageError


def error(status, message, **details):
    return refusals.error_of(status, {"message": message, "details": details}, "apply Deployment m-3", "ml")


def test_a_right_that_is_missing_is_named():
    message = (
        'deployments.apps "m-3" is forbidden: User "system:serviceaccount:ml:ci" cannot patch resource "deployments" '
        'in API group "apps" in the namespace "ml"'
    )
    found = error(403, message)
    assert type(found) is UsageError
    assert found.what == (
        "system:serviceaccount:ml:ci may not patch deployments.apps in namespace ml, to apply Deployment m-3"
    )
    assert "docs/kubernetes.md" in found.next_step


def test_a_right_in_the_core_group():
    message = 'pods is forbidden: User "u" cannot list resource "pods" in API group "" at the cluster scope'
    assert error(403, message).what == "u may not list pods in the whole cluster, to apply Deployment m-3"


@pytest.mark.parametrize(
    ("status", "message", "kind", "words"),
    [
        (401, "Unauthorized", UsageError, "does not accept the credentials"),
        (403, 'pods "x" is forbidden: exceeded quota: q, requested: pods=1', Unavailable, "quota of the namespace"),
        (403, 'pods "x" is forbidden: violates PodSecurity "restricted:latest"', StageFailed, "a policy of the cluster"),
        (403, "it is forbidden: unable to create new content in namespace ml because it is being terminated",
         UsageError, "namespace ml is being deleted"),
        (422, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", StageFailed, "a policy of the cluster"),
        (400, 'admission webhook "w" denied the request: no', StageFailed, "a policy of the cluster"),
        (422, "Deployment.apps is invalid: spec.replicas", StageFailed, "spec.replicas"),
    ],
)  # fmt: skip
def test_refusals(status, message, kind, words):
    found = error(status, message)
    assert type(found) is kind
    assert words in found.what


def test_a_namespace_that_is_not_there():
    found = error(404, 'namespaces "ml" not found', kind="namespaces", name="ml")
    assert type(found) is UsageError
    assert "no namespace ml" in found.what


def test_an_object_and_a_kind_that_are_not_there():
    assert type(error(404, "not found", kind="deployments", name="m-3")) is refusals.Missing
    assert type(error(404, "the server could not find the requested resource")) is UsageError


def test_a_conflict_names_manager_and_field():
    cause = {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "kubectl-edit" using v1',
        "field": ".spec.selector",
    }
    found = error(409, "Apply failed with 1 conflict", causes=[cause])
    assert type(found) is refusals.Conflict
    assert '"kubectl-edit" manages' in found.what
    assert ".spec.selector" in found.what
    assert "--field-manager=jenkins-ml" in found.next_step


def test_an_object_that_has_changed_since():
    assert type(error(409, "the object has been modified")) is refusals.Changed
