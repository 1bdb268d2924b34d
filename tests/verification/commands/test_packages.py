"""Versions of packages in folders of their own: linked or installed, checked, and nothing built."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from assay.verification.commands.packages import Python, about_python, get_package, required_by


def files_of(version: str, *, tag: str = "py3-none-any", requires: str = "") -> dict[str, str]:
    info = f"tiny_pack-{version}.dist-info"
    requirement = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        "tiny_pack/__init__.py": f"VALUE = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny-pack\nVersion: {version}\n{requirement}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    lines = [f"{name},{digest(text)},{len(text)}\n" for name, text in files.items()]
    lines += ["../../bin/tiny,,\n", f"{info}/RECORD,,\n", "tiny_pack/__pycache__/x.pyc,,\n"]
    return files | {f"{info}/RECORD": "".join(lines)}


def digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


def site(folder: Path, version: str, **more: str) -> Path:
    for name, text in files_of(version, **more).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def python(*folders: Path, tag: str = "cpython-311") -> Python:
    return Python(path=sys.executable, tag=tag, platform="linux", folders=tuple(map(str, folders)))


def imported(folder: Path) -> str:
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import tiny_pack; print(tiny_pack.VALUE)"
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", code], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let pip see the wheels of one folder and nothing else."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.delenv("PIP_CONSTRAINT", raising=False)
    return wheels


def test_a_version_of_the_other_environment_is_linked(tmp_path: Path) -> None:
    """The files that RECORD lists are linked, nothing outside of the folder, and the import is that one."""
    other = python(site(tmp_path / "b", "2.0"))
    had = get_package("Tiny.Pack", "2.0", into=python(), other=other, cache=tmp_path / "cache")
    assert had.folder is not None
    assert had.folder.is_relative_to(tmp_path / "cache")
    assert imported(had.folder) == "2.0"
    assert all(path.is_symlink() for path in had.folder.rglob("*") if not path.is_dir())
    assert not list((tmp_path / "cache").rglob("tiny"))


def test_what_was_had_once_is_taken_again_and_dangling_links_are_not(tmp_path: Path, no_index: Path) -> None:
    """A second request finds the folder; when the environment behind it is gone, it is not offered."""
    folder = site(tmp_path / "b", "2.0")
    first, again = (
        get_package("tiny-pack", "2.0", into=python(), other=other, cache=tmp_path / "cache")
        for other in (python(folder), None)
    )
    assert first == again
    (folder / "tiny_pack/__init__.py").unlink()
    gone = get_package("tiny-pack", "2.0", into=python(), other=python(folder), cache=tmp_path / "cache")
    assert gone.folder is None
    assert "was changed after it was installed" in gone.why_not


def test_edited_files_are_not_linked(tmp_path: Path, no_index: Path) -> None:
    """A file that is not what RECORD says is named, and the package is not used."""
    folder = site(tmp_path / "b", "2.0")
    (folder / "tiny_pack/__init__.py").write_text("VALUE = 'patched'\n")
    had = get_package("tiny-pack", "2.0", into=python(), other=python(folder), cache=tmp_path / "cache")
    assert had.folder is None
    assert "tiny_pack/__init__.py was changed" in had.why_not


def test_extension_modules_of_another_python_are_not_linked(tmp_path: Path, no_index: Path) -> None:
    """What is built for another interpreter is refused; what is pure is not."""
    pure, built = site(tmp_path / "p", "2.0"), site(tmp_path / "q", "3.0", tag="cp312-cp312-linux_x86_64")
    cache = tmp_path / "cache"
    assert get_package(
        "tiny-pack", "2.0", into=python(), other=python(pure, tag="cpython-312"), cache=cache
    ).folder
    had = get_package("tiny-pack", "3.0", into=python(), other=python(built, tag="cpython-312"), cache=cache)
    assert had.folder is None
    assert "built for another Python" in had.why_not


def test_an_editable_install_is_not_linked(tmp_path: Path, no_index: Path) -> None:
    """A package that is a folder under work has no version that could be put in place."""
    folder = site(tmp_path / "b", "2.0")
    (folder / "tiny_pack-2.0.dist-info/direct_url.json").write_text(
        json.dumps({"url": "file:///x", "dir_info": {"editable": True}})
    )
    had = get_package("tiny-pack", "2.0", into=python(), other=python(folder), cache=tmp_path / "cache")
    assert "being edited" in had.why_not


def test_a_wheel_is_installed_by_pip(tmp_path: Path, no_index: Path) -> None:
    """Without the other environment, pip puts the exact version into the folder."""
    with zipfile.ZipFile(no_index / "tiny_pack-1.5-py3-none-any.whl", "w") as wheel:
        for name, text in files_of("1.5", requires="numpy").items():
            wheel.writestr(name, text.replace("../../bin/tiny,,\n", ""))
    into = about_python(sys.executable)
    assert into is not None
    had = get_package("tiny-pack", "1.5", into=into, other=None, cache=tmp_path / "cache")
    assert had.folder is not None, had.why_not
    assert imported(had.folder) == "1.5"
    assert not list(had.folder.glob("numpy*"))


def test_a_source_distribution_is_not_built(tmp_path: Path, no_index: Path) -> None:
    """Code of a source distribution does not run, and the reason is said; no folder is left behind."""
    source = no_index / "tiny_pack-1.6.zip"
    with zipfile.ZipFile(source, "w") as made:
        made.writestr(
            "tiny_pack-1.6/setup.py", f"open({str(tmp_path / 'ran')!r}, 'w')\nfrom setuptools import setup\n"
        )
    into = about_python(sys.executable)
    assert into is not None
    had = get_package("tiny-pack", "1.6", into=into, other=None, cache=tmp_path / "cache")
    assert had.folder is None
    assert "source distributions are not built" in had.why_not
    assert not (tmp_path / "ran").exists()
    assert list((tmp_path / "cache" / "packages").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("--target=/x", "1"),
        ("a; rm -rf", "1"),
        ("a", "1 --index-url x"),
        ("../a", "1"),
        ("a", "-r x"),
        ("", "1"),
    ],
)
def test_names_that_are_no_names_never_reach_pip(tmp_path: Path, name: str, version: str) -> None:
    """What could be read as an option or a path is refused before anything starts."""
    had = get_package(name, version, into=python(), other=None, cache=tmp_path / "cache")
    assert had.folder is None
    assert not (tmp_path / "cache").exists()


def test_dependencies_are_followed_without_extras(tmp_path: Path) -> None:
    """What a loaded package depends on is found through the metadata, and an extra's needs are not."""
    for name, lines in {
        "a_pkg": "Requires-Dist: B.pkg>=1\nRequires-Dist: d; extra == 'more'\n",
        "b_pkg": "Requires-Dist: c ; python_version > '3'\n",
    }.items():
        info = tmp_path / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\n{lines}")
    assert required_by(["A-pkg"], [str(tmp_path)]) == {"a-pkg", "b-pkg", "c"}


def test_an_interpreter_that_is_none_is_none(tmp_path: Path) -> None:
    """A file that does not run, and no file, are no interpreters."""
    (tmp_path / "python").write_text("")
    assert about_python(str(tmp_path / "python")) is None
    assert about_python("") is None
