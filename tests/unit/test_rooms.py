"""The rooms of the package: an import goes down or stays in its room, and there is no circle, not for types either."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import test_executions_rerunner

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "test_executions_rerunner"
ROOT = Path(test_executions_rerunner.__file__).parent
SHARED = frozenset({"beside", "defaults", "errors", "links", "models", "rerun_request", "text"})
MAY_IMPORT: dict[str, frozenset[str]] = {
    "program": frozenset({"cli"}),  # __main__.py
    "cli": frozenset({"package", "rerunner", "drain", "queues", "processors", "calls", "shared"}),
    "rerunner": frozenset({"drain", "queues", "processors", "calls", "shared"}),
    "drain": frozenset({"queues", "processors", "calls", "shared"}),
    "queues": frozenset({"calls", "shared"}),
    "processors": frozenset({"calls", "shared"}),
    "calls": frozenset({"shared"}),
    "shared": frozenset(),
    "demo": frozenset(),  # the doubles know nothing of what they are doubles for
}
"""What each room may import besides itself, from top to bottom."""
LONGEST, SHORTEST = 300, 20
MOST_FILES = 16


def room_of(module: str) -> str:
    """Return the room that a module, named below the package, stands in."""
    first = module.split(".", maxsplit=1)[0]
    if first in SHARED:
        return "shared"
    return {"": "package", "__main__": "program"}.get(first, first)


def modules() -> dict[str, Path]:
    """Return each module by its name below the package; the package itself is the empty name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of the package that a file imports: anywhere in it, also for types only."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name.partition(".")[2] in MODULES else node.module for name in inside]
        else:
            continue
        for name in names:
            if name.split(".")[0] == PACKAGE:
                yield name.partition(".")[2]


@pytest.mark.parametrize("module", [name for name in MODULES if name], ids=str)
def test_an_import_goes_down_or_stays_in_its_room(module: str) -> None:
    room = room_of(module)
    up = [name for name in imports(MODULES[module]) if room_of(name) not in MAY_IMPORT[room] | {room}]
    assert up == []


def test_there_is_no_circle_of_imports() -> None:
    graph = {name: set(imports(path)) - {"", name} for name, path in MODULES.items() if name}
    list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("module", [name for name, path in MODULES.items() if not path.name.startswith("__")], ids=str)
def test_a_module_is_neither_too_long_to_be_read_nor_too_short_to_be_one(module: str) -> None:
    length = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert SHORTEST <= length <= LONGEST


def test_a_folder_has_few_files() -> None:
    folders = {path.parent for path in MODULES.values()}
    crowded = {
        str(folder.relative_to(ROOT)): count
        for folder in folders
        if (count := len(list(folder.glob("*.py")))) > MOST_FILES
    }
    assert crowded == {}, "a prefix that many files share is a folder"
