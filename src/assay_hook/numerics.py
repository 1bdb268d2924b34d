"""Writes the numerical settings in force in this process, as its libraries themselves report them.

Only libraries that the program imported are asked, and only by calls that set nothing up: no device is
initialised, no library is loaded, and nothing that would print a warning is read.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from . import process, rows, torch_numerics, variables

_told: dict[str, Any] = {}
_told_variables: dict[str, str] = {}

_VERSIONS = (
    "numpy scipy sklearn pandas torch torchvision torchaudio transformers accelerate lightning jax jaxlib"
    " tensorflow keras xgboost lightgbm catboost numba numexpr joblib PIL cv2 datasets tokenizers triton"
)
# (name, part of the library's file name, getters of its threads, getters of the kernels it chose)
_LIBRARIES = (
    (
        "openblas",
        "openblas",
        (
            "scipy_openblas_get_num_threads64_",
            "scipy_openblas_get_num_threads",
            "openblas_get_num_threads64_",
            "openblas_get_num_threads",
        ),
        (
            "scipy_openblas_get_corename64_",
            "scipy_openblas_get_corename",
            "openblas_get_corename64_",
            "openblas_get_corename",
        ),
    ),
    ("mkl", "libmkl_rt", ("MKL_Get_Max_Threads", "mkl_get_max_threads"), ()),
    ("blis", "libblis", ("bli_thread_get_num_threads",), ()),
    ("openmp", "omp", ("omp_get_max_threads",), ()),
)
_OPENMP = ("libgomp", "libiomp", "libomp", "vcomp")


@rows.guarded
def note(when: str) -> None:
    """Write what changed since the last time; the first time, all. `when` is 'first step' or 'exit'."""
    found = in_force()
    changed = {name: value for name, value in found.items() if name not in _told or _told[name] != value}
    if changed:
        _told.update(changed)
        rows.write({"k": "numerics", "when": when, "values": changed})
    listed = variables.in_force()
    if listed != _told_variables:
        _told_variables.clear()
        _told_variables.update(listed)
        rows.write({"k": "variables", "values": listed})


def exit_row() -> None:
    """Write what changed until the end."""
    note("exit")


def uninstall() -> None:
    """Forget what was written; another recording of this process writes all of it again."""
    _told.clear()
    _told_variables.clear()


rows.fork_hooks.append(uninstall)


def in_force() -> dict[str, Any]:
    """Return all settings by name."""
    values: dict[str, Any] = {}
    gather(values, "process", _process())
    for name in _VERSIONS.split():
        version = getattr(sys.modules.get(name), "__dict__", {}).get("__version__")
        if isinstance(version, str) and process.is_programs(name):
            values[f"{name}.version"] = str(version)
    numpy = sys.modules.get("numpy")
    if numpy is None or process.is_programs("numpy"):
        if numpy is not None:
            gather(values, "numpy", _numpy())
        values.update(_libraries())
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "default_generator"):
        for prefix, settings in torch_numerics.settings(torch):
            gather(values, prefix, settings)
        # Torch carries its own MKL inside; one that is a library of its own was asked itself.
        values.setdefault("mkl.threads", values.pop("torch.mkl_threads", None))
    return {name: value for name, value in values.items() if value is not None}


def gather(values: dict[str, Any], prefix: str, settings: Iterator[tuple[str, Callable[[], Any]]]) -> None:
    """Call each getter; one that this version does not have, or that refuses, is left out."""
    for name, get in settings:
        try:
            value = get()
        except Exception:  # noqa: BLE001, S112  getters come and go with versions
            continue
        if value is not None:
            values[f"{prefix}.{name}"] = rows.plain(value)


def _none() -> None:
    return None


def _process() -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "machine", lambda: os.uname()[4]
    yield "libc", lambda: os.confstr("CS_GNU_LIBC_VERSION")
    yield "processors", lambda: len(os.sched_getaffinity(0))
    yield "optimize", lambda: sys.flags.optimize
    yield "hash_randomization", lambda: bool(sys.flags.hash_randomization)
    # Set by `torch.set_flush_denormal`, or by a library that was built with fast mathematics.
    yield "flush_denormal", lambda: 5e-324 * float(1) == 0.0
    yield "gil", getattr(sys, "_is_gil_enabled", _none)


# -- NumPy --------------------------------------------------------------------------------------------------


def _numpy() -> Iterator[tuple[str, Callable[[], Any]]]:
    config = getattr(sys.modules.get("numpy.__config__"), "CONFIG", None)
    if isinstance(config, dict):
        needed = config.get("Build Dependencies", {})
        yield "blas", lambda: _described(needed["blas"])
        yield "lapack", lambda: _described(needed["lapack"])
        yield "build", lambda: _digest(repr(config))
    core = sys.modules.get("numpy._core._multiarray_umath") or sys.modules.get("numpy.core._multiarray_umath")
    yield "cpu_baseline", lambda: list(core.__cpu_baseline__)  # type: ignore[union-attr]
    yield "cpu_features", lambda: _dispatched(core)


def _described(library: Any) -> str:
    """Return a library of a build as people read it."""
    parts = (library.get("name"), library.get("version"), library.get("openblas configuration"))
    return " ".join(str(part) for part in parts if part and part != "unknown")


def _dispatched(core: Any) -> list[str]:
    """Return the processor features that NumPy was built for and found, those it may choose kernels by."""
    return [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# -- Libraries that were loaded by others -------------------------------------------------------------------


def _libraries() -> dict[str, Any]:
    """Return threads and kernels of the linear algebra and OpenMP libraries in this process.

    The same library may be there several times, one that NumPy brought and one of SciPy; where they differ,
    the value is a mapping by file name.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in _mapped():
        file = os.path.basename(path)
        for name, part, threads, kernels in _LIBRARIES:
            if part not in file or (name == "openmp" and not file.startswith(_OPENMP)):
                continue
            found.setdefault(f"{name}.threads", {})[file] = _ask(path, threads, ctypes.c_int)
            if kernels:
                found.setdefault(f"{name}.kernels", {})[file] = _ask(path, kernels, ctypes.c_char_p)
    values = {}
    for name, answers in found.items():
        known = {file: value for file, value in sorted(answers.items()) if value is not None}
        if known:
            first = next(iter(known.values()))
            values[name] = first if all(value == first for value in known.values()) else known
    return values


def _mapped() -> list[str]:
    """Return the files of the shared libraries in this process that may be numerical."""
    paths = set()
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
            for line in file:
                start = line.find("/")
                path = line[start:].rstrip("\n") if start >= 0 else ""
                if ".so" in path and any(part in path for part in ("blas", "mkl", "omp", "blis")):
                    paths.add(path)
    except OSError:  # no such folder: another system
        return []
    return sorted(paths)


def _ask(path: str, names: tuple[str, ...], kind: Any) -> Any:
    """Call the first function of these names in a library that is loaded already; None if it has none."""
    try:
        library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
    except (OSError, AttributeError):
        return None
    for name in names:
        function = getattr(library, name, None)
        if function is not None:
            function.restype = kind
            function.argtypes = []
            value = function()
            return value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return None
