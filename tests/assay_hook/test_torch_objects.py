"""What the objects of PyTorch programs really got, and whether the program named it."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import io
import pickle
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  after the check that there is one

from assay_hook import rows, settings, torch_objects  # noqa: E402  the same

HELPER = """
import torch.nn as nn

def norm(channels):
    return nn.BatchNorm2d(channels, momentum=0.05)
"""
FOREIGN = """
import torch

class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-4, beta=0.9):
        super().__init__(params, dict(lr=lr, beta=beta))

def block(norm):
    return norm(4, 0.002)
"""


class Seen:
    """The rows that the hook wrote while it watched torch."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def tell(self) -> None:
        """Come to the first step."""
        torch_objects.on_first_step()

    def settings(self, prefix: str = "") -> dict[str, tuple[Any, bool | None]]:
        """Return value and whether it was named, by what follows the prefix of the path."""
        return {
            row["path"][len(prefix) :]: (row["value"], row["named"])
            for row in self.rows
            if row["k"] == "setting" and row["path"].startswith(prefix)
        }

    def where(self, path: str) -> str:
        """Return the file and text of the line at which an object was made."""
        (found,) = {row["where"] for row in self.rows if row.get("path") == path}
        file, _, line = found.rpartition(":")
        return f"{Path(file).name}: {Path(file).read_text().splitlines()[int(line) - 1].strip()}"

    def missed(self) -> list[str]:
        return [row["text"] for row in self.rows if row["k"] == "missed" and "functional" not in row["text"]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Seen]:
    found = Seen()
    monkeypatch.setattr(rows, "write", found.rows.append)
    monkeypatch.setattr(rows._state, "missed", set())
    monkeypatch.setattr(rows, "exit_hooks", [])
    paths = sysconfig.get_paths()
    rows.set_installed((paths["purelib"], paths["stdlib"], str(tmp_path / "installed")))
    torch_objects.install(torch)
    yield found
    torch_objects.uninstall()
    rows.set_installed(())
    assert found.missed() == []


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str, str], Any]:
    """Return a loader of modules from text, below a folder."""

    def load(name: str, source: str) -> Any:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


class Own(nn.BatchNorm2d):
    def __init__(self, channels, **kwargs):
        super().__init__(channels, eps=1e-3, **kwargs)


class Bare(nn.BatchNorm2d):
    pass


class Net(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d, classes=4):
        super().__init__()
        blocks = [nn.Sequential(nn.Conv2d(3 if i == 0 else 8, 8, 3), norm(8), nn.ReLU()) for i in range(3)]
        self.blocks = nn.Sequential(*blocks)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(8, classes)

    def forward(self, images):
        return self.head(self.drop(self.blocks(images).mean((2, 3))))


# -- Modules ------------------------------------------------------------------------------------------------


def test_layers_tell_what_they_got_and_what_was_named(seen: Seen, load: Callable[[str, str], Any]) -> None:
    """Equal layers are one row; the line is in the file that made them, wherever that is."""
    helper = load("helper.py", HELPER)
    net = Net(helper.norm)
    seen.tell()
    found = seen.settings("module Net.")
    assert found["blocks.*.1 BatchNorm2d.momentum"] == (0.05, True)
    assert found["blocks.*.1 BatchNorm2d.eps"] == (1e-5, False)
    assert found["blocks.*.1 BatchNorm2d.track_running_stats"] == (True, False)
    assert found["blocks.*.0 Conv2d.padding_mode"] == ("zeros", False)
    assert found["blocks.*.0 Conv2d.kernel_size"] == ([3, 3], True)
    assert found["drop Dropout.p"] == (0.3, True)
    assert found["head Linear.bias"] == (True, False)
    assert "head Linear.device" not in found
    assert seen.where("module Net.blocks.*.1 BatchNorm2d.eps") == (
        "helper.py: return nn.BatchNorm2d(channels, momentum=0.05)"
    )
    assert seen.where("module Net.drop Dropout.p") == f"{Path(__file__).name}: self.drop = nn.Dropout(0.3)"
    assert net.training


def test_unequal_layers_stay_apart_as_far_as_they_differ(seen: Seen) -> None:
    """Indices become a star only where all settings behind it agree."""
    net = nn.ModuleList(nn.ModuleList(nn.Dropout(p) for _ in range(2)) for p in (0.1, 0.2))
    seen.tell()
    assert seen.settings("module ModuleList.") == {
        "0.* Dropout.p": (0.1, True),
        "1.* Dropout.p": (0.2, True),
        "*.* Dropout.inplace": (False, False),
    }
    assert len(net) == 2


def test_subclasses_of_the_users_name_values_too(seen: Seen) -> None:
    """What a subclass hands to torch's constructor is named by the program; one without its own inherits."""
    net = nn.Sequential(Own(4), Bare(4, momentum=0.2))
    seen.tell()
    found = seen.settings("module Sequential.")
    assert found["0 Own.eps"] == (1e-3, True)
    assert found["0 Own.momentum"] == (0.1, False)
    assert found["1 Bare.eps"] == (1e-5, False)
    assert found["1 Bare.momentum"] == (0.2, True)
    assert len(net) == 2


def test_layers_inside_layers_are_the_librarys(seen: Seen) -> None:
    """What torch hands on from the program is the program's; its own constants and sizes are not."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.2)
    net = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    del layer
    seen.tell()
    found = seen.settings("module TransformerEncoder.layers.*")
    assert found[" TransformerEncoderLayer.dropout"] == (0.2, True)
    assert found[" TransformerEncoderLayer.layer_norm_eps"] == (1e-5, False)
    assert found[".dropout1 Dropout.p"] == (0.2, True)
    assert found[".norm1 LayerNorm.eps"] == (1e-5, False)
    assert found[".linear1 Linear.out_features"] == (16, None)
    assert seen.where("module TransformerEncoder.layers.*.norm1 LayerNorm.eps").endswith(
        "layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.2)"
    )
    assert len(net.layers) == 3


def test_recurrent_layers_have_the_names_of_their_base(seen: Seen) -> None:
    """`nn.LSTM` has no names of its own for its arguments."""
    net = nn.LSTM(4, 8, num_layers=2)
    seen.tell()
    found = seen.settings("module LSTM LSTM.")
    assert found["num_layers"] == (2, True)
    assert found["hidden_size"] == (8, True)
    assert found["dropout"] == (0.0, False)
    assert net.num_layers == 2


def test_what_was_set_later_is_told_as_it_is_now(seen: Seen) -> None:
    """A value that somebody assigned is no default, and who named it is not known."""
    net = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.1), nn.ReLU())
    net[0].momentum = 0.01
    net[1].p = 0.5
    net[2].inplace = True
    net[1].eval()
    seen.tell()
    found = seen.settings("module Sequential")
    assert found[".0 BatchNorm1d.momentum"] == (0.01, None)
    assert found[".0 BatchNorm1d.eps"] == (1e-5, False)
    assert found[".1 Dropout.p"] == (0.5, True)
    assert found[".2 ReLU.inplace"] == (True, None)
    assert found[" Sequential.training"] == (True, None)
    assert found[".1 Dropout.training"] == (False, None)
    assert ".0 BatchNorm1d.training" not in found


def test_a_loss_is_told_with_the_fingerprint_of_its_weights(seen: Seen) -> None:
    """Losses have a source of their own, and unequal weights of classes unequal fingerprints."""
    losses = [nn.CrossEntropyLoss(torch.tensor([1.0, weight]), label_smoothing=0.1) for weight in (2.0, 3.0)]
    seen.tell()
    found = seen.settings("loss CrossEntropyLoss#")
    assert found["* CrossEntropyLoss.reduction"] == ("mean", False)
    assert found["* CrossEntropyLoss.label_smoothing"] == (0.1, True)
    weights = [found[f"{number} CrossEntropyLoss.weight"][0] for number in range(2)]
    assert [weight["shape"] for weight in weights] == [[2], [2]]
    assert weights[0]["tensor"] != weights[1]["tensor"]
    assert {row["source"] for row in seen.rows if row.get("path", "").startswith("loss")} == {"loss"}
    assert len(losses) == 2


def test_a_network_like_an_earlier_one_says_nothing_new(seen: Seen) -> None:
    """The folds of a validation are told once; a later network that differs gets a number."""
    first = Net()
    seen.tell()
    told = len(seen.rows)
    second = Net()
    torch_objects.on_end()
    assert [row["path"] for row in seen.rows[told:] if not row["path"].startswith("initialisation")] == []
    third = Net(classes=7)
    torch_objects.on_end()
    assert seen.settings("module Net#2.")["head Linear.out_features"] == (7, True)
    assert [first.head.out_features, second.head.out_features, third.head.out_features] == [4, 4, 7]


def test_modules_that_are_gone_are_told_in_their_order(seen: Seen) -> None:
    """A program that never came to a step, and keeps no network, still says what it made."""

    def run() -> Any:
        net = nn.Sequential(nn.Dropout(0.1), nn.Linear(2, 2))
        return net(torch.zeros(1, 2)).sum().item()

    run()
    torch_objects.on_end()
    found = seen.settings("module #")
    assert found["0 Dropout.p"] == (0.1, True)
    assert found["1 Linear.bias"] == (True, False)


def test_a_module_that_was_loaded_whole_is_told_once_it_was_called(seen: Seen) -> None:
    """An object out of a file has no line and no names, but values."""
    data = pickle.dumps(nn.Sequential(nn.Dropout(0.4)))
    torch_objects.uninstall()
    torch_objects.install(torch)
    loaded = pickle.loads(data)
    torch_objects.note_outermost(loaded)
    seen.tell()
    assert seen.settings("module Sequential.")["0 Dropout.p"] == (0.4, None)


def test_a_strange_module_hides_no_other(seen: Seen) -> None:
    """Classes that compare, convert or look up in ways of their own do no harm."""

    class Odd(nn.Dropout):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("never asked")

        def __bool__(self) -> bool:
            raise RuntimeError("never asked")

        def __len__(self) -> int:
            raise RuntimeError("never asked")

    odd, plain = Odd(0.2), nn.Dropout(0.1)
    seen.tell()
    found = seen.settings("module ")
    assert found["Odd Odd.p"] == (0.2, True)
    assert found["Dropout Dropout.p"] == (0.1, True)
    assert [odd.p, plain.p] == [0.2, 0.1]


# -- Optimizers and schedulers ------------------------------------------------------------------------------


def test_groups_of_parameters_tell_their_settings_and_what_is_in_them(seen: Seen) -> None:
    """It is plain to see that normalisation gets no weight decay, and by whose word."""
    net = Net()
    norm = [parameter for block in net.blocks for parameter in block[1].parameters()]
    others = [one for one in net.parameters() if not any(one is other for other in norm)]
    groups = [{"params": others}, {"params": norm, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1, weight_decay=1e-4)
    seen.tell()
    found = seen.settings("optimizer 0 SGD.")
    assert found["group 0.lr"] == found["group 1.lr"] == (0.1, True)
    assert found["group 0.momentum"] == (0, False)
    assert found["group 0.weight_decay"] == (1e-4, True)
    assert found["group 1.weight_decay"] == (0.0, True)
    assert found["group 1.of"] == ({"BatchNorm2d.bias": 3, "BatchNorm2d.weight": 3}, None)
    assert found["group 1.parameters"] == (6, None)
    assert found["group 1.elements"] == (48, None)
    assert found["group 0.of"][0] == {
        "Conv2d.bias": 3,
        "Conv2d.weight": 3,
        "Linear.bias": 1,
        "Linear.weight": 1,
    }
    assert found["defaults.weight_decay"] == (1e-4, True)
    assert "defaults.lr" not in found
    assert seen.where("optimizer 0 SGD.group 0.lr").endswith("lr=0.1, weight_decay=1e-4)")
    assert len(optimizer.param_groups) == 2


def test_a_group_that_is_added_later_names_its_own(seen: Seen) -> None:
    """The table of the group counts as the program's word."""
    optimizer = torch.optim.AdamW(nn.Linear(2, 2).parameters())
    optimizer.add_param_group({"params": nn.Linear(3, 3).parameters(), "eps": 1e-6})
    seen.tell()
    found = seen.settings("optimizer 0 AdamW.")
    assert found["group 0.eps"] == (1e-8, False)
    assert found["group 1.eps"] == (1e-6, True)
    assert found["group 0.weight_decay"] == (0.01, False)
    assert found["group 0.lr"] == (0.001, False)
    assert found["group 0.betas"] == ([0.9, 0.999], False)


def test_optimizers_of_all_kinds_are_told(seen: Seen, load: Callable[[str, str], Any]) -> None:
    """Closures, the program's own classes and those of libraries; of the last it is not known who named."""

    class Plain(torch.optim.Optimizer):
        def __init__(self, params, lr=0.5):
            super().__init__(params, {"lr": lr})

    foreign = load("installed/foreign.py", FOREIGN)
    net = nn.Linear(2, 2)
    held = [
        torch.optim.LBFGS(net.parameters(), history_size=5),
        Plain(net.parameters()),
        foreign.Lion(net.parameters(), lr=0.25),
    ]
    seen.tell()
    found = seen.settings("optimizer ")
    assert found["0 LBFGS.group 0.history_size"] == (5, True)
    assert found["0 LBFGS.group 0.max_iter"] == (20, False)
    assert found["1 Plain.group 0.lr"] == (0.5, True)
    assert found["2 Lion.group 0.lr"] == (0.25, None)
    assert len(held) == 3


def test_an_optimizer_made_after_the_first_step_is_told_at_once(seen: Seen) -> None:
    """What comes later does not wait for the end, where it may be gone."""
    seen.tell()
    torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.5)
    assert seen.settings("optimizer 0 SGD.")["group 0.lr"] == (0.5, True)


def test_schedulers_tell_arguments_and_what_they_made_of_them(seen: Seen) -> None:
    """What a schedule changed in the optimizer is told as it is in force at the first step."""
    optimizer = torch.optim.AdamW(nn.Linear(2, 2).parameters(), lr=1e-3)
    other = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)
    held = [
        torch.optim.lr_scheduler.CosineAnnealingLR(other, T_max=10),
        torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=10),
        torch.optim.lr_scheduler.LambdaLR(other, lambda epoch: 0.9**epoch),
        torch.optim.lr_scheduler.ReduceLROnPlateau(other, patience=3),
    ]
    seen.tell()
    found = seen.settings("scheduler ")
    assert found["0 CosineAnnealingLR.T_max"] == (10, True)
    assert found["0 CosineAnnealingLR.eta_min"] == (0.0, False)
    assert found["0 CosineAnnealingLR.base_lrs"] == ([0.1], None)
    assert found["1 OneCycleLR.pct_start"] == (0.3, False)
    assert found["1 OneCycleLR.max_lr"] == (0.1, True)
    assert found["2 LambdaLR.lr_lambda"][0].endswith("<lambda>")
    assert found["3 ReduceLROnPlateau.patience"] == (3, True)
    assert found["3 ReduceLROnPlateau.factor"] == (0.1, False)
    groups = seen.settings("optimizer 0 AdamW.")
    assert groups["group 0.betas"] == ([0.95, 0.999], None)
    assert groups["group 0.lr"][0] == pytest.approx(0.004)
    assert groups["defaults.lr"] == (1e-3, True)
    assert len(held) == 4


def test_averages_of_weights_tell_their_hidden_decay(seen: Seen) -> None:
    """The decay inside the function that averages is a setting like another."""
    averages = torch.optim.swa_utils
    average = averages.AveragedModel(nn.Linear(2, 2), multi_avg_fn=averages.get_ema_multi_avg_fn())
    seen.tell()
    found = seen.settings()
    assert found["optimizer get_ema_multi_avg_fn.decay"] == (0.999, False)
    assert found["module AveragedModel AveragedModel.multi_avg_fn"][0].endswith("ema_update(decay=0.999)")
    assert found["module AveragedModel AveragedModel.use_buffers"] == (False, False)
    assert average.n_averaged == 0


# -- Precision, clipping, initialisation, loaders -----------------------------------------------------------


def test_mixed_precision_is_told_once_for_each_kind_of_context(seen: Seen) -> None:
    """A context that is entered at each step is one setting, with the values in force."""
    scaler = torch.amp.GradScaler("cpu", growth_interval=100)
    for _ in range(3):
        with torch.autocast("cpu"):
            pass
    with torch.autocast("cpu", enabled=False):
        pass
    seen.tell()
    found = seen.settings("amp ")
    assert found["0 GradScaler.growth_interval"] == (100, True)
    assert found["0 GradScaler.init_scale"] == (65536.0, False)
    assert found["0 GradScaler.enabled"] == (True, False)
    assert found["autocast.dtype"] == ("torch.bfloat16", False)
    assert found["autocast.device_type"] == ("cpu", True)
    assert found["autocast 1.enabled"] == (False, True)
    assert not any("autocast 2" in path for path in found)
    assert scaler.get_growth_factor() == 2.0


def test_clipping_is_told_once_for_equal_arguments(seen: Seen) -> None:
    """A call at each step is one setting; other arguments are another."""
    parameters = [torch.ones(3, requires_grad=True)]
    for largest in (1.0, 1.0, 1.0, 0.5):
        parameters[0].grad = torch.ones(3)
        norm = nn.utils.clip_grad_norm_(parameters, largest, foreach=None)
        assert norm.item() == pytest.approx(3**0.5)
    nn.utils.clip_grad_value_(parameters, clip_value=0.1)
    found = seen.settings("clipping ")
    assert found["clip_grad_norm_.max_norm"] == (1.0, True)
    assert found["clip_grad_norm_.norm_type"] == (2.0, False)
    assert found["clip_grad_norm_.error_if_nonfinite"] == (False, False)
    assert found["clip_grad_norm_ 1.max_norm"] == (0.5, True)
    assert found["clip_grad_value_.clip_value"] == (0.1, True)
    assert not any("parameters" in path or "norm_ 2" in path for path in found)


def test_initialisations_are_counted_by_who_makes_them(seen: Seen) -> None:
    """The program's calls name their values; those in a constructor of torch do not."""
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 16), nn.Linear(16, 2))
    for layer in net:
        nn.init.normal_(layer.weight, std=0.02)
    seen.tell()
    found = seen.settings("initialisation ")
    assert found["normal_.std"] == (0.02, True)
    assert found["normal_.mean"] == (0.0, False)
    assert found["normal_.calls"] == (3, None)
    inside = next(path for path in found if "kaiming_uniform_.a" in path)
    assert inside.endswith("reset_parameters kaiming_uniform_.a")
    assert found[inside] == (pytest.approx(5**0.5), False)
    bound = found[inside.replace("kaiming_uniform_.a", "uniform_.b")]
    assert bound == ({"values": [0.25, 0.5], "different": 2}, False)


def test_loaders_tell_what_they_work_with(seen: Seen) -> None:
    """A shuffle becomes its sampler; loaders from one line with equal settings are one."""

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self) -> Iterator[Any]:
            return iter(())

        def __len__(self) -> int:
            raise RuntimeError("never asked")

    data = torch.utils.data.TensorDataset(torch.zeros(10, 3))
    for _ in range(3):
        torch.utils.data.DataLoader(data, 4, shuffle=True, generator=torch.Generator().manual_seed(7))
    torch.utils.data.DataLoader(Stream(), drop_last=True)
    found = seen.settings("loader ")
    assert found["0 DataLoader.batch_size"] == (4, True)
    assert found["0 DataLoader.sampler"] == ("torch.utils.data.sampler.RandomSampler", None)
    assert found["0 DataLoader.sampler.replacement"] == (False, None)
    assert found["0 DataLoader.num_workers"] == (0, False)
    assert found["0 DataLoader.generator"] == ("torch.Generator, seed 7", True)
    assert found["0 DataLoader.collate_fn"][0].endswith("default_collate")
    assert found["0 DataLoader.dataset"] == ("torch.utils.data.dataset.TensorDataset", None)
    assert found["0 DataLoader.length"] == (10, None)
    assert found["1 DataLoader.length"] == (None, None)
    assert found["1 DataLoader.drop_last"] == (True, True)
    assert not any(path.startswith("2 ") for path in found)


def test_switches_of_the_process_are_told(seen: Seen) -> None:
    """Precision and determinism that the program asked for have its line."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.set_default_dtype(before)
    torch.use_deterministic_algorithms(mode=False)
    found = seen.settings("configuration torch.")
    assert found["set_default_dtype.d"] == ("torch.float64", True)
    assert found["use_deterministic_algorithms.warn_only"] == (False, False)


def test_secrets_and_functionals(seen: Seen) -> None:
    """What looks like a secret in a group never leaves the process; what is not watched is said."""
    optimizer = torch.optim.SGD([{"params": nn.Linear(1, 1).parameters(), "api_key": "correct horse"}], 0.1)
    seen.tell()
    assert seen.settings("optimizer 0 SGD.")["group 0.api_key"] == ("[secret removed]", True)
    assert "correct horse" not in repr(seen.rows)
    assert [row["text"][:29] for row in seen.rows if row["k"] == "missed"] == [
        "constants of functional calls"
    ]
    assert optimizer.param_groups[0]["api_key"] == "correct horse"


# -- The program stays as it is -----------------------------------------------------------------------------


def _train() -> list[float]:
    torch.manual_seed(0)
    net = Net(Own)
    nn.init.kaiming_normal_(net.head.weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=4)
    data = torch.utils.data.TensorDataset(torch.randn(8, 3, 8, 8), torch.arange(8) % 4)
    loss = nn.CrossEntropyLoss()
    for images, labels in torch.utils.data.DataLoader(data, 4, shuffle=True):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss(net(images), labels).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        torch_objects.on_first_step()
        optimizer.step()
        schedule.step()
    return [parameter.detach().double().sum().item() for parameter in net.parameters()]


def test_recorded_and_unrecorded_runs_end_in_the_same_bits(seen: Seen) -> None:
    """Nothing is drawn, and nothing is computed otherwise."""
    recorded = _train()
    assert seen.settings("optimizer 0 SGD.")["group 0.lr"] == (pytest.approx(0.004), True)
    torch_objects.uninstall()
    assert _train() == recorded


def test_torch_is_left_as_it_was() -> None:
    """After the recording nothing of the hook is in torch's classes and modules."""
    holders = [nn.Module, nn.BatchNorm2d, nn.modules.batchnorm._NormBase, nn.Linear, torch.optim.Optimizer]
    holders += [torch.optim.SGD, torch.optim.lr_scheduler.LRScheduler, torch.utils.data.DataLoader, torch]
    holders += [nn.init, nn.utils, nn.utils.clip_grad, torch.amp.GradScaler, torch.amp.autocast]
    before = [dict(vars(holder)) for holder in holders]
    torch_objects.install(torch)
    changed = [holder for holder, old in zip(holders, before, strict=True) if dict(vars(holder)) != old]
    wrappers = [one.wrapper for one in torch_objects._state.watches._wrapped]
    torch_objects.uninstall()
    held = [cell.cell_contents for wrapper in wrappers for cell in wrapper.__closure__]
    assert all(inspect.isfunction(one) for one in held), "a compiler could not follow a wrapper"
    assert len(changed) >= len(holders) - 1  # BatchNorm2d has no constructor of its own
    assert [dict(vars(holder)) for holder in holders] == before


def test_what_others_do_with_objects_still_works(seen: Seen) -> None:
    """Pickles, copies, scripts, traces and graphs are made as without the hook."""
    net = Net().eval()
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = net(images)
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    made = [
        pickle.loads(pickle.dumps(net)),
        copy.deepcopy(net),
        torch.load(file, weights_only=False),
        torch.fx.symbolic_trace(net),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch warns of its own scripts
        made += [torch.jit.script(net), torch.jit.trace(net, images)]
    assert all(torch.equal(one(images), expected) for one in made)
    for function in (nn.utils.clip_grad_norm_, nn.init.kaiming_uniform_, torch.compile):
        assert pickle.loads(pickle.dumps(function)) is function
    assert "eps: float = 1e-05" in str(inspect.signature(nn.BatchNorm2d))
    assert "self.in_features = in_features" in inspect.getsource(nn.Linear.__init__)


def test_warnings_of_torch_point_to_the_program(seen: Seen) -> None:
    """A wrapper is passed over where a warning seeks the line that is to blame."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        nn.init.uniform(torch.zeros(3))
        torch.nn.utils.clip_grad_norm([torch.zeros(3, requires_grad=True)], 1.0)
        nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2), 1)
    places = [Path(one.filename).name for one in found]
    assert places.count(Path(__file__).name) >= 2
    assert not any("assay_hook" in one.filename for one in found if one.filename != __file__)


def test_a_compiler_follows_the_program_without_a_break(seen: Seen) -> None:
    """Objects that are made inside a compiled function do not cut its graph, nor change its result."""

    def forward(images: Any) -> Any:
        found = nn.Softplus(beta=2)(nn.ReLU()(images))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = found.flatten(1) @ found.flatten(1).T
        labels = torch.zeros(2, dtype=torch.long)
        return nn.CrossEntropyLoss(label_smoothing=0.1)(found.float(), labels)

    def clip(parameters: Any) -> Any:
        nn.init.normal_(parameters[1].detach(), 0.0, 0.0)
        return nn.utils.clip_grad_norm_(parameters, 1.0)

    parameters = [torch.ones(3, requires_grad=True) for _ in range(2)]
    for parameter in parameters:
        parameter.grad = torch.ones(3)
    images = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    compiled = torch.compile(forward, backend="eager", fullgraph=True)
    assert torch.equal(compiled(images), forward(images))
    norm = torch.compile(clip, backend="eager", fullgraph=True)(parameters)
    assert norm.item() == pytest.approx(6**0.5)

    @torch.compile(backend="eager", dynamic=False)
    def double(values: Any) -> Any:
        return values * 2

    net = nn.Linear(3, 3)
    net.compile(backend="eager", mode=None)
    assert torch.equal(double(images), images * 2)
    found = seen.settings("compile torch.compile")
    assert found[".fullgraph"] == (True, True)
    assert found[".dynamic"] == (None, False)
    assert found[" 1.dynamic"] == (False, True)
    assert found[" 2.mode"] == (None, True)
    assert not any(path.startswith(" 3") for path in found)
    torch._dynamo.reset()


def test_a_compiled_network_has_the_paths_of_the_plain_one(seen: Seen) -> None:
    """The wrapper of the compiler is no part of the path."""
    net = torch.compile(nn.Sequential(nn.Dropout(0.1)), backend="eager")
    seen.tell()
    assert seen.settings("module ")["Sequential.0 Dropout.p"] == (0.1, True)
    assert net.training


def test_a_child_process_tells_anew(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forked child writes to a file of its own, which must not lack what the parent said."""
    settings.write("configuration torch.x.y", 1, "configuration")
    for hook in rows.fork_hooks:
        if hook is settings.forget:
            hook()
    settings.write("configuration torch.x.y", 1, "configuration")
    assert [row["path"] for row in seen.rows] == ["configuration torch.x.y"] * 2
