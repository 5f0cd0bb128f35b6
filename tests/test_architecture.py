"""The one-way rule of imports, what a process may load, and what the lock files may hold."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("rubrics", "eval", "lti_tool", "flows", "seeds")
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))

# The longest prefix that fits a module says what of ours it may import; a name allows all below it.
MAY_IMPORT = {
    "rubrics": {"rubrics"},
    "eval": {"eval", "rubrics"},
    "lti_tool": {"lti_tool", "rubrics"},
    "flows.judging": {"flows.judging", "rubrics"},
    "flows": {"flows", "eval", "lti_tool", "rubrics"},
    "seeds": {"seeds", "lti_tool", "rubrics"},
}
# Rooms that only their own modules import: the command line and gunicorn enter by names in strings.
CLOSED = {"lti_tool.web": ("lti_tool.web",), "lti_tool.demo": ("lti_tool.demo",)}
THIRD_PARTY = {
    "flask": ("lti_tool.web", "lti_tool.demo"),
    "werkzeug": ("lti_tool.web", "lti_tool.demo"),
    "prefect": ("flows",),
    "pandas": ("eval", "flows"),
    "sklearn": ("eval", "flows"),
    "anthropic": ("flows.judging",),
}
PURE = {"flows.judging": ("prefect", "flask", "sqlalchemy"), "rubrics": ("prefect", "flask", "sqlalchemy")}
HEAVY = ("prefect", "pandas", "sklearn", "anthropic")


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


@cache
def modules() -> dict[str, Path]:
    """Every module of ours by its name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """What a module imports anywhere in it, also inside functions; our own by the module that is meant."""
    tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
    return frozenset(name for node in ast.walk(tree) for name in imported(node))


def imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        assert node.level == 0, f"a relative import of {base!r}"
        for alias in node.names:
            below = f"{base}.{alias.name}"
            yield below if below in modules() else base


def ours(names: frozenset[str]) -> set[str]:
    return {name for name in names if name.partition(".")[0] in PACKAGES}


def test_the_walk_sees_imports() -> None:
    assert "lti_tool.schema" in imports("lti_tool.terminal")
    assert "flask" in imports("lti_tool.web.app")
    assert len(modules()) > 80


def test_imports_go_one_way() -> None:
    wrong = []
    for module in modules():
        room = max((room for room in MAY_IMPORT if within(module, room)), key=len)
        wrong += [
            f"{module} imports {name}"
            for name in sorted(ours(imports(module)))
            if not any(within(name, allowed) for allowed in MAY_IMPORT[room])
        ]
    assert wrong == []


@pytest.mark.parametrize("room", CLOSED)
def test_the_web_and_the_demo_are_reached_into_by_nobody(room: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if not any(within(module, inside) for inside in CLOSED[room])
        for name in imports(module)
        if within(name, room)
    ]
    assert wrong == []


@pytest.mark.parametrize("library", THIRD_PARTY)
def test_a_library_stays_in_its_room(library: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if not any(within(module, room) for room in THIRD_PARTY[library])
        for name in imports(module)
        if within(name, library)
    ]
    assert wrong == []


@pytest.mark.parametrize("room", PURE)
def test_judges_and_rubrics_know_no_web_database_or_engine(room: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if within(module, room)
        for name in imports(module)
        if any(within(name, library) for library in PURE[room])
    ]
    assert wrong == []


def circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """A circle of modules, the first one again at the end; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle_in({"a": {"b"}, "b": {"a"}}) != []
    assert circle_in({module: ours(imports(module)) - {module} for module in modules()}) == []


def test_every_init_file_is_empty() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")]
    assert len(files) >= len(PACKAGES)
    assert [str(path.relative_to(ROOT)) for path in files if path.read_bytes()] == []


START_THE_WEB = """
import json, sys
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
create_app(Settings(database_url=sys.argv[1], secret_key="s" * 40))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_the_web_process_starts_without_the_engine(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START_THE_WEB, f"sqlite:///{tmp_path / 'tool.db'}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True).stdout
    loaded = set(json.loads(said.splitlines()[-1]))
    assert {"flask", "sqlalchemy", "lti_tool"} <= loaded
    assert loaded & {*HEAVY, "flows", "eval", "seeds"} == set()


# ---- locks ---------------------------------------------------------------------------------------------------


def requirements(path: Path) -> dict[str, list[str]]:
    """Each locked package by its normal name, with the lines of its hashes."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(" "):
            found[name].append(line.strip().removesuffix("\\").strip())
        else:
            name = normal(line)
            assert re.match(r"[^ ]+==\d", line), f"not pinned: {line}"
            found[name] = []
    return found


def normal(requirement: str) -> str:
    """The name of a requirement as indexes compare it (https://peps.python.org/pep-0503/)."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, requirement
    return re.sub(r"[-_.]+", "-", name.group()).lower()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_holds_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert [mark for mark in ("://", "file:", " @ ", "--index-url", "--find-links") if mark in text] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_is_pinned_and_hashed(lock: Path) -> None:
    locked = requirements(lock)
    assert locked
    for name, hashes in locked.items():
        assert hashes, f"{name} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), name


@pytest.mark.parametrize(("lock", "groups"), [("runtime", ["build"]), ("test", ["test"]), ("dev", ["dev"])])
def test_direct_dependencies_are_locked(lock: str, groups: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = project["project"]["dependencies"] + [
        line for group in groups for line in project["dependency-groups"][group]
    ]
    locked = requirements(ROOT / "requirements" / f"{lock}.txt")
    assert {normal(line) for line in asked} - set(locked) == set()
