"""Records and restored folders that are made up, so that what differs in them is known."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from assay.capture.recording.restore import Restored
from assay.provenance.commands import CodeFile, CommandProvenance
from assay.provenance.components import Arithmetic, ComponentDigests, Environment
from assay.records.commands import CommandCircumstances, CommandRecord, CommandResult
from assay.records.store import Store
from assay.verification.commands.change import Change
from assay.verification.commands.changes import changes_between

TRAIN = "import torch\n\nlr = 0.1\n\nmomentum = 0.9\nprint('start')\n"
NONE = ComponentDigests(code="", data="", hyperparameters="", seeds="", protocol="")
WHEN = CommandCircumstances(started="", ended="", wall_seconds=0.0, host="")


def code(store: Store, path: str, text: str, role: str = "module", **more: Any) -> CodeFile:
    data = text.encode()
    digest = hashlib.sha256(more.pop("ran", text).encode()).hexdigest()
    return CodeFile(
        path=path, role=role, digest=digest, size=len(data), content=store.objects.put(data), **more
    )


def environment(**changes: Any) -> Environment:
    libraries = changes.pop("libraries", {"numpy": "2.4.6"})
    arithmetic = Arithmetic(
        interpreter=changes.pop("interpreter", "CPython 3.11.4 (GCC)"),
        machine="x86_64",
        libc="glibc 2.36",
        libraries=libraries,
        blas=(),
        threads={},
        capability=(),
        settings=changes.pop("settings", {}),
    )
    values = {
        "system": "Linux",
        "kernel": "Linux 6",
        "processor": "one",
        "cores": 2,
        "memory_bytes": 1,
        "python": "3.11.4",
        "virtual_environment": True,
        "packages": {"numpy": "2.4.6"},
    }
    return Environment(arithmetic=arithmetic, **(values | changes))


def record(store: Store, **provenance: Any) -> CommandRecord:
    provenance.setdefault("argv", ("python", "train.py"))
    result = CommandResult(status="completed", exit_status=0, signal=None)
    return CommandRecord(
        id="1",
        run="1",
        name="",
        components=NONE,
        result=result,
        result_digest=result.digest(),
        provenance=store.objects.put_value(CommandProvenance(**provenance)),
        circumstances=WHEN,
    )


def between(store: Store, a: dict[str, Any], b: dict[str, Any]) -> list[Change]:
    return changes_between(store, record(store, **a), record(store, **b))


def place(tmp_path: Path, files: dict[str, str], argv: tuple[str, ...] = ("python", "train.py")) -> Restored:
    folder = tmp_path / "copy"
    for name, text in files.items():
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Restored(
        folder=folder,
        tree=folder / "tree",
        working=folder / "tree",
        argv=argv,
        paths=(),
        variables={},
        missing=(),
        notes=(),
    )


def texts(changes: list[Change]) -> list[str]:
    return [change.text for change in changes]
