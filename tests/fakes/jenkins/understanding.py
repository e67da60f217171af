"""What a server makes of a job's XML: it keeps what it understands, and writes that when it saves the job itself."""

import re

from tests.fakes.jenkins import cron
from tests.fakes.jenkins.dom import BadXml, Node, node
from tests.fakes.jenkins.schema import MATRIX, ROOTS, Class, Field, class_named, defaults, plugin_of
from tests.fakes.jenkins.secrets import Secrets

TRIGGERS = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
CREDENTIALS = "com.cloudbees.hudson.plugins.folder.properties.FolderCredentialsProvider_-FolderCredentialsProperty"
_KNOWN_WHOLLY = ("properties", "triggers", "parameterDefinitions")  # the table has every class that can stand there
_PLAIN = ("list", "linked-list", "empty-list", "tree-map", "tree-set", "string-array", "set", "map", "entry")


class Understanding:
    """Reads and completes configurations.

    Args:
        installed: versions of plugins by short name.
        secrets: for passwords.
    """

    def __init__(self, installed: dict[str, str], secrets: Secrets) -> None:
        self.installed = installed
        self.secrets = secrets

    def of(self, root: Node) -> Node:
        """The object that this XML becomes, or BadXml."""
        known = class_named(root.tag, self.installed)
        if root.tag not in ROOTS or known is None:
            raise BadXml(f"no item is a {root.tag}")
        read = self._object(root, known)
        for name, value in defaults(root.tag).items():
            if read.find(name) is None:
                read.children.append(value)
        _order(read, known)
        if root.tag == "flow-definition":
            _gather_triggers(read)
        self._annotate(read, "")
        return read

    def object(self, root: Node) -> Node | None:
        """Any object, such as a credential; None if its class is unknown."""
        known = class_named(root.tag, self.installed, exactly=True)
        if known is None:
            return None
        read = self._object(root, known)
        self._annotate(read, "")
        return read

    def _object(self, element: Node, known: Class) -> Node:
        attributes = {name: text for name, text in element.attributes.items() if name != "plugin"}
        read = Node(element.tag, attributes)
        if known.fields is None:
            read.children = self._anything(element)
            if known.name in MATRIX:
                read.children.sort(key=_permission_order)
            return read
        for field in known.fields:
            value = self._field(element.find(field.name), field)
            if value is not None:
                read.children.append(value)
        return read

    def _field(self, element: Node | None, field: Field) -> Node | None:
        if element is None:
            if field.default is None:
                return None
            return Node(field.name, {}, [field.default] if field.default else [])
        if field.type == "l":
            kept = [self._element(child, exactly=field.name in _KNOWN_WHOLLY) for child in element.elements]
            return Node(field.name, _class(element), [child for child in kept if child is not None])
        if field.type == "L":
            return Node(field.name, _class(element), _structure(element))
        if field.type == "o":
            return self._instance(element)
        if field.type == "*":
            return Node(field.name, _class(element), self._anything(element))
        return Node(field.name, {}, [self._value(element.text, field.type)])

    def _value(self, text: str, kind: str) -> str:
        if kind == "i":
            return str(int(text)) if re.fullmatch(r"[+-]?[0-9]+", text.strip()) else "0"
        if kind == "b":
            return "true" if text.strip().lower() == "true" else "false"
        if kind == "s":
            return self.secrets.encrypted(text)
        return text

    def _element(self, element: Node, *, exactly: bool = False) -> Node | None:
        """An element of a list, whose name is its class."""
        if "reference" in element.attributes:
            return Node(element.tag, dict(element.attributes))
        known = class_named(element.tag, self.installed, exactly=exactly)
        if known is None:
            return None
        if any(each.type == "c" and not cron.good(element.text_of(each.name) or "") for each in known.fields or []):
            return None
        return self._object(element, known)

    def _instance(self, element: Node) -> Node | None:
        """A field that holds an object."""
        if "reference" in element.attributes:
            return Node(element.tag, dict(element.attributes))
        name = element.attributes.get("class")
        if name is None:
            return Node(element.tag, {}, self._anything(element))
        known = class_named(name.replace("_", "__"), self.installed) or class_named(name, self.installed)
        return None if known is None else self._object(element, known)

    def _anything(self, element: Node) -> list[Node | str]:
        """The content of something whose fields are not in the table."""
        if not element.elements:
            return [element.text] if element.text else [""] if element.children else []
        kept: list[Node | str] = []
        for child in element.elements:
            if "." in child.tag:
                read = self._element(child)
            elif "class" in child.attributes and child.attributes["class"] not in _PLAIN:
                read = self._instance(child) if plugin_of(child.attributes["class"]) is not None else child.copy()
            else:
                read = Node(child.tag, _class(child), self._anything(child))
            if read is not None:
                kept.append(read)
        return kept

    def _annotate(self, element: Node, inside: str) -> None:
        """Writes which plugin a class is from, where that differs from what encloses it."""
        name = element.attributes.get("class", element.tag)
        plugin = (plugin_of(name.replace("_", "__")) or plugin_of(name) or "") if "." in name or not inside else ""
        if element.tag == "owner":
            plugin = ""
        if plugin not in self.installed:
            plugin = ""
        if plugin and plugin != inside:
            element.attributes["plugin"] = f"{plugin}@{self.installed[plugin]}"
        for child in element.elements:
            self._annotate(child, plugin or inside)


def _class(element: Node) -> dict[str, str]:
    return {name: text for name, text in element.attributes.items() if name in ("class", "reference")}


def _structure(element: Node) -> list[Node | str]:
    """A collection of plain values: text that stands in it directly means nothing."""
    return [Node(child.tag, _class(child), _structure(child) or [child.text]) for child in element.elements]


def _permission_order(element: Node | str) -> tuple[int, str]:
    if not isinstance(element, Node) or element.tag != "permission":
        return 0, ""
    return 1, element.text.removeprefix("USER:").removeprefix("GROUP:")


def _order(read: Node, known: Class) -> None:
    places = {field.name: place for place, field in enumerate(known.fields or [])}
    read.children.sort(key=lambda child: places.get(child.tag, 0) if isinstance(child, Node) else 0)


def _gather_triggers(job: Node) -> None:
    """Triggers of a pipeline live in a property."""
    outside = job.find("triggers")
    if outside is None or not outside.elements:
        return
    properties = job.find("properties")
    assert properties is not None
    gathered = properties.find(TRIGGERS)
    if gathered is None:
        gathered = node(TRIGGERS, node("triggers"))
        properties.children.append(gathered)
    inside = gathered.find("triggers")
    assert inside is not None
    inside.children += outside.elements
    job.remove("triggers")


def saves_itself(posted: Node, read: Node) -> bool:
    """Whether a plugin saves such an item as soon as it is made."""
    properties = read.find("properties")
    if properties is not None and any(child.tag in MATRIX for child in properties.elements):
        return True
    return posted.tag == "flow-definition" and posted.find("triggers") is not None and read.find("triggers") is None
