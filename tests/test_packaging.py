"""What is installed: the four packages with all they read, and nothing that belongs to the repository only."""

from __future__ import annotations

import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import memgym

ROOT = Path(__file__).parents[1]
PACKAGES = ("baselines", "grpo", "memagents", "memgym")
MOVED = {"memagents/integrations/plugins/memgym_verifiers.py": "memgym_verifiers.py"}
"""What the wheel has at its top, as others look for it by that name."""
TOP = {".gitignore", "CHANGELOG.md", "CITATION.cff", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    from hatchling.builders.wheel import WheelBuilder

    (path,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    from hatchling.builders.sdist import SdistBuilder

    (path,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("sdist")), versions=["standard"])
    with tarfile.open(path) as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def test_the_wheel_holds_the_packages_and_not_the_results(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    (metadata,) = {name.partition("/")[0] for name in names} - {*PACKAGES, *MOVED.values()}
    assert metadata == f"memgym-{memgym.__version__}.dist-info"
    assert not [name for name in names if name.startswith("memagents/results/")]


def test_all_else_that_lies_in_a_package_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    results = ROOT / "memagents" / "results"
    lying = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()]
    needed = {
        path.relative_to(ROOT).as_posix()
        for path in lying
        if results not in path.parents and "__pycache__" not in path.parts
    }
    assert needed - {*MOVED} == {name for name in wheel.namelist() if name.partition("/")[0] in PACKAGES}
    assert {*MOVED} <= needed
    assert {*MOVED.values()} <= {*wheel.namelist()}
    kinds = {Path(name).suffix for name in needed}
    assert {".py", ".typed", ".toml", ".txt", ".svg", ".safetensors"} <= kinds  # code, recipes, prompts, assets
    assert {f"{package}/py.typed" for package in PACKAGES} <= needed


def test_extras_that_are_said_to_be_missing_exist() -> None:
    """What the code tells a user to install, can be."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    code = "".join(path.read_text() for package in ("memgym", "memagents") for path in (ROOT / package).rglob("*.py"))
    named = set(re.findall(r'MissingExtraError\([^\n]*, "([\w-]+)"\)', code))
    assert {"api", "ray", "train"} <= named <= {*extras}


def test_the_version_is_written_once(wheel: zipfile.ZipFile) -> None:
    metadata = wheel.read(f"memgym-{memgym.__version__}.dist-info/METADATA").decode()
    assert f"\nVersion: {memgym.__version__}\n" in metadata
    assert "version" not in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_source_archive_builds_the_wheel_and_holds_little_else(sdist: list[str]) -> None:
    assert {name.partition("/")[0] for name in sdist} - {*PACKAGES} == TOP
    assert not [name for name in sdist if name.startswith("memagents/results/")]
