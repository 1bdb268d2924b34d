"""Reads all that decides the bits of a result on this machine, in this process."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl  # type: ignore[import-untyped]  # it ships no types

from assay.capture.secrets import REMOVED, looks_secret
from assay.provenance.components import Arithmetic

LIBRARIES = ("numpy", "scipy")

# An exact list, so that nothing else of the process's variables is ever recorded.
SETTINGS = (
    "ATEN_CPU_CAPABILITY",
    "BLIS_ARCH_TYPE",
    "BLIS_NUM_THREADS",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "GLIBC_TUNABLES",
    "GOTO_NUM_THREADS",
    "KMP_DETERMINISTIC_REDUCTION",
    "MKL_CBWR",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_DOMAIN_NUM_THREADS",
    "MKL_DYNAMIC",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_NUM_THREADS",
    "MKL_THREADING_LAYER",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "NUMBA_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "NUMBA_DISABLE_JIT",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_DYNAMIC",
    "OMP_MAX_ACTIVE_LEVELS",
    "OMP_NESTED",
    "OMP_NUM_THREADS",
    "OMP_PLACES",
    "OMP_PROC_BIND",
    "OMP_SCHEDULE",
    "OMP_THREAD_LIMIT",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_DEFAULT_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTHONOPTIMIZE",
    "TF_CUDNN_DETERMINISTIC",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "VECLIB_MAXIMUM_THREADS",
    "XLA_FLAGS",
)


@cache
def arithmetic() -> Arithmetic:
    """Return what decides bits in this process; read once, at the first call.

    The linear algebra and its threads are those that NumPy itself loads: what else happens to be
    imported at the moment of the call is left out, so that every process of one installation
    answers the same. The versions of other libraries are in the identity of what uses them.
    """
    pools = _pools_of_numpy()
    return Arithmetic(
        interpreter=f"{platform.python_implementation()} {_python_version()} ({platform.python_compiler()})",
        machine=platform.machine(),
        libc=" ".join(part for part in platform.libc_ver() if part) or None,
        libraries=_libraries(),
        blas=tuple(sorted(_described(pool) for pool in pools)),
        threads={str(pool["internal_api"]): int(pool["num_threads"]) for pool in pools},
        capability=_capability(),
        settings=_settings(),
    )


def _python_version() -> str:
    level = sys.version_info.releaselevel
    return platform.python_version() if level == "final" else f"{platform.python_version()} {level}"


def _libraries() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _pools_of_numpy() -> list[dict[str, Any]]:
    """Return the thread pools of the libraries that come with NumPy or from outside site-packages."""
    site = Path(np.__file__).parent.parent
    found = []
    for pool in threadpoolctl.threadpool_info():
        path = Path(pool["filepath"])
        bundled = path.is_relative_to(site)
        ours = path.relative_to(site).parts[0].startswith("numpy") if bundled else pool["user_api"] == "blas"
        if ours:
            found.append(pool)
    return found


def _described(pool: dict[str, Any]) -> str:
    """Return a thread pool as people read it, such as 'openblas 0.3.31 (pthreads, SkylakeX)'."""
    details = ", ".join(str(pool[key]) for key in ("threading_layer", "architecture") if pool.get(key))
    name = f"{pool['internal_api']} {pool.get('version') or 'of unknown version'}"
    return f"{name} ({details})" if details else name


def _capability() -> tuple[str, ...]:
    """Return the processor features that NumPy was built for, or found and dispatches to."""
    config: Any = np.show_config(mode="dicts")
    extensions = config.get("SIMD Extensions", {}) if isinstance(config, dict) else {}
    return tuple(sorted({*extensions.get("baseline", ()), *extensions.get("found", ())}))


def _settings() -> dict[str, str]:
    found = {name: os.environ[name] for name in SETTINGS if name in os.environ}
    return {name: REMOVED if looks_secret(name, value) else value for name, value in found.items()}
