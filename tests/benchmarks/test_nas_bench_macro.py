"""NAS-Bench-Macro from its official JSON file."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.benchmarks.family import open_table, table_space, write_table
from assay.benchmarks.importers.nas_bench_macro import FAMILY, SOURCE, NASBenchMacro
from assay.benchmarks.sources import OfficialFile, OfficialFiles
from assay.benchmarks.tabular import TableBenchmark
from assay.foundation.errors import AssayError, CorruptError, UnavailableError

FILE = "nas-bench-macro_cifar10.json"


@pytest.fixture(scope="module")
def official(shared: Path) -> Path:
    """Return the folder with the official file."""
    folder = shared / "data" / "nas-bench-macro"
    if not (folder / FILE).is_file():
        pytest.skip("the official file of NAS-Bench-Macro is absent")
    return folder


@pytest.fixture(scope="module")
def bench(official: Path, tmp_path_factory: pytest.TempPathFactory) -> TableBenchmark:
    """Return the imported benchmark."""
    table = write_table(FAMILY, "cifar10", tmp_path_factory.mktemp("cache"), official)
    assert table.vault is None
    assert table.architectures == 6_561
    assert table.sources == {FILE: SOURCE.files[0].sha256}
    file, meta = open_table(Path(table.path))
    return TableBenchmark(meta.benchmark, meta.card, table_space(meta.card.space, file), file, meta.signals)


def test_the_table_holds_the_published_numbers(bench: TableBenchmark, official: Path) -> None:
    """Every training, mean and count of every network is at its index."""
    source = json.loads((official / FILE).read_text())
    rows = [source[bench.space.format(bench.space.at(i))] for i in range(bench.space.size)]
    for seed in range(3):
        assert bench.column("test", f"seed={seed}").tolist() == [row["test_acc"][seed] for row in rows]
    assert bench.column("test") == pytest.approx(np.array([row["mean_acc"] for row in rows]), abs=1e-12)
    for name in ("params", "flops"):
        assert bench.extra_column(name).tolist() == [row[name] for row in rows]


def test_the_best_network_is_the_published_one(bench: TableBenchmark) -> None:
    """It is 22212220 with 93.1267 %, under the other strings of the same network as well."""
    space: Any = bench.space
    column = bench.column("test")
    best = [space.at(int(i)) for i in np.flatnonzero(column == column.max())]
    assert {space.unique_string(arch) for arch in best} == {"22212220"}
    assert [space.format(arch) for arch in best] == ["22212202", "22212220"]
    assert bench.best("test") == pytest.approx(93.1267, abs=5e-5)


def test_what_the_errata_say_of_repeated_networks_holds(bench: TableBenchmark) -> None:
    """There are 3,969 classes of networks that are the same, and each has one training under all strings."""
    space: Any = bench.space
    values = np.stack([bench.column("test", f"seed={seed}") for seed in range(3)], axis=1).tolist()
    classes = defaultdict(set)
    for i in range(space.size):
        classes[space.unique_string(space.at(i))].add(tuple(values[i]))
    assert len(classes) == 3_969
    assert all(len(found) == 1 for found in classes.values())


def test_the_card_says_that_a_search_selects_on_test() -> None:
    """The signal is a test metric, the card says so, and there is neither a vault nor a cost."""
    card = FAMILY.card("cifar10")
    assert card.selection_on_test
    assert card.test is None
    assert card.cost is None
    assert "test" in card.signals[0].split
    assert [note.origin for note in card.extra_notes] == ["counted", "counted"]
    assert card.task.lineage == ("80 million tiny images",)


def family(*files: OfficialFile) -> NASBenchMacro:
    """Return the family with a source whose digest is not known, for files of a test's own."""
    return NASBenchMacro(
        OfficialFiles(
            name="own",
            version="1",
            homepage="",
            licence="",
            citation="",
            obtain="write it",
            files=files or (OfficialFile(name=FILE),),
        )
    )


def whole() -> dict[str, Any]:
    """Return a table in the official format that covers the space."""
    space = table_space("nas-bench-macro")
    entry = {"test_acc": [1.0, 2.0, 3.0], "mean_acc": 2.0, "std": 0.5, "params": 7, "flops": 9}
    return {space.format(space.at(i)): dict(entry) for i in range(space.size)}


def test_a_table_of_the_official_format_is_read(tmp_path: Path) -> None:
    """A file whose digest is not published is read, and the digest that was found is in the table."""
    (tmp_path / FILE).write_text(json.dumps(whole()))
    table = write_table(family(), "cifar10", tmp_path, tmp_path / FILE)
    assert len(table.sources[FILE]) == 64


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "one too few": (lambda table: table.pop("00000000"), "does not cover"),
    "a stray digit": (lambda table: table.update({"00000003": table.pop("00000000")}), "does not cover"),
    "two trainings": (lambda table: table["00000000"].update(test_acc=[1.0, 2.0]), "does not have 3"),
    "no number": (lambda table: table["00000000"].update(test_acc=[1, 2, float("nan")]), "does not have 3"),
    "another mean": (lambda table: table["00000000"].update(mean_acc=2.1), "is not that of its trainings"),
    "a word": (lambda table: table["00000000"].update(params="many"), "is not as its card says"),
    "a field less": (lambda table: table["00000000"].pop("flops"), "is not as its card says"),
    "a list": (lambda table: table.update({"00000000": [1.0, 2.0, 3.0]}), "is not as its card says"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_entries_that_are_not_as_the_card_says_are_refused(broken: str, tmp_path: Path) -> None:
    """A network too few or too many, or numbers that cannot be, give a clear error and no table."""
    change, message = BROKEN[broken]
    table = whole()
    change(table)
    (tmp_path / FILE).write_text(json.dumps(table))
    with pytest.raises(CorruptError, match=message):
        write_table(family(), "cifar10", tmp_path, tmp_path)
    assert not list(tmp_path.glob("tables/**/*.table"))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '"00000000"', '{"00000000": 1, "00000000": 1}', "[" * 100_000, "\xff\xfe"],
    ids=["empty", "truncated", "list", "text", "key-twice", "deep", "no-utf-8"],
)
def test_what_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    """A truncated file, another JSON value, a key twice and absurd nesting are clear errors."""
    (tmp_path / FILE).write_bytes(text.encode("latin1"))
    with pytest.raises(AssayError, match=r"no JSON table|no object|does not cover"):
        family().read("cifar10", tmp_path)


def test_another_file_is_refused_by_its_digest(tmp_path: Path) -> None:
    """A file under the official name with other bytes is refused before it is decoded."""
    (tmp_path / FILE).write_text(json.dumps(whole()))
    with pytest.raises(CorruptError, match="is not the file that nas-bench-macro publishes"):
        FAMILY.read("cifar10", tmp_path)


def test_an_absent_file_says_how_to_get_it(tmp_path: Path) -> None:
    """Without the file the message names it and where it is published."""
    with pytest.raises(UnavailableError, match=FILE) as error:
        FAMILY.read("cifar10", tmp_path)
    assert "https://github.com/xiusu/NAS-Bench-Macro" in str(error.value)
