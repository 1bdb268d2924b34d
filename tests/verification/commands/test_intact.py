"""Records whose parts contradict each other are refused before anything is judged by them."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from assay.capture.recording.launch import Launch
from assay.capture.recording.record import record_command
from assay.foundation.errors import CorruptError, IntegrityError
from assay.provenance.commands import CommandProvenance, DataFile
from assay.records.commands import CommandRecord, provenance_of_command
from assay.records.store import Store
from assay.verification.commands.intact import check_folders, check_intact


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> tuple[Store, CommandRecord]:
    folder = tmp_path_factory.mktemp("intact")
    (folder / "train.py").write_text("print(open('data.csv').read())\n")
    (folder / "data.csv").write_text("a,b\n1,2\n")
    store = Store(folder / "store")
    what = Launch(argv=(sys.executable, "train.py"), folder=folder, variables={}, quiet=True)
    record, _ = record_command(store, what, data=[Path("data.csv")], cache=folder / "cache")
    return store, record


def changed(kept, **fields) -> CommandRecord:
    """Return the record with the fields of its provenance changed."""
    store, record = kept
    found = provenance_of_command(store, record)
    provenance = store.objects.put_value(msgspec.structs.replace(found, **fields))
    return msgspec.structs.replace(record, provenance=provenance)


def test_a_record_as_it_was_written_is_intact(kept):
    """What nobody touched passes."""
    check_intact(*kept)


def test_a_result_that_its_digest_does_not_fit_is_refused(kept):
    """A metric that is changed without its digest is refused."""
    store, record = kept
    result = msgspec.structs.replace(record.result, metrics={"loss": 0.1})
    with pytest.raises(CorruptError, match="digest of its result"):
        check_intact(store, msgspec.structs.replace(record, result=result))


def test_an_identity_that_does_not_follow_from_its_parts_is_refused(kept):
    """Another run id is refused."""
    store, record = kept
    with pytest.raises(CorruptError, match="identity"):
        check_intact(store, msgspec.structs.replace(record, run="0" * 64))


@pytest.mark.parametrize("field", ["code", "data"])
def test_a_provenance_of_other_parts_is_refused(kept, field):
    """Code and data that are not those of the identity are refused."""
    with pytest.raises(CorruptError, match=f"the {field} it lists"):
        check_intact(kept[0], changed(kept, **{field: ()}))


def test_last_fingerprints_that_no_moment_had_are_refused(kept):
    """Weights at the end that the trace never had are refused, though all digests fit."""
    store, record = kept
    result = msgspec.structs.replace(record.result, final={"0.weights": "ab" * 16})
    forged = msgspec.structs.replace(record, result=result, result_digest=result.digest())
    with pytest.raises(CorruptError, match="never had the weights"):
        check_intact(store, forged)


def test_a_kept_file_that_is_gone_is_refused_with_its_name(kept, tmp_path):
    """A missing object is told by the file that it holds."""
    store, record = kept
    found: CommandProvenance = provenance_of_command(store, record)
    content = next(one.content for one in found.data if one.content)
    path = store.objects.path(content)
    aside = path.rename(tmp_path / "aside")
    try:
        with pytest.raises(IntegrityError, match=r"data\.csv of run"):
            check_intact(store, record)
    finally:
        aside.rename(path)


@pytest.mark.parametrize(
    ("path", "root"),
    [("/", "/x"), ("/usr", "/x"), ("/proc/self/root", "/x"), ("/sys/kernel", "/x"), (".", "/"), ("etc", "/")],
)
def test_no_folder_of_the_system_is_data(path: str, root: str) -> None:
    """A record cannot make its reader read the whole disk, by whatever path it names it."""
    data = (DataFile(path=path, digest="0" * 64, size=1, folder=True),)
    with pytest.raises(IntegrityError, match="a folder of the system as its data"):
        check_folders(CommandProvenance(argv=(), root=root, data=data))


def test_a_folder_of_data_is_data_wherever_it_lies(tmp_path: Path) -> None:
    """A mount at the top, a folder of the root, and a file of the system are let be."""
    data = (
        DataFile(path="/datasets", digest="0" * 64, size=1, folder=True),
        DataFile(path="images", digest="0" * 64, size=1, folder=True),
        DataFile(path="/etc/hostname", digest="0" * 64, size=1),
    )
    check_folders(CommandProvenance(argv=(), root=str(tmp_path), data=data))
