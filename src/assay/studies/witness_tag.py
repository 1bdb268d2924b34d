"""A signed git tag as the witness of a registration.

The tag must have a good signature by git's own judgement (the keys that the user's git trusts), its
commit must contain the registration, and a remote must hold the very tag object. What the repository
itself configures to be run is not run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from assay.capture.secrets import strip_credentials
from assay.foundation.errors import IntegrityError
from assay.foundation.text import one_line, shortened
from assay.studies.answer import Answer
from assay.studies.registration import intact

TIMEOUT = 60.0
_SAFE = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.pager=cat"),
    *("-c", "protocol.ext.allow=never"),
)
# Of git's variables only those that say how the user reaches a remote and where the user's settings are.
_KEPT = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")
_PROGRAMS = (
    r"^(gpg\.(.*\.)?program|gpg\.ssh\.defaultkeycommand|core\.(sshcommand|gitproxy|askpass)"
    r"|credential\..*|remote\..*\.(uploadpack|vcs|proxy))$"
)
_LOCAL_URL = re.compile(r"^(/|\.|~|file:)|^[^:/]+(/|$)")


def check_tag(path: Path, tag: str, digest: str) -> Answer:
    """Say whether a signed tag that a remote holds witnesses the registration at `path`."""
    git = _Git.find(path.parent)
    if git is None:
        return Answer.no("git is not installed, or the registration is in no repository")
    for scope in ("--local", "--worktree"):
        own = git.text("config", scope, "--includes", "--name-only", "--get-regexp", _PROGRAMS)
        if own:
            return Answer.no(f"the repository itself configures a program, which is not run: {one_line(own)}")
    name = f"refs/tags/{tag}"
    if git.text("check-ref-format", name) is None:
        return Answer.no(f"'{tag}' is not the name of a tag")
    tag_object = git.line("rev-parse", "--verify", "--quiet", name)
    if tag_object is None:
        return Answer.no(f"there is no tag '{tag}'")
    if git.line("cat-file", "-t", tag_object) != "tag":
        return Answer.no(f"the tag '{tag}' is lightweight: it holds no signature")
    return (
        _unsigned(git, tag, tag_object) or _elsewhere(git, path, tag, digest) or _held(git, tag, tag_object)
    )


def _unsigned(git: _Git, tag: str, tag_object: str) -> Answer | None:
    done = git.run("verify-tag", tag_object)
    if done is None:
        return Answer.no(f"the signature of '{tag}' could not be checked in time")
    if done.returncode == 0:
        return None
    said = shortened(done.stderr.decode(errors="replace"), 200)
    return Answer.no(f"the tag '{tag}' has no good signature: {said or 'none was found'}")


def _elsewhere(git: _Git, path: Path, tag: str, digest: str) -> Answer | None:
    """Return what is wrong with the registration in the tagged commit, if anything is."""
    commit = git.line("rev-parse", "--verify", "--quiet", f"refs/tags/{tag}^{{commit}}")
    if commit is None:
        return Answer.no(f"the tag '{tag}' does not name a commit")
    try:
        inside = path.resolve().relative_to(git.folder.resolve()).as_posix()
    except ValueError:
        return Answer.no("the registration is not inside the repository")
    done = git.run("cat-file", "blob", f"{commit}:{inside}")
    if done is None or done.returncode:
        return Answer.no(f"the commit of '{tag}' does not contain {inside}")
    try:
        tagged = intact(done.stdout, Path(inside))
    except IntegrityError:
        return Answer.no(f"{inside} in the commit of '{tag}' is not an intact registration")
    if tagged.digest != digest:
        return Answer.no(f"{inside} in the commit of '{tag}' is another registration")
    return None


def _held(git: _Git, tag: str, tag_object: str) -> Answer:
    """Say which remote holds the tag object."""
    remotes = (git.text("remote") or "").split()
    if not remotes:
        return Answer.no("the repository has no remote: nobody else holds the tag")
    silent = []
    for remote in remotes:
        listed = git.text("ls-remote", "--", remote, f"refs/tags/{tag}")
        if listed is None:
            silent.append(remote)
        elif f"{tag_object}\trefs/tags/{tag}" in listed.splitlines():
            url = strip_credentials(git.line("remote", "get-url", "--", remote) or remote)
            local = "; it is a folder, and a witness only if others keep it" if _LOCAL_URL.match(url) else ""
            return Answer.yes(
                f"the remote {one_line(url)} holds the signed tag '{tag}', whose commit contains the "
                f"registration{local}"
            )
    if silent:
        return Answer.no(f"no answer from the remote {', '.join(silent)}; the tag was found on no other")
    return Answer.no(f"no remote holds this tag object: git push {remotes[0]} {tag}")


class _Git:
    """Git in one repository, with the user's own settings for signatures and remotes."""

    def __init__(self, program: str, folder: Path) -> None:
        self._start = [program, *_SAFE]
        self.folder = folder

    @classmethod
    def find(cls, folder: Path) -> _Git | None:
        """Return git in the work tree that holds `folder`, or None where there is none."""
        program = shutil.which("git")
        top = cls(program, folder).line("rev-parse", "--show-toplevel") if program else None
        return cls(program, Path(top)) if program and top else None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
        """Return what git answers, or None where it does not in time."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith("GIT_") or n in _KEPT}
        try:
            return subprocess.run(
                [*self._start, *arguments],
                cwd=self.folder,
                env={**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None

    def text(self, *arguments: str) -> str | None:
        """Return what git prints, or None where it fails."""
        done = self.run(*arguments)
        return done.stdout.decode(errors="replace") if done is not None and not done.returncode else None

    def line(self, *arguments: str) -> str | None:
        """Return the line that git prints, or None where it fails or prints nothing."""
        text = self.text(*arguments)
        return text.rstrip("\n") or None if text else None
