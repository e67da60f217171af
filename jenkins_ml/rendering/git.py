"""A checkout as git's plugin writes it."""

from __future__ import annotations

from jenkins_ml.config.jobs import GitSource
from jenkins_ml.core.jobs import classes
from jenkins_ml.core.jobs.xml_tree import Element, element


def scm(source: GitSource) -> Element:
    """Where a checkout comes from."""
    credentials = element("credentialsId", source.credentials) if source.credentials is not None else None
    remote = element("hudson.plugins.git.UserRemoteConfig", element("url", source.git), credentials)
    return element(
        "scm",
        element("configVersion", 2),
        element("userRemoteConfigs", remote),
        element("branches", element("hudson.plugins.git.BranchSpec", element("name", branch_spec(source.branch)))),
        element("doGenerateSubmoduleConfigurations", False),
        element("submoduleCfg", class_="empty-list"),
        element("extensions", clone_option(classes.CLONE_OPTION, source.depth) if source.depth is not None else None),
        class_=classes.GIT,
        plugin="git",
    )


def branch_spec(branch: str) -> str:
    """What git's plugin looks for: a plain name is the branch of that name at any remote."""
    return branch if any(mark in branch for mark in "/*:$") else f"*/{branch}"


def clone_option(tag: str, depth: int, **attributes: str) -> Element:
    """Only the last commits; the class of the option is the tag, or an attribute of it."""
    return element(
        tag,
        element("shallow", True),
        element("noTags", False),
        element("reference"),
        element("depth", depth),
        element("honorRefspec", False),
        **attributes,
    )
