"""Reads the memory of tensors where it lies, and leaves no trace of having looked.

What is not plain memory of this process is copied: tensors of other devices, sparse, quantised and
conjugated ones. What has no memory of its own, such as a fake tensor, is `Unreadable`.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

_VIEWS_KEPT = 50_000


class _Views(dict):  # type: ignore[type-arg]  # a generic dict cannot be subclassed on 3.8
    """Views of memory by (address, bytes): no copy, and made once for each place that tensors return to."""


known_views: Any = _Views()
_names: dict[Any, str] = {}  # torch dtype -> its name


def view_of(address: int, size: int) -> Any:
    """Return a new view of memory, and keep it for the next look."""
    if len(known_views) >= _VIEWS_KEPT:
        known_views.clear()
    made = known_views[address, size] = memoryview((ctypes.c_char * size).from_address(address))
    return made


def dtype_name(dtype: Any) -> str:
    """Return the name of a torch dtype as NumPy would write it."""
    name = _names.get(dtype)
    if name is None:
        name = _names[dtype] = str(dtype).rpartition(".")[2]
    return name


def header(dtype: str, shape: Sequence[int]) -> str:
    """Return what a fingerprint holds of a tensor beside its bytes."""
    return "{}[{}]".format(dtype, ",".join(map(str, shape)))


class quiet:  # noqa: N801  used as a context manager, in lower case like those of contextlib
    """Reading tensors inside this leaves no trace: no autograd graph, no mode and no subclass sees it."""

    def __init__(self, torch: Any) -> None:
        self.guards = [torch._C.DisableTorchFunction(), torch.no_grad()]
        dispatch = getattr(torch._C, "_DisableTorchDispatch", None)
        if dispatch is not None:
            self.guards.append(dispatch())

    def __enter__(self) -> None:
        for guard in self.guards:
            guard.__enter__()

    def __exit__(self, *failure: object) -> None:
        for guard in reversed(self.guards):
            guard.__exit__(*failure)


class Unreadable(Exception):  # noqa: N818  a state of the tensor, not an error
    """A tensor without bytes of its own: meta, fake, or inside a transformation."""


def _plain(tensor: Any) -> tuple[str, Sequence[int], Any]:
    """Return dtype name, shape and a view of the bytes of any tensor; a copy only where it must be one.

    Raises `Unreadable` where there are no bytes to read.
    """
    torch = sys.modules["torch"]
    if tensor.is_meta or "FakeTensor" in type(tensor).__name__ or _is_wrapped(torch, tensor):
        raise Unreadable("a tensor without data")
    shape = tuple(map(int, tensor.shape))
    kind = dtype_name(tensor.dtype)
    flat = tensor.detach()
    flat = flat.resolve_conj() if flat.is_conj() else flat
    flat = flat.resolve_neg() if flat.is_neg() else flat
    if flat.device.type != "cpu":
        flat = flat.cpu()
    if flat.layout is not torch.strided:
        flat = flat.to_dense()
    if flat.is_quantized:
        flat = flat.int_repr()
    flat = flat.contiguous()
    size = flat.numel() * flat.element_size()
    address = flat.data_ptr()
    if size and not address:
        raise Unreadable("a tensor without storage")
    if not size:
        return kind, shape, b""
    if address == _address(tensor):
        return kind, shape, view_of(address, size)
    return kind, shape, ctypes.string_at(address, size)


def _address(tensor: Any) -> int:
    try:
        return int(tensor.data_ptr())
    except RuntimeError:  # sparse layouts have no address
        return 0


def _parts(tensor: Any) -> list[Any]:
    """Return the plain tensors that hold the data of a tensor, most often itself."""
    torch = sys.modules["torch"]
    if type(tensor).__name__ == "DTensor":
        tensor = tensor._local_tensor
    if getattr(tensor, "is_nested", False):
        jagged = hasattr(tensor, "_offsets")
        return [tensor._values, tensor._offsets] if jagged else list(tensor.detach().unbind())
    if tensor.layout is torch.sparse_coo:
        dense = tensor if tensor.is_coalesced() else tensor.detach().clone().coalesce()
        return [dense._indices(), dense._values()]
    if tensor.is_quantized and tensor.qscheme() in {torch.per_tensor_affine, torch.per_tensor_symmetric}:
        return [tensor, torch.tensor([tensor.q_scale(), tensor.q_zero_point()], dtype=torch.float64)]
    return [tensor]


def read(tensor: Any) -> tuple[str, list[Any], list[Any]]:
    """Return the header of a tensor, the bytes behind it, and what must live while they are read."""
    headers, views, parts = [], [], _parts(tensor)
    for part in parts:
        kind, shape, view = _plain(part)
        headers.append(header(kind, shape))
        views.append(view)
    return "+".join(headers), views, parts


def header_of(tensor: Any) -> bytes:
    """Return the header of a plain tensor, or of one that is not there."""
    return b"none" if tensor is None else header(dtype_name(tensor.dtype), tensor.shape).encode()


def is_usual(torch: Any, tensor: Any) -> bool:
    """Say whether a tensor is plain memory of this process that can be read where it lies."""
    return bool(
        type(tensor) in {torch.Tensor, torch.nn.Parameter}
        and tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and not tensor.is_nested
        and tensor.numel()
        and not (tensor.is_quantized or tensor.is_conj() or tensor.is_neg())
        and not _is_wrapped(torch, tensor)
    )


def _is_wrapped(torch: Any, tensor: Any) -> bool:
    functorch = getattr(torch._C, "_functorch", None)
    test = getattr(functorch, "is_functorch_wrapped_tensor", None)
    return bool(test and test(tensor))


def plain_view(torch: Any, tensor: Any) -> Any:
    """Return the header and a view of a tensor that is plain, contiguous memory, None for any other."""
    if type(tensor) is not torch.Tensor or torch._C._get_tracing_state() is not None:
        return None
    guard = torch._C.DisableTorchFunction()
    guard.__enter__()
    try:
        if not (is_usual(torch, tensor) and tensor.is_contiguous()):
            return None
        address = tensor.data_ptr()
        size = tensor.numel() * tensor.element_size()
        view = memoryview((ctypes.c_char * size).from_address(address)) if address else None
        return None if view is None else (header_of(tensor), view)
    except (RuntimeError, AttributeError):
        return None
    finally:
        guard.__exit__(None, None, None)
