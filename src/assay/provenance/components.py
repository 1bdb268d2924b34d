"""The five components of a run: code, data, environment, hyperparameters, seeds.

What fixes the result is *identity* (digested, compared, never guessed); what shows how it came to
be is *evidence* (kept, shown, in no digest of results). What is unknown is None.
"""

from __future__ import annotations

from typing import Any

import msgspec

from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Budget
from assay.foundation.digest import digest_value
from assay.foundation.seeding import SCHEME, StreamUse

Plain = Any  # a value of JSON: None, bool, int, float, str, list, dict


class CodeIdentity(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one named component runs.

    `role` is 'strategy', 'loop', 'command', 'space', 'benchmark' or 'driver'. For a component of an installed
    distribution: its name, version and declared revision (for Assay's own components the revision
    alone: golden trajectories in its tests hold it to the code). For the user's files: `files`
    maps each file of the first-party import closure to the digest of its syntax tree without
    docstrings and comments. `libraries` are distributions whose version decides the numbers.
    """

    role: str
    name: str
    revision: int | None = None
    distribution: str | None = None
    version: str | None = None
    files: dict[str, str] = {}
    libraries: dict[str, str] = {}


class DataIdentity(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Which numbers a run reads: the benchmark, and the digests of its card and open columns."""

    benchmark: str
    card: str
    table: str


class SeedIdentity(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The root seed, the replicate, and the scheme that turns names into streams."""

    root: int
    replicate: int
    scheme: str = SCHEME


class ProtocolIdentity(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is asked and how it is charged. `stem` leaves out the budget."""

    signal: str
    policy: str
    fidelity: Fidelity
    budget: Budget
    simulated_workers: int
    crossing: str


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What was run, in its parts. Labels, claims and the study's name are not in it."""

    code: tuple[CodeIdentity, ...]
    data: DataIdentity
    hyperparameters: dict[str, Plain]
    seeds: SeedIdentity
    protocol: ProtocolIdentity


class ComponentDigests(msgspec.Struct, frozen=True, kw_only=True):
    """The digest of each part of an identity, and the scheme by which the run id is made of them."""

    code: str
    data: str
    hyperparameters: str
    seeds: str
    protocol: str
    scheme: int = 1

    def run_id(self) -> str:
        """Return the id of the run: the digest of this."""
        return digest_value(self)

    def parts(self) -> dict[str, str]:
        """Return the digests by the names of the parts."""
        return {name: digest for name, digest in msgspec.structs.asdict(self).items() if name != "scheme"}


class SourceFile(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A file of the user's that a run loaded: its path as shown, and its content as an object."""

    path: str
    content: str


class Repository(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The state of the version control around the user's files. Credentials are removed."""

    commit: str | None
    branch: str | None
    remote: str | None
    dirty: bool | None
    patch: str | None = None
    untracked: tuple[str, ...] = ()


class CodeEvidence(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What stood on disk when the code ran, for people and for `verify`; not identity."""

    assay_version: str
    files: tuple[SourceFile, ...] = ()
    installed: dict[str, str] = {}
    repository: Repository | None = None


class Arithmetic(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All that decides the bits of a result: interpreter, numerical libraries, threads, processor.

    `settings` holds the variables of an allow-list that were set, such as OMP_NUM_THREADS.
    """

    interpreter: str
    machine: str
    libc: str | None
    libraries: dict[str, str]
    blas: tuple[str, ...]
    threads: dict[str, int]
    capability: tuple[str, ...]
    settings: dict[str, str]
    device: str = "cpu"


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run ran: arithmetic, operating system, processor, memory, and every distribution."""

    arithmetic: Arithmetic
    system: str
    kernel: str
    processor: str | None
    cores: int | None
    memory_bytes: int | None
    python: str
    virtual_environment: bool
    packages: dict[str, str]


class Hyperparameter(msgspec.Struct, frozen=True, kw_only=True):
    """One resolved hyperparameter; `default` tells the component's own value from a chosen one."""

    name: str
    value: Plain
    default: bool


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about how one run came to be; what `assay show` prints."""

    identity: Identity
    evidence: CodeEvidence
    environment: Environment
    hyperparameters: tuple[Hyperparameter, ...]
    streams: tuple[StreamUse, ...]
