"""What a person should know about a configuration before it meets a Jenkins server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jenkins_ml.config.model import Config
from jenkins_ml.names import ENV_STORE
from jenkins_ml.rendering import limits


def warnings(config: Config) -> Iterator[str]:
    """Warnings about a configuration, each with what to do."""
    if not Path(config.store).is_absolute():
        yield (
            f"the store {config.store!r} is relative, and Jenkins wipes workspaces: set {ENV_STORE} on the agents, "
            "or `store:`, to an absolute folder that lasts"
        )
    if config.serve.of(config.serve.environment).target == "local" and config.jenkins.agent_of("serve").node is None:
        yield (
            "serve.target local starts the server on the agent that serves, and no agent is named: `serve` refuses to run "
            "in Jenkins until `jenkins.agents.serve.node` (or `jenkins.agent.node`) names one"
        )
    shared = [name for name, credential in sorted(config.jenkins.credentials.items()) if not credential.stages]
    if shared and config.jenkins.multibranch:
        yield (
            f"every stage of every branch and pull request sees {', '.join(shared)}: whoever can push a branch can read it; "
            "name the `stages` that need it, such as [serve], and keep credentials of production in a folder of their own"
        )
    yield from limits.near(config)
