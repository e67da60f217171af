"""The things under /job: folders, pipelines, freestyle jobs, multibranch projects."""

import re
from typing import Any
from urllib.parse import quote

from tests.fakes.jenkins import dom
from tests.fakes.jenkins.dom import BadXml, Document, Node
from tests.fakes.jenkins.pages import quoted
from tests.fakes.jenkins.schema import FOLDER, MATRIX, MULTIBRANCH, ORGANIZATION, ROOTS
from tests.fakes.jenkins.security import Access, permission_named
from tests.fakes.jenkins.understanding import Understanding, saves_itself

CONTAINERS = (FOLDER, MULTIBRANCH, ORGANIZATION)
_ONE_AT_A_TIME = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"
_UNSAFE = "?*/\\%!@#$^&|<>[]:;"


class BadName(Exception):
    """A name that an item cannot have; the text is Jenkins' own."""


def check_name(name: str) -> None:
    """Raises BadName for what Jenkins refuses."""
    if not name.strip():
        raise BadName("No name is specified")
    if name.strip() in (".", ".."):
        raise BadName(f"\u201c{name.strip()}\u201d is not an allowed name")
    if control := next((char for char in name if ord(char) < 32 or 0x7F <= ord(char) < 0xA0), None):
        raise BadName(f"No control code is allowed: {name.replace(control, f'{chr(92)}u{ord(control):x};')}")
    if unsafe := next((char for char in name if char in _UNSAFE), None):
        raise BadName(f"{quoted(unsafe)} is an unsafe character")
    if name.endswith("."):
        raise BadName(f"A name cannot end with {quoted('.')}")


class Item:
    """An item.

    Args:
        name: in its parent.
        parent: None for Jenkins itself.
        understanding: reads configurations.
    """

    def __init__(self, name: str, parent: "Item | None", understanding: Understanding) -> None:
        self.name = name
        self.parent = parent
        self.understanding = understanding
        self.tag = ""
        self.stored = ""  # what GET config.xml says
        self.read = Node("")  # what the server made of it
        self.access: Access | None = None
        self.held = False  # copied and not yet configured: not to be built
        self.saved = False
        self.children: dict[str, Item] = {}
        self._folded: dict[str, Item] = {}  # by lower-case name
        self._sorted: list[Item] | None = None
        self.runs: dict[int, Any] = {}  # newest last
        self.next_number = 1
        self.script: Any = None  # what its builds do, if a test says so
        self.credentials: dict[str, Node] = {}
        self.views: dict[str, Node] = {}
        self._path: str | None = None
        self._full: str | None = None

    @property
    def concurrent(self) -> bool:
        if self.tag == "project":
            return self.read.text_of("concurrentBuild") == "true"
        return self.property_named(_ONE_AT_A_TIME) is None

    @property
    def aborts_previous(self) -> bool:
        """A new build ends the one that runs."""
        found = self.property_named(_ONE_AT_A_TIME)
        return found is not None and found.text_of("abortPrevious") == "true"

    @property
    def is_container(self) -> bool:
        return self.tag in CONTAINERS or self.parent is None

    @property
    def cls(self) -> str:
        return ROOTS[self.tag]

    @property
    def full_name(self) -> str:
        if self._full is None:
            above = self.parent.full_name if self.parent else ""
            self._full = f"{above}/{self.name}" if above else self.name
        return self._full

    @property
    def full_display_name(self) -> str:
        above = self.parent.full_display_name if self.parent and self.parent.parent else ""
        return f"{above} » {self.display_name}" if above else self.display_name

    @property
    def display_name(self) -> str:
        return self.read.text_of("displayName") or self.name

    @property
    def path(self) -> str:
        """Of its URL, with the final slash, without the first."""
        if self._path is None:
            above = self.parent.path if self.parent else ""
            self._path = f"{above}job/{quote(self.name, safe='!$&()*+,;=:@~')}/" if self.parent else ""
        return self._path

    @property
    def description(self) -> str | None:
        return self.read.text_of("description")

    @property
    def disabled(self) -> bool:
        return self.read.text_of("disabled") == "true"

    def property_named(self, name: str) -> Node | None:
        return self.read.find("properties", name)

    @property
    def properties(self) -> list[Node]:
        found = self.read.find("properties")
        return found.elements if found else []

    def moved(self) -> None:
        """Its name or place is another."""
        self._path = self._full = None
        for child in self.children.values():
            child.moved()

    def configure(self, document: Document, *, new: bool = False) -> None:
        """A configuration was posted; raises BadXml and then nothing has changed."""
        read = self.understanding.of(document.root)
        if not new and document.root.tag != self.tag:
            raise BadXml(f"expecting {self.tag} but got {document.root.tag}")
        self.tag = document.root.tag
        self.read = read
        self.stored = dom.stored(document)
        self.saved = False
        self.held = False
        self._access()
        if saves_itself(document.root, read):
            self.save()

    def save(self) -> None:
        """The server writes what it has in memory."""
        self.stored = dom.saved(self.read)
        self.saved = True

    def set_text(self, tag: str, text: str) -> None:
        """Changes a field; the server saves the item."""
        self.read.set_text(tag, text, before=("displayName", "keepDependencies", "properties"))
        self.held = False
        self.save()

    def _access(self) -> None:
        """Rights that stand in its configuration."""
        matrix = next((each for each in self.properties if each.tag in MATRIX), None)
        if matrix is None:
            return
        strategy = matrix.find("inheritanceStrategy")
        inherits = strategy is None or not strategy.attributes.get("class", "").endswith("NonInheritingStrategy")
        access = Access(inherits=inherits)
        for each in matrix.elements:
            if match := re.fullmatch(r"(?:USER:|GROUP:)?([\w.]+):(.+)", each.text if each.tag == "permission" else ""):
                access.granted.setdefault(match[2], set()).add(permission_named(match[1]))
        self.access = access

    def child(self, name: str) -> "Item | None":
        """A child; at the root, and only there, without regard to case."""
        found = self.children.get(name)
        return self._folded.get(name.lower()) if found is None and self.parent is None else found

    def add(self, child: "Item") -> None:
        self.children[child.name] = child
        self._folded[child.name.lower()] = child
        self._sorted = None

    def remove(self, child: "Item") -> None:
        del self.children[child.name]
        self._folded.pop(child.name.lower(), None)
        self._sorted = None

    @property
    def sorted(self) -> list["Item"]:
        """The children as they are listed."""
        if self._sorted is None:
            key = (lambda each: each.name.lower()) if self.parent is None else (lambda each: each.name)
            self._sorted = sorted(self.children.values(), key=key)
        return self._sorted

    def walk(self):
        for child in list(self.sorted):
            yield child
            yield from child.walk()
