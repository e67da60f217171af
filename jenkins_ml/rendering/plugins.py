"""Which Jenkins plugins a rendered Jenkinsfile needs."""

from __future__ import annotations

from collections.abc import Iterable

from jenkins_ml.config.jenkins import Agent
from jenkins_ml.config.model import Config

_ALWAYS = ("junit", "workflow-aggregator")


def used(config: Config) -> list[str]:
    """Ids of the plugins that the pipeline of a configuration needs, in alphabetical order."""
    jenkins = config.jenkins
    chosen = {*_ALWAYS, *_of_agents((jenkins.agent, *jenkins.agents.values()))}
    triggers = jenkins.triggers
    wanted = {
        "timestamper": jenkins.options.timestamps,
        "github": any(trigger.github is not None for trigger in triggers),
        "gitlab-plugin": any(trigger.gitlab is not None for trigger in triggers),
        "credentials-binding": bool(jenkins.credentials) or jenkins.forge is not None,
        "mailer": jenkins.notify is not None and jenkins.notify.mail is not None,
        "slack": jenkins.notify is not None and jenkins.notify.slack is not None,
        "pipeline-groovy-lib": jenkins.style == "library",
    }
    return sorted(chosen | {plugin for plugin, needed in wanted.items() if needed})


def used_by_rollback(config: Config) -> list[str]:
    """Ids of the plugins that the rollback job of a configuration needs, in alphabetical order."""
    jenkins = config.jenkins
    bound = any(not credential.stages or "serve" in credential.stages for credential in jenkins.credentials.values())
    wanted = {
        "workflow-aggregator": True,
        "timestamper": jenkins.options.timestamps,
        "credentials-binding": bound,
        "pipeline-groovy-lib": jenkins.style == "library",
    }
    return sorted({plugin for plugin, needed in wanted.items() if needed} | _of_agents((jenkins.agent_of("serve"),)))


def _of_agents(agents: Iterable[Agent]) -> set[str]:
    chosen = set()
    for agent in agents:
        if agent.docker is not None:
            chosen.add("docker-workflow")
        if agent.kubernetes is not None:
            chosen.add("kubernetes")
    return chosen
