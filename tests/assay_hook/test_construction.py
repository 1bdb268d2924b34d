"""Watched constructors: what was given, by whom, and nothing about the program changes."""

from __future__ import annotations

import copy
import gc
import importlib.util
import inspect
import pickle
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assay_hook import construction, rows, settings

Rows = list[dict[str, Any]]


class Base:
    def __init__(self, size, eps=1e-5, *, name="base"):
        self.size, self.eps, self.name = size, eps, name


class Derived(Base):
    def __init__(self, size, momentum=0.1, **kwargs):
        super().__init__(size, **kwargs)
        self.momentum = momentum


class HandsOn(Base):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class Warns:
    def __init__(self, size):
        warnings.warn("old", DeprecationWarning, stacklevel=2)
        if size < 0:
            raise ValueError("negative")


def scale(value, factor=2.0):
    return value * factor


CLASSES = (Base, Derived, HandsOn, Warns)


class Watched:
    """The watched classes, their book, and the rows that were written."""

    def __init__(self, written: Rows) -> None:
        self.rows = written
        self.is_compiling = False
        self.made: list[tuple[Any, construction.Call]] = []
        self.book = construction.Book()
        self.told = construction.Book(lambda made, call: self.made.append((made, call)))
        self.watches = construction.Watches(lambda: self.is_compiling)

    def arguments(self, made: Any) -> dict[str, tuple[Any, bool]]:
        call = self.book.call_of(made)
        assert call is not None
        return {one.name: (one.value, one.given) for one in construction.arguments_of(call)}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Rows:
    found: Rows = []
    monkeypatch.setattr(rows, "write", found.append)
    monkeypatch.setattr(rows._state, "missed", set())
    return found


@pytest.fixture
def watched(written: Rows) -> Iterator[Watched]:
    made = Watched(written)
    for owner in CLASSES:
        made.watches.constructor(owner, made.book)
    yield made
    made.watches.undo()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Return a maker of modules that count as installed."""
    folder = tmp_path / "installed"
    folder.mkdir()
    rows.set_installed((str(folder),))
    names = []

    def load(source: str) -> Any:
        name = f"library_{len(names)}"
        names.append(name)
        path = folder / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield load
    rows.set_installed(())
    for name in names:
        del sys.modules[name]


def test_all_arguments_in_force_are_known_and_which_were_given(watched: Watched) -> None:
    """Positional and named arguments are told from defaults, in the order of the signature."""
    made = Base(3, name="mine")
    assert list(watched.arguments(made).items()) == [
        ("size", (3, True)),
        ("eps", (1e-5, False)),
        ("name", ("mine", True)),
    ]
    call = watched.book.call_of(made)
    assert call is not None
    assert call.by_program
    assert call.where.startswith(f"{__file__}:")
    assert "made = Base(3" in Path(__file__).read_text().splitlines()[int(call.where.rpartition(":")[2]) - 1]


def test_the_outermost_constructor_counts(watched: Watched) -> None:
    """What a class hands to its base class inside is not taken for what the program gave."""
    made = Derived(3, eps=0.5)
    assert watched.arguments(made) == {"size": (3, True), "momentum": (0.1, False), "eps": (0.5, True)}
    assert len(watched.book.calls) == 1


def test_a_subclass_of_the_users_is_known_by_what_it_gives_to_the_watched_class(watched: Watched) -> None:
    """The line in the user's own constructor names the value."""

    class Mine(Base):
        def __init__(self) -> None:
            super().__init__(7, eps=0.25)

    class Bare(Base):
        pass

    assert watched.arguments(Mine())["eps"] == (0.25, True)
    assert watched.arguments(Bare(1))["eps"] == (1e-5, False)
    assert watched.book.calls[-1].owner is Bare


def test_a_constructor_without_names_takes_those_of_its_base(watched: Watched) -> None:
    """`*args, **kwargs` that are only handed on get the names of the constructor below."""
    assert watched.arguments(HandsOn(4, 0.5)) == {
        "size": (4, True),
        "eps": (0.5, True),
        "name": ("base", False),
    }


def test_a_library_that_makes_an_object_is_told_from_the_program(
    watched: Watched, library: Callable[[str], Any]
) -> None:
    """The call is a library's, the line the user's that led to it."""
    module = library("def make(kind):\n    return kind(3, eps=0.5)\n")
    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
    made = module.make(Base)
    call = watched.book.call_of(made)
    assert call is not None
    assert not call.by_program
    assert call.where == f"{__file__}:{line}"


def test_signature_source_and_names_stay(watched: Watched) -> None:
    """Whoever inspects a watched class sees what stands in its file."""
    assert str(inspect.signature(Base)) == "(size, eps=1e-05, *, name='base')"
    assert inspect.getsource(Base.__init__).lstrip().startswith("def __init__(self, size")
    assert Base.__init__.__qualname__ == "Base.__init__"
    assert Base.__init__.__module__ == __name__


def test_copies_and_pickles_are_as_before(watched: Watched) -> None:
    """An object holds nothing of the hook's; a copy is no construction."""
    made = Derived(3)
    assert set(vars(made)) == {"size", "eps", "name", "momentum"}
    again = copy.deepcopy(made)
    assert vars(again) == vars(made)
    assert watched.book.call_of(again) is None
    assert b"assay" not in pickle.dumps(vars(made))


def test_nothing_of_the_program_is_kept_alive(watched: Watched) -> None:
    """Neither the object nor an argument lives longer than without the hook."""

    class Large:
        pass

    argument = Large()
    made = Base(argument)
    last = [weakref.ref(made), weakref.ref(argument)]
    del made, argument
    gc.collect()
    assert [reference() for reference in last] == [None, None]
    assert watched.book.calls[-1].object() is None
    assert "Large" in str(next(iter(construction.arguments_of(watched.book.calls[-1]))).value)


def test_an_address_that_is_used_again_is_another_object(watched: Watched) -> None:
    """A new object where an old one was freed is a construction of its own."""
    for size in range(50):
        made = Base(size)
        assert watched.arguments(made)["size"] == (size, True)
        del made
    assert len(watched.book.calls) == 50


def test_warnings_and_errors_point_where_they_did(watched: Watched) -> None:
    """A warning names the program's line, and an error passes through as it is."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        Warns(1)
    assert [one.filename for one in seen] == [__file__]
    with pytest.warns(DeprecationWarning, match="old"), pytest.raises(ValueError, match="negative"):
        Warns(-1)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        Base()


def test_a_compiler_sees_the_original_only(watched: Watched) -> None:
    """Where the test says that the program is traced, nothing is noted."""
    watched.is_compiling = True
    assert Derived(3).size == 3
    assert watched.book.calls == []


def test_wrappers_close_over_plain_functions_alone(watched: Watched) -> None:
    """A compiler that traces Python cannot follow a method or a table in a closure."""
    watched.watches.function(sys.modules[__name__], "scale", lambda *_: None)
    for wrapper in (Base.__init__, scale):
        held = [cell.cell_contents for cell in wrapper.__closure__]
        assert len(held) >= 2
        assert all(inspect.isfunction(one) for one in held)


def test_what_goes_wrong_inside_is_noted_and_nothing_else(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program gets its object, and the record says what it lacks."""

    def breaks(*_: Any) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(watched.book, "note", breaks)
    assert Base(3).eps == 1e-5
    (text,) = [row["text"] for row in watched.rows if row["k"] == "missed"]
    assert text.startswith("a construction could not be observed: RuntimeError")


def test_the_end_of_a_construction_is_told_once(watched: Watched) -> None:
    """A book that asks for it is told when the outermost constructor has returned, and not before."""
    watched.watches.undo()
    for owner in (Base, Derived):
        watched.watches.constructor(owner, watched.told)
    made = Derived(3)
    assert [(one, call.function.__qualname__) for one, call in watched.made] == [(made, "Derived.__init__")]
    assert made.momentum == 0.1


def test_calls_of_functions_are_noted_and_undone(watched: Watched) -> None:
    """A function's arguments are handed over before it runs; afterwards everything is as it was."""
    seen = []
    module = sys.modules[__name__]
    original = module.scale  # type: ignore[attr-defined]
    watched.watches.function(module, "scale", lambda *call: seen.append(call))
    assert scale(3, factor=0.5) == 1.5
    assert seen == [(original, (3,), {"factor": 0.5})]
    watched.watches.undo()
    assert module.scale is original  # type: ignore[attr-defined]
    assert not hasattr(Base.__init__, "__wrapped__")


def test_a_book_is_bounded(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects that are gone make room first; what is left out is said."""
    monkeypatch.setattr(construction, "_MOST_CALLS", 10)
    for size in range(30):
        Base(size)
    assert len(watched.book.calls) <= 10
    assert watched.rows == []
    held = [Base(size) for size in range(20)]
    assert watched.arguments(held[-1])["size"] == (19, True)
    assert len(watched.book.calls) <= 10
    assert "too many were made" in watched.rows[0]["text"]


def test_values_become_plain(written: Rows) -> None:
    """Arrays become fingerprints, functions names with what they hold, infinities text."""
    numpy = pytest.importorskip("numpy")
    decay = 0.9

    def average(value: float) -> float:
        return value * decay

    assert settings.plain((1, 2.5, None, float("inf"))) == [1, 2.5, None, "inf"]
    assert settings.plain(numpy.float32(0.5)) == 0.5
    assert settings.plain(numpy.zeros((2, 3)))["shape"] == [2, 3]
    assert settings.plain(average).endswith("average(decay=0.9)")
    assert settings.plain(object()) == "<builtins.object>"
    assert settings.plain({"b": {3, 1}}) == {"b": [1, 3]}
    assert settings.plain(list(range(1000))) == {"class": "list", "length": 1000}


def test_a_setting_is_written_once_and_again_where_it_changed(written: Rows) -> None:
    """Equal rows are not repeated; secrets stay out of values and of names."""
    settings.forget()
    token = "ghp_" + "a1B2" * 10
    for value in (1, 1, 2):
        settings.write("loader 0 DataLoader.size", value, "loader", named=False)
    settings.write("optimizer 0 SGD.group 0.api_key", "correct horse", "optimizer")
    settings.write("optimizer 0 SGD.group 0.note", {"text": token}, "optimizer")
    settings.forget()
    assert [row["value"] for row in written] == [1, 2, "[secret removed]", {"text": "[secret removed]"}]
