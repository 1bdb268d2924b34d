"""Calls one recorded operator again, alone, by the program's own interpreter, and measures how it differs.

A unit in the last place (ulp) is the distance between neighbouring floating-point numbers: the distance of
two numbers is counted in the numbers of their type that lie between them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from assay.foundation.digest import digest_value, short
from assay.foundation.errors import CorruptError, UnavailableError

if TYPE_CHECKING:
    import numpy as np

_BITS = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16}
_TIMEOUT = 600.0


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """One result: a type as PyTorch names it, a shape, and its bytes in order, little-endian."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator gave; `digests` are of its outputs, and `steady` says that each time was equal."""

    digests: tuple[str, ...]
    outputs: tuple[Output, ...]
    steady: bool = True
    threads: int | None = None
    version: str = ""


class _Kept(msgspec.Struct, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    file: str
    digest: str


class _Outputs(msgspec.Struct, frozen=True):
    outputs: tuple[_Kept, ...]


class _Answer(msgspec.Struct, frozen=True):
    failed: str = ""
    digests: tuple[tuple[str, ...], ...] = ()
    threads: int | None = None
    torch: str | None = None


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How far two results are apart.

    `max_ulp` in units in the last place, None where nothing is a floating-point number; `max_rel` is
    relative to the larger magnitude. A NaN against a number is infinitely far in both other measures.
    `differing` elements of `total`.
    """

    max_ulp: int | None
    max_abs: float
    max_rel: float
    differing: int
    total: int

    def text(self) -> str:
        """Return the size in words."""
        count = f"{self.differing} of {self.total} numbers differ"
        if not self.differing:
            return "no number differs"
        ulp = f"at most {self.max_ulp} ulp, " if self.max_ulp is not None else ""
        return f"{count}, by {ulp}{self.max_abs:.3g} absolute, {self.max_rel:.3g} relative"


def replay(
    folder: Path,
    interpreter: str,
    variables: Mapping[str, str],
    threads: int | None = None,
    *,
    times: int = 2,
) -> Replay:
    """Call the operator that was kept in `folder` again, in a process with these environment variables.

    Raises `UnavailableError` where it cannot be called.
    """
    import assay_hook

    program = Path(str(assay_hook.__file__)).with_name("replay.py")
    clean = _without_hook(variables, program.parent)
    label = f"replay-{short(digest_value([clean, threads]))}"
    argv = [interpreter, str(program), str(folder), "--label", label, "--times", str(times)]
    if threads is not None:
        argv += ["--threads", str(threads)]
    answer = _run(argv, clean)
    if answer.failed or not answer.digests:
        raise UnavailableError("the operator cannot be replayed", why=answer.failed or "it gave nothing")
    return Replay(
        digests=answer.digests[0],
        outputs=read_outputs(folder, label),
        steady=all(one == answer.digests[0] for one in answer.digests),
        threads=answer.threads,
        version=answer.torch or "",
    )


def recorded(folder: Path) -> Replay:
    """Return what the operator gave in the traced run itself."""
    outputs = folder / "outputs-recorded" / "outputs.json"
    digests = tuple(one.digest for one in _document(outputs).outputs)
    return Replay(digests=digests, outputs=read_outputs(folder, "recorded"))


def read_outputs(folder: Path, label: str) -> tuple[Output, ...]:
    """Return the outputs under a label; raises `CorruptError` where they cannot be read."""
    place = folder / f"outputs-{label}"
    found = []
    for one in _document(place / "outputs.json").outputs:
        data = (place / Path(one.file).name).read_bytes()
        found.append(Output(dtype=one.dtype, shape=one.shape, data=data))
    return tuple(found)


def compare_outputs(a: Replay | Sequence[Output], b: Replay | Sequence[Output]) -> Size:
    """Return how far the outputs of two calls are apart.

    Raises `CorruptError` where they are not of the same number, types and shapes.
    """
    left = a.outputs if isinstance(a, Replay) else tuple(a)
    right = b.outputs if isinstance(b, Replay) else tuple(b)
    if [(one.dtype, one.shape) for one in left] != [(one.dtype, one.shape) for one in right]:
        raise CorruptError("these outputs are not of the same types and shapes")
    sizes = [_compare(one, two) for one, two in zip(left, right, strict=True)]
    ulps = [size.max_ulp for size in sizes if size.max_ulp is not None]
    return Size(
        max_ulp=max(ulps, default=None),
        max_abs=max((size.max_abs for size in sizes), default=0.0),
        max_rel=max((size.max_rel for size in sizes), default=0.0),
        differing=sum(size.differing for size in sizes),
        total=sum(size.total for size in sizes),
    )


def _compare(a: Output, b: Output) -> Size:
    import numpy as np

    if a.dtype not in _BITS:
        return _compare_others(a, b)
    left, right = _ordered(a), _ordered(b)
    values_a, values_b = _values(a), _values(b)
    nan_a, nan_b = np.isnan(values_a), np.isnan(values_b)
    # Two NaN are one value, whatever their payload; the two zeros are not.
    different = (_bits(a) != _bits(b)) & ~(nan_a & nan_b)
    count = int(different.sum())
    with np.errstate(all="ignore"):
        gap = np.abs(values_a - values_b)[different]
        scale = np.maximum(np.abs(values_a), np.abs(values_b))[different]
        relative = np.where(scale > 0, gap / scale, 0.0)
    ordered = different & ~(nan_a | nan_b)
    return Size(
        max_ulp=_distance(left[ordered], right[ordered]),
        max_abs=float(np.nan_to_num(gap, nan=np.inf).max()) if count else 0.0,
        max_rel=float(np.nan_to_num(relative, nan=np.inf).max()) if count else 0.0,
        differing=count,
        total=different.size,
    )


def _distance(left: np.ndarray, right: np.ndarray) -> int:
    """Return the largest distance of ordered integers; two of 64 bits can be 2**64 apart."""
    import numpy as np

    if not left.size:
        return 0
    above = left > right
    high, low = np.where(above, left, right), np.where(above, right, left)
    # The difference of two's complements is right modulo 2**64, and never negative here.
    return int((high.astype(np.uint64) - low.astype(np.uint64)).max())


def _bits(one: Output) -> np.ndarray:
    import numpy as np

    return np.frombuffer(one.data, dtype=f"<u{_BITS[one.dtype] // 8}")


def _ordered(one: Output) -> np.ndarray:
    """Return the numbers as integers in their order, neighbours one apart, both zeros at 0."""
    import numpy as np

    bits = _BITS[one.dtype]
    signed = _bits(one).view(f"<i{bits // 8}").astype(np.int64)
    return np.where(signed < 0, -(signed & np.int64((1 << (bits - 1)) - 1)), signed)


def _values(one: Output) -> np.ndarray:
    import numpy as np

    if one.dtype == "bfloat16":
        return (_bits(one).astype("<u4") << 16).view("<f4").astype(np.float64)
    return np.frombuffer(one.data, dtype=f"<f{_BITS[one.dtype] // 8}").astype(np.float64)


def _compare_others(a: Output, b: Output) -> Size:
    """Compare what is no floating-point number, byte by byte within each element."""
    import numpy as np

    total = 1
    for size in a.shape:
        total *= size
    if len(a.data) != len(b.data) or not total or len(a.data) % total:
        differing = int(a.data != b.data)
    else:
        left, right = (np.frombuffer(one.data, dtype=np.uint8).reshape(total, -1) for one in (a, b))
        differing = int((left != right).any(axis=1).sum())
    return Size(max_ulp=None, max_abs=0.0, max_rel=0.0, differing=differing, total=total)


def _without_hook(variables: Mapping[str, str], hook: Path) -> dict[str, str]:
    """Return the variables without the folder that would start a recording in the process."""
    site = str(hook / "site")
    kept = [part for part in variables.get("PYTHONPATH", "").split(":") if part and part != site]
    rest = {name: value for name, value in variables.items() if name not in ("PYTHONPATH", "ASSAY_HOOK")}
    return {**rest, "PYTHONPATH": ":".join(kept)} if kept else rest


def _run(argv: list[str], variables: dict[str, str]) -> _Answer:
    try:
        done = subprocess.run(argv, env=variables, capture_output=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError("the operator cannot be replayed", why=str(error)) from None
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    try:
        return msgspec.json.decode(lines[-1] if lines else "", type=_Answer)
    except (msgspec.DecodeError, RecursionError):
        why = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no answer"]
        raise UnavailableError("the operator cannot be replayed", why=why[0]) from None


def _document(path: Path) -> _Outputs:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Outputs)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptError("kept outputs cannot be read", where=str(path), why=str(error)) from None
