"""The wheel holds everything: all folders of code, and every file that stands beside it."""

import configparser
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Never part of a source tree that somebody else would build from.
NOT_SOURCE = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "instance")

_BUILD = "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])('out'))"


def _setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def _mapped_roots() -> dict[str, Path]:
    lines = _setup_cfg()["options"]["package_dir"].split("\n")
    pairs = (line.split("=") for line in lines if line)
    return {package.strip(): ROOT / folder.strip() for package, folder in pairs}


def _installed_name(path: Path, package: str, folder: Path) -> str:
    return "/".join([package, *path.relative_to(folder).parts])


def _build(source: Path, what: str) -> Path:
    finished = subprocess.run(
        [sys.executable, "-c", _BUILD, what],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return source / "out" / finished.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A copy: building leaves folders behind, which lint and a parallel test would find.
    source = tmp_path_factory.mktemp("copy") / "source"
    shutil.copytree(ROOT, source, ignore=NOT_SOURCE)
    return _build(source, "build_sdist")


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        # The argument `filter` came with 3.11.4, and Debian's 3.11.2 is older.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
        archive.extractall(folder)
    (source,) = folder.iterdir()
    return source


@pytest.fixture(scope="module")
def in_wheel(unpacked: Path) -> set[str]:
    with zipfile.ZipFile(_build(unpacked, "build_wheel")) as archive:
        return set(archive.namelist())


def test_every_folder_of_code_is_in_the_package_list() -> None:
    listed = _setup_cfg()["options"]["packages"].split()
    found = [
        _installed_name(init.parent, package, folder).replace("/", ".")
        for package, folder in _mapped_roots().items()
        for init in folder.rglob("__init__.py")
    ]

    assert sorted(listed) == sorted(found)


def test_the_wheel_built_from_the_sdist_holds_every_file_beside_the_code(
    in_wheel: set[str],
) -> None:
    expected = {
        _installed_name(path, package, folder)
        for package, folder in _mapped_roots().items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }

    assert "flask_jafsec/py.typed" in expected
    assert expected - in_wheel == set()


def test_the_wheel_holds_nothing_but_the_two_packages(in_wheel: set[str]) -> None:
    roots = {name.split("/")[0] for name in in_wheel}

    assert {root for root in roots if not root.endswith(".dist-info")} == set(_mapped_roots())


def test_the_sdist_can_be_tested_by_whoever_unpacks_it(unpacked: Path) -> None:
    wanted = ["Makefile", "LICENSE", "CHANGELOG.md", "tests/conftest.py", "tests/warden.py"]

    assert [name for name in wanted if not (unpacked / name).is_file()] == []
