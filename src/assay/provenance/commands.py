"""Everything known about how one recorded command came to be; what `assay show` prints of it.

Places are written as people read them: a file of the user's as a path relative to the root folder of
the run (the top of its repository, or its working folder), and beyond that as `outside/N/...`, where N
counts the other folders that code was loaded from.
"""

from __future__ import annotations

import msgspec

from assay.provenance.components import Environment, Plain, Repository

# Where a value was seen, in `Setting.source`.
SOURCES = (
    "arguments",
    "configuration",
    "optimizer",
    "scheduler",
    "loader",
    "module",
    "loss",
    "clipping",
    "amp",
    "initialisation",
    "compile",
    "estimator",
    "logged",
)


class CodeFile(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A file of code that the run loaded, or that lay there uncommitted.

    `role` is 'program', 'module', 'argument', 'configuration', 'notebook', 'changed' or 'untracked'.
    `digest` is of the bytes that ran; `content` is the object that holds them without their secrets,
    and None where the file was too large to keep. `syntax` is the digest of its syntax tree without
    docstrings and comments. `changed_later` says that the file was another one when it was copied.
    """

    path: str
    role: str
    digest: str
    size: int
    content: str | None = None
    syntax: str | None = None
    module: str | None = None
    scrubbed: bool = False
    changed_later: bool = False


class DataFile(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A file that the run read, or a path that was declared as its data.

    `digest` of a folder is that of its tree, whose nodes are objects of the store. `order` counts the
    files in the order in which they were first opened. `content` is the object that holds a small file,
    and for a folder the one that lists its files in that order, one a line.
    """

    path: str
    digest: str
    size: int
    declared: bool = False
    folder: bool = False
    order: int | None = None
    content: str | None = None


class Output(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A file that the run wrote and that was there when it ended; `digest` is None where it was gone."""

    path: str
    digest: str | None
    size: int
    declared: bool = False


class Setting(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One hyperparameter as an object of the program really got it.

    `path` reads like 'optimizer 0 SGD.group 0.lr' or 'module net.bn1 BatchNorm2d.eps'. `named` says
    whether the program named the value: False is a hidden default, None not known. `where` is the line
    of the user's code at which the object was made.
    """

    path: str
    value: Plain
    source: str
    named: bool | None = None
    where: str = ""


class Randomness(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One source of randomness and its first use.

    `kind` is 'seeded', 'unseeded', 'process-wide', 'entropy', 'time as seed', 'hash order' or 'worker
    stream'; `generator` such as 'python', 'numpy', 'torch', 'numpy.Generator', 'os.urandom', 'uuid4'.
    `when` is 'import', 'before the first step' or 'step 12'; `count` how often, where it was counted.
    """

    kind: str
    generator: str
    value: Plain = None
    where: str = ""
    when: str = ""
    count: int | None = None


class ProcessSeen(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A process of the run: number 0 is the first; `role` is 'main', 'rank 1', 'loader worker', 'child'."""

    number: int
    parent: int | None
    role: str
    program: str
    observed: bool = True
    ended: bool = True


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The split and the order of samples that a data loader made, as fingerprints.

    `split` is of the indices of a subset, None where the data set is whole; `orders` holds that of each
    epoch, at most the first 100.
    """

    loader: int
    dataset: str
    length: int | None
    split: str | None
    orders: tuple[str, ...]
    epochs: int


class CommandProvenance(msgspec.Struct, frozen=True, kw_only=True):
    """How one recorded command came to be.

    `argv` is without secrets, `removed` the places in it where one stood. `folder` is the working folder
    relative to the root; `outside` the other folders that code was loaded from, by their digest-free
    names. `numerics` are settings in force, as the process saw them, by names such as
    'torch.num_threads'; `variables` the environment variables of an allow-list. `not_observed` says in
    sentences what could not be seen.
    """

    argv: tuple[str, ...]
    removed: tuple[int, ...] = ()
    folder: str = "."
    root: str = ""
    outside: tuple[str, ...] = ()
    interpreter: str = ""
    level: str = "steps"
    code: tuple[CodeFile, ...] = ()
    left_out: tuple[str, ...] = ()
    repository: Repository | None = None
    data: tuple[DataFile, ...] = ()
    sampling: tuple[Sampling, ...] = ()
    settings: tuple[Setting, ...] = ()
    randomness: tuple[Randomness, ...] = ()
    environment: Environment | None = None
    numerics: dict[str, Plain] = {}
    variables: dict[str, str] = {}
    devices: tuple[str, ...] = ()
    distributed: dict[str, Plain] = {}
    container: str | None = None
    scheduler: dict[str, str] = {}
    processes: tuple[ProcessSeen, ...] = ()
    not_observed: tuple[str, ...] = ()
