"""Repeats a recorded command from its record, as often as is asked, each time in a fresh copy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from assay.capture.recording.gather import placed
from assay.capture.recording.launch import Ended, HookSettings, Launch, launch
from assay.capture.recording.places import OUTSIDE, Places, split
from assay.capture.recording.restore import Restored, restore
from assay.capture.recording.rows import Rows, read_rows, trace_of
from assay.capture.recording.scrubbing import Scrubber
from assay.capture.recording.settings import metrics_of
from assay.foundation.digest import digest_file
from assay.foundation.text import shortened
from assay.records.commands import CommandRecord, provenance_of_command
from assay.records.store import Store
from assay.records.trace import Trace
from assay.verification.commands.apply import apply
from assay.verification.commands.change import Change
from assay.verification.commands.intact import check_folders
from assay.verification.commands.originals import Originals, reachable
from assay.verification.commands.printed import lines_of, without_times
from assay.verification.commands.seen import Seen, places_of
from assay_hook.variables import is_listed

# What is told to a person who gets the files, and says nothing about a repeat.
_OF_A_FOLDER = ("it wrote to ", "the program was in no repository")
_LONGEST = 200  # characters of what a failing repeat said last
# These belong to the command, wherever it runs; the last one is set by libraries in this very process.
ITS_OWN = ("PYTHONHASHSEED", "PYTHONPATH", "KMP_DUPLICATE_LIB_OK")
# Where in a cluster a run was, which repeating it does not bring back.
_PLACES = ("SLURM_", "PBS_", "LD_", "TORCHELASTIC_", "OMPI_", "LANG", "LC_", "TZ")


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """One repeat: its trace, how it ended, the digests of its outputs, and what its hook saw.

    `stopped` says that it was left at the step that was asked for. `folder` holds what the hook wrote.
    `complaint` is the last line that a failing one wrote to standard error, without secrets.
    """

    trace: Trace
    ended: Ended
    outputs: dict[str, str | None]
    metrics: dict[str, float]
    stopped: bool
    rows: Rows
    folder: Path
    printed: list[str] = []
    declared: frozenset[str] = frozenset()
    complaint: str = ""

    def seen(self) -> Seen:
        """Return what can be compared of it."""
        return Seen(
            trace=self.trace,
            ends=(self.ended.exit_status, self.ended.signal),
            files={path: digest for path, digest in self.outputs.items() if digest is not None},
            declared=self.declared,
            metrics=metrics_of(self.rows),
            printed=self.printed,
            stopped=self.stopped,
        )


class Repeater:
    """One record, restored once into `scratch` and run as often as is asked; counts its runs."""

    def __init__(self, store: Store, record: CommandRecord, scratch: Path, *, as_recorded: bool) -> None:
        self.record = record
        self.provenance = provenance_of_command(store, record)
        check_folders(self.provenance)
        self.restored: Restored = restore(store, record, scratch / "restored")
        self.as_recorded = as_recorded
        self.runs = 0
        self._store = store
        self._scratch = scratch
        listed = [output for output in record.result.outputs if output.digest is not None]
        self._originals = Originals(reachable(self.provenance, listed, store.objects), scratch / "originals")
        self._originals.own_links(self.restored.folder)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be told about the repeats: what could not be restored, and what they wrote outside."""
        met = [
            f"it writes to {path} by its absolute path: what was there was put back after each repeat"
            for path in self._originals.met
        ]
        met += [f"{path} is linked and was changed while a repeat ran" for path in self._originals.changed]
        told = [note for note in self.restored.notes if not note.startswith(_OF_A_FOLDER)]
        return (*told, *met)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What stands in the way of a repeat: secrets that were taken out, data that are gone."""
        secrets = [f"argument {place}" for place in self.provenance.removed]
        found = [f"missing: {one}" for one in self.restored.missing if one.partition(":")[0] not in secrets]
        return (*found, *(f"{one} was a secret and is not in the record" for one in secrets))

    def variables(self) -> dict[str, str]:
        """Return the environment of a repeat: this one's, with the recorded hash seed and search path.

        With `as_recorded`, every recorded variable that bears on results is set as it was, and the
        others of that kind are unset.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_HOOK")}
        recorded = self.restored.variables
        if self.as_recorded:
            for name in settable(kept):
                kept.pop(name)
            kept.update({name: value for name, value in recorded.items() if name in settable(recorded)})
        kept.pop("PYTHONPYCACHEPREFIX", None)  # where code compiled before a change would be taken for new
        for name in ITS_OWN:
            kept.pop(name, None)
            if name in recorded:
                kept[name] = recorded[name]
        return kept

    def run(self, changes: Sequence[Change] = (), *, hook: HookSettings, keep: str = "") -> Repeated:
        """Run the command in a fresh copy with `changes` made; `keep` names the folder of its rows."""
        self.runs += 1
        place = self._fresh()
        launched = self._launch(place, changes, hook)
        live = self._scratch / (keep or "live")
        shutil.rmtree(live, ignore_errors=True)
        with self._originals.held():
            ended = launch(launched, live)
        rows = read_rows(live)
        named = places_of(place.tree)
        return Repeated(
            trace=without_times(placed(trace_of(rows), _places(place)), ended.stdout, named),
            ended=ended,
            outputs=self._outputs(place),
            metrics={k: float(v) for k, v in metrics_of(rows).items() if isinstance(v, int | float)},
            stopped=bool(rows.of("stopped")),
            rows=rows,
            folder=live,
            printed=lines_of(ended.stdout, named),
            declared=frozenset(one.path for one in self.record.result.outputs if one.declared),
            complaint=_complaint(ended, launched, named) if ended.status else "",
        )

    def _fresh(self) -> Restored:
        """Return the restored tree copied to one and the same place, so that no path tells runs apart."""
        target = self._scratch / "place"
        shutil.rmtree(target, ignore_errors=True)
        source = self.restored.folder
        shutil.copytree(source, target, symlinks=True)
        return moved(self.restored, source, target)

    def _launch(self, place: Restored, changes: Sequence[Change], hook: HookSettings) -> Launch:
        applied = apply(changes, place, self.variables(), store=self._store)
        threads = applied.threads if applied.threads is not None else self._threads(applied.variables)
        paths = (*hook.paths, *place.paths)
        return Launch(
            argv=self._argv(applied.argv, applied.interpreter),
            folder=place.working,
            variables=applied.variables,
            hook=msgspec.structs.replace(hook, threads=threads, paths=paths),
            quiet=True,
        )

    @property
    def interpreter(self) -> str:
        """The recorded interpreter."""
        return self.provenance.interpreter

    def command(self) -> tuple[str, ...]:
        """Return the restored command line, with the recorded interpreter in the place of a bare `python`."""
        return self._argv(self.restored.argv, None)

    def _argv(self, argv: Sequence[str], interpreter: str | None) -> tuple[str, ...]:
        """Return the arguments with the recorded interpreter in the place of a bare `python`."""
        wanted = interpreter or self.provenance.interpreter
        first = Path(argv[0]).name
        if first.startswith("python") and wanted and Path(wanted).exists():
            return (wanted, *argv[1:])
        return tuple(argv)

    def _threads(self, variables: Mapping[str, str]) -> int | None:
        """Return the recorded number of threads where no variable brings it about."""
        recorded = self.provenance.numerics.get("torch.num_threads")
        named = any(name in variables for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"))
        return int(recorded) if self.as_recorded and recorded and not named else None

    def _outputs(self, place: Restored) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for output in self.record.result.outputs:
            path = _target(place, output.path)
            inside = digest_file(path) if path is not None and path.is_file() else None
            # What was written by its absolute path lies where the run wrote it, and was put back since.
            found[output.path] = self._originals.digests.get(output.path, inside)
        return found


def _complaint(ended: Ended, launched: Launch, named: Mapping[str, str]) -> str:
    """Return the last line that a run wrote to standard error, on one line and without secrets."""
    text = ended.stderr.decode("utf-8", "replace").rstrip()
    line = Scrubber.of(launched.variables, launched.argv).text(text.rpartition("\n")[2].rpartition("\r")[2])
    for folder, name in named.items():
        line = line.replace(folder, name)
    return shortened(line, _LONGEST)


def _target(place: Restored, written: str) -> Path | None:
    """Return where a path of the record is in a copy, None for an absolute one."""
    if written.startswith("/"):
        return None
    number, inner = split(written)
    return (place.tree if number is None else place.folder / OUTSIDE / str(number)) / inner


def _places(place: Restored) -> Places:
    """Return how the lines of a repeat are written, so that they read as those of the record do."""
    outside = sorted((place.folder / OUTSIDE).glob("*"), key=lambda path: path.name.zfill(4))
    return Places(place.tree, [str(path) for path in outside])


def moved(restored: Restored, source: Path, target: Path) -> Restored:
    """Return a restored run whose folder was copied from `source` to `target`."""

    def text(value: str) -> str:
        return value.replace(str(source), str(target))

    return msgspec.structs.replace(
        restored,
        folder=target,
        tree=Path(text(str(restored.tree))),
        working=Path(text(str(restored.working))),
        argv=tuple(map(text, restored.argv)),
        paths=tuple((old, text(new)) for old, new in restored.paths),
    )


def settable(names: Mapping[str, str]) -> list[str]:
    """Return those of `names` that bear on results, and not on where or for whom the run was."""
    return [name for name in names if is_listed(name) and not name.startswith(_PLACES)]


def recorded_steps(trace: Trace | None) -> int:
    """Return the distance at which the later steps of a trace were recorded: a power of two."""
    steps = sorted({row["step"] for row in trace.steps if row["kind"] == "step"}) if trace else []
    gaps = [b - a for a, b in pairwise(steps)]
    return 1 << (max(gaps) - 1).bit_length() if gaps else 1
