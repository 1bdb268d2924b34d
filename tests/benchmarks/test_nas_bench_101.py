"""NAS-Bench-101 from files in its official format, written from 30 real modules and from a test's own."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.benchmarks.family import open_table, table_space, write_table
from assay.benchmarks.importers.nas_bench_101 import EPOCHS, FULL, MODULES, ONLY_108, NASBench101
from assay.benchmarks.importers.nas_bench_101_files import from_tfrecord
from assay.benchmarks.sources import OfficialFile, OfficialFiles
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.evaluation import Fidelity
from assay.foundation.errors import AssayError, CorruptError, UnavailableError
from assay.spaces.nas_bench_101 import NasBench101Space
from assay.tasks.vault import open_vault

sys.path.insert(0, str(Path(__file__).parent))
from nasbench_files import all_records, doubles, framed, line, metrics, record

FILE = "own.tfrecord"
Statistics = dict[str, Any]


def family(epochs: tuple[int, ...], name: str = FILE) -> NASBench101:
    """Return the family with a file whose digest is not published."""
    source = OfficialFiles(
        name="own",
        version="1",
        homepage="",
        licence="",
        citation="",
        obtain="write it",
        files=(OfficialFile(name=name),),
    )
    return NASBench101("nas-bench-101-own", "", source, epochs)


def imported(read: NASBench101, folder: Path, place: Path) -> tuple[TableBenchmark, Path]:
    """Import a table into a folder, and return the benchmark and its vault."""
    table = write_table(read, "cifar10", folder, place)
    file, meta = open_table(Path(table.path))
    space = table_space(meta.card.space, file)
    assert table.vault is not None
    return TableBenchmark(meta.benchmark, meta.card, space, file, meta.signals), Path(table.vault)


@pytest.fixture(scope="module")
def sample(shared: Path) -> Path:
    """Return the pickle with 30 real modules, as `nasbench.api` holds them."""
    path = shared / "data" / "naslib-assets" / "nb101_dummy.pkl"
    if not path.is_file():
        pytest.skip("the sample of NAS-Bench-101 is absent")
    return path


@pytest.fixture(scope="module")
def real(sample: Path) -> Statistics:
    """Return the 30 modules, read by the standard unpickler."""
    table: Statistics = pickle.loads(sample.read_bytes())
    return table


def write(path: Path, bodies: Iterable[bytes]) -> Path:
    """Write a TFRecord file."""
    path.write_bytes(b"".join(map(framed, bodies)))
    return path


def check_real(bench: TableBenchmark, vault: Path, real: Statistics) -> None:
    """Hold a table to every number of the 30 modules, under their hashes."""
    space: Any = bench.space
    assert space.size == len(real) == 30
    keys = [space.graph_hash(space.at(i)) for i in range(space.size)]
    assert keys == sorted(real)
    halfway = Fidelity(schedule="108-epochs", epoch=54)
    for fidelity, stage in ((None, "final"), (halfway, "halfway")):
        repeats = [[one[f"{stage}_validation_accuracy"] for one in real[key][1][108]] for key in keys]
        for seed in range(3):
            found = bench.column("validation", f"seed={seed}", fidelity)
            assert found.tolist() == [row[seed] for row in repeats]
        assert bench.column("validation", None, fidelity) == pytest.approx(
            np.mean(repeats, axis=1), abs=1e-12
        )
        seconds = [[one[f"{stage}_training_time"] for one in real[key][1][108]] for key in keys]
        assert bench.costs_at(fidelity) == pytest.approx(np.mean(seconds, axis=1), rel=1e-12)
    counted = bench.extra_column("trainable_parameters").tolist()
    assert counted == [real[key][0]["trainable_parameters"] for key in keys]
    opened = open_vault(
        vault,
        benchmark=bench.name,
        card_digest=bench.card_digest,
        index=lambda text: space.index(space.parse(text)),
    )
    texts = [space.format(space.at(i)) for i in range(space.size)]
    tests = [np.mean([one["final_test_accuracy"] for one in real[key][1][108]]) for key in keys]
    assert opened.answer(texts) == pytest.approx(tests, abs=1e-12)


def test_a_tfrecord_holds_the_real_numbers(real: Statistics, tmp_path: Path) -> None:
    """Every number of 30 real modules comes back from a file in the official format."""
    write(tmp_path / FILE, all_records(real))
    check_real(*imported(family((108,)), tmp_path, tmp_path), real)


def test_the_pickle_of_the_official_module_is_read(real: Statistics, sample: Path, tmp_path: Path) -> None:
    """The dictionaries that `nasbench.api` makes of a file give the same table."""
    bench, vault = imported(ONLY_108, tmp_path, sample.parent)
    check_real(bench, vault, real)
    _, meta = open_table(vault.with_suffix(".table"))
    assert f"{MODULES - 30:,} of {MODULES:,} modules are not in the file" in meta.dropped
    assert meta.sources == {"nb101_dummy.pkl": ONLY_108.source.files[1].sha256}


def test_all_schedules_are_read(real: Statistics, tmp_path: Path) -> None:
    """A file with four schedules has eight fidelities; none is mixed up with another, test least of all."""
    table = copy.deepcopy(real)
    for _, computed in table.values():
        for epochs in EPOCHS[1:]:
            computed[epochs] = [
                {name: value * epochs / 108 for name, value in one.items()} for one in computed[108]
            ]
    write(tmp_path / FILE, all_records(table))
    bench, vault = imported(family(EPOCHS), tmp_path, tmp_path)
    check_real(bench, vault, real)
    final = bench.column("validation", "seed=1")
    for epochs in EPOCHS[1:]:
        for epoch in (None, epochs // 2):
            there = bench.column("validation", "seed=1", Fidelity(schedule=f"{epochs}-epochs", epoch=epoch))
            whole = final if epoch is None else bench.column("validation", "seed=1", bench.card.fidelities[1])
            assert there == pytest.approx(whole * epochs / 108, rel=1e-12)
    halves, ends = (Fidelity(schedule="36-epochs", epoch=epoch) for epoch in (18, None))
    assert (bench.costs_at(ends, halves) == bench.costs_at(ends) - bench.costs_at(halves)).all()
    with pytest.raises(UnavailableError, match="does not continue"):
        bench.costs_at(bench.card.fidelities[0], ends)


def test_missing_repeats_and_schedules_are_missing(real: Statistics, tmp_path: Path) -> None:
    """What a file lacks is NaN, is counted, and costs nothing that was imputed."""
    table = copy.deepcopy(real)
    first, second, *_ = sorted(table)
    table[first][1][108].pop()
    table[second][1][12] = [table[second][1][108][0]]
    write(tmp_path / FILE, all_records(table))
    bench, vault = imported(family(EPOCHS), tmp_path, tmp_path)
    assert np.isnan(bench.column("validation", "seed=2")).nonzero()[0].tolist() == [0]
    assert np.isnan(bench.column("validation", "require")).nonzero()[0].tolist() == [0]
    repeats = [one["final_validation_accuracy"] for one in table[first][1][108]]
    assert bench.column("validation")[0] == pytest.approx(np.mean(repeats), abs=1e-12)
    twelve = bench.column("validation", None, Fidelity(schedule="12-epochs"))
    assert (~np.isnan(twelve)).nonzero()[0].tolist() == [1]
    _, meta = open_table(vault.with_suffix(".table"))
    assert any(text.startswith("270 of 360 trainings") for text in meta.dropped)


def test_any_order_of_vertices_finds_its_row(real: Statistics, tmp_path: Path) -> None:
    """A module whose vertices are in another order than in the file is looked up under its hash."""
    write(tmp_path / FILE, all_records(real))
    bench, _ = imported(family((108,)), tmp_path, tmp_path)
    space: Any = bench.space
    plain = NasBench101Space()
    other = plain.parse("010001000:input,maxpool3x3,output")
    with pytest.raises(AssayError, match="no row"):
        space.index(other)
    tried = 0
    for key, (fixed, _) in real.items():
        matrix, operations = np.array(fixed["module_adjacency"]), list(fixed["module_operations"])
        for i in range(1, len(operations) - 2):
            order = list(range(len(operations)))
            order[i : i + 2] = i + 1, i
            swapped = matrix[np.ix_(order, order)]
            if (np.tril(swapped) == 0).all():
                module = plain.build(swapped.tolist(), [operations[k] for k in order])
                assert space.index(module) == sorted(real).index(key)
                tried += module != space.at(space.index(module))
    assert tried > 10


REPEAT = {
    f"{stage}_{name}": value
    for stage in ("halfway", "final")
    for name, value in (
        ("training_time", 2.5),
        ("train_accuracy", 0.5),
        ("validation_accuracy", 0.25),
        ("test_accuracy", 0.125),
    )
}
MATRIX, NAMES = [[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "maxpool3x3", "output"]
HASH = NasBench101Space().graph_hash(NasBench101Space().build(MATRIX, NAMES))
TEXT = "010001000"
NAMED = ",".join(NAMES)
FIVE = doubles({1: 0.0, 2: 1.0, 3: 0.5, 4: 0.5, 5: 0.5})
GOOD = record(HASH, 108, MATRIX, NAMES, 7, REPEAT)

BROKEN: dict[str, tuple[list[bytes], str]] = {
    "another hash": ([record("0" * 32, 108, MATRIX, NAMES, 7, REPEAT)], "hash of a record is not that"),
    "a fourth repeat": ([GOOD] * 4, "too many repeats"),
    "other epochs": ([record(HASH, 107, MATRIX, NAMES, 7, REPEAT)], "unknown number of epochs"),
    "no way": ([record(HASH, 108, [[0, 0], [0, 0]], ["input", "output"], 7, REPEAT)], "no module of the"),
    "an operation": ([record(HASH, 108, MATRIX, ["input", "rm -rf", "output"], 7, REPEAT)], "no module of"),
    "another graph": (
        [GOOD, record(HASH, 108, [[0, 1], [0, 0]], ["input", "output"], 7, REPEAT)],
        "not that",
    ),
    "no JSON": ([b"\xff\xfe"], "not one of NAS-Bench-101"),
    "deep JSON": ([b"[" * 60_000], "not one of NAS-Bench-101"),
    "an object": ([b"{}"], "not one of NAS-Bench-101"),
    "no base 64": ([b'["0", 108, "0", "input", "?"]'], "not one of NAS-Bench-101"),
    "two evaluations": ([line(HASH, 108, TEXT, NAMED, metrics(7, [FIVE] * 2))], "not one of"),
    "a cut message": ([line(HASH, 108, TEXT, NAMED, metrics(7, [FIVE] * 3)[:-3])], "not one of"),
    "a long field": ([line(HASH, 108, TEXT, NAMED, b"\x0a\xff\xff\xff\xff\x0f")], "not one of"),
    "an endless number": ([line(HASH, 108, TEXT, NAMED, b"\x80" * 40)], "not one of"),
    "a wire type": ([line(HASH, 108, TEXT, NAMED, b"\x0b")], "not one of"),
    "infinite epochs": ([line(HASH, float("inf"), TEXT, NAMED, metrics(7, [FIVE] * 3))], "not one of"),
    "nothing": ([], "has no training"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_records_that_cannot_be_are_refused(broken: str, tmp_path: Path) -> None:
    """What no official file can hold gives a clear error that names the file, and no table."""
    bodies, message = BROKEN[broken]
    write(tmp_path / FILE, bodies)
    with pytest.raises(CorruptError, match=message) as error:
        write_table(family((108,)), "cifar10", tmp_path, tmp_path)
    assert FILE in str(error.value)
    assert not list(tmp_path.glob("tables/**/*.table"))


NUMBERS = st.floats(allow_nan=False)
EVALUATIONS = st.fixed_dictionaries(dict.fromkeys(range(1, 6), NUMBERS))
OTHERS = st.dictionaries(st.integers(7, 500), NUMBERS, max_size=3)


@given(st.tuples(EVALUATIONS, EVALUATIONS, EVALUATIONS), OTHERS, st.integers(0, 2**31 - 1), st.randoms())
def test_messages_come_back(
    tmp_path_factory: pytest.TempPathFactory, written: Any, others: dict[int, float], count: int, order: Any
) -> None:
    """Whatever the numbers, their order within a message, and unknown fields beside them, they are read."""
    messages = []
    for fields in written:
        items = list((fields | others).items())
        order.shuffle(items)
        messages.append(doubles(dict(items)))
    path = tmp_path_factory.mktemp("records") / FILE
    (training,) = from_tfrecord(write(path, [line(HASH, 108, TEXT, NAMED, metrics(count, messages))]))
    assert training.parameters == count
    for found, fields in zip((training.halfway, training.final), written[1:], strict=True):
        assert found == (fields[2], fields[4], fields[5])


def test_fields_in_any_order_are_read(tmp_path: Path) -> None:
    """Protocol buffers may come in another order, with unknown fields, and without optional ones."""
    shuffled = (
        doubles({5: 0.5, 9: 1.0, 2: 8.0}) + b"\x32\x04path" + b"\x5d\x00\x00\x00\x00" + doubles({4: 0.25})
    )
    body = line(HASH, 108, TEXT, NAMED, metrics(300, [FIVE, shuffled, doubles({2: 9.0, 4: 0.75})]))
    (training,) = from_tfrecord(write(tmp_path / FILE, [body]))
    assert training.halfway == (8.0, 0.25, 0.5)
    assert training.final[:2] == (9.0, 0.75)
    assert np.isnan(training.final.test)
    assert training.parameters == 300


def test_protocol_buffers_own_library_agrees(tmp_path: Path) -> None:
    """The messages of these tests are those of `model_metrics.proto` to Google's library."""
    message: Callable[[], Any] = proto_messages()
    evaluation = message()
    for k in range(3):
        one = evaluation.evaluation_data.add()
        one.current_epoch, one.training_time, one.train_accuracy = 54.0 * k, 100.5 * k, 0.5
        one.validation_accuracy, one.test_accuracy = 0.25 + k / 8, 0.125 + k / 8
    evaluation.trainable_parameters, evaluation.total_time = 8_555_530, 1234.5
    evaluation.evaluation_data[1].checkpoint_path = "/a/path"
    body = line(HASH, 108, TEXT, NAMED, evaluation.SerializeToString())
    (training,) = from_tfrecord(write(tmp_path / FILE, [body]))
    assert training.halfway == (100.5, 0.375, 0.25)
    assert training.final == (201.0, 0.5, 0.375)
    assert training.parameters == 8_555_530


def proto_messages() -> Callable[[], Any]:
    """Return the class of `ModelMetrics`, made from its description in model_metrics.proto."""
    reason = "the package protobuf is not installed"
    pool = pytest.importorskip("google.protobuf.descriptor_pool", reason=reason)
    description = pytest.importorskip("google.protobuf.descriptor_pb2", reason=reason)
    factory = pytest.importorskip("google.protobuf.message_factory", reason=reason)
    file = description.FileDescriptorProto(name="model_metrics.proto", package="nasbench", syntax="proto2")
    double, text, number, message = 1, 9, 5, 11
    kinds = {
        "EvaluationData": [
            ("current_epoch", double), ("training_time", double), ("train_accuracy", double),
            ("validation_accuracy", double), ("test_accuracy", double), ("checkpoint_path", text),
        ],
        "ModelMetrics": [
            ("evaluation_data", message), ("trainable_parameters", number), ("total_time", double),
        ],
    }  # fmt: skip
    for name, fields in kinds.items():
        kind = file.message_type.add(name=name)
        for place, (field, of) in enumerate(fields, start=1):
            one = kind.field.add(name=field, number=place, type=of, label=3 if of == message else 1)
            if of == message:
                one.type_name = ".nasbench.EvaluationData"
    known = pool.DescriptorPool()
    known.Add(file)
    found: Callable[[], Any] = factory.GetMessageClass(known.FindMessageTypeByName("nasbench.ModelMetrics"))
    return found


def test_the_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    """A list, a dictionary of other things and a pickle that calls something give clear errors."""
    read = family((108,), "own.pkl")
    for value in (
        [1],
        {"a": 1},
        {"a": ({}, {})},
        {"a": ({"module_adjacency": 3}, {108: []})},
        {1: (GOOD, {})},
    ):
        (tmp_path / "own.pkl").write_bytes(pickle.dumps(value))
        with pytest.raises(CorruptError, match=r"no statistics of modules"):
            read.read("cifar10", tmp_path)
    (tmp_path / "own.pkl").write_bytes(b"cos\nsystem\n(X\x05\x00\x00\x00touchtR.")
    with pytest.raises(AssayError, match=r"names 'os\.system'"):
        read.read("cifar10", tmp_path)


def test_the_cards_say_what_a_number_means() -> None:
    """Schedules are trained apart, halves continue, test is at 108 epochs, and the digests are published."""
    for read, count in ((FULL, 8), (ONLY_108, 2)):
        card = read.card("cifar10")
        assert [one.text() for one in card.fidelities][:2] == ["108-epochs", "108-epochs@54"]
        assert len(card.fidelities) == count
        assert card.prefix
        assert card.seeds.policies[0] == "mean-of-available"
        assert card.test is not None
        assert "108 epochs" in card.test.evidence
        assert card.extra_notes[0].origin == "counted"
        # README.md of google-research/nasbench, "Download the dataset".
        digests = {
            "nasbench_full.tfrecord": "3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c",
            "nasbench_only108.tfrecord": "4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1",
        }
        file = read.source.files[0]
        assert file.sha256 == digests[file.name]


def test_an_absent_file_says_how_to_get_it(tmp_path: Path) -> None:
    """Without a file the message names it and where it is published."""
    with pytest.raises(UnavailableError, match=r"nasbench_full\.tfrecord") as error:
        FULL.read("cifar10", tmp_path)
    assert "storage.googleapis.com/nasbench" in str(error.value)
