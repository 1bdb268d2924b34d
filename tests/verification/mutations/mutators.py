"""The mutators of programs and of what they read, as data: what each does, and what must be named."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from assay.foundation.seeding import Stream

CODE = "train.py"
SEEDED = frozenset({"default_rng", "manual_seed"})


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """A mutated program: what was done in words, and the differences by any of which it is named rightly.

    `ids` are beginnings of the id of a difference, or for code the `lines` of `train.py` that were
    changed. `arguments` and `path` are how it is started, where that is what was changed.
    """

    text: str
    ids: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    arguments: tuple[str, ...] | None = None
    path: str = ""


class Mutator(msgspec.Struct, frozen=True, kw_only=True):
    """One way to mutate a project in place; `make` returns None where the project has nothing of the kind.

    `expected` is 'identity' (code, data or arguments differ), 'environment' (only packages do, which are no
    part of the identity), 'same result' (the code differs and its result may not) or 'nothing' (neither
    identity nor result may differ).
    """

    name: str
    title: str
    make: Callable[[Path, Stream], Mutant | None]
    expected: str = "identity"


class _Source:
    """The program of a project, with its tree and the means to replace a part of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / CODE
        self.text = self.path.read_text(encoding="ascii")
        self.tree = ast.parse(self.text)
        starts = [0]
        for line in self.text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self._starts = starts

    def segment(self, node: Any) -> str:
        return self.text[slice(*self._span(node))]

    def replace(self, *parts: tuple[Any, str]) -> Mutant:
        """Write the program with each node replaced by a text."""
        text, lines = self.text, []
        for node, new in sorted(parts, key=lambda part: -self._span(part[0])[0]):
            start, end = self._span(node)
            text = f"{text[:start]}{new}{text[end:]}"
            lines.append(node.lineno)
        ast.parse(text)
        self.path.write_text(text, encoding="ascii")
        told = [f"line {node.lineno}: `{self.segment(node)}` -> `{new}`" for node, new in parts]
        return Mutant(text="; ".join(dict.fromkeys(told[:2])), lines=tuple(sorted(set(lines))))

    def _span(self, node: Any) -> tuple[int, int]:
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def numbers(self) -> list[ast.Constant]:
        """Return the numeric literals, as they stand in the file; signs are not part of them."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.Constant)]
        return [node for node in found if type(node.value) in (int, float)]

    def seeds(self, names: frozenset[str], keyword: str) -> list[ast.Constant]:
        """Return the literals that are given to the functions of these names, or under a keyword."""
        found = []
        for call in self.calls():
            given = call.args[:1] if _called(call) in names else []
            given += [one.value for one in call.keywords if one.arg == keyword]
            found += [one for one in given if isinstance(one, ast.Constant)]
        return found

    def calls(self, *names: str) -> list[ast.Call]:
        """Return the calls of these functions; of all without a name."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        return [node for node in found if not names or _called(node) in names]


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _seed(folder: Path, stream: Stream) -> Mutant | None:
    settings = folder / "conf" / "run.json"
    if settings.exists():
        return _set(settings, ("seed",), lambda value: value + 1)
    source = _Source(folder)
    seeds = source.seeds(SEEDED, "random_state")
    if not seeds:
        return None
    node = stream.choice(seeds)
    return source.replace((node, str(node.value + 1)))


def _constant(small: bool) -> Callable[[Path, Stream], Mutant | None]:
    def make(folder: Path, stream: Stream) -> Mutant | None:
        source = _Source(folder)
        node = stream.choice(source.numbers())
        value = node.value
        if isinstance(value, float):
            new = repr(value * (1 + 1e-6) if small else value * stream.choice((0.5, 2.0, 10.0)))
        else:
            new = str(value + stream.choice((-1, 1)) if small else (value * 2 or 3))
        return source.replace((node, new))

    return make


def _without_eval(folder: Path, stream: Stream) -> Mutant | None:
    source = _Source(folder)
    calls = source.calls("eval")
    return source.replace((stream.choice(calls), "None")) if calls else None


def _without_no_grad(folder: Path, stream: Stream) -> Mutant | None:
    source = _Source(folder)
    calls = [
        node for node in ast.walk(source.tree) if isinstance(node, ast.Call) and _called(node) == "no_grad"
    ]
    return source.replace((stream.choice(calls), "torch.enable_grad()")) if calls else None


def _split(folder: Path, stream: Stream) -> Mutant | None:
    """Shuffle a split anew: another seed of it, or the permutation in another order."""
    source = _Source(folder)
    for call in source.calls("train_test_split", "random_split"):
        inside = set(ast.walk(call))
        seed = next(one for one in source.seeds(SEEDED, "random_state") if one in inside)
        return source.replace((seed, str(100 + stream.below(10_000))))
    for call in source.calls("permutation", "randperm"):
        roll = "np.roll" if _called(call) == "permutation" else "torch.roll"
        return source.replace((call, f"{roll}({source.segment(call)}, {1 + stream.below(200)})"))
    return None


def _data(folder: Path) -> list[Path]:
    return sorted(path for name in ("data", "parts") for path in (folder / name).glob("*") if path.is_file())


def _id(folder: Path, *paths: Path) -> tuple[str, ...]:
    return tuple(f"data:{path.relative_to(folder)}" for path in paths)


def _flipped_bit(folder: Path, stream: Stream) -> Mutant | None:
    path = stream.choice(_data(folder))
    content = bytearray(path.read_bytes())
    head = 128 if path.suffix == ".npy" else content.index(b"\n") + 1
    place, bit = head + stream.below(len(content) - head), stream.below(8)
    content[place] ^= 1 << bit
    path.write_bytes(bytes(content))
    return Mutant(text=f"{path.name}: bit {bit} of byte {place}", ids=_id(folder, path))


def _removed_row(folder: Path, stream: Stream) -> Mutant | None:
    path = stream.choice(_data(folder))
    if path.suffix == ".npy":
        rows = np.load(path)
        row = stream.below(len(rows))
        np.save(path, np.delete(rows, row, axis=0))
    else:
        lines = path.read_text(encoding="ascii").splitlines(keepends=True)
        row = stream.below(len(lines) - 1)
        del lines[row + 1]
        path.write_text("".join(lines), encoding="ascii")
    return Mutant(text=f"{path.name}: row {row} removed", ids=_id(folder, path))


def _swapped_files(folder: Path, stream: Stream) -> Mutant | None:
    files = sorted((folder / "parts").glob("*.npy"))
    if not files:
        return None
    one, two = stream.sample(files, 2)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    return Mutant(text=f"{one.name} and {two.name} swapped", ids=_id(folder, one, two))


def _key(folder: Path, stream: Stream) -> Mutant | None:
    settings = folder / "conf" / "run.json"
    if not settings.exists():
        return None
    keys = sorted(_leaves(json.loads(settings.read_text())))
    factor = stream.choice((0.5, 1 + 1e-6, 2.0))
    return _set(
        settings, stream.choice(keys), lambda value: value + 1 if isinstance(value, int) else value * factor
    )


def _leaves(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, (*above, name))
        else:
            yield (*above, name)


def _set(path: Path, keys: tuple[str, ...], change: Callable[[Any], Any]) -> Mutant:
    settings = json.loads(path.read_text())
    inner = settings
    for name in keys[:-1]:
        inner = inner[name]
    before = inner[keys[-1]]
    inner[keys[-1]] = change(before)
    path.write_text(json.dumps(settings, indent=2) + "\n")
    dotted = ".".join(keys)
    return Mutant(
        text=f"{dotted}: {before} -> {inner[keys[-1]]}", ids=(f"configuration:conf/run.json:{dotted}",)
    )


def _argument(folder: Path, stream: Stream) -> Mutant | None:
    if "sys.argv" not in (folder / CODE).read_text(encoding="ascii"):
        return None
    value = repr(round(0.05 + 0.3 * stream.random(), 4))
    return Mutant(text=f"argument 0.2 -> {value}", ids=("argument:",), arguments=(value,))


def _package(folder: Path, stream: Stream) -> Mutant | None:
    """Run with NumPy 2.2.6, from a folder that the study has made."""
    return Mutant(text="numpy 2.2.6", ids=("package:numpy",), path="numpy==2.2.6")


_OTHER = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*"}


def _operator(folder: Path, stream: Stream) -> Mutant | None:
    source = _Source(folder)
    nodes = [
        node for node in ast.walk(source.tree) if isinstance(node, ast.BinOp) and type(node.op) in _OTHER
    ]
    if not nodes:
        return None
    node = stream.choice(nodes)
    left, right, sign = source.segment(node.left), source.segment(node.right), _OTHER[type(node.op)]
    # Parentheses outside of an operand are not part of its place in the text.
    whole = source.segment(node)
    gap = whole[len(left) : len(whole) - len(right)]
    if not whole.startswith(left) or not whole.endswith(right) or gap.strip() not in "+-*/":
        return None
    return source.replace((node, f"{left} {sign} {right}"))


def _off_by_one(folder: Path, stream: Stream) -> Mutant | None:
    """Let a range end one earlier or later, or a slice begin or end at another place."""
    source = _Source(folder)
    ends: list[Any] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _called(node) == "range":
            ends.append(node.args[min(1, len(node.args) - 1)])
        if isinstance(node, ast.Slice):
            ends += [one for one in (node.lower, node.upper) if one is not None]
    if not ends:
        return None
    node = stream.choice(ends)
    return source.replace((node, f"({source.segment(node)}) {stream.choice(('-', '+'))} 1"))


def _comment(folder: Path, stream: Stream) -> Mutant | None:
    """Put a comment in front of a statement of a function, and behind another line."""
    source = _Source(folder)
    lines = source.text.splitlines(keepends=True)
    inner = [
        node
        for function in ast.walk(source.tree)
        if isinstance(function, ast.FunctionDef)
        for node in function.body[1:]
    ]
    node = stream.choice(inner)
    lines.insert(node.lineno - 1, f"{' ' * node.col_offset}# {'word ' * (1 + stream.below(5))}\n")
    source.path.write_text("".join(lines), encoding="ascii")
    return Mutant(text=f"a comment before line {node.lineno}")


def _formatting(folder: Path, stream: Stream) -> Mutant | None:
    """Break a call over lines, or put blank lines before a statement."""
    source = _Source(folder)
    calls = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and node.args
        and node.lineno == node.end_lineno
        # The parentheses of a lone generator are those of the call.
        and not isinstance(node.args[0], ast.GeneratorExp)
    ]
    node = stream.choice(calls)
    text = source.segment(node.args[0])
    made = source.replace((node.args[0], f"\n            {text}"))
    if ast.dump(ast.parse(source.path.read_text(encoding="ascii"))) != ast.dump(source.tree):
        raise AssertionError(f"formatting changed the program: {made.text}")
    return Mutant(text=f"a call in line {node.lineno} broken over two lines")


def _renamed(folder: Path, stream: Stream) -> Mutant | None:
    """Rename a variable of one function."""
    source = _Source(folder)
    functions = [node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef)]
    chosen = []
    for function in functions:
        names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        own = sorted({node.id for node in names if isinstance(node.ctx, ast.Store)})
        chosen += [(function, name) for name in own if name not in {one.arg for one in function.args.args}]
    function, name = stream.choice(chosen)
    new = f"{name}_{'abcdefgh'[stream.below(8)]}"
    uses = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == name]
    if re.search(rf"\b{name}=", ast.get_source_segment(source.text, function) or ""):
        return None
    made = source.replace(*((node, new) for node in uses))
    return msgspec.structs.replace(made, text=f"{function.name}: {name} -> {new}")


MUTATORS = (
    Mutator(name="seed", title="seed + 1", make=_seed),
    Mutator(name="constant, small", title="constant, in its 6th digit or by 1", make=_constant(small=True)),
    Mutator(name="constant, large", title="constant, by a half or more", make=_constant(small=False)),
    Mutator(name="eval", title="`model.eval()` dropped", make=_without_eval),
    Mutator(name="no_grad", title="`torch.no_grad()` dropped", make=_without_no_grad),
    Mutator(name="split", title="split shuffled anew", make=_split),
    Mutator(name="bit", title="bit flipped in a data file", make=_flipped_bit),
    Mutator(name="row", title="row of data removed", make=_removed_row),
    Mutator(name="files", title="two files of data swapped", make=_swapped_files),
    Mutator(name="key", title="key of a configuration", make=_key),
    Mutator(name="argument", title="argument", make=_argument),
    Mutator(name="package", title="NumPy 2.2.6 in place of 2.4.6", make=_package, expected="environment"),
    Mutator(name="operator", title="operator: + and -, * and /", make=_operator),
    Mutator(name="off by one", title="range or slice off by one", make=_off_by_one),
    Mutator(name="renamed", title="variable renamed", make=_renamed, expected="same result"),
    Mutator(name="comment", title="comment added", make=_comment, expected="nothing"),
    Mutator(name="formatting", title="call broken over lines", make=_formatting, expected="nothing"),
)
