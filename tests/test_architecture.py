"""The shape of the package: who may import whom, what may be imported early, and how long a file may be."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hdrfuse

PACKAGE = Path(hdrfuse.__file__).parent

LAYERS = (
    ("errors", "command_option", "free_memory", "seeds", "text", "threads"),
    ("setting_limits",),
    ("formats",),
    ("brackets",),
    ("imaging", "lfdiff", "metrics"),
    ("inspection", "machine", "memory", "merge_plan", "merge_report", "progress", "stopping"),
    ("deghosting",),
    ("options",),
    ("pipeline",),
    ("outputs",),
    ("job", "api"),
    ("data",),
    ("training",),
    ("evaluation",),
    ("benchmark",),
    ("report",),
    ("batch",),
    ("cli",),
    ("__main__",),
)
"""From the bottom to the top. A file imports from its own part and from layers below; neighbours do not meet."""

LATE = {"torch": ("lfdiff/", "metrics/hdrvdp2/", "training/"), "rawpy": ()}
"""Slow or optional modules, with the files that may import them when they are imported themselves."""

MAX_LINES = 350


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """The part of the package that a file belongs to: a module's name or a folder's."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST, path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Every import in a file, inside functions too: absolute dotted name of the module, and the statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node


def own_imports(path: Path) -> Iterator[tuple[str, int]]:
    """Parts of the package that a file imports, with the line."""
    for name, node in imported(ast.parse(path.read_text(encoding="utf-8")), path):
        first, _, rest = name.partition(".")
        if first == "hdrfuse" and rest and rest != "__version__":
            yield rest.split(".")[0], node.lineno


def layer_of(part: str) -> int:
    return next(index for index, parts in enumerate(LAYERS) if part in parts)


def test_every_part_of_the_package_has_a_layer() -> None:
    known = {part for parts in LAYERS for part in parts} | {"__init__"}
    assert {part_of(path) for path in sources()} <= known


def test_imports_point_downwards_only() -> None:
    wrong = []
    for path in sources():
        part = part_of(path)
        if part == "__init__":
            continue
        for target, line in own_imports(path):
            if target != part and layer_of(target) >= layer_of(part):
                wrong.append(f"{path.relative_to(PACKAGE)}:{line}: {part} imports {target}")
    assert wrong == []


def test_the_network_knows_nothing_of_files_and_commands() -> None:
    targets = {target for path in (PACKAGE / "lfdiff").glob("*.py") for target, _ in own_imports(path)}
    assert targets <= {"errors", "lfdiff"}


def test_nobody_imports_the_command_line_but_its_entry_point() -> None:
    importers = {
        part_of(path)
        for path in sources()
        for target, _ in own_imports(path)
        if target == "cli" and part_of(path) != "cli"
    }
    assert importers <= {"__main__"}


def test_slow_and_optional_modules_are_imported_where_they_are_needed() -> None:
    wrong = []
    for path in sources():
        name = path.relative_to(PACKAGE).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        late = {id(node) for scope in ast.walk(tree) if runs_late(scope) for node in ast.walk(scope)}
        for module, node in imported(tree, path):
            allowed = LATE.get(module.split(".")[0])
            if allowed is not None and id(node) not in late and not name.startswith(allowed):
                wrong.append(f"{name}:{node.lineno}: {module} at module level")
    assert wrong == []


def runs_late(scope: ast.AST) -> bool:
    """Whether what stands in a scope does not run when the file is imported."""
    function = isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef)
    return function or (isinstance(scope, ast.If) and ast.unparse(scope.test) == "TYPE_CHECKING")


def test_the_classical_path_runs_without_torch_and_rawpy() -> None:
    code = "import sys, hdrfuse.job, hdrfuse.cli.app; print(sorted({'torch', 'rawpy'} & set(sys.modules)))"
    assert in_fresh_process(code) == "[]"


def test_the_command_line_starts_without_numpy_and_rich() -> None:
    code = "import sys, hdrfuse.cli; print(sorted({'torch', 'numpy', 'cv2', 'rich'} & set(sys.modules)))"
    assert in_fresh_process(code) == "[]"


def test_a_command_line_is_built_without_numpy() -> None:
    code = (
        "import sys, typer.main; from hdrfuse.cli.app import app; typer.main.get_command(app).commands['merge']; "
        "print(sorted({'torch', 'numpy', 'cv2', 'rich'} & set(sys.modules)))"
    )
    assert in_fresh_process(code) == "[]"


def in_fresh_process(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_no_file_is_longer_than_one_noun_takes() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert [f"{path.relative_to(PACKAGE)}: {lines}" for path, lines in lengths.items() if lines > MAX_LINES] == []


def test_a_public_name_means_one_class() -> None:
    places: dict[str, list[str]] = {}
    for path in sources():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(path.relative_to(PACKAGE).as_posix())
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
