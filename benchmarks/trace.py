"""What the step trace of a PyTorch program costs: its time a step, its bytes a step, and its start.

Programs run in pairs, once recorded and once not, in turn, each in a process of its own. A step's time is
that of the processor, which other work on the machine disturbs least; a ratio is that of medians over runs.
Targets: at most 3 % with the default budget; every tensor of every step at half the cost of the prototype
(24 % at 2 ms, 16.5 % at 6 ms, 2.6 % at 55 ms).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import xxhash
from _measure import ONE_THREAD, ROOT, duration, table, target, title

SITE = ROOT / "src" / "assay_hook" / "site"
HOOK = {
    "format": 1,
    "xxhash": xxhash._xxhash.__file__,  # noqa: SLF001  the file that the recorder offers
    "abi": sys.implementation.cache_tag,
}


class Case(NamedTuple):
    """A program: layers and their width, batch, steps, and what the prototype's every tensor cost."""

    name: str
    layers: int
    width: int
    batch: int
    steps: int
    loader: bool
    prototype: float | None


CASES = (
    Case("2 ms, 8 tensors", 4, 128, 256, 1500, False, 0.24),
    Case("6 ms, 28 tensors, loader", 14, 128, 256, 800, True, 0.165),
    Case("50 ms, 26 tensors", 13, 384, 256, 200, False, 0.026),
    Case("150 ms, 26 tensors", 13, 512, 448, 80, False, None),
)


def train(case: Case) -> None:
    """Train, and print the mean of the seconds of a step."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(case.layers):
        layers += [nn.Linear(case.width, case.width), nn.Tanh()]
    net = nn.Sequential(*layers)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    data = torch.randn(case.batch * 8, case.width)
    times = []

    def batches() -> Any:
        while True:
            if case.loader:
                yield from (inputs for (inputs,) in DataLoader(TensorDataset(data), case.batch, shuffle=True))
            else:
                yield from data.split(case.batch)

    source = batches()
    for _ in range(case.steps):
        start = time.process_time()
        inputs = next(source)
        optimizer.zero_grad()
        ((net(inputs) - inputs) ** 2).mean().backward()
        optimizer.step()
        times.append(time.process_time() - start)
    # The first steps choose kernels and ask for memory, with the hook or without.
    print(json.dumps(statistics.fmean(times[5:])))


class Run(NamedTuple):
    """What one process showed: the mean time of a step, the time of the whole, and the rows that it wrote."""

    step: float
    wall: float
    rows: int
    size: int


def run(case: Case | None, hook: dict[str, Any] | None) -> Run:
    """Run a case, or a program that only imports torch, recorded or not."""
    index = str(CASES.index(case)) if case else "-1"
    command = [sys.executable, str(Path(__file__).resolve()), "--train", index]
    environment = os.environ | ONE_THREAD | {"OMP_WAIT_POLICY": "PASSIVE"}
    with tempfile.TemporaryDirectory() as folder:
        if hook is not None:
            (Path(folder) / "rows").mkdir()
            (Path(folder) / "hook.json").write_text(json.dumps(HOOK | hook))
            environment |= {"ASSAY_HOOK": folder, "PYTHONPATH": str(SITE)}
        start = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        wall = time.perf_counter() - start
        files = list((Path(folder) / "rows").glob("*")) if hook is not None else []
        lines = [line for file in files for line in file.read_bytes().splitlines(keepends=True)]
    rows = [line for line in lines if b'"k":"row"' in line or b'"k":"tensors"' in line]
    mean = json.loads(done.stdout) if case else 0.0
    steps = sum(b'"k":"row"' in line for line in rows)
    return Run(mean, wall, steps, sum(map(len, rows)))


def compare(case: Case | None, hook: dict[str, Any], repeats: int) -> tuple[Run, Run]:
    """Return the medians of runs without and with the hook, which take turns."""
    plain, traced = [], []
    for _ in range(repeats):
        plain.append(run(case, None))
        traced.append(run(case, hook))
    return _median(plain), _median(traced)


def _median(runs: list[Run]) -> Run:
    step, wall, rows, size = zip(*runs, strict=True)
    return Run(
        statistics.median(step),
        statistics.median(wall),
        int(statistics.median(rows)),
        int(statistics.median(size)),
    )


def main() -> None:
    """Measure and print every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--train", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.train is not None:
        if given.train >= 0:
            train(CASES[given.train])
        else:
            import torch  # noqa: F401  its import is what is measured
        return
    title(f"The step trace: {given.repeats} pairs of runs, one thread each")
    lines, verdicts = [], []
    for case in CASES:
        for name, hook in (
            ("budget 3 %", {"level": "steps", "budget": 0.03}),
            ("every step", {"level": "steps", "budget": None}),
            ("every tensor, every step", {"level": "tensors", "budget": None}),
        ):
            plain, traced = compare(case, hook, given.repeats)
            cost = traced.step / plain.step - 1
            a_row = traced.size / max(traced.rows, 1)
            lines.append(
                [
                    case.name,
                    name,
                    duration(plain.step),
                    f"{100 * cost:+.1f} %",
                    f"{traced.rows:,}",
                    f"{a_row:,.0f} B",
                ]
            )
            if name == "budget 3 %":
                verdicts.append((f"{case.name}: at most 3 % by default ({100 * cost:.1f} %)", cost <= 0.03))
            elif name.startswith("every tensor") and case.prototype:
                wanted = case.prototype / 2
                text = f"{case.name}: every tensor at {100 * wanted:.1f} % at most ({100 * cost:.1f} %)"
                verdicts.append((text, cost <= wanted))
    table(["steps", "recorded", "a step", "added", "rows", "bytes a row"], lines)
    plain, traced = compare(None, {"level": "steps", "budget": 0.03}, given.repeats)
    print(
        f"\n  import torch: {duration(plain.wall)}, {duration(traced.wall - plain.wall)} more when recorded\n"
    )
    for text, met in verdicts:
        target(text, met=met)


if __name__ == "__main__":
    main()
