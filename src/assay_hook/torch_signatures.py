"""What an operator's schema says about its arguments: which it reads, which it changes, what it draws."""

from __future__ import annotations

from typing import Any

from . import plain_values

# Their first argument is given for its shape or as a place to write to; its content is not read.
_OVERWRITING = frozenset(
    (
        "normal_",
        "uniform_",
        "random_",
        "bernoulli_",
        "exponential_",
        "log_normal_",
        "cauchy_",
        "geometric_",
        "copy_",
        "fill_",
        "zero_",
        "set_",
        "resize_",
        "resize_as_",
        "copy",
        "fill",
        "zero",
        "_foreach_copy_",
        "_foreach_zero_",
        "zeros_like",
        "ones_like",
        "full_like",
        "rand_like",
        "randn_like",
        "randint_like",
        "empty_like",
        "new_empty",
        "new_empty_strided",
        "new_zeros",
        "new_ones",
        "new_full",
    )
)
# They write some places and leave the rest, so that both count only once the whole was written.
_PARTIAL = frozenset(
    (
        "index_put_",
        "_index_put_impl_",
        "_unsafe_index_put",
        "index_copy_",
        "index_fill_",
        "masked_fill_",
        "masked_scatter_",
        "scatter_",
        "put_",
        "slice_scatter",
        "select_scatter",
    )
)
# Memory between a forward and its backward pass whose unused parts are never written.
_SCRATCH_ARGUMENTS = frozenset(("workspace", "reserve", "reserveSpace", "reserve_space"))
_SCRATCH_OUTPUTS = {"mkldnn_rnn_layer": (3,), "_cudnn_rnn": (3,), "cudnn_batch_norm": (3,)}
# Data that Python or a file brings in.
_ENTERING = frozenset(("lift", "lift_fresh", "lift_fresh_copy", "set_"))
# They change statistics without saying so in their schema.
_STATISTICS = frozenset(
    ("native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm", "_batch_norm_impl_index")
)
_DROPPED_SPACES = frozenset(("profiler", "prim", "prims", "inductor", "debugprims"))
_SHOWN = 2000


class Signature:
    """The parts of a schema that matter here, worked out once for each operator."""

    __slots__ = (
        "arguments",
        "defaults",
        "entering",
        "ignored",
        "mutated",
        "name",
        "partial",
        "returned",
        "scratch",
        "seeded",
        "uninitialised",
        "view",
    )

    def __init__(self, torch: Any, func: Any) -> None:
        schema = func._schema
        base = schema.name.rpartition("::")[2]
        self.name = str(func)
        self.arguments = [argument.name for argument in schema.arguments]
        self.defaults = {
            argument.name: argument.default_value
            for argument in schema.arguments
            if isinstance(argument.default_value, (bool, int, float))
        }
        written = {argument.name for argument in schema.arguments if _is_written(argument)}
        out = {argument.name for argument in schema.arguments if getattr(argument, "is_out", False)}
        self.mutated = frozenset(
            written | ({"running_mean", "running_var"} if base in _STATISTICS else set())
        )
        first = set(self.arguments[:1]) if base in _OVERWRITING else set()
        self.ignored = frozenset(out | first | _SCRATCH_ARGUMENTS)
        self.returned = [returned.alias_info is not None for returned in schema.returns]
        self.view = any(self.returned) and not written
        self.entering = base in _ENTERING
        self.partial = base in _PARTIAL
        self.scratch = _SCRATCH_OUTPUTS.get(base, ())
        self.uninitialised = base.startswith(("empty", "new_empty", "_empty", "resize_"))
        tag = getattr(getattr(torch, "Tag", None), "nondeterministic_seeded", None)
        self.seeded = tag in getattr(func, "tags", ()) or "generator" in self.arguments

    def is_returned_argument(self, place: int, count: int) -> bool:
        """Say whether a result is one of the arguments, changed."""
        return len(self.returned) == count and self.returned[place]

    def argument(self, name: str, args: Any, kwargs: Any) -> Any:
        """Return what was given under a name, None where nothing was."""
        if name in kwargs:
            return kwargs[name]
        place = self.arguments.index(name) if name in self.arguments else len(args)
        return args[place] if place < len(args) else None


def signature(torch: Any, func: Any) -> Signature | None:
    """Return the signature of an operator, None for one that computes nothing."""
    schema = getattr(func, "_schema", None)
    if schema is None or schema.name.partition("::")[0] in _DROPPED_SPACES:
        return None
    return Signature(torch, func)


def flatten(torch: Any, known: Signature, args: Any, kwargs: Any) -> tuple[list[tuple[str, Any]], str]:
    """Return the tensors that an operator is given, each with its argument's name, and the rest as text."""
    tensors: list[tuple[str, Any]] = []
    scalars: list[str] = []
    # A call is told without what equals its default, such as a dropout of 0.5.
    given = dict(known.defaults)
    given.update(zip(known.arguments, args))
    given.update(kwargs)
    for name, value in given.items():
        if isinstance(value, torch.Tensor):
            tensors.append((name, value))
        elif isinstance(value, (list, tuple)) and any(isinstance(part, torch.Tensor) for part in value):
            tensors.extend((name, part) for part in value if isinstance(part, torch.Tensor))
        elif value is not None:
            scalars.append(f"{name}={_plain(value)}")
    text = ", ".join(scalars)
    if len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}... {plain_values.digest_plain(text)}"
    return tensors, text


def _plain(value: Any) -> str:
    if isinstance(value, (bool, int, float, complex, str)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_plain, value))}]"
    if type(value).__module__.partition(".")[0] == "torch" and type(value).__name__ in {
        "device",
        "dtype",
        "layout",
        "memory_format",
    }:
        return str(value)
    return type(value).__name__


def _is_written(argument: Any) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write
