"""What the packages import is what ``pyproject.toml`` declares."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("annotate", "mumic")


def test_every_import_of_another_project_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    declared = {
        _normal(re.split(r"[<>=\[]", line)[0])
        for line in (*project["dependencies"], *(line for extra in extras for line in extra))
    }
    owners = packages_distributions()
    missing = {
        module: place
        for module, place in _imports()
        if not declared.intersection(map(_normal, owners.get(module, ())))
    }
    assert missing == {}


def _imports() -> Iterator[tuple[str, str]]:
    """Top-level modules that are neither Python's nor ours, each with a file that imports it."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_bytes())):
                for name in _named(node):
                    module = name.split(".")[0]
                    if module not in sys.stdlib_module_names and module not in PACKAGES:
                        yield module, file.relative_to(ROOT).as_posix()


def _named(node: ast.AST) -> list[str]:
    """What a statement imports, or a call of ``import_module`` with a name written out."""
    match node:
        case ast.Import(names=names):
            return [each.name for each in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
        case ast.Call(
            func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(module))],
        ):
            return [module]
    return []


def _normal(name: str) -> str:
    """A distribution's name as the package index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
