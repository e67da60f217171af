"""What a job's Jenkinsfile has written into the job itself: parameters, triggers and properties that are its own.

Each build writes the directives of its Jenkinsfile into the job, and notes which they are in an action. They are no
drift, and taking them away would only last until the next build: the Jenkinsfile has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jenkins_ml.core.jobs import classes
from jenkins_ml.core.jobs.xml_tree import Element


@dataclass(frozen=True)
class Own:
    """What is the Jenkinsfile's own.

    Args:
        properties: classes of job properties.
        triggers: classes of triggers.
        parameters: names of parameters.
        options: names such as "quietPeriod", each an element of the job.
    """

    properties: frozenset[str] = field(default_factory=frozenset)
    triggers: frozenset[str] = field(default_factory=frozenset)
    parameters: frozenset[str] = field(default_factory=frozenset)
    options: frozenset[str] = field(default_factory=frozenset)

    def has(self, path: tuple[str, ...]) -> bool:
        """Whether a setting of the job is one of these; paths are those of `meaning.settings`."""
        match path:
            case ("properties", kind, *_) if kind in self.properties:
                return True
            case ("properties", classes.TRIGGERS, "triggers", kind, *_):
                return kind.split("[")[0] in self.triggers
            case ("properties", classes.PARAMETERS, "parameterDefinitions", name, *_):
                return name.startswith("[") and name[1:-1] in self.parameters
            case (name, *_):
                return name in self.options
        return False


NOTHING = Own()


def own(job: Element) -> Own:
    """What the Jenkinsfile of a job has written into its configuration."""
    declarative = job.at("actions", classes.DECLARATIVE_TRACKER)
    scripted = job.at("actions", classes.SCRIPTED_TRACKER)
    return Own(
        properties=_strings(declarative, "jobProperties") | _strings(scripted, "jobPropertyDescriptors"),
        triggers=_strings(declarative, "triggers"),
        parameters=_strings(declarative, "parameters"),
        options=_strings(declarative, "options"),
    )


def _strings(tracker: Element | None, name: str) -> frozenset[str]:
    found = tracker.child(name) if tracker is not None else None
    return frozenset(each.text for each in found.children if each.tag == "string") if found is not None else frozenset()
