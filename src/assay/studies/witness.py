"""Outside witnesses of a registration, checked here and now: a signed tag, or a time-stamp.

A registration is 'anchored' only if this program has itself checked a witness that the author does not
hold alone; in every other case it is 'self-declared', with the reason.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from assay.foundation import clock
from assay.foundation.digest import short
from assay.foundation.documents import read_document, write_document
from assay.foundation.errors import UsageError
from assay.studies.registration import SUFFIX, Registration, load_registration
from assay.studies.witness_tag import check_tag
from assay.studies.witness_time import check_time_stamp

ANCHORED, SELF_DECLARED = "anchored", "self-declared"
KINDS = ("tag", "timestamp")
_HINT = "tag:NAME, or timestamp:FILE.tsr with --ca FILE"


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a registration is 'anchored' or 'self-declared', and why.

    `witness` names the witness that was asked. `when` is the moment that a time-stamp authority vouches
    for; a tag vouches for none, since its date is the author's own.
    """

    state: str
    why: str
    witness: str = ""
    when: str | None = None


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """Where the witness of a registration is found; format 1, `NAME.anchor.json` beside it.

    It is no evidence: whoever reads it asks the witness again.
    """

    registration: str
    witness: str
    ca: str | None
    checked: str
    format: int = 1


def check_witness(path: Path, witness: str, ca: Path | None = None) -> Status:
    """Ask a witness, 'tag:NAME' or 'timestamp:FILE', about the registration at `path`.

    A time-stamp is checked with the certificates in `ca`; its file is looked for beside the
    registration if the name is relative and not found here. Raises `UsageError` for another witness and
    where there is no registration, `CorruptError` for one that was edited.
    """
    registration = _loaded(path)
    kind, _, name = witness.partition(":")
    if kind not in KINDS or not name:
        raise UsageError(f"unknown witness '{witness}'", hint=_HINT)
    if kind == "tag":
        answer = check_tag(path, name, registration.digest)
    elif ca is None:
        raise UsageError(
            "a time-stamp is checked with the certificate of its authority",
            where=witness,
            hint="--ca FILE names a file of certificates (PEM) that you trust",
        )
    else:
        answer = check_time_stamp(path, _found(path, name), _found(path, str(ca)))
    return Status(
        state=ANCHORED if answer.holds else SELF_DECLARED,
        why=answer.why,
        witness=witness,
        when=answer.when,
    )


def keep_anchor(path: Path, status: Status, ca: Path | None) -> Path:
    """Note beside a registration which witness vouches for it, and return the note's path."""
    anchor = Anchor(
        registration=_loaded(path).digest,
        witness=status.witness,
        ca=str(ca) if ca else None,
        checked=clock.now(),
    )
    noted = _anchor_path(path)
    write_document(noted, anchor)
    return noted


def registration_status(path: Path) -> Status:
    """Return the status of the registration at `path`, asking the witness that was noted for it again."""
    registration = _loaded(path)
    anchor = read_document(_anchor_path(path), Anchor, 1, "an anchor")
    if anchor is None:
        return Status(state=SELF_DECLARED, why="no outside witness was named")
    if anchor.registration != registration.digest:
        why = f"the witness was asked about another registration, {short(anchor.registration)}"
        return Status(state=SELF_DECLARED, why=why, witness=anchor.witness)
    return check_witness(path, anchor.witness, Path(anchor.ca) if anchor.ca else None)


def _loaded(path: Path) -> Registration:
    registration = load_registration(path)
    if registration is None:
        raise UsageError("there is no registration", where=str(path), hint="assay register STUDY writes one")
    return registration


def _anchor_path(path: Path) -> Path:
    name = path.name
    if not name.endswith(SUFFIX):
        return path.with_name(f"{name}.anchor.json")
    return path.with_name(f"{name.removesuffix(SUFFIX)}.anchor.json")


def _found(path: Path, name: str) -> Path:
    """Return a file that is named from here, or else from the folder of the registration."""
    here = Path(name)
    beside = path.parent / name
    return beside.resolve() if not here.exists() and beside.exists() else here.resolve()
