"""The identity of a command: what was run, apart from where and how it went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from assay.foundation.digest import digest_value
from assay.provenance.commands import CodeFile, DataFile
from assay.provenance.components import ComponentDigests

PROTOCOL = "command-v1"
BLOCK = "block-v1"  # of a part of a process, which has a name or arguments of its own
_RUN = frozenset({"program", "module", "argument", "notebook"})


def components_of(
    *,
    argv: Sequence[str],
    arguments: str,
    code: Iterable[CodeFile],
    data: Iterable[DataFile],
    hash_seed: str | None,
    block: str = "",
) -> ComponentDigests:
    """Return the digests of what was run.

    `arguments` is the digest of the whole command line, `block` that of the name of a block or of a function
    and its arguments, empty for a whole command. Code counts by its syntax where it is Python:
    comments and layout change nothing. Uncommitted files that were not loaded are no part of it.
    """
    files = list(code)
    return ComponentDigests(
        code=digest_value(
            {
                "program": PurePath(argv[0]).name if argv else "",
                "files": sorted((one.path, one.syntax or one.digest) for one in files if one.role in _RUN),
            }
        ),
        data=digest_value(sorted((one.path, one.digest) for one in data)),
        hyperparameters=digest_value(
            {
                "arguments": arguments,
                "configurations": sorted(
                    (one.path, one.digest) for one in files if one.role == "configuration"
                ),
                **({"block": block} if block else {}),
            }
        ),
        seeds=digest_value({"hash_seed": hash_seed}),
        protocol=digest_value(BLOCK if block else PROTOCOL),
    )
