from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from assay.capture.repository import PATCH_LIMIT, repository
from assay.capture.secrets import REMOVED

TOKEN = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7abcdefghi"


def git(folder: Path, *arguments: str) -> str:
    """Run git with an author of its own and without the configuration of this machine."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": "nobody@example.org"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    command = ["git", "-c", "init.defaultBranch=trunk", *arguments]
    return subprocess.run(
        command, cwd=folder, env=variables, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a repository with one commit of two files."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init")
    (folder / "evo.py").write_text("x = 1\n")
    (folder / "data.txt").write_text("small\n")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "start")
    return folder


def test_a_clean_repository_is_told_with_commit_and_branch(tree: Path) -> None:
    """Commit, branch and remote are read, and nothing is dirty; a subfolder gives the same."""
    git(tree, "remote", "add", "origin", "https://me:swordfish@example.org/o/r.git")
    (tree / "sub").mkdir()
    found = repository(tree)
    assert found is not None
    assert found.commit == git(tree, "rev-parse", "HEAD").strip()
    assert (found.branch, found.dirty, found.patch, found.untracked) == ("trunk", False, None, ())
    assert found.remote == "https://example.org/o/r.git"
    assert repository(tree / "sub") == found


def test_changes_are_a_patch_that_applies(tree: Path) -> None:
    """Staged and unstaged changes, a new file and a deleted one make one patch to the commit."""
    (tree / "evo.py").write_text("x = 2\n")
    (tree / "new.py").write_text("y = 1\n")
    git(tree, "add", "new.py")
    (tree / "data.txt").unlink()
    found = repository(tree)
    assert found is not None and found.patch is not None
    assert found.dirty is True
    git(tree, "reset", "--hard")
    (tree.parent / "patch").write_text(found.patch)
    git(tree, "apply", str(tree.parent / "patch"))
    assert (tree / "evo.py").read_text() == "x = 2\n"
    assert (tree / "new.py").read_text() == "y = 1\n"
    assert not (tree / "data.txt").exists()


def test_untracked_sources_are_named_and_ignored_ones_are_not(tree: Path) -> None:
    """Names of untracked sources in every folder are listed; pictures and ignored files are not."""
    (tree / ".gitignore").write_text("skip.py\n")
    git(tree, "add", ".gitignore")
    git(tree, "commit", "-m", "ignore")
    (tree / "deep" / "er").mkdir(parents=True)
    for name in ("deep/er/a b.py", "c.toml", "skip.py", "picture.png"):
        (tree / name).write_text("")
    found = repository(tree)
    assert found is not None
    assert found.untracked == ("c.toml", "deep/er/a b.py")
    assert found.dirty is False


def test_secrets_in_a_patch_are_removed(tree: Path) -> None:
    """A token, a password and a private key that were written into a file do not reach the patch."""
    (tree / "evo.py").write_text(
        f"token = '{TOKEN}'\npassword = 'swordfish'\n"
        "key = '''-----BEGIN RSA PRIVATE KEY-----\nMIIEvQ\n-----END RSA PRIVATE KEY-----'''\n"
    )
    found = repository(tree)
    assert found is not None and found.patch is not None
    assert REMOVED in found.patch
    assert not any(secret in found.patch for secret in (TOKEN, "swordfish", "MIIEvQ"))


def test_the_largest_changes_are_left_out_and_named(tree: Path) -> None:
    """A patch stays under its limit: what was left out is named with its size, the rest is there."""
    (tree / "data.txt").write_text("a line of data\n" * (PATCH_LIMIT // 10))
    (tree / "evo.py").write_text("x = 2\n")
    for name in ("one.txt", "two.txt"):
        (tree / name).write_text(f"{name} line of data\n" * (PATCH_LIMIT // 30))
    git(tree, "add", ".")
    found = repository(tree)
    assert found is not None and found.patch is not None
    assert len(found.patch.encode()) < PATCH_LIMIT + 1_000
    assert "left out: data.txt (" in found.patch
    assert found.patch.count("left out: ") == 2
    assert "+x = 2" in found.patch


def test_nothing_that_the_repository_configures_is_run(tree: Path) -> None:
    """Hook, monitor, pager, external diff, text conversion and clean filter leave no mark."""
    mark = tree.parent / "ran"
    script = tree.parent / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    script.chmod(0o755)
    (tree / ".gitattributes").write_text("*.txt diff=evil filter=evil\n*.py diff=other\n")
    git(tree, "add", ".gitattributes")
    git(tree, "commit", "-m", "attributes")
    for key in (
        *("core.fsmonitor", "core.pager", "diff.external", "diff.evil.textconv", "diff.other.command"),
        *("filter.evil.clean", "filter.evil.smudge", "filter.evil.process"),
    ):
        git(tree, "config", key, str(script))
    git(tree, "config", "filter.evil.required", "true")
    hook = tree / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    script.replace(hook)
    (tree.parent / "evil.sh").symlink_to(hook)
    (tree / "data.txt").write_text("other\n")
    (tree / "evo.py").write_text("x = 2\n")
    mark.unlink(missing_ok=True)
    found = repository(tree)
    assert found is not None and found.patch is not None
    assert "+other" in found.patch and "+x = 2" in found.patch
    assert not mark.exists()


def test_reading_changes_nothing_in_the_repository(tree: Path) -> None:
    """The index is not refreshed, so a git that runs at the same time is not disturbed."""
    os.utime(tree / "evo.py", (1, 1))
    before = (tree / ".git" / "index").read_bytes()
    repository(tree)
    assert (tree / ".git" / "index").read_bytes() == before


def test_a_repository_without_commit_is_told_as_such(tmp_path: Path) -> None:
    """Before the first commit there is a branch, and no commit and no patch."""
    git(tmp_path, "init")
    (tmp_path / "evo.py").write_text("x = 1\n")
    git(tmp_path, "add", "evo.py")
    found = repository(tmp_path)
    assert found is not None
    assert (found.commit, found.branch, found.dirty, found.patch) == (None, "trunk", True, None)


def test_a_detached_head_has_no_branch(tree: Path) -> None:
    """At a commit without a branch, the branch is None."""
    git(tree, "checkout", "--detach")
    found = repository(tree)
    assert found is not None and found.branch is None and found.commit is not None


def test_variables_of_git_do_not_point_elsewhere(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run started by a git hook, which sets GIT_DIR, reads the repository of its own folder."""
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    found = repository(tree)
    assert found is not None and found.commit is not None


def test_without_repository_or_git_there_is_none(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain folder, a folder that is not there, and a machine without git give None."""
    plain = tmp_path / "plain"
    plain.mkdir()
    assert repository(plain) is None
    assert repository(tmp_path / "gone") is None
    monkeypatch.setenv("PATH", str(plain))
    assert repository(tree) is None


def test_a_patch_loses_what_only_the_syntax_shows_to_be_secret(tree: Path) -> None:
    """A literal that no pattern ties to its name is removed, and the same word elsewhere stays."""
    (tree / "evo.py").write_text(
        "note = 'swordfish-like'\nname, password = [1, 'swordfish']\npassword = get('P') or 'mackerel'\n"
    )
    found = repository(tree)
    assert found is not None and found.patch is not None
    assert f"+note = 'swordfish-like'\n+name, password = [1, '{REMOVED}']\n" in found.patch
    assert f"+password = get('P') or '{REMOVED}'\n" in found.patch


def test_the_name_of_a_branch_is_text_without_tokens(tree: Path) -> None:
    """One with bytes that are not UTF-8 is told all the same, and a token in it is not."""
    git(tree, "checkout", "-q", "-b", os.fsdecode(b"odd\xff/ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4"))
    found = repository(tree)
    assert found is not None
    assert found.branch == f"odd\ufffd/{REMOVED}"
