"""Spaces by name."""

from __future__ import annotations

import pytest

from assay.foundation.errors import CodeError, UnknownNameError
from assay.foundation.registry import Registered, Registry
from assay.spaces.catalogue import SPACES, get_space


def test_built_in_names():
    """Built-in spaces answer to their names."""
    assert {"nas-bench-201", "nas-bench-graph", "nas-bench-graph-proteins"} <= set(SPACES.names())
    assert [get_space(name).name for name in SPACES.names()] == SPACES.names()


def test_one_instance_in_a_process():
    """A space is made once, so that what it has precomputed is shared."""
    assert get_space("nas-bench-201") is get_space("nas-bench-201")


def test_typo_suggests_the_nearest():
    """A misspelt name raises the house's error with the nearest name."""
    with pytest.raises(UnknownNameError, match="did you mean 'nas-bench-201'"):
        get_space("nasbench-201")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("builtins:dict", "a dict lacks members of SearchSpace"),
        ("assay.spaces.nas_bench_201:NasBench201Space", "its name is 'nas-bench-201'"),
    ],
)
def test_what_is_no_space_is_refused(monkeypatch, target, why):
    """A plug-in that registers something else is named, with its distribution."""
    plug_in = Registered("mine", target, "my-package", "2.0")
    monkeypatch.setattr(Registry, "_all", lambda _: {"mine": plug_in})
    with pytest.raises(CodeError, match=r"my-package 2\.0") as error:
        get_space("mine")
    assert error.value.why == why
