"""A time-stamp reply (RFC 3161) as the witness of a registration, checked by openssl."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from assay.foundation.errors import StoreError, UnavailableError
from assay.foundation.text import shortened
from assay.studies.answer import Answer

TIMEOUT = 60.0
DIGESTS = ("sha256", "sha384", "sha512")

_TIME = re.compile(r"^Time stamp: (\w{3}) +(\d+) ([\d:]+)(?:\.\d+)? (\d{4}) GMT$", re.MULTILINE)
_DIGEST = re.compile(r"^Hash Algorithm: (\S+)$", re.MULTILINE)


def check_time_stamp(path: Path, reply: Path, ca: Path) -> Answer:
    """Say whether an authority that `ca` certifies has time-stamped the very bytes at `path`."""
    if shutil.which("openssl") is None:
        return Answer.no("openssl is not installed: the time-stamp was not checked")
    for file, what in ((reply, "the time-stamp reply"), (ca, "the file of certificates")):
        if not file.is_file():
            return Answer.no(f"{what} is not there: {file}")
    done = _openssl("ts", "-verify", "-data", str(path.resolve()), "-in", str(reply), "-CAfile", str(ca))
    if done is None or done.returncode:
        said = (
            shortened(done.stderr.decode(errors="replace"), 200) if done is not None else "no answer in time"
        )
        return Answer.no(f"openssl does not verify the time-stamp: {said}")
    shown = _openssl("ts", "-reply", "-in", str(reply), "-text")
    text = shown.stdout.decode(errors="replace") if shown is not None else ""
    digest, moment = _DIGEST.search(text), _moment(text)
    if digest is None or digest[1].lower() not in DIGESTS:
        return Answer.no(
            f"the time-stamp is over the digest {digest[1] if digest else 'unknown'}, which is weak"
        )
    if moment is None:
        return Answer.no("the time-stamp names no moment that can be read")
    return Answer.yes(f"a time-stamp authority saw this file at {moment}", moment)


def write_query(path: Path, query: Path) -> None:
    """Write the time-stamp query for the bytes at `path`, to be sent to an authority.

    Raises `UnavailableError` without openssl, `StoreError` where it cannot write.
    """
    if shutil.which("openssl") is None:
        raise UnavailableError("a time-stamp query needs openssl", hint="install openssl")
    done = _openssl(
        "ts", "-query", "-data", str(path.resolve()), "-sha256", "-cert", "-out", str(query.resolve())
    )
    if done is None or done.returncode:
        said = (
            shortened(done.stderr.decode(errors="replace"), 200) if done is not None else "no answer in time"
        )
        raise StoreError("the time-stamp query cannot be written", where=str(query), why=said)


def _openssl(*arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    try:
        return subprocess.run(
            ["openssl", *arguments],
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _moment(text: str) -> str | None:
    """Return the moment of a reply as ISO 8601 in UTC, from the words of openssl."""
    found = _TIME.search(text)
    if found is None:
        return None
    month, day, clock, year = found.groups()
    try:
        moment = datetime.strptime(f"{month} {day} {clock} {year}", "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
