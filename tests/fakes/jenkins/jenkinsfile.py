"""The directives of a Jenkinsfile, as far as they change a job: blocks, calls, and literals in them."""

import re
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/|(?P<text>'''(?:\\.|(?!''').)*'''|\"\"\"(?:\\.|(?!\"\"\").)*\"\"\"|'(?:\\.|[^'\\\n])*'"""
    r"""|"(?:\\.|[^"\\\n])*")|(?P<number>\d+)|(?P<name>[A-Za-z_$][\w$]*)|(?P<mark>.)""",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass
class Call:
    """A step or directive with its arguments.

    Args:
        name: of the step.
        arguments: by name; the one without a name is under an empty name.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass
class Directives:
    """What the top level of a pipeline declares."""

    options: list[Call] = field(default_factory=list)
    parameters: list[Call] = field(default_factory=list)
    triggers: list[Call] = field(default_factory=list)


class _Reader:
    def __init__(self, text: str) -> None:
        found = [match for match in _TOKEN.finditer(text) if match.lastgroup]
        self.tokens = [(match.lastgroup, match[0]) for match in found]
        self.at = 0

    @property
    def here(self) -> tuple[str | None, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else (None, "")

    def take(self) -> tuple[str | None, str]:
        token = self.here
        self.at += 1
        return token

    def is_mark(self, mark: str) -> bool:
        return self.here == ("mark", mark)

    def skip_block(self) -> None:
        """From an opening brace to what follows its end."""
        depth = 0
        while self.at < len(self.tokens):
            kind, text = self.take()
            if kind == "mark":
                depth += {"{": 1, "}": -1}.get(text, 0)
            if depth == 0:
                return

    def value(self) -> Any:
        kind, text = self.here
        if kind == "text":
            self.at += 1
            return _unquoted(text)
        if kind == "number":
            self.at += 1
            return int(text)
        if kind == "name":
            self.at += 1
            if text in ("true", "false", "null"):
                return {"true": True, "false": False, "null": None}[text]
            return self.call(text) if self.is_mark("(") else text
        if self.is_mark("["):
            self.at += 1
            return self._collection()
        self.at += 1
        return None

    def _collection(self) -> Any:
        """A list or a map, after its bracket."""
        listed, mapped = [], {}
        while not self.is_mark("]") and self.here[0] is not None:
            if self.here[0] in ("name", "text") and self.tokens[self.at + 1 : self.at + 2] == [("mark", ":")]:
                name = _unquoted(self.take()[1])
                self.at += 1
                mapped[name] = self.value()
            elif self.is_mark(":"):
                self.at += 1
            else:
                listed.append(self.value())
            if self.is_mark(","):
                self.at += 1
        self.at += 1
        return mapped if mapped else listed

    def call(self, name: str) -> Call:
        """Arguments, with parentheses or, on one line, without."""
        made = Call(name)
        if not self.is_mark("("):
            while self.here[0] in ("text", "number", "name") or self.is_mark("["):
                self._argument(made)
                if not self.is_mark(","):
                    break
                self.at += 1
            return made
        self.at += 1
        while not self.is_mark(")") and self.here[0] is not None:
            self._argument(made)
            if self.is_mark(","):
                self.at += 1
        self.at += 1
        return made

    def _argument(self, made: Call) -> None:
        if self.here[0] == "name" and self.tokens[self.at + 1 : self.at + 2] == [("mark", ":")]:
            name = self.take()[1]
            self.at += 1
            made.arguments[name] = self.value()
        else:
            made.arguments[""] = self.value()

    def calls(self) -> list[Call]:
        """The calls in a block, from its opening brace on."""
        found: list[Call] = []
        self.at += 1
        while not self.is_mark("}") and self.here[0] is not None:
            kind, text = self.take()
            if kind == "name":
                found.append(self.call(text))
        self.at += 1
        return found


def _unquoted(text: str) -> str:
    if text[:1] not in "'\"":
        return text
    mark = 3 if text[:3] in ("'''", '"""') else 1
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[mark:-mark], flags=re.DOTALL)


def read(text: str) -> Directives | None:
    """The directives of a declarative pipeline; None if it is none."""
    reader = _Reader(text)
    while reader.here[0] is not None and reader.here != ("name", "pipeline"):
        reader.skip_block() if reader.is_mark("{") else reader.take()
    reader.take()
    if not reader.is_mark("{"):
        return None
    reader.take()
    found = Directives()
    while not reader.is_mark("}") and reader.here[0] is not None:
        kind, name = reader.take()
        if kind == "name" and name in ("options", "parameters", "triggers") and reader.is_mark("{"):
            setattr(found, name, reader.calls())
        elif reader.is_mark("{"):
            reader.skip_block()
    return found
