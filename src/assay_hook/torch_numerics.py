"""Torch's numerical settings: what to ask for, by which names."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

# (name of the setting, what to call below `torch`, its arguments); where a version lacks it, it is left out.
_GETTERS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("num_threads", "get_num_threads", ()),
    ("num_interop_threads", "get_num_interop_threads", ()),
    ("cpu_capability", "backends.cpu.get_cpu_capability", ()),
    ("deterministic_algorithms", "are_deterministic_algorithms_enabled", ()),
    ("deterministic_warn_only", "is_deterministic_algorithms_warn_only_enabled", ()),
    ("fill_uninitialized_memory", "_C._get_deterministic_fill_uninitialized_memory", ()),
    ("float32_matmul_precision", "_C._get_float32_matmul_precision", ()),
    ("default_dtype", "get_default_dtype", ()),
    ("anomaly_mode", "is_anomaly_enabled", ()),
    ("autocast.cpu", "get_autocast_dtype", ("cpu",)),
    ("autocast.cuda", "get_autocast_dtype", ("cuda",)),
    ("autocast.cache", "is_autocast_cache_enabled", ()),
    ("mkldnn.enabled", "_C._get_mkldnn_enabled", ()),
    ("mkldnn.deterministic", "_C._get_onednn_deterministic", ()),
    ("mkldnn.allow_tf32", "_C._get_onednn_allow_tf32", ()),
    ("nnpack.enabled", "_C._get_nnpack_enabled", ()),
    ("cudnn.enabled", "_C._get_cudnn_enabled", ()),
    ("cudnn.benchmark", "_C._get_cudnn_benchmark", ()),
    ("cudnn.deterministic", "_C._get_cudnn_deterministic", ()),
    ("cudnn.allow_tf32", "_C._get_cudnn_allow_tf32", ()),
    ("cuda.tf32", "_C._get_cublas_allow_tf32", ()),
    ("cuda.fp16_reduction", "_C._get_cublas_allow_fp16_reduced_precision_reduction", ()),
    ("cuda.bf16_reduction", "_C._get_cublas_allow_bf16_reduced_precision_reduction", ()),
    ("cuda.fp16_accumulation", "_C._get_cublas_allow_fp16_accumulation", ()),
    *(
        (f"fp32_precision.{backend}.{operation}", "_C._get_fp32_precision_getter", (backend, operation))
        for backend in ("generic", "cuda", "mkldnn")
        for operation in ("all", "matmul", "conv", "rnn")
    ),
    ("sdp.flash", "_C._get_flash_sdp_enabled", ()),
    ("sdp.efficient", "_C._get_mem_efficient_sdp_enabled", ()),
    ("sdp.math", "_C._get_math_sdp_enabled", ()),
    ("sdp.cudnn", "_C._get_cudnn_sdp_enabled", ()),
    ("sdp.fp16_bf16_reduction", "_C._get_math_sdp_allow_fp16_bf16_reduction", ()),
    ("sdp.priority", "_C._get_sdp_priority_order", ()),
    ("jit.fuses_on_cpu", "_C._jit_can_fuse_on_cpu", ()),
    ("jit.texpr_fuser", "_C._jit_texpr_fuser_enabled", ()),
)
# Only once the program has initialised the devices: nothing here may do that.
_OF_DEVICES: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("driver", "_C._cuda_getDriverVersion", ()),
    ("current_device", "cuda.current_device", ()),
    ("cudnn", "backends.cudnn.version", ()),
    ("blas_library", "_C._get_blas_preferred_backend", ()),
    ("linalg_library", "_C._get_linalg_preferred_backend", ()),
    ("allocator", "cuda.get_allocator_backend", ()),
)


def settings(torch: Any) -> Iterator[tuple[str, Iterator[tuple[str, Callable[[], Any]]]]]:
    """Return prefixes of names, each with (name, getter); a getter fails where a version lacks it."""
    yield "torch", _called(torch, _GETTERS)
    yield "torch", _build(torch)
    yield "torch", _others(torch)
    if torch.cuda.is_initialized():
        yield "cuda", _called(torch, _OF_DEVICES)
        yield "cuda", _devices(torch)
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        yield "distributed", _distributed(torch, distributed)


def _called(torch: Any, getters: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    for name, place, arguments in getters:
        yield name, functools.partial(_ask, torch, place, arguments)


def _ask(torch: Any, place: str, arguments: tuple[Any, ...]) -> Any:
    found = torch
    for name in place.split("."):
        found = getattr(found, name)
    value = found(*arguments)
    if type(value).__module__ == "torch":  # a dtype
        return str(value).rpartition(".")[2]
    if isinstance(value, (bool, int, float, str, list, tuple)) or value is None:
        return value
    return str(value)


def _build(torch: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    shown = torch.__config__.show()
    parallel = torch.__config__.parallel_info()
    # The capability in use is a line of it, and has a name of its own.
    fixed = "\n".join(line for line in shown.splitlines() if "CPU capability" not in line)
    yield "build", lambda: hashlib.sha256(fixed.encode()).hexdigest()[:16]
    yield "commit", lambda: torch.version.git_version
    yield "blas", lambda: _found(r"BLAS_INFO=(\w+)", shown)
    yield "mkl", lambda: _found(r"Math Kernel Library Version (\S+)", shown)
    yield "onednn", lambda: _found(r"MKL-DNN v(\S+)", shown)
    yield "parallel_backend", lambda: _found(r"parallel backend: (.+)", parallel)
    yield "openmp_threads", lambda: _number(r"omp_get_max_threads\(\) : (\d+)", parallel)
    yield "mkl_threads", lambda: _number(r"mkl_get_max_threads\(\) : (\d+)", parallel)


def _found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1].strip() if match else None


def _number(pattern: str, text: str) -> int | None:
    found = _found(pattern, text)
    return int(found) if found else None


def _others(torch: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "default_device", lambda: _default_device(torch)
    yield "quantized.engine", lambda: torch.backends.quantized.engine
    yield "opt_einsum.strategy", lambda: torch.backends.opt_einsum.strategy
    counters = getattr(sys.modules.get("torch._dynamo.utils"), "counters", None) or {}
    used = bool(counters.get("stats") or counters.get("frames"))
    yield "dynamo.used", lambda: used
    if used:
        yield "inductor.used", lambda: bool(counters.get("inductor"))
        # Asking inductor for its folder would set the variable for the whole program.
        yield "inductor.cache", lambda: os.environ.get("TORCHINDUCTOR_CACHE_DIR", "default")


def _default_device(torch: Any) -> str:
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return str(context.device) if context is not None else "cpu"


def _devices(torch: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "version", lambda: torch.version.cuda or torch.version.hip
    yield "devices", lambda: [_device(torch, number) for number in range(torch.cuda.device_count())]


def _device(torch: Any, number: int) -> str:
    found = torch.cuda.get_device_properties(number)
    memory = found.total_memory / 2**30
    return f"{found.name} (capability {found.major}.{found.minor}, {memory:.1f} GiB)"


def _distributed(torch: Any, distributed: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "world_size", distributed.get_world_size
    yield "rank", distributed.get_rank
    yield "backend", distributed.get_backend
    if "nccl" in str(distributed.get_backend()):
        yield "nccl", lambda: ".".join(map(str, torch.cuda.nccl.version()))
