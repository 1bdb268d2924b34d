"""Reading large pickles a part at a time: what is forgotten, what is kept, and what it costs."""

from __future__ import annotations

import bz2
import contextlib
import io
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.benchmarks.importers.restricted import load_published
from assay.benchmarks.importers.streamed import ForgetfulReader, load_bz2, load_torch
from assay.benchmarks.importers.vocabulary import SKIPPED
from assay.benchmarks.watching import watched_by
from assay.foundation.errors import AssayError, CorruptError, UnsafePickleError
from assay.spaces.nas_bench_201 import NasBench201Space

sys.path.insert(0, str(Path(__file__).parent))

from nats_files import topology, write_single


def stream(data: bytes, step: int, seen: Any = None, limit: int = 1 << 26) -> Any:
    """Read a pickle that arrives in pieces of so many bytes."""
    file = io.BytesIO(data)
    return ForgetfulReader(lambda _: file.read(step), seen, limit).load()


PUBLISHED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.text(), st.integers()), inner)
    ),
    max_leaves=20,
)


@given(PUBLISHED, st.integers(2, 5), st.integers(1, 300))
def test_pieces_give_what_the_whole_gives(value: Any, protocol: int, step: int) -> None:
    """However a pickle is cut into pieces, its data come back as the standard unpickler gives them."""
    if protocol == 2 and b"" in _bytes_of(value):
        return  # protocol 2 has no empty bytes: it calls a constructor, which is refused
    assert stream(pickle.dumps(value, protocol), step) == value


def _bytes_of(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _bytes_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _bytes_of(inner)


@pytest.mark.parametrize("protocol", [2, 4])
def test_containers_of_published_files_are_read(protocol: int) -> None:
    """Ordered dictionaries become dictionaries, sets lists, and arrays of numbers stay arrays."""
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    value = {"o": OrderedDict(a=1), "s": {3}, "a": array, "k": {("x", 1): np.float64(0.5)}}
    found = load_published(pickle.dumps(value, protocol))
    assert found["o"] == {"a": 1}
    assert found["s"] == [3]
    assert found["k"] == {("x", 1): 0.5}
    assert found["a"].dtype == array.dtype
    assert np.array_equal(found["a"], array)


def test_arrays_of_anything_else_are_refused() -> None:
    """Arrays of objects, of texts, of records, and of a length that is not theirs are refused."""
    for array in (np.array([None, "x"]), np.array(["text"]), np.zeros(2, dtype="f8,i4")):
        with pytest.raises(AssayError):
            load_published(pickle.dumps(array, 4))
    data = pickle.dumps(np.zeros(4), 4)
    with pytest.raises(CorruptError, match="wrong length"):
        load_published(data.replace(b"K\x04\x85", b"K\x07\x85"))
    with pytest.raises(UnsafePickleError, match="own"):
        load_published(
            b"cnumpy.core.multiarray\n_reconstruct\n(ccollections\nOrderedDict\nK\x00\x85C\x01btR."
        )


def test_copies_count_against_the_limit() -> None:
    """A text that is encoded again and again, and an array that is set so, cannot fill the memory."""
    text = b"X" + (100_000).to_bytes(4, "little") + b"a" * 100_000 + b"q\x00"
    again = b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R"
    assert load_published(text + again + b".", limit=1_000_000) == b"a" * 100_000
    with pytest.raises(UnsafePickleError, match="held at once"):
        load_published(text + again * 20 + b".", limit=1_000_000)


def test_what_was_seen_is_forgotten_and_texts_are_kept() -> None:
    """Parts that were emptied come back empty, and later parts still read the texts of earlier ones."""
    shared = "a text that all parts have"
    parts = {i: {"part": [shared, i, f"own text of {i}"]} for i in range(3_000)}
    taken = []

    def seen(found: dict[Any, Any]) -> bool:
        if "part" not in found:
            return False
        taken.append(found["part"])
        found.clear()
        return True

    value = stream(pickle.dumps({"parts": parts, "end": shared}, 4), 4096, seen)
    assert value == {"parts": {i: {} for i in range(3_000)}, "end": shared}
    assert taken == [[shared, i, f"own text of {i}"] for i in range(3_000)]
    assert all(text is taken[0][0] for text, *_ in taken)


def test_a_reference_to_what_is_gone_is_refused() -> None:
    """A pickle that refers back to a list of a part that was let go is refused, and not misread."""
    shared = [1, 2, 3]
    data = pickle.dumps([{"part": shared}, {"part": shared}], 4)
    assert stream(data, 64) == [{"part": shared}] * 2
    with pytest.raises(CorruptError, match="read and let go"):
        stream(data, 64, lambda found: "part" in found)
    with pytest.raises(CorruptError, match="was not memorised"):
        stream(b"\x80\x04}\x94\x8c\x04part\x94K\x01sh\x63.", 64, lambda found: "part" in found)


def test_the_limit_counts_anew_with_each_part() -> None:
    """A file may be far larger than the limit if its parts are small; one part may not."""
    parts = pickle.dumps([{"part": "x" * 1_000 + str(i)} for i in range(500)], 4)
    assert len(parts) > 400_000
    assert len(stream(parts, 1_000, lambda found: "part" in found, limit=20_000)) == 500
    with pytest.raises(UnsafePickleError, match="held at once"):
        stream(parts, 1_000, None, limit=20_000)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_torch_files_are_read_without_torch(zipped: bool, tmp_path: Path) -> None:
    """Both containers of `torch.save` are read, and tensors in them are skipped."""
    torch = pytest.importorskip("torch")
    value = {
        "numbers": [np.float64(0.25), 2, 1.5],
        "set": {7},
        "weights": OrderedDict(w=torch.ones(3), b=torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))),
        "layers": torch.nn.Linear(2, 2).state_dict(),
    }
    path = tmp_path / "file.pth"
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    found = load_torch(path)
    assert found["numbers"] == [0.25, 2, 1.5]
    assert found["set"] == [7]
    assert found["weights"] == {"w": SKIPPED, "b": SKIPPED}
    assert set(found["layers"]) == {"weight", "bias"}
    torch.save(torch.nn.Linear(2, 2), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafePickleError, match=r"names 'torch\.nn\.modules\.linear\.Linear'"):
        load_torch(path)


def test_other_files_are_no_torch_files(tmp_path: Path) -> None:
    """A text, a bare pickle, a zip without its pickle and one that was cut are refused by name."""
    path = tmp_path / "file.pth"
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a/other.pkl", b"N.")
    with zipfile.ZipFile(tmp_path / "cut.zip", "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps(["text"] * 1000, 2))
    whole_zip = (tmp_path / "cut.zip").read_bytes()
    broken = whole_zip.replace(b"X\x04\x00\x00\x00text", b"X\x04\x00\x00\x00tex!")
    for data in (b"text", b"", pickle.dumps({"a": 1}, 2), (tmp_path / "other.zip").read_bytes(), broken):
        path.write_bytes(data)
        with pytest.raises(CorruptError, match=r"file\.pth"):
            load_torch(path)


def test_bombs_of_bz2_are_refused(tmp_path: Path) -> None:
    """A small file that unpacks to gigabytes is refused after the limit, not read to the end."""
    path = tmp_path / "bomb.pbz2"
    packer = bz2.BZ2Compressor()
    zeros = b"N" * (1 << 20)
    path.write_bytes(
        packer.compress(b"(") + b"".join(packer.compress(zeros) for _ in range(40)) + packer.flush()
    )
    assert path.stat().st_size < 10_000
    with pytest.raises(UnsafePickleError, match=r"bomb\.pbz2"):
        load_bz2(path, limit=4 << 20)


@given(st.binary(max_size=200))
@settings(max_examples=400)
def test_any_bytes_give_data_or_a_clear_error(data: bytes) -> None:
    """No bytes make the reader raise anything but an `AssayError`, whatever it is told to forget."""
    with contextlib.suppress(AssayError):
        stream(data, 7, bool)


@given(PUBLISHED, st.data())
@settings(max_examples=300)
def test_damaged_pickles_give_data_or_a_clear_error(value: Any, data: st.DataObject) -> None:
    """A pickle with a changed or missing byte raises nothing but an `AssayError`."""
    good = bytearray(pickle.dumps([value, np.float64(1.5), np.arange(3), OrderedDict(a=1), {2}], 4))
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] = data.draw(st.integers(0, 255))
    cut = bytes(good[: data.draw(st.integers(0, len(good)))])
    for damaged in (bytes(good), cut):
        with contextlib.suppress(AssayError):
            load_published(damaged)
        with contextlib.suppress(AssayError):
            stream(damaged, 64, bool)


def test_progress_is_told(tmp_path: Path) -> None:
    """Whoever watches is told how much of the file was read."""
    path = tmp_path / "file.pbz2"
    path.write_bytes(bz2.compress(np.random.default_rng(1).bytes(1 << 20).hex().encode()))
    told: list[tuple[str, int, int]] = []
    with watched_by(lambda *given: told.append(given)), pytest.raises(AssayError):
        load_bz2(path, lambda _: False)
    assert told
    assert {(name, size) for name, _, size in told} == {("file.pbz2", path.stat().st_size)}


MEASURE = """
import sys
from assay.benchmarks.importers.nats_bench import NATS_TSS_FAMILY
from assay.benchmarks.importers.nats_states import Architectures
from assay.benchmarks.importers.streamed import ForgetfulReader
from assay.benchmarks.family import table_space

space = table_space("nas-bench-201")
archs = Architectures(NATS_TSS_FAMILY.layout, {space.format(space.at(i)): i for i in range(space.size)})
for columns in archs.tasks.values():
    columns.valid[:] = columns.cost[:] = 0  # so that their memory is taken before anything is read
peak = lambda: int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])
before = peak()
ForgetfulReader(open(sys.argv[1], "rb").read, archs.seen, 1 << 26).load()
print(len(archs), before, peak() - before)
"""


@pytest.fixture(scope="module")
def cells() -> list[str]:
    """Return the published strings of all cells."""
    space = NasBench201Space()
    return [space.format(space.at(i)) for i in range(space.size)]


def test_the_files_of_these_tests_are_pickles(cells: list[str], tmp_path: Path) -> None:
    """What the test of memory reads is what the standard pickler would have written."""
    archs = [topology(i, cells[i]) for i in range(3)]
    write_single(tmp_path / "file.pickle", archs, cells, 3)
    found = pickle.loads((tmp_path / "file.pickle").read_bytes())
    assert found == {"meta_archs": cells, "total_archs": 15_625, "arch2infos": dict(enumerate(archs))}


@pytest.mark.slow
def test_memory_stays_flat(cells: list[str], shared: Path, tmp_path: Path) -> None:
    """The single file is read in memory that hardly grows with its architectures, below one GB by far."""
    folder = shared / "data/nats-bench-sample/NATS-tss-v1_0-3ffb9-simple"
    templates = [pickle.loads(bz2.decompress(path.read_bytes())) for path in sorted(folder.glob("0*"))]
    grown = {}
    for count in (200, 2_000):
        path = tmp_path / f"{count}.pickle"
        write_single(path, templates, cells, count)
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
        )
        path.unlink()
        read, before, more = map(int, done.stdout.split())
        assert read == count
        assert before + more < 600_000  # kB
        grown[count] = more
    # 1,800 architectures more, of some 2 MB each as Python objects.
    assert grown[2_000] - grown[200] < 40_000
