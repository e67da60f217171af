"""Pickles, told by their content: which globals they use, read opcode by opcode and never executed.

A pickle is a program: loading one imports what it names and calls it. So each is a finding, whatever it names. Broken
ones too: the unpickler has run what stands before the damage by the time it meets it.
"""

from __future__ import annotations

import functools
import io
import pickletools
import re
from dataclasses import dataclass
from typing import IO, Final, Literal

from jenkins_ml.adapters.artefact_scan import compressed
from jenkins_ml.adapters.artefact_scan.findings import Notes, Unreadable, quoted
from jenkins_ml.reporting.text import REPLACEMENT

MOST_OPCODES: Final = 500_000  # of one pickle
SUFFIXES: Final = frozenset(
    (".pkl", ".pickle", ".pck", ".pcl", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth", ".p")
)
_MOST_PICKLES: Final = 16  # one after the other in one file
_LONGEST: Final = 256  # bytes of a text that is kept, because it can be part of a name
_SHOWN: Final = 3
_COMPUTED: Final = "a computed name"
_MARK: Final = object()
End = Literal["stop", "broken", "beyond"]
_RUNS: Final = frozenset(("REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"))
_PUTS: Final = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))
_GETS: Final = frozenset(("GET", "BINGET", "LONG_BINGET"))
_SIZES: Final = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
# Modules that run programs or code, load code, or reach files and the network; of builtins only what does.
_WORST: Final = """
    os posix nt subprocess sys shutil socket runpy importlib pty ctypes marshal types code codeop webbrowser asyncio
    multiprocessing pip urllib http ftplib requests operator functools bdb pdb timeit cProfile profile trace pickle _pickle
    dill cloudpickle joblib tempfile pathlib io commands popen2 threading signal platform pydoc venv ensurepip zipimport
    linecache doctest idlelib imaplib smtplib ssl builtins __builtin__ torch.hub numpy.testing"""
_HARMLESS: Final = """
    set frozenset list dict tuple int float complex bool str unicode bytes bytearray slice range xrange object long
    Exception ValueError TypeError NotImplementedError"""
_WORST_MODULES: Final = frozenset(_WORST.split())
_HARMLESS_BUILTINS: Final = frozenset(_HARMLESS.split())


@dataclass(frozen=True)
class Walk:
    """What the opcodes of a file say.

    Args:
        globals_: what they import, as "module.name", each once and in order.
        runs: whether they call or build something.
        end: how the first pickle ends: as it should, not as one, or beyond what we follow.
    """

    globals_: tuple[str, ...]
    runs: bool
    end: End


def judge(stream: IO[bytes], size: int, notes: Notes, *, named: bool, cut: bool = False) -> bool:
    """Note a finding if this is a pickle; answers whether it is one.

    Args:
        stream: its bytes; read from the start.
        size: their number.
        notes: of the file.
        named: whether the file's name says that it is a pickle; what only starts like one then counts, too.
        cut: whether these bytes are only the beginning.
    """
    stream.seek(0)
    headed = re.match(rb"\x80[\x00-\x05]", stream.read(2)) is not None
    result = walk(stream, size, cut=cut)
    used = bool(result.globals_)
    # Text can look like a pickle that only imports: "cat\ndog\n.\n".
    by_content = result.end == "stop" or used if headed or named else used and result.runs
    is_pickle = by_content or result.end == "beyond"
    if is_pickle:
        notes.found(f"is a pickle, which can run any code when it is loaded{_uses(result.globals_)}")
    return is_pickle


def judge_packed(stream: IO[bytes], size: int, notes: Notes, *, named: bool) -> bool:
    """The same for one that may be compressed, of which the beginning is then unpacked.

    Raises:
        Unreadable: its name says that it is a pickle, and it is none; or what is compressed is not looked into.
    """
    stream.seek(0)
    head = stream.read(2**10)
    unpacked = compressed.unpack(head + stream.read(compressed.BEGINNING)) if compressed.is_packed(head) else None
    if unpacked is None:
        found = judge(stream, size, notes, named=named)
    elif kind := compressed.closed(unpacked):
        raise Unreadable(f"is {kind}, compressed, which is not looked into")
    else:
        cut = len(unpacked) >= compressed.BEGINNING
        found = judge(io.BytesIO(unpacked), len(unpacked), notes, named=named, cut=cut)
    if named and not found and not notes.findings:
        raise Unreadable("is not the pickle that its name says")
    return found


def _uses(globals_: tuple[str, ...]) -> str:
    if not globals_:
        return ""
    ranked = sorted(globals_, key=lambda name: not _is_worst(name))
    shown = ", ".join(map(quoted, ranked[:_SHOWN]))
    more = len(ranked) - _SHOWN
    return f": this one uses {shown}" + (f" and {more} more" if more > 0 else "")


def _is_worst(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    if module in ("builtins", "__builtin__"):
        return attribute not in _HARMLESS_BUILTINS
    return module in _WORST_MODULES or module.partition(".")[0] in _WORST_MODULES


def walk(stream: IO[bytes], size: int, *, cut: bool = False) -> Walk:
    """Follow the opcodes of up to 16 pickles that stand one after the other; what cannot be followed ends it."""
    found: dict[str, None] = {}
    runs = False
    first: End | None = None
    stream.seek(0)
    for _ in range(_MOST_PICKLES):
        follower = _Follower(stream, size, cut, found)
        end = follower.follow()
        runs |= follower.runs
        first = first or end
        if end != "stop" or stream.tell() >= size:
            break
    return Walk(tuple(found), runs, first or "broken")


class _Follower:
    """Follows one pickle as far as the names need: the stack holds texts, marks, and None for everything else."""

    def __init__(self, stream: IO[bytes], size: int, cut: bool, found: dict[str, None]) -> None:
        self._stream = stream
        self._size = size
        self._cut = cut
        self._found = found
        self._stack: list[object] = []
        self._memo: dict[int, object] = {}
        self.runs = False

    def follow(self) -> End:
        """Go on until it ends; answers how."""
        codes = _codes()
        try:
            for _ in range(MOST_OPCODES):
                opcode = codes[self._exactly(1)]
                argument = self._argument(opcode)
                if opcode.name == "STOP":
                    return "stop" if self._stack else "broken"
                self._apply(opcode, argument)
        except (Unreadable, ValueError, IndexError, KeyError, OverflowError):
            # Here it would fail, or it is no pickle at all; unless only the rest of it is missing.
            return "beyond" if self._cut and self._stream.tell() >= self._size else "broken"
        return "beyond"

    def _argument(self, opcode: pickletools.OpcodeInfo) -> object:
        kind = opcode.arg
        if kind is None:
            return None
        if kind.n == pickletools.UP_TO_NEWLINE:
            lines = 2 if opcode.name in ("GLOBAL", "INST") else 1
            return ".".join(self._line() for _ in range(lines))
        if kind.n >= 0:
            return kind.reader(self._stream)
        length = int.from_bytes(self._exactly(_SIZES[kind.n]), "little")
        if length > _LONGEST:
            self._stream.seek(min(self._stream.tell() + length, self._size))
            return None
        content = self._exactly(length)
        return content.decode("utf-8", "replace") if "UNICODE" in opcode.name or "STRING" in opcode.name else None

    def _line(self) -> str:
        line = piece = self._stream.readline(_LONGEST)
        while piece and not piece.endswith(b"\n"):
            piece = self._stream.readline(2**16)
        if not piece:
            raise Unreadable("ends too early")
        return line.rstrip(b"\n").decode("utf-8", "replace").strip("'\"")

    def _exactly(self, size: int) -> bytes:
        content = self._stream.read(size)
        if len(content) != size:
            raise Unreadable("ends too early")
        return content

    def _apply(self, opcode: pickletools.OpcodeInfo, argument: object) -> None:
        name = opcode.name
        used = None
        if name in ("GLOBAL", "INST"):
            used = str(argument)
        elif name == "STACK_GLOBAL":
            module, attribute = self._stack[-2:]
            known = isinstance(module, str) and isinstance(attribute, str)
            used = f"{module}.{attribute}" if known else _COMPUTED
        elif name in _PUTS or name == "MEMOIZE":
            self._memo[len(self._memo) if name == "MEMOIZE" else int(str(argument))] = self._stack[-1]
            return
        elif name in _GETS:
            self._stack.append(self._memo[int(str(argument))])
            return
        elif name == "DUP":
            self._stack.append(self._stack[-1])
            return
        self._pop(opcode)
        self.runs |= name in _RUNS
        if used is not None:
            self._use(used)
        if name == "MARK":
            self._stack.append(_MARK)
        else:
            self._stack += [argument if isinstance(argument, str) else None] * len(opcode.stack_after)

    def _pop(self, opcode: pickletools.OpcodeInfo) -> None:
        count = len(opcode.stack_before)
        if pickletools.markobject in opcode.stack_before:
            count = opcode.stack_before.index(pickletools.markobject)
            while self._stack.pop() is not _MARK:
                pass
        for _ in range(count):
            self._stack.pop()

    def _use(self, name: str) -> None:
        if not name.isprintable() or REPLACEMENT in name:
            raise Unreadable("names what cannot be a module")
        self._found[name] = None


@functools.cache
def _codes() -> dict[bytes, pickletools.OpcodeInfo]:
    return {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
