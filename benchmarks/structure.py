"""The house's structure in figures, and the files that one study passes on its way to one mail.

Printed by ``make structure``; the table stands in docs/explanation/architecture.md.
"""

from __future__ import annotations

import ast
import logging
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import structlog

from trialalerts.bootstrap import prepare
from trialalerts.clock import FrozenClock
from trialalerts.database import open_database
from trialalerts.demo.people import sign_up
from trialalerts.demo.registry import SampleRegistry
from trialalerts.demo.sample_data import read_sample_data
from trialalerts.demo.scenario import demo_settings, first_day
from trialalerts.pipeline import Pipeline

__all__ = ["SEAMS", "House", "main_path", "read_house", "report"]

SOURCE = Path(__file__).parents[1] / "src" / "trialalerts"
_LISTS = {"cli", "migrations", "versions"}
"""Folders that list like files: commands, migrations."""
SEAMS = {
    "command": "what `trialalerts NAME` does, one in each module of a single command",
    "downgrade": "each migration's way down",
    "open_url": "each transport's way to be opened",
    "upgrade": "each migration's way up",
}
"""Public names that mean the same in each module that defines them."""
_MOST_IN_A_FOLDER = 12
_FAMILY = 3


@dataclass(frozen=True, kw_only=True)
class House:
    """What is read from the source files; all but ``lines`` by the path of the module below ``src/trialalerts``."""

    lines: dict[str, int]
    functions: list[int]
    public: dict[str, set[str]]
    imported_by: dict[str, set[str]]
    owns: list[str]
    folders: dict[str, list[str]] = field(default_factory=dict)

    @property
    def shared_names(self) -> dict[str, list[str]]:
        """The public names that several modules define, and which."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for module, names in sorted(self.public.items()):
            for name in names:
                found[name].append(module)
        return {name: modules for name, modules in sorted(found.items()) if len(modules) > 1}

    @property
    def ambiguous_names(self) -> dict[str, list[str]]:
        """The public names that mean different things in several modules.

        A command's function bears the command's name, for that is how the command line finds it: it is no name.
        """
        named = {
            name: [module for module in modules if not module.startswith("cli/")]
            for name, modules in self.shared_names.items()
            if name not in SEAMS
        }
        return {name: modules for name, modules in named.items() if len(modules) > 1}

    @property
    def with_one_importer(self) -> list[str]:
        """The modules that only one other imports."""
        return sorted(module for module, by in self.imported_by.items() if len(by) == 1)

    @property
    def families(self) -> dict[str, list[str]]:
        """The prefixes that three files or more of a folder share (``folder/prefix_``)."""
        found = {}
        for folder, names in self.folders.items():
            counted = Counter(name.split("_")[0] for name in names if not name.startswith("_"))
            for prefix, number in sorted(counted.items()):
                if number >= _FAMILY:
                    found[f"{folder}/{prefix}_"] = [name for name in names if name.split("_")[0] == prefix]
        return found

    @property
    def crowded(self) -> dict[str, int]:
        """The folders of more than twelve files, but for lists of like files."""
        sizes = {folder: len(names) for folder, names in self.folders.items()}
        return {
            folder: size
            for folder, size in sorted(sizes.items())
            if size > _MOST_IN_A_FOLDER and not set(folder.split("/")) & _LISTS
        }


def read_house(source: Path = SOURCE) -> House:
    """Read all modules below a folder."""
    trees = {path.relative_to(source).as_posix(): ast.parse(path.read_text("utf-8")) for path in _modules(source)}
    by_name = {_dotted(module): module for module in trees}
    imported_by: defaultdict[str, set[str]] = defaultdict(set)
    for module, tree in trees.items():
        for target in _imported(tree, by_name):
            if target != module:
                imported_by[target].add(module)
    folders: defaultdict[str, list[str]] = defaultdict(list)
    for module in trees:
        folder, _, name = module.rpartition("/")
        if name != "__init__.py":
            folders[folder or "."].append(name.removesuffix(".py"))
    return House(
        lines={module: len((source / module).read_text("utf-8").splitlines()) for module in trees},
        functions=[length for tree in trees.values() for length in _lengths(tree)],
        public={module: set(_public(tree)) for module, tree in trees.items() if not module.endswith("__init__.py")},
        imported_by=imported_by,
        owns=[module for module, tree in trees.items() if (ast.get_docstring(tree) or "").startswith("Owns")],
        folders=folders,
    )


def main_path() -> list[str]:
    """Return the modules whose functions run while one study's change becomes one mail (SQLite, a folder as outbox).

    The set-up (tables, areas, subscribers, the baseline, first mails) has run before. What is only imported does not
    count.
    """
    with TemporaryDirectory() as folder, SampleRegistry(read_sample_data(first_day())) as registry:
        settings = demo_settings(Path(folder), registry.root)
        settings = settings.model_copy(update={"sources": settings.sources[:1]})
        clock = FrozenClock(datetime.combine(first_day(), time(9, 30), UTC))
        with open_database(settings.database.url.get_secret_value()) as db:
            prepare(db, settings)
            with db.write() as session:
                sign_up(session, clock.now())
            pipeline = Pipeline(settings, db, clock)
            _round(pipeline)
            clock.advance(timedelta(days=31))
            registry.show(read_sample_data(first_day(), second=True))
            return sorted(each for each in _called(lambda: _round(pipeline)) if not each.startswith("demo/"))


def _round(pipeline: Pipeline) -> None:
    pipeline.poll(force=True)
    pipeline.compose()
    pipeline.send()


def _called(work: Callable[[], None]) -> set[str]:
    """Return the files whose functions are called, on all threads that begin meanwhile."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(SOURCE)) and not code.co_name.startswith("<module"):
            files.add(Path(code.co_filename).relative_to(SOURCE).as_posix())

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return files


def report(house: House, passed: Iterable[str]) -> str:
    """Return the figures as a Markdown table, and below it what stands behind them."""
    way = list(passed)
    shared = house.ambiguous_names
    rows = [
        ("files", f"{len(house.lines):,}"),
        ("lines", f"{sum(house.lines.values()):,}"),
        ("lines of a function: median, 90 %", f"{median(house.functions):g}, {quantiles(house.functions, n=10)[-1]:g}"),
        ("public names with several meanings", str(len(shared))),
        ("modules that only one other imports", str(len(house.with_one_importer))),
        ("prefixes that three files share", str(len(house.families))),
        ("folders of more than twelve files", str(len(house.crowded))),
        ("files over 400 lines", str(len([n for n in house.lines.values() if n > 400]))),
        ("module docstrings that begin with “Owns”", str(len(house.owns))),
        ("files that one study passes to one mail", str(len(way))),
    ]
    lines = ["| what | number |", "|---|---|", *(f"| {what} | {number} |" for what, number in rows), ""]
    lines += ["Names: " + "; ".join(f"{name} ({', '.join(modules)})" for name, modules in shared.items()), ""]
    lines += ["Prefixes: " + "; ".join(f"{family} {len(names)}" for family, names in house.families.items()), ""]
    lines += ["Folders: " + "; ".join(f"{folder} {size}" for folder, size in house.crowded.items()), ""]
    lines += ["The way: " + ", ".join(way)]
    return "\n".join(lines)


def _modules(source: Path) -> Iterator[Path]:
    return (path for path in sorted(source.rglob("*.py")) if "__pycache__" not in path.parts)


def _dotted(module: str) -> str:
    return ".".join(["trialalerts", *module.removesuffix(".py").removesuffix("__init__").strip("/").split("/")]).strip(
        "."
    )


def _imported(tree: ast.Module, by_name: dict[str, str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                target = by_name.get(f"{node.module}.{alias.name}") or by_name.get(node.module)
                if target:
                    yield target
        elif isinstance(node, ast.Import):
            yield from (by_name[alias.name] for alias in node.names if alias.name in by_name)


def _lengths(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1


def _public(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(report(read_house(), main_path()))
