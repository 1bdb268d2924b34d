"""Differences of configuration files: one change a key, and every other byte as it was."""

from __future__ import annotations

import configparser
import json
import tomllib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.verification.commands.configuration import apply_keys, format_of, key_changes, key_text

YAML = "# training\noptim:\n  name: sgd   # the optimizer\n  lr: 0.1\n  betas: [0.9, 0.99]\nseed: 0\n"
JSON = '{\n  "optim": {"lr": 0.1, "betas": [0.9, 0.99]},\n  "seed": 0, "name": "a\\"b"\n}\n'
TOML = '# training\nseed = 0\n[optim]\nlr = 0.1  # the rate\nname = "sgd"\n[optim.extra]\nk = 1\n'
INI = "[optim]\nLR = 0.1\nname: sgd\n[DEFAULT]\nseed = 0\n"


@pytest.mark.parametrize(
    ("form", "a", "old", "new", "key"),
    [
        ("yaml", YAML, "lr: 0.1", "lr: 0.01", "optim.lr"),
        ("yaml", YAML, "0.99", "0.95", "optim.betas[1]"),
        ("json", JSON, '"lr": 0.1', '"lr": 1e-3', "optim.lr"),
        ("json", JSON, 'a\\"b', "c", "name"),
        ("toml", TOML, "lr = 0.1", "lr = 0.01", "optim.lr"),
        ("toml", TOML, "k = 1", "k = 2", "optim.extra.k"),
        ("ini", INI, "LR = 0.1", "LR = 0.2", "optim.LR"),
        ("ini", INI, "seed = 0", "seed = 1", "DEFAULT.seed"),
    ],
)
def test_a_changed_value_is_one_edit_of_the_text(form: str, a: str, old: str, new: str, key: str) -> None:
    """A value is replaced where it stands: the text that comes out is B's, comments and all."""
    b = a.replace(old, new)
    ((change, _, _),) = key_changes(a, b, form)
    assert key_text(change.keys) == key
    assert change.edit is not None
    assert apply_keys(a, form, [change]) == b


@pytest.mark.parametrize("form", ["json", "yaml", "ini"])
def test_keys_that_come_and_go_are_changes(form: str) -> None:
    """A key that only one side has is set or removed, alone and together with others."""
    read: Any = {"json": json.loads, "yaml": yaml.safe_load, "ini": _ini}[form]
    a = {"json": JSON, "yaml": YAML, "ini": INI}[form]
    b = {
        "json": '{"optim": {"lr": 0.1, "betas": [0.9, 0.99], "nesterov": true}, "name": "a\\"b"}',
        "yaml": "optim:\n  name: sgd\n  lr: 0.1\n  betas: [0.9, 0.99]\n  nesterov: true\n",
        "ini": "[optim]\nLR = 0.1\nname: sgd\nnesterov = true\n[DEFAULT]\n",
    }[form]
    changes = [change for change, _, _ in key_changes(a, b, form)]
    assert sorted(key_text(change.keys).split(".")[-1] for change in changes) == ["nesterov", "seed"]
    assert read(apply_keys(a, form, changes)) == read(b)
    one = read(apply_keys(a, form, [change for change in changes if change.removed]))
    assert "nesterov" not in str(one)
    assert "seed" not in str(one)


def _ini(text: str) -> Any:
    parser = configparser.RawConfigParser(default_section="\0")
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def test_an_anchor_is_not_edited_for_one_of_its_users() -> None:
    """Where an edit of the text would change a second key too, the file is written anew."""
    a, b = "x: &v 1\ny: *v\n", "x: &v 1\ny: 2\n"
    ((change, _, _),) = key_changes(a, b, "yaml")
    assert yaml.safe_load(apply_keys(a, "yaml", [change])) == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("form", "a", "b"),
    [
        ("yaml", "x: !tag 1\n", "x: !tag 2\n"),
        ("yaml", "x: 1\n---\nx: 2\n", "x: 1\n"),
        ("json", "{", "{}"),
        ("json", "[1]", "[1, 2]"),
        ("toml", "x = 1\n", "x = 1\ny = 2\n"),
        ("yaml", "1: a\n", "1: b\n"),
    ],
)
def test_what_keys_cannot_express_is_left_to_lines(form: str, a: str, b: str) -> None:
    """Tags, several documents, broken files, roots and TOML keys that come are no changes of keys."""
    assert key_changes(a, b, form) is None


def test_types_count() -> None:
    """1, 1.0, true and '1' are four values, and 0.0 is not -0.0."""
    for a, b in (("1", "1.0"), ("1", "true"), ("1", '"1"'), ("0.0", "-0.0")):
        ((_, old, new),) = key_changes(f'{{"x": {a}}}', f'{{"x": {b}}}', "json")
        assert repr(old) != repr(new)


def test_formats_go_by_their_suffix() -> None:
    """The suffix names the format, in any case."""
    assert [format_of(name) for name in ("a/b.YAML", "c.json", "d.toml", "e.cfg", "f.py")] == [
        "yaml",
        "json",
        "toml",
        "ini",
        None,
    ]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
documents = st.dictionaries(st.text(max_size=3), values, max_size=4)


@settings(max_examples=80, deadline=None)
@given(documents, documents, st.sampled_from([None, 2]))
def test_all_changes_give_b_and_each_changes_one_leaf(a: Any, b: Any, indent: int | None) -> None:
    """For any two JSON files: all changes give B's values, and each alone changes its own leaf only."""
    text = json.dumps(a, indent=indent)
    changes = key_changes(text, json.dumps(b), "json")
    assert changes is not None
    assert json.loads(apply_keys(text, "json", [change for change, _, _ in changes])) == b
    for change, _, _ in changes:
        once = apply_keys(text, "json", [change])
        again = key_changes(text, once, "json")
        assert again is not None
        assert [one.keys for one, _, _ in again] == [change.keys]


@settings(max_examples=60, deadline=None)
@given(documents, documents)
def test_yaml_files_become_each_other(a: Any, b: Any) -> None:
    """For any two YAML files that can be told apart by keys, all changes give B's values."""
    text = yaml.safe_dump(a)
    changes = key_changes(text, yaml.safe_dump(b), "yaml")
    if changes is not None:
        assert yaml.safe_load(apply_keys(text, "yaml", [change for change, _, _ in changes])) == b


def test_a_toml_file_stays_valid() -> None:
    """Two values of a TOML file change together or alone, and the file still reads."""
    b = TOML.replace("0.1", "0.3").replace('"sgd"', '"adam"')
    changes = [change for change, _, _ in key_changes(TOML, b, "toml")]
    assert len(changes) == 2
    assert tomllib.loads(apply_keys(TOML, "toml", changes[:1]))["optim"]["name"] == "sgd"
    assert apply_keys(TOML, "toml", changes) == b
