"""What a configuration means, whatever way it is written.

A server writes a configuration anew whenever it saves a job: fields that were left out get their defaults, elements get
the versions of their plugins, lists get other Java classes, secrets are encrypted. So configurations are compared as
settings: the path to each value, and the value. What is empty or false is left out, as fields that nobody set are;
where a server adds 0 or -1 to what we did not write, that is a default too (`difference`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from typing import Final

from jenkins_ml.core.jobs import classes
from jenkins_ml.core.jobs.xml_tree import Element

Path = tuple[str, ...]
Settings = Mapping[Path, str]

PRESENT: Final = "present"  # the value of what has no value of its own, such as a property that is only there
MASK: Final = "***"
ORDER: Final = "order"

# What each kind of item has that jobs.yaml describes; the rest is the server's and its administrators'. A pipeline is
# described whole.
MANAGED: Final[Mapping[str, frozenset[str]]] = {
    classes.FOLDER: frozenset({"description", "displayName"}),
    classes.MULTIBRANCH: frozenset(
        {
            "description",
            "displayName",
            "orphanedItemStrategy",
            "triggers",
            "disabled",
            "sources",
            "factory",
        }
    ),
}

# Elements that say nothing about how a job behaves, or that a server fills in by itself.
_UNSAID: Final = frozenset(
    {"actions", "keepDependencies", "owner", "configVersion", "doGenerateSubmoduleConfigurations", "submoduleCfg"}
)
# The same below elements with a tag or a class only.
_UNSAID_OF: Final[Mapping[str, frozenset[str]]] = {
    "source": frozenset(
        # A new id would make every branch a new one, so the id that is there stays (`merge`).
        {"id", "projectId", "projectName", "sshRemote", "httpRemote", "repositoryUrl", "configuredByUrl", "apiUri.url"}
    ),
    classes.SCAN: frozenset({"spec"}),  # follows from the interval
    "properties": frozenset({classes.JOB_PERMISSIONS}),
}
_NONE: Final[Mapping[str, str]] = {  # values that mean "not set"
    "daysToKeep": "-1",
    "numToKeep": "-1",
    "artifactDaysToKeep": "-1",
    "artifactNumToKeep": "-1",
}
# Fields that hold any text: "false", "0" and "-1" are texts there.
TEXTS: Final = frozenset(
    {"defaultValue", "description", "displayName", "name", "script", "scriptPath", "value", "key"}
    | {"url", "remote", "credentialsId", "tokenCredentialId", "repoOwner", "repository", "projectPath", "projectOwner"}
    | {"serverName"}
    | {"regexpFilterText", "regexpFilterExpression", "causeString", "includes", "excludes", "upstreamProjects", "spec"}
)
_ONLY_HOLD: Final = frozenset({classes.PARAMETERS, classes.TRIGGERS})  # they say nothing where they hold nothing
_LISTS: Final = re.compile(
    r"(java\.util\.(concurrent\.)?|empty-|linked-)?"
    r"(Arrays\$ArrayList|[Ll]ist|(Array|Linked|CopyOnWriteArray)List|Collections\$\w+)|string-array"
)
_SECRET_TAG: Final = re.compile(r"token|secret|password|passphrase|privatekey", re.IGNORECASE)
_NO_SECRET_TAG: Final = re.compile(r"credentials?Id$", re.IGNORECASE)
_CIPHER: Final = re.compile(r"\{AQAAABA[A-Za-z0-9+/]+={0,2}\}")  # its version, and the length of what comes next


def settings(job: Element, ignore: Collection[str] = ()) -> Settings:
    """Every setting of a configuration that jobs.yaml can describe.

    Args:
        job: the configuration.
        ignore: tags that are passed over, with what is below them.

    Returns:
        path -> value. A parameter is named in its path ("[DATASET]"); the values of secrets are masked.
    """
    managed = MANAGED.get(job.tag)
    children = tuple(each for each in job.children if managed is None or each.tag in managed)
    found: dict[Path, str] = {}
    _below(job.with_children(children), (), frozenset(ignore), found)
    return found


def digest(tag: str, values: Settings) -> str:
    """32 hexadecimal digits of a SHA-256: equal for configurations that mean the same."""
    text = json.dumps([tag, sorted((list(path), value) for path, value in values.items())], ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def redacted(job: Element) -> bool:
    """Whether secrets are missing from a configuration: who may not change the job reads stars in their place.

    Sending it back would put the stars where the secrets are. In a field that holds any text, stars may be the text.
    """
    return any(
        each.tag == "secret-redacted"
        or (each.text == "********" and (each.tag not in {*TEXTS, "string"} or secret(parent, each)))
        for parent in job.all()
        for each in parent.children
    )


def secret(parent: Element, field: Element) -> bool:
    """Whether a field holds a secret: by its name, or since its value is encrypted."""
    named = _SECRET_TAG.search(field.tag) and not _NO_SECRET_TAG.search(field.tag)
    password = parent.tag.endswith("PasswordParameterDefinition") and field.tag == "defaultValue"
    return bool(field.text) and bool(named or password or _CIPHER.fullmatch(field.text))


def _below(node: Element, path: Path, ignore: frozenset[str], found: dict[Path, str]) -> None:
    """Put the settings of an element into `found`. No generator: that would take twice as long, at every plan."""
    if (strings := _strings(node)) is not None:
        if strings:
            found[path] = json.dumps(strings, ensure_ascii=False)
        return
    kind = node.attributes.get("class", "")
    if kind and not _LISTS.fullmatch(kind) and path:
        found[*path, "class"] = kind
    if node.tag == "parameterDefinitions":
        _parameters(node, path, ignore, found)
        return
    unsaid = _UNSAID_OF.get(node.tag, ())
    tags = [each.tag for each in node.children]
    several = len(set(tags)) < len(tags)
    for index, (tag, each) in enumerate(zip(tags, node.children, strict=True)):
        if tag in _UNSAID or tag in unsaid or tag in ignore:
            continue
        step = f"{tag}[{tags[:index].count(tag)}]" if several and tags.count(tag) > 1 else tag
        if "." in tag and tag not in _ONLY_HOLD:  # a class: that it is there is a setting by itself
            found[*path, step] = PRESENT
        if each.children or "class" in each.attributes:
            _below(each, (*path, step), ignore, found)
        elif value := _value(node, each):
            found[*path, step] = value


def _parameters(node: Element, path: Path, ignore: frozenset[str], found: dict[Path, str]) -> None:
    names = []
    for each in node.children:
        if each.tag in ignore:
            continue
        name = each.child("name")
        names.append(name.text if name is not None else "")
        place = (*path, f"[{names[-1]}]")
        found[place] = each.tag
        fields = tuple(part for part in each.children if part.tag != "name")
        _below(each.with_children(fields), place, ignore, found)
    if len(names) > 1:
        found[*path, ORDER] = json.dumps(names, ensure_ascii=False)


def _value(parent: Element, node: Element) -> str:
    """The value of a field; empty for what is not set."""
    text = node.text if node.text.strip() or "\n" not in node.text else ""
    boolean = parent.tag.endswith("BooleanParameterDefinition") and node.tag == "defaultValue"
    if (text == "false" and (boolean or node.tag not in TEXTS)) or _NONE.get(node.tag) == text:
        return ""
    return MASK if secret(parent, node) else text


def _strings(node: Element) -> list[str] | None:
    """The texts of a list of strings, whichever of Java's lists it is; None for anything else."""
    inner = node.children[0] if len(node.children) == 1 and node.children[0].tag == "a" else node
    if inner.children and all(each.tag == "string" and not each.children for each in inner.children):
        return [each.text for each in inner.children]
    return None
