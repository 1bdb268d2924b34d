"""Every error that Assay raises on purpose.

    AssayError
    ├── UsageError             the call itself is wrong
    │   └── UnknownNameError   a name that nothing answers to; suggests the nearest
    ├── StudyError             a study file, with file, key path and line
    ├── CapabilityError        a strategy asks for what a space cannot do
    ├── UnavailableError       a benchmark lacks what is asked of it
    ├── CodeError              user code that cannot be identified, loaded or run
    ├── IntegrityError         bytes on disk are not what was written
    │   ├── TruncatedError     a file ends too early
    │   ├── CorruptError       a digest or checksum does not match
    │   ├── VersionError       a format newer than this Assay
    │   └── UnsafePickleError  a pickle names something other than plain data
    └── StoreError             a store that cannot be read or written: space, permission, lock

A user's mistake prints as one message and never as a traceback:

    what is wrong
      where: file, key path or object
      why:   the cause
      hint:  what to type or change
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AssayError(Exception):
    """The base of every deliberate error: what, where, why and a hint.

    `exit_status` is what a command ends with: 2 for a mistake of the caller's, 1 for anything else.
    """

    exit_status = 1

    def __init__(
        self, what: str, *, where: str | None = None, why: str | None = None, hint: str | None = None
    ) -> None:
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what]
        for label, text in (("where:", self.where), ("why:", self.why), ("hint:", self.hint)):
            if text:
                lines.append(f"  {label:<6} {text}")
        return "\n".join(lines)

    def at(self, where: str) -> AssayError:
        """Return the same error with `where` before its own place, unless that names the file already."""
        file = where.partition(":")[0].partition(",")[0]
        place = where if self.where is None else f"{where}; {self.where}"
        named = self.where is not None and file in self.where
        return _rebuild(type(self), self.what, self.where if named else place, self.why, self.hint)

    def hinting(self, hint: str) -> AssayError:
        """Return the same error with another hint."""
        return _rebuild(type(self), self.what, self.where, self.why, hint)

    def one_line(self) -> str:
        """Return what, where and why in one line, for a list of findings."""
        return ": ".join(part for part in (self.what, self.where, self.why) if part)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.where, self.why, self.hint))


def _rebuild(
    kind: type[AssayError], what: str, where: str | None, why: str | None, hint: str | None
) -> AssayError:
    error = kind.__new__(kind)
    AssayError.__init__(error, what, where=where, why=why, hint=hint)
    return error


class UsageError(AssayError):
    """The call itself is wrong."""

    exit_status = 2


class UnknownNameError(UsageError):
    """A name that nothing answers to; the nearest known name is the hint."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: str | None = None) -> None:
        known = sorted(known)
        near = nearest(name, known)
        hint = f"did you mean '{near}'?" if near else f"known: {', '.join(known) or 'none'}"
        super().__init__(f"unknown {kind} '{name}'", where=where, hint=hint)
        self.name = name


class StudyError(AssayError):
    """A study file that cannot be used as written."""

    exit_status = 2


class CapabilityError(AssayError):
    """A strategy asks for what a search space cannot do."""

    exit_status = 2


class UnavailableError(AssayError):
    """A benchmark lacks what is asked of it, as its card says."""

    exit_status = 2


class CodeError(AssayError):
    """User code that cannot be identified, loaded or run."""

    exit_status = 2


class IntegrityError(AssayError):
    """Bytes on disk are not what was written."""


class TruncatedError(IntegrityError):
    """A file ends too early."""


class CorruptError(IntegrityError):
    """A digest or checksum does not match."""


class VersionError(IntegrityError):
    """A format that is newer than this version of Assay."""


class UnsafePickleError(IntegrityError):
    """A pickle names something other than plain data."""


class StoreError(AssayError):
    """A store that cannot be read or written."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like `name`, or None when none is close."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None
