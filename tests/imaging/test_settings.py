"""Frozen settings say of every field what it means and where its value is from."""

import ast
from collections.abc import Iterator
from pathlib import Path

import hdrfuse

PACKAGE = Path(hdrfuse.__file__).parent


def settings_classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for part in ("imaging", "deghosting"):
        for path in sorted((PACKAGE / part).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and node.name.endswith("Settings"):
                    yield path.relative_to(PACKAGE).as_posix(), node


def test_every_setting_has_a_docstring() -> None:
    found, bare = 0, []
    for path, node in settings_classes():
        for at, each in enumerate(node.body):
            if isinstance(each, ast.AnnAssign):
                found += 1
                after = node.body[at + 1] if at + 1 < len(node.body) else None
                if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
                    bare.append(f"{path}: {node.name}.{ast.unparse(each.target)}")
    assert found > 100
    assert bare == []


def test_settings_that_a_score_tells_apart_name_the_command_that_measures_them() -> None:
    from hdrfuse.benchmark.setting_values import SETTINGS

    for group, instance in SETTINGS.items():
        described = " ".join((type(instance).__doc__ or "").split())
        derived = group == "coarse_to_fine"  # its one field is
        assert derived or f"hdrfuse bench --what settings --setting {group}" in described, group
