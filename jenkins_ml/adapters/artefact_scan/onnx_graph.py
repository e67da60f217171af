"""ONNX models: operators that need code from elsewhere, and tensors that lie in files elsewhere.

The field numbers are those of onnx/onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from jenkins_ml.adapters.artefact_scan.findings import Notes, Unreadable, quoted
from jenkins_ml.adapters.artefact_scan.wire import LENGTH, Data, fields, last_text, messages

MOST_NODES: Final = 500_000
_DEEPEST: Final = 50  # graphs within attributes of nodes
# ONNX's own, and what ONNX Runtime ships; its extensions (ai.onnx.contrib) run Python.
_DOMAINS: Final = frozenset(
    (
        "",
        "ai.onnx",
        "ai.onnx.ml",
        "ai.onnx.training",
        "ai.onnx.preview",
        "ai.onnx.preview.training",
        "com.microsoft",
        "com.microsoft.experimental",
        "com.microsoft.nchwc",
        "com.ms.internal.nhwc",
    )
)


def judge(data: Data, notes: Notes) -> None:
    """Note what a model asks for beyond ONNX.

    Raises:
        Unreadable: it is damaged, or holds no graph.
    """
    judgement = _Judgement(data, notes)
    own = list(messages(data, 0, len(data), 25))
    judgement.functions = {(last_text(data, *place, 10), last_text(data, *place, 1)) for place in own}
    graphs = list(messages(data, 0, len(data), 7))
    for place in graphs:
        judgement.graph(place, 0)
    for place in own:
        for node in messages(data, *place, 7):
            judgement.node(node, 0)
    for training in messages(data, 0, len(data), 20):
        for number in (1, 2):
            for place in messages(data, *training, number):
                judgement.graph(place, 0)
    if not graphs or not judgement.nodes:
        raise Unreadable("holds no graph")


class _Judgement:
    def __init__(self, data: Data, notes: Notes) -> None:
        self._data = data
        self._notes = notes
        self.functions: set[tuple[str, str]] = set()
        self.nodes = 0

    def graph(self, place: tuple[int, int], depth: int) -> None:
        """Judge a graph: its nodes, and the tensors that it holds."""
        if depth > _DEEPEST:
            raise Unreadable("is nested too deeply")
        for number, wire_type, start, stop in fields(self._data, *place):
            if wire_type == LENGTH and number == 1:
                self.node((start, stop), depth)
            elif wire_type == LENGTH and number == 5:
                self._tensor((start, stop))

    def node(self, place: tuple[int, int], depth: int) -> None:
        """Judge a node, and the graphs in its attributes."""
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise Unreadable(f"holds more than {MOST_NODES:,} nodes")
        domain, operator = last_text(self._data, *place, 7), last_text(self._data, *place, 4)
        if domain not in _DOMAINS and (domain, operator) not in self.functions:
            self._notes.found(f"holds the operator {quoted(operator)} of {quoted(domain)}, custom code outside ONNX")
        for attribute in messages(self._data, *place, 5):
            for number, wire_type, start, stop in fields(self._data, *attribute):
                if wire_type != LENGTH:
                    continue
                if number in (6, 11):
                    self.graph((start, stop), depth + 1)
                elif number in (5, 10):
                    self._tensor((start, stop))

    def _tensor(self, place: tuple[int, int]) -> None:
        for entry in messages(self._data, *place, 13):
            if last_text(self._data, *entry, 1) == "location":
                location = last_text(self._data, *entry, 2)
                path = PurePosixPath(location.replace("\\", "/"))
                if path.is_absolute() or ".." in path.parts or ":" in location:
                    self._notes.found(f"holds a tensor from the file {quoted(location)}, outside the model")
