"""What a folder of existing code already has for jenkins-ml.yaml; found by reading the code, never by running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MODEL_FILES: Final = (".h5", ".keras")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found; None for what was not.

    Args:
        script: the training script's file name.
        output: what that script writes.
        loader: the data loader as "module:function".
        tests: whether there are tests for pytest.
        unreadable: files that are no Python.
    """

    script: str | None
    output: str | None
    loader: str | None
    tests: bool
    unreadable: tuple[str, ...]


def discover(directory: Path) -> Found:
    """Looks through the Python files directly in `directory`, and through its tests."""
    modules: dict[str, ast.Module] = {}
    unreadable = []
    for file in sorted(directory.glob("*.py")):
        try:
            modules[file.name] = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError, RecursionError):
            unreadable.append(file.name)
    code = {name: tree for name, tree in modules.items() if not _is_test(name)}
    script, output = _training(code)
    return Found(
        script=script,
        output=output,
        loader=_loader(code),
        tests=any(_is_test(file.name) for file in [*directory.glob("*.py"), *directory.glob("tests/**/*.py")]),
        unreadable=tuple(unreadable),
    )


def _training(code: dict[str, ast.Module]) -> tuple[str | None, str | None]:
    """The script, and what it writes: the first of those named like training that shows it, else the first of them."""
    scripts = sorted((name for name in code if "train" in name), key=lambda name: (name != "train.py", name))
    for script in scripts:
        for output in _written(code[script]):
            return script, output
    return (scripts[0] if scripts else None), None


def _written(tree: ast.Module) -> Iterator[str]:
    """The models that a script writes by `.save("...")` or `.export("...")`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="save" | "export" as verb), args=[ast.Constant(value=str(path)), *others]
            ):
                # np.save("name", array) and the like have a second argument, other files another suffix.
                folder = not Path(path).suffix and (verb == "export" or not others)
                if folder or path.endswith(_MODEL_FILES):
                    yield path


def _loader(code: dict[str, ast.Module]) -> str | None:
    """The first module-level `load` that takes one argument, from a module named like data if there is one."""
    for name in sorted(code, key=lambda name: (name != "data.py", "data" not in name, name)):
        for node in code[name].body:
            if isinstance(node, ast.FunctionDef) and node.name == "load" and _takes_one(node.args):
                return f"{name.removesuffix('.py')}:load"
    return None


def _takes_one(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    needed = positional - len(arguments.defaults)
    needs_keyword = any(default is None for default in arguments.kw_defaults)
    return needed <= 1 and (positional >= 1 or arguments.vararg is not None) and not needs_keyword


def _is_test(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test.py")
