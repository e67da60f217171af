"""The repository of a multibranch project as its plugin writes it: git, GitHub, GitLab."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final

from jenkins_ml.config.jobs import Multibranch, Source
from jenkins_ml.core.jobs import classes
from jenkins_ml.core.jobs.xml_tree import Element, element
from jenkins_ml.rendering.git import clone_option

_GITHUB: Final = "org.jenkinsci.plugins.github__branch__source"  # as the name of an element
_GITHUB_CLASS: Final = "org.jenkinsci.plugins.github_branch_source"  # in an attribute
_GITLAB: Final = "io.jenkins.plugins.gitlabbranchsource"
_GIT: Final = "jenkins.plugins.git"
_FILTER: Final = "jenkins.scm.impl.trait.WildcardSCMHeadFilterTrait"
_BRANCHES: Final = {"without_request": 1, "with_request": 2, "all": 3}
_REQUESTS: Final = {"merge": 1, "head": 2, "both": 3}
_TRUST: Final = {"nobody": "TrustNobody", "permission": "TrustPermission", "everyone": "TrustEveryone"}
_IDS: Final = uuid.UUID("6f0e9b1c-6a1d-4f0b-9a3e-6c9f3c1b7d52")


def branch_source(item: Multibranch) -> Element:
    """The one source of branches of a project."""
    source = item.scm
    match source.kind:
        case "git":
            place = _git(source)
        case "github":
            place = _github(source)
        case "gitlab":
            place = _gitlab(source)
    # The id has to stay the same for ever, or every branch would become a new one: so it follows from what is fetched.
    identity = element("id", str(uuid.uuid5(_IDS, f"{source.kind} {source.git or source.github or source.gitlab}")))
    return element(
        classes.BRANCH_SOURCE,
        place.with_children((identity, *place.children)),
        element(
            "strategy",
            element("properties", class_="empty-list"),
            class_="jenkins.branch.DefaultBranchPropertyStrategy",
        ),
    )


def _git(source: Source) -> Element:
    found = [element(f"{_GIT}.traits.BranchDiscoveryTrait")]
    if source.tags:
        found.append(element(f"{_GIT}.traits.TagDiscoveryTrait"))
    return element(
        "source",
        element("remote", source.git),
        _credentials(source),
        element("traits", *found, *_common_traits(source)),
        class_=f"{_GIT}.GitSCMSource",
        plugin="git",
    )


def _github(source: Source) -> Element:
    owner, _, name = (source.github or "").partition("/")
    web = (source.api or "https://api.github.com").removesuffix("/api/v3").replace("://api.github.com", "://github.com")
    return element(
        "source",
        element("apiUri", source.api) if source.api is not None else None,
        _credentials(source),
        element("repoOwner", owner),
        element("repository", name),
        element("repositoryUrl", f"{web}/{owner}/{name}"),
        element(
            "traits",
            *_forge_traits(source, _GITHUB, "Pull", f"{_GITHUB_CLASS}.ForkPullRequestDiscoveryTrait"),
            *_common_traits(source),
        ),
        class_=f"{_GITHUB_CLASS}.GitHubSCMSource",
        plugin="github-branch-source",
    )


def _gitlab(source: Source) -> Element:
    path = source.gitlab or ""
    return element(
        "source",
        element("serverName", source.server or "default"),
        element("projectOwner", path.rpartition("/")[0]),
        element("projectPath", path),
        _credentials(source),
        element(
            "traits",
            *_forge_traits(source, _GITLAB, "Merge", f"{_GITLAB}.ForkMergeRequestDiscoveryTrait"),
            *_common_traits(source),
        ),
        class_=f"{_GITLAB}.GitLabSCMSource",
        plugin="gitlab-branch-source",
    )


def _forge_traits(source: Source, package: str, word: str, fork_class: str) -> Iterator[Element]:
    """Which branches, requests and tags a forge is asked for; GitHub calls a request Pull, GitLab Merge."""
    yield element(f"{package}.BranchDiscoveryTrait", element("strategyId", _BRANCHES[source.branches]))
    if source.pull_requests != "none":
        strategy = element("strategyId", _REQUESTS[source.pull_requests])
        yield element(f"{package}.Origin{word}RequestDiscoveryTrait", strategy)
    if source.forks is not None:
        yield element(
            f"{package}.Fork{word}RequestDiscoveryTrait",
            element("strategyId", _REQUESTS[source.forks.build]),
            element("trust", class_=f"{fork_class}${_TRUST[source.forks.trust]}"),
        )
    if source.tags:
        yield element(f"{package}.TagDiscoveryTrait")
    if source.ssh_credentials is not None:
        yield element(f"{package}.SSHCheckoutTrait", element("credentialsId", source.ssh_credentials))


def _common_traits(source: Source) -> Iterator[Element]:
    if source.depth is not None:
        option = clone_option("extension", source.depth, class_=classes.CLONE_OPTION)
        yield element(f"{_GIT}.traits.CloneOptionTrait", option)
    if source.include or source.exclude:
        include, exclude = " ".join(source.include) or "*", " ".join(source.exclude)
        yield element(_FILTER, element("includes", include), element("excludes", exclude), plugin="scm-api")


def _credentials(source: Source) -> Element:
    return element("credentialsId", source.credentials or "")
