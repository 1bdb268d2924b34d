"""Names of components, built in and plugged in."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.registry import Registered, Registry

GROUP = "assay.strategies"
BUILTIN = {"errors-module": "assay.foundation.errors:AssayError", "another": "assay.foundation.clock:now"}


def plug_in(folder: Path, distribution: str, name: str, target: str) -> None:
    """Lay down what an installer would: a distribution's metadata with one entry point."""
    info = folder / f"{distribution}-2.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {target}\n")


def test_a_built_in_component_is_found_and_loaded() -> None:
    """A built-in name gives the object at its target, under Assay's own version."""
    found = Registry("strategy", GROUP, BUILTIN).find("errors-module")
    assert (found.distribution, found.version) == ("assay", metadata.version("assay"))
    assert found.load().__name__ == "AssayError"


def test_a_plug_in_is_found_with_its_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point is a name like any other, and brings its distribution and version."""
    plug_in(tmp_path, "their-package", "theirs", "their_module:Strategy")
    (tmp_path / "their_module.py").write_text("class Strategy: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("strategy", GROUP, BUILTIN)
    assert registry.names() == sorted(["another", "errors-module", "theirs"])
    found = registry.find("theirs")
    assert found == Registered("theirs", "their_module:Strategy", "their-package", "2.5")
    assert found.load().__name__ == "Strategy"


def test_only_the_named_plug_in_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in that cannot be imported harms nobody who does not ask for it."""
    plug_in(tmp_path, "broken-package", "broken", "module_that_is_not_there:Strategy")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("strategy", GROUP, BUILTIN)
    assert "broken" in registry.names()
    assert registry.find("another").load()
    with pytest.raises(ModuleNotFoundError):
        registry.find("broken").load()


def test_a_collision_names_both_distributions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two distributions under one name are refused, whichever name is asked for."""
    plug_in(tmp_path, "their-package", "another", "their_module:Strategy")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError) as caught:
        Registry("strategy", GROUP, BUILTIN).find("errors-module")
    assert caught.value.what == "two distributions register the strategy 'another'"
    assert caught.value.where == "assay and their-package"


def test_a_typo_is_answered_with_the_nearest_name() -> None:
    """A name that nothing answers to gives the kind, the name, and a suggestion."""
    with pytest.raises(UnknownNameError) as caught:
        Registry("strategy", GROUP, BUILTIN).find("eror-module")
    assert str(caught.value) == "unknown strategy 'eror-module'\n  hint:  did you mean 'errors-module'?"
