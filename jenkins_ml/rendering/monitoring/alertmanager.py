"""Alertmanager's configuration: who hears of an alert, what keeps silent meanwhile, and what acts by itself.

Every receiver and route carries the model, so that one Alertmanager can have those of many models: routes are tried in their
order, and each looks at its own model's alerts only.
"""

from __future__ import annotations

from typing import Any, Final

from jenkins_ml import __version__
from jenkins_ml.config.alerts import Alerts, Hook, Receiver
from jenkins_ml.config.model import Config
from jenkins_ml.rendering.kubernetes.text import text

FILE: Final = "monitoring/alertmanager/alertmanager.yaml"
_NOBODY: Final = "nobody"
# One failing version is one message; what a group holds is never more than our hook takes at a time.
_GROUP: Final = ("model", "environment", "version", "alertname")
_HEADER: Final = f"""\
# Made by jenkins-ml {__version__} from jenkins-ml.yaml: what is edited here stays, and is merged.
# For one Alertmanager of several models, put the routes, inhibit_rules and receivers of their files together.
"""
_MAIL: Final = """\
# Mail goes out by smtp_smarthost: name your relay, and a sender that it takes. One that asks for a password also needs
# smtp_auth_username and smtp_auth_password_file.
"""
# What a message says: each alert's own texts, with what to read and what to type.
_TITLE: Final = (
    "{{ .CommonLabels.alertname }}: {{ .CommonLabels.model }} in {{ .CommonLabels.environment }}"
    '{{ if eq .Status "resolved" }} (resolved){{ end }}'
)
_TEXT: Final = (
    "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.description }}\n"
    "{{ with .Annotations.command }}to do: {{ . }}\n{{ end }}"
    "{{ with .Annotations.runbook }}more: {{ . }}\n{{ end }}{{ end }}"
)


def files(config: Config) -> dict[str, str]:
    """The file, by its name relative to jenkins-ml.yaml; none without the `monitor` section.

    It holds no secret: those stand in files on Alertmanager's machine.
    """
    if config.monitor is None:
        return {}
    alerts, model = config.monitor.alerts, config.model
    value = {
        **_mail(alerts),
        "route": {"receiver": _NOBODY, "group_by": list(_GROUP), "routes": [_route(model, alerts)]},
        "inhibit_rules": _inhibit(model),
        "receivers": [{"name": _NOBODY}, *_receivers(model, alerts)],
    }
    return {FILE: _HEADER + (_MAIL if "global" in value else "") + text(value)}


def _mail(alerts: Alerts) -> dict[str, Any]:
    """The least that Alertmanager takes where somebody gets mail."""
    if not any(each is not None and each.email is not None for each in (alerts.page, alerts.ticket)):
        return {}
    return {"global": {"smtp_smarthost": "localhost:25", "smtp_from": "alertmanager@localhost"}}


def _route(model: str, alerts: Alerts) -> dict[str, Any]:
    routes: list[dict[str, Any]] = []
    if alerts.hook is not None:
        routes.append(
            {
                "receiver": f"{model}-hook",
                "matchers": ['action=~"rollback|retrain"'],
                # At once, and again soon where it could not be done: it acts on a thing once, however often it is told.
                "group_wait": "0s",
                "group_interval": "10s",
                "repeat_interval": "1h",
                "continue": True,
            }
        )
    if alerts.page is not None:
        routes.append(_people(model, "page", "10s", "1h"))
    if alerts.ticket is not None:
        routes.append(_people(model, "ticket", "5m", "3d"))
    here = {"receiver": _NOBODY, "matchers": [f'model="{model}"']}
    return here | ({"routes": routes} if routes else {})


def _people(model: str, severity: str, wait: str, repeat: str) -> dict[str, Any]:
    return {
        "receiver": f"{model}-{severity}",
        "matchers": [f'severity="{severity}"'],
        "group_wait": wait,
        "group_interval": "5m",
        "repeat_interval": repeat,
    }


def _inhibit(model: str) -> list[dict[str, Any]]:
    """While somebody is at what fails now, nothing else is said of the same model and environment, nor done about it.

    What is missing or has moved while nobody is answered says nothing of the model, and is no reason to train anew.
    """
    mine = f'model="{model}"'
    return [
        {
            "source_matchers": [mine, 'severity="page"'],
            "target_matchers": [mine, 'severity="ticket"'],
            "equal": ["model", "environment"],
        }
    ]


def _receivers(model: str, alerts: Alerts) -> list[dict[str, Any]]:
    found = [] if alerts.hook is None else [_hook(f"{model}-hook", alerts.hook)]
    people = (("page", alerts.page), ("ticket", alerts.ticket))
    return found + [_receiver(f"{model}-{severity}", each) for severity, each in people if each is not None]


def _hook(name: str, hook: Hook) -> dict[str, Any]:
    credentials = {"authorization": {"type": "Bearer", "credentials_file": hook.token_file}}
    # What is resolved asks for nothing.
    return {
        "name": name,
        "webhook_configs": [{"url": hook.url, "send_resolved": False, "http_config": credentials}],
    }


def _receiver(name: str, receiver: Receiver) -> dict[str, Any]:
    value: dict[str, Any] = {"name": name}
    if receiver.email is not None:
        value["email_configs"] = [
            {"to": receiver.email, "send_resolved": True, "headers": {"Subject": _TITLE}, "html": "", "text": _TEXT}
        ]
    if receiver.slack_url_file is not None:
        value["slack_configs"] = [
            {"api_url_file": receiver.slack_url_file, "send_resolved": True, "title": _TITLE, "text": _TEXT}
        ]
    if receiver.pagerduty_key_file is not None:
        value["pagerduty_configs"] = [
            {"routing_key_file": receiver.pagerduty_key_file, "send_resolved": True, "description": _TITLE}
        ]
    if receiver.webhook_url_file is not None:
        value["webhook_configs"] = [{"url_file": receiver.webhook_url_file, "send_resolved": True}]
    return value
