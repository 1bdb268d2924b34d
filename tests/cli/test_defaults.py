"""`assay show RUN --defaults`: the values that a program worked with and never named."""

from __future__ import annotations

from typing import Any

from assay.cli.defaults import as_they_come, default_lines, defaults
from assay.provenance.commands import CommandProvenance, Setting


def _provenance(*settings: Setting) -> CommandProvenance:
    return CommandProvenance(argv=("python", "train.py"), settings=settings)


def _setting(path: str, value: Any = 1, *, named: bool | None = False, where: str = "net.py:3") -> Setting:
    return Setting(path=path, value=value, source=path.partition(" ")[0], named=named, where=where)


def test_only_what_was_never_named_is_a_default() -> None:
    """They come in the order of the sources and of the paths; others are not among them."""
    settings = [
        _setting("module net.bn BatchNorm2d.momentum", 0.1),
        _setting("module net.bn BatchNorm2d.eps", 1e-5),
        _setting("module net.bn BatchNorm2d.num_features", 8, named=True),
        _setting("optimizer 0 SGD.group 0.momentum", 0),
        _setting("optimizer 0 SGD.group 0.initial_lr", 0.1, named=None),
    ]
    assert [one.path for one in defaults(_provenance(*settings))] == [
        "optimizer 0 SGD.group 0.momentum",
        "module net.bn BatchNorm2d.eps",
        "module net.bn BatchNorm2d.momentum",
    ]


def test_the_lines_show_values_and_where_they_come_from() -> None:
    """Objects of one class with equal values share a line; each place has its line of the program."""
    lines = default_lines(
        _provenance(
            _setting("module net.layers.*.bn BatchNorm2d.eps", 1e-5),
            _setting("module net.layers.*.bn BatchNorm2d.momentum", 0.1),
            _setting("module net.stem BatchNorm2d.eps", 1e-5, where="stem.py:9"),
            _setting("module net.stem BatchNorm2d.momentum", 0.1, where="stem.py:9"),
            _setting("optimizer 0 SGD.group 0.momentum", 0, where="train.py:7"),
            _setting("optimizer 0 SGD.group 0.lr", 0.1, named=True),
            _setting("clipping clip_grad_norm_.norm_type", 2.0, where="train.py:20"),
        )
    )
    assert lines == [
        "a library upgrade could change these 6 values, which the program never named",
        "  optimizer",
        "    SGD group 0: momentum = 0",
        "      at optimizer 0, train.py:7",
        "  module",
        "    BatchNorm2d: eps = 1e-05, momentum = 0.1",
        "      at net.layers.*.bn, net.py:3",
        "      at net.stem, stem.py:9",
        "  clipping",
        "    clip_grad_norm_: norm_type = 2.0",
        "      at train.py:20",
        "named by the program: 1 of 7 values",
    ]


def test_one_value_is_not_several() -> None:
    """The sentence agrees with its number."""
    lines = default_lines(_provenance(_setting("loss net.loss NLLLoss.reduction", "mean")))
    assert lines[0] == "a library upgrade could change this 1 value, which the program never named"
    assert lines[2] == '    NLLLoss: reduction = "mean"'


def test_what_is_not_known_stands_apart_without_mere_facts() -> None:
    """Counts and modes are no values that anybody could have named."""
    lines = default_lines(
        _provenance(
            _setting("module net.bn BatchNorm2d.momentum", 0.01, named=None),
            _setting("module net Net.training", value=True, named=None),
            _setting("optimizer 0 SGD.group 0.elements", 1_000, named=None),
        )
    )
    assert lines == [
        "not known whether the program named: 1 value",
        "  module",
        "    BatchNorm2d: momentum = 0.01",
        "      at net.bn, net.py:3",
        "named by the program: 0 of 1 values",
    ]


def test_nothing_to_show_is_said() -> None:
    """A program that named everything, or was not seen, gets a sentence and no empty list."""
    for settings in ((), (_setting("loader 0 DataLoader.timeout", 3, named=True),)):
        assert default_lines(_provenance(*settings)) == [
            "no value was seen that the program left to a default"
        ]


def test_hundreds_of_values_stay_readable() -> None:
    """Long lines are broken between values, and many places are counted."""
    settings = [
        _setting(f"module net.block{number} Block.value{value:02}", 0.5)
        for number in range(300)
        for value in range(12)
    ]
    lines = default_lines(_provenance(*settings))
    assert lines[0].startswith("a library upgrade could change these 3,600 values")
    assert len(lines) < 15
    assert all(len(line) <= 100 for line in lines)
    assert lines[-2] == "      and at 295 more places"
    text = " ".join(line.strip() for line in lines)
    assert all(f"value{value:02} = 0.5" in text for value in range(12))


def test_values_of_all_kinds_are_short() -> None:
    """Tensors show their shape, several numbers their range, and long text is cut."""
    values: dict[str, Any] = {
        "weight": {"tensor": "0123456789abcdef", "shape": [3, 4]},
        "bound": {"different": 20, "least": -0.5, "greatest": 0.5},
        "few": {"different": 2, "values": [0.1, 0.2]},
        "name": "x" * 500,
        "nothing": None,
    }
    settings = [_setting(f"loss net NLLLoss.{name}", value) for name, value in values.items()]
    text = " ".join(line.strip() for line in default_lines(_provenance(*settings)))
    for shown in (
        "weight = tensor 3x4 01234567",
        "bound = 20 values from -0.5 to 0.5",
        "few = 2 values, 0.1 0.2",
        "nothing = null",
        f'name = "{"x" * 56}...',
    ):
        assert shown in text


def test_what_commands_a_terminal_is_shown_and_not_sent() -> None:
    """Paths, values and places come from the program and are not trusted."""
    lines = default_lines(
        _provenance(_setting("module net\x1b[2J B\x07N.eps", "\x1b]0;\x07", where="a\nb.py:1"))
    )
    assert all(line.isprintable() for line in lines)
    assert any("\\x1b" in line for line in lines)


def test_the_same_settings_give_the_same_lines_in_any_order() -> None:
    """Nothing depends on the order in which settings were seen."""
    settings = [_setting(f"module net.{name} Linear.bias", value=True) for name in "dacb"]
    assert default_lines(_provenance(*settings)) == default_lines(_provenance(*reversed(settings)))


def test_settings_are_told_from_those_as_the_libraries_come() -> None:
    """Only a known setting at its known value is usual: another value, and an unknown name, are not."""
    numerics: dict[str, Any] = {
        "torch.cudnn.benchmark": False,
        "torch.cudnn.deterministic": True,
        "torch.sdp.priority": [1, 2, 0, 3, 4],
        "torch.fp32_precision.cuda.conv": "tf32",
        "torch.num_threads": 1,
        "torch.a_new_one": False,
    }
    usual = as_they_come(numerics)
    assert set(usual) == {"torch.cudnn.benchmark", "torch.sdp.priority", "torch.fp32_precision.cuda.conv"}
    lines = default_lines(CommandProvenance(argv=("python",), numerics=numerics))
    assert lines[1:] == [
        "in force as the libraries come: 3 settings",
        '    torch.cudnn.benchmark = false, torch.fp32_precision.cuda.conv = "tf32",',
        "        torch.sdp.priority = [1, 2, 0, 3, 4]",
    ]
