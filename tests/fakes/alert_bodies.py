"""Bodies as Alertmanager posts them to a web hook."""

import json

LABELS = {
    "alertname": "JenkinsMLErrorBudgetBurn", "model": "tiny", "environment": "production", "version": "2",
    "action": "rollback", "severity": "page",
}  # fmt: skip


def alert(status="firing", annotations=None, **labels):
    """One alert; a label that is None is missing."""
    kept = {key: value for key, value in (LABELS | labels).items() if value is not None}
    return {
        "status": status, "labels": kept, "annotations": annotations or {"summary": "it fails"},
        "startsAt": "2026-11-27T01:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "c0ffee",
    }  # fmt: skip


def body(*alerts, **more):
    """A body of version 4 with these alerts."""
    whole = {
        "version": "4", "status": "firing", "receiver": "tiny-hook", "groupKey": "{}", "truncatedAlerts": 0,
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "", "alerts": list(alerts),
    }  # fmt: skip
    return json.dumps(whole | more).encode()
