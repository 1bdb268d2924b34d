"""Which environment variables are ever written: names that decide results, ranks and places in a cluster."""

from __future__ import annotations

import os
from collections.abc import Mapping

PATH = "PYTHONPATH"
EXACT = (
    "CUDA_DEVICE_MAX_CONNECTIONS",
    "CUDA_DEVICE_ORDER",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_MODULE_LOADING",
    "CUDA_VISIBLE_DEVICES",
    "FLAGS_cudnn_deterministic",
    "GLIBC_TUNABLES",
    "GOTO_NUM_THREADS",
    "GROUP_RANK",
    "HIP_VISIBLE_DEVICES",
    "LANG",
    "LC_ALL",
    "LC_NUMERIC",
    "LD_PRELOAD",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "LOKY_MAX_CPU_COUNT",
    "MALLOC_ARENA_MAX",
    "NVIDIA_TF32_OVERRIDE",
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "PBS_JOBID",
    "PYTHONHASHSEED",
    "PYTHONMALLOC",
    "PYTHONOPTIMIZE",
    PATH,
    "PYTHONUTF8",
    "RANK",
    "ROCR_VISIBLE_DEVICES",
    "ROLE_RANK",
    "ROLE_WORLD_SIZE",
    "SKLEARN_ASSUME_FINITE",
    "SKLEARN_PAIRWISE_DIST_CHUNK_SIZE",
    "SKLEARN_WORKING_MEMORY",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_CPUS_PER_TASK",
    "SLURM_GPUS",
    "SLURM_GPUS_ON_NODE",
    "SLURM_JOB_ID",
    "SLURM_JOB_NODELIST",
    "SLURM_JOB_NUM_NODES",
    "SLURM_JOB_PARTITION",
    "SLURM_LOCALID",
    "SLURM_NODEID",
    "SLURM_NTASKS",
    "SLURM_PROCID",
    "SLURM_RESTART_COUNT",
    "TORCHELASTIC_MAX_RESTARTS",
    "TORCHELASTIC_RESTART_COUNT",
    # By name, not by prefix: Terraform's variables begin alike.
    "TF_CUDNN_DETERMINISTIC",
    "TF_CUDNN_USE_AUTOTUNE",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_XLA_FLAGS",
    "TZ",
    "VECLIB_MAXIMUM_THREADS",
    "WORLD_SIZE",
)
PREFIXES = (
    "ATEN_",
    "BLIS_",
    "CUBLAS_",
    "CUBLASLT_",
    "CUDNN_",
    "DNNL_",
    "GLOO_",
    "GOMP_",
    "JAX_",
    "KMP_",
    "MIOPEN_",
    "MKL_",
    "NCCL_",
    "NPY_",
    "NUMBA_",
    "NUMEXPR_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "PYTORCH_",
    "TORCHDYNAMO_",
    "TORCHINDUCTOR_",
    "TORCH_",
    "TRITON_",
    "XLA_",
)
_ADDRESSES = ("ADDR", "HOST", "COMM_ID", "URL", "ENDPOINT")
_SIZE = 2000  # characters of one value


def is_listed(name: str) -> bool:
    """Say whether a variable of this name may be written; addresses of machines never are."""
    if name in EXACT:
        return True
    return name.startswith(PREFIXES) and not any(part in name for part in _ADDRESSES)


def in_force(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the listed variables of this process, or of the mapping, by name and without secrets."""
    from .secrets import REMOVED, looks_secret

    given = os.environ if environment is None else environment
    found = {}
    for name in sorted(given):
        if is_listed(name):
            value = given[name] if name != PATH else _without_hook(given[name])
            if name == PATH and not value:
                continue
            found[name] = REMOVED if looks_secret(name, value) else value[:_SIZE]
    return found


def _without_hook(path: str) -> str:
    """Return a search path without the folder that starts the hook."""
    site = os.path.join(os.path.dirname(os.path.abspath(__file__)), "site")
    return os.pathsep.join(part for part in path.split(os.pathsep) if part and os.path.abspath(part) != site)
