from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay.capture.code import KEPT_FILE, command_identity, evidence
from assay.capture.command import ARGUMENTS
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


def files_of(argv: list[str], folder: Path) -> list[str]:
    return [path for path in command_identity(argv, (), folder).files if path != ARGUMENTS]


def test_files_that_the_arguments_name_are_digested_by_bytes(study: Path) -> None:
    """A script with its imports, and a file behind a flag, count with every byte."""
    found = command_identity([sys.executable, "search.py", "--config=conf.yaml", "--lr", "0.1"], (), study)
    assert found.name == f"{Path(sys.executable).name} search.py --config=conf.yaml --lr 0.1"
    assert list(found.files) == ["conf.yaml", "helper.py", "search.py", ARGUMENTS]
    assert found.files["helper.py"] == digest_bytes(b"K = 1\n")
    (study / "helper.py").write_text("K = 1  # a comment\n")
    assert (
        command_identity([sys.executable, "search.py", "--config=conf.yaml", "--lr", "0.1"], (), study)
        != found
    )


def test_modules_and_declared_files_count(study: Path) -> None:
    """`-m package` is its __main__, and a declared folder all files in it."""
    assert files_of(["python", "-m", "tool"], study) == ["tool/__main__.py"]
    assert files_of(["python", "tool"], study) == ["tool/__main__.py"]
    found = command_identity(["python", "-m", "tool"], ("tool", "conf.yaml"), study)
    assert list(found.files) == ["conf.yaml", "tool/__main__.py", "tool/notes.bin", ARGUMENTS]


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
    assert (found.name, list(found.files)) == ("./run.sh", ["run.sh", ARGUMENTS])


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
    assert files_of(["python", "x" * 5_000, "", "/dev/null", "..", "@", "=", "-m", ".."], study) == []
    command = ["python", "x\0y"]
    assert command_identity(command, (), study) != command_identity(["python", "x"], (), study)


def test_files_outside_the_folder_count(study: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A script beside the folder, its helper and a data file change the identity with their bytes."""
    folder = study / "study"
    folder.mkdir()
    (study / "table.csv").write_text("1\n")
    argv = ["python", "../search.py", "data=../table.csv", "@../conf.yaml"]
    found = command_identity(argv, (), folder)
    assert list(found.files) == ["../conf.yaml", "../helper.py", "../search.py", "../table.csv", ARGUMENTS]
    for name in ("search.py", "helper.py", "table.csv", "conf.yaml"):
        before = command_identity(argv, (), folder)
        with (study / name).open("a") as file:
            file.write("\n")
        assert command_identity(argv, (), folder) != before
    other = tmp_path_factory.mktemp("other")
    for name in ("search.py", "helper.py", "table.csv", "conf.yaml"):
        (other / name).write_text((study / name).read_text())
    (other / "study").mkdir()
    assert command_identity(argv, (), other / "study") == command_identity(argv, (), folder)


def elsewhere(machine: Path) -> tuple[Path, list[str]]:
    """Return a study's folder, and a command of which every file lies outside it."""
    for name in ("study", "place", "tool"):
        (machine / name).mkdir()
    (machine / "place" / "search.py").write_text("import helper\n")
    (machine / "place" / "helper.py").write_text("K = 1\n")
    (machine / "place" / "data.csv").write_text("1\n")
    (machine / "tool" / "data.csv").write_text("2\n")
    (machine / "tool" / "go.sh").write_text("#!/bin/sh\n")
    (machine / "tool" / "go.sh").chmod(0o755)
    named = (machine / "tool" / "go.sh", machine / "place" / "search.py")
    data = (f"--data={machine / 'place' / 'data.csv'}", str(machine / "tool" / "data.csv"))
    return machine / "study", [*map(str, named), *data]


def test_absolute_paths_outside_the_folder_never_show_the_machine(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Two machines with equal files in different places agree, and two files of one name stay apart."""
    one, other = (tmp_path_factory.mktemp("machine") for _ in range(2))
    folder, argv = elsewhere(one)
    found = command_identity(argv, (str(one / "tool"),), folder)
    assert found.name == ".../go.sh .../search.py --data=.../data.csv ...2/data.csv"
    assert list(found.files) == [
        *(".../data.csv", ".../go.sh", ".../helper.py", ".../search.py"),
        *(".../tool/data.csv", ".../tool/go.sh", "...2/data.csv", ARGUMENTS),
    ]
    second, again = elsewhere(other)
    assert command_identity(again, (str(other / "tool"),), second) == found
    (other / "tool" / "go.sh").write_text("#!/bin/sh\nexit 1\n")
    assert command_identity(again, (), second).files[".../go.sh"] != found.files[".../go.sh"]


def test_a_link_in_the_folder_goes_by_its_own_name(
    study: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where a link leads is not in the identity, and the bytes at its end are, in folders too."""
    other = tmp_path_factory.mktemp("other")
    (other / "inner").mkdir()
    (other / "inner" / "a.csv").write_text("1\n")
    (other / "inner" / "round").symlink_to(other)
    (study / "linked").symlink_to(other)
    found = command_identity(["python", "linked/inner/a.csv"], ("linked",), study)
    assert found.files == {
        "linked/inner/a.csv": digest_bytes(b"1\n"),
        ARGUMENTS: found.files[ARGUMENTS],
    }


def test_arguments_count_as_they_are_and_show_without_secrets(study: Path) -> None:
    """Two values behind one secret flag are two identities of one name; how they are joined counts too."""
    ten, twenty = (command_identity(["python", "--pass", value], (), study) for value in ("10", "20"))
    assert ten != twenty
    assert ten.name == twenty.name
    assert ten.files[ARGUMENTS] != twenty.files[ARGUMENTS]
    found = command_identity(["python", "a b"], (), study)
    assert found.files != command_identity(["python", "a", "b"], (), study).files


def test_a_secret_of_several_words_is_removed_as_a_whole(study: Path) -> None:
    """Each argument is looked at by itself, before they are joined."""
    for argv in (["--password", "correct horse battery"], ["--password=correct horse battery"]):
        found = command_identity(["python", *argv], (), study)
        assert not any(word in found.name for word in ("correct", "horse", "battery"))


def test_the_role_is_the_callers(study: Path) -> None:
    """A command may stand for any role, and is a command by default."""
    assert command_identity(["python"], (), study).role == "command"
    assert command_identity(["python"], (), study, role="strategy").role == "strategy"


def test_a_large_file_counts_and_is_kept_as_its_digest(study: Path) -> None:
    """Beyond a mebibyte, the evidence has the digest of a file and not its content."""
    with (study / "table.bin").open("wb") as file:
        file.truncate(KEPT_FILE + 1)
    argv = ["python", "search.py", "table.bin"]
    found = command_identity(argv, (), study)
    assert found.files["table.bin"] == digest_file(study / "table.bin")
    shown, contents = evidence(found, study)
    assert [file.path for file in shown.files] == ["helper.py", "search.py"]
    assert shown.installed["table.bin"] == found.files["table.bin"]
    assert max(map(len, contents.values())) < KEPT_FILE
    with (study / "table.bin").open("r+b") as changed:
        changed.seek(KEPT_FILE)
        changed.write(b"x")
    assert command_identity(argv, (), study) != found
