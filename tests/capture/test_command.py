from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay.capture.code import command_identity, evidence
from assay.foundation.digest import digest_bytes, digest_file
from assay.foundation.errors import CodeError


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return a folder with a script, its helper, a configuration and a package."""
    (tmp_path / "search.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("K = 1\n")
    (tmp_path / "conf.yaml").write_text("k: 1\n")
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "__main__.py").write_text("print(1)\n")
    (tmp_path / "tool" / "notes.bin").write_bytes(b"\xff\x00")
    return tmp_path


def test_files_that_the_arguments_name_are_digested_by_bytes(study: Path) -> None:
    """A script with its imports, and a file behind a flag, count with every byte."""
    found = command_identity([sys.executable, "search.py", "--config=conf.yaml", "--lr", "0.1"], (), study)
    assert found.name == f"{Path(sys.executable).name} search.py --config=conf.yaml --lr 0.1"
    assert list(found.files) == ["conf.yaml", "helper.py", "search.py"]
    assert found.files["helper.py"] == digest_bytes(b"K = 1\n")
    (study / "helper.py").write_text("K = 1  # a comment\n")
    assert (
        command_identity([sys.executable, "search.py", "--config=conf.yaml", "--lr", "0.1"], (), study)
        != found
    )


def test_modules_and_declared_files_count(study: Path) -> None:
    """`-m package` is its __main__, and a declared folder all files in it."""
    assert list(command_identity(["python", "-m", "tool"], (), study).files) == ["tool/__main__.py"]
    found = command_identity(["python", "-m", "tool"], ("tool", "conf.yaml"), study)
    assert list(found.files) == ["conf.yaml", "tool/__main__.py", "tool/notes.bin"]


def test_where_the_program_and_the_folder_lie_does_not_count(
    study: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An absolute path into the folder, and an interpreter elsewhere of the same name, give one identity."""
    other = tmp_path_factory.mktemp("other")
    for name in ("search.py", "helper.py"):
        (other / name).write_bytes((study / name).read_bytes())
    link = other / "bin"
    link.mkdir()
    (link / "python").symlink_to(sys.executable)
    one = command_identity(["python", str(study / "search.py")], (), study)
    assert command_identity([str(link / "python"), "search.py"], (), other) == one


def test_the_content_of_the_program_is_evidence(study: Path) -> None:
    """The program's digest stands in the evidence, under its name, and in no identity."""
    argv = [sys.executable, "search.py"]
    shown, contents = evidence(command_identity(argv, (), study), study, argv=argv)
    assert shown.installed == {Path(sys.executable).name: digest_file(Path(sys.executable))}
    assert set(contents.values()) == {b"import helper\n", b"K = 1\n"}


def test_a_script_that_is_itself_the_program_counts(study: Path) -> None:
    """`./run.sh` is a file of the folder, and must be executable."""
    (study / "run.sh").write_text("#!/bin/sh\n")
    with pytest.raises(CodeError, match="not executable"):
        command_identity(["./run.sh"], (), study)
    (study / "run.sh").chmod(0o755)
    found = command_identity(["./run.sh"], (), study)
    assert (found.name, list(found.files)) == ("./run.sh", ["run.sh"])


@pytest.mark.parametrize(
    ("argv", "files", "said"),
    [
        ([], (), "empty"),
        (["zzqx-no-such"], (), "PATH"),
        (["python"], ("helpr.py",), "did you mean 'helper.py'"),
        (["python"], ("../gone/x",), "relative to the folder"),
    ],
)
def test_what_is_not_there_is_refused(
    study: Path, argv: list[str], files: tuple[str, ...], said: str
) -> None:
    """An empty command, an unknown program and a missing file are told with a hint."""
    with pytest.raises(CodeError, match=said):
        command_identity(argv, files, study)


def test_odd_arguments_name_no_file(study: Path) -> None:
    """An argument that is too long or has a null byte is an argument and nothing else."""
    found = command_identity(["python", "x" * 5_000, "", "/etc/passwd", ".."], (), study)
    assert found.files == {}
