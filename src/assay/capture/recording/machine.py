"""Reads where a command runs, beside its own process: devices, container, scheduler job."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from assay.capture.recording.rows import Row
from assay.capture.secrets import scrub

_DEVICES_WITHIN = 5.0  # seconds
_QUERY = "name,driver_version,memory.total,compute_mode,mig.mode.current"
# Nothing else of a scheduler's variables is recorded.
_JOB = (
    "SLURM_JOB_ID",
    "SLURM_JOB_NAME",
    "SLURM_JOB_PARTITION",
    "SLURM_JOB_NODELIST",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_NNODES",
    "SLURM_NTASKS",
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "SLURM_CPUS_PER_TASK",
    "SLURM_CPUS_ON_NODE",
    "SLURM_GPUS_ON_NODE",
    "SLURM_MEM_PER_NODE",
    "SLURM_RESTART_COUNT",
    "PBS_JOBID",
    "PBS_JOBNAME",
    "PBS_QUEUE",
    "PBS_ARRAY_INDEX",
    "PBS_NCPUS",
    "LSB_JOBID",
    "LSB_JOBNAME",
    "LSB_JOBINDEX",
    "LSB_QUEUE",
    "LSB_DJOB_NUMPROC",
    "COBALT_JOBID",
    "FLUX_JOB_ID",
)
# What steers collectives and devices; the rest of the allow-list is that of the arithmetic.
_MORE_VARIABLES = re.compile(
    r"NCCL_(?:ALGO|PROTO|MIN_NCHANNELS|MAX_NCHANNELS|NTHREADS|P2P_DISABLE|SHM_DISABLE|IB_DISABLE)"
    r"|CUDA_(?:VISIBLE_DEVICES|DEVICE_ORDER|LAUNCH_BLOCKING|MODULE_LOADING)|HIP_VISIBLE_DEVICES"
    r"|PYTORCH_(?:CUDA_ALLOC_CONF|ALLOC_CONF|NVML_BASED_CUDA_CHECK|ENABLE_MPS_FALLBACK)"
    r"|TORCH_(?:NCCL_\w+|COMPILE_DISABLE|ALLOW_TF32_CUBLAS_OVERRIDE)|TORCHINDUCTOR_\w+"
    r"|OMP_WAIT_POLICY|KMP_AFFINITY|KMP_BLOCKTIME|MALLOC_\w+|LD_PRELOAD|PYTHON(?:DONTWRITEBYTECODE|UNBUFFERED)"
    r"|RANK|LOCAL_RANK|WORLD_SIZE|LOCAL_WORLD_SIZE|TOKENIZERS_PARALLELISM|HF_(?:HUB|DATASETS)_OFFLINE"
    r"|TZ|LANG|LC_ALL"
)


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What surrounds the process of a command; None or empty for what is not there."""

    devices: tuple[str, ...] = ()
    container: str | None = None
    scheduler: dict[str, str] = {}
    missed: tuple[str, ...] = ()


def machine(variables: Mapping[str, str]) -> Machine:
    """Return what surrounds a command with this environment."""
    devices, missed = _devices()
    return Machine(
        devices=devices,
        container=_container(variables),
        scheduler={name: scrub(variables[name]) for name in _JOB if name in variables},
        missed=missed,
    )


def allowed_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the allow-list, without their secrets."""
    from assay.capture.arithmetic import SETTINGS
    from assay.capture.secrets import REMOVED, looks_secret

    chosen = {
        name: value
        for name, value in variables.items()
        if name in SETTINGS or _MORE_VARIABLES.fullmatch(name) is not None
    }
    return {name: REMOVED if looks_secret(name, value) else value for name, value in sorted(chosen.items())}


def environment_of(
    process: Row | None, numerics: Mapping[str, Any], variables: Mapping[str, str], loaded: Sequence[str]
) -> Any:
    """Return the environment of the interpreter that ran, as a `provenance.components.Environment`.

    `process` is its row 'process'; None for a command in which no Python was observed: then packages
    and arithmetic stay empty.
    """
    import platform

    from assay.capture.arithmetic import SETTINGS
    from assay.capture.environment import environment, installed_packages
    from assay.provenance.components import Arithmetic

    ours = environment()
    packages = installed_packages(list(process.get("sys_path") or ())) if process else {}
    arithmetic = Arithmetic(
        interpreter=_interpreter(process),
        machine=platform.machine(),
        libc=ours.arithmetic.libc,
        libraries={name: packages[name] for name in _numerical(packages, loaded)},
        blas=tuple(sorted(f"{name} {value}" for name, value in numerics.items() if _is_blas(name))),
        threads=_threads(numerics),
        capability=_capability(numerics),
        settings={name: value for name, value in variables.items() if name in SETTINGS},
        device=_device(numerics),
    )
    return msgspec.structs.replace(
        ours,
        arithmetic=arithmetic,
        python=str(process.get("version", "")) if process else "",
        virtual_environment=bool(process and process.get("prefix") != process.get("base_prefix")),
        packages=packages,
    )


# The distributions whose version can decide the numbers, where they are loaded.
_NUMERICAL = frozenset(
    (
        *(
            "numpy",
            "scipy",
            "torch",
            "torchvision",
            "torchaudio",
            "torchtext",
            "scikit-learn",
            "jax",
            "jaxlib",
        ),
        *(
            "tensorflow",
            "keras",
            "pandas",
            "numba",
            "xgboost",
            "lightgbm",
            "catboost",
            "transformers",
            "timm",
        ),
        *("accelerate", "lightning", "pytorch-lightning", "einops", "pillow", "opencv-python", "cupy"),
        *("opencv-python-headless", "torch-geometric", "dgl", "flax", "optax", "numexpr", "statsmodels"),
    )
)


def _numerical(packages: Mapping[str, str], loaded: Sequence[str]) -> list[str]:
    """Return the numerical distributions that were loaded, or numpy and scipy where that is not known."""
    from assay.capture.environment import normalise

    names = {normalise(name) for name in loaded}
    aliases = {"sklearn": "scikit-learn", "pil": "pillow", "cv2": "opencv-python"}
    names |= {aliases[name] for name in names if name in aliases}
    wanted = _NUMERICAL & names if names else frozenset({"numpy", "scipy"})
    return sorted(wanted & set(packages))


def _interpreter(process: Row | None) -> str:
    if process is None:
        return ""
    implementation = str(process.get("implementation", "cpython"))
    name = {"cpython": "CPython", "pypy": "PyPy"}.get(implementation.lower(), implementation)
    return f"{name} {process.get('version', '')} ({process.get('compiler', '')})"


def _is_blas(name: str) -> bool:
    return name.endswith((".blas", "blas.version"))


def _threads(numerics: Mapping[str, Any]) -> dict[str, int]:
    return {
        name: value
        for name, value in numerics.items()
        if name.endswith("threads") and isinstance(value, int) and not isinstance(value, bool)
    }


def _capability(numerics: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    for name, value in numerics.items():
        if name.endswith(("cpu_capability", "cpu_features")):
            items = value if isinstance(value, list | tuple) else str(value).split()
            found += [f"{name.partition('.')[0]} {item}" for item in items]
    return tuple(sorted(set(found)))


def _device(numerics: Mapping[str, Any]) -> str:
    used = numerics.get("cuda.devices")
    if not used:
        return "cpu"
    return ", ".join(map(str, used)) if isinstance(used, list | tuple) else str(used)


def _devices() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the graphics processors with their driver, and why they could not be read."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return (), ()
    try:
        done = subprocess.run(
            [program, f"--query-gpu={_QUERY}", "--format=csv,noheader"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEVICES_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return (), (f"the graphics processors: nvidia-smi did not answer in {_DEVICES_WITHIN:g} s",)
    except OSError as error:
        return (), (f"the graphics processors: nvidia-smi could not be run ({error.strerror})",)
    if done.returncode != 0:
        return (), ("the graphics processors: nvidia-smi failed",)
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip()), ()


def _container(variables: Mapping[str, str]) -> str | None:
    for name in ("APPTAINER_NAME", "SINGULARITY_NAME"):
        if variables.get(name):
            return f"apptainer {scrub(variables[name])}"
    if "KUBERNETES_SERVICE_HOST" in variables:
        return "kubernetes"
    for path, kind in (("/.dockerenv", "docker"), ("/run/.containerenv", "podman")):
        if Path(path).exists():
            return kind
    return _from_cgroup()


def _from_cgroup() -> str | None:
    try:
        text = Path("/proc/1/cgroup").read_text(errors="replace")
    except OSError:
        return None
    found = re.search(r"docker|kubepods|libpod|lxc|containerd|slurm", text)
    return {None: None, "kubepods": "kubernetes", "libpod": "podman", "slurm": None}.get(
        found and found[0], found and found[0]
    )
