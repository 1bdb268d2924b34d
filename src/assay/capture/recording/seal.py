"""Seals what a run left: gathers it, writes its record, and does so too for what dead recorders left."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec

from assay.capture.contents import Contents
from assay.capture.recording.facts import Facts, lost_output, read_end, read_facts, without_secrets, write_end
from assay.capture.recording.files import learn_secrets
from assay.capture.recording.follow import Found, prepare
from assay.capture.recording.gather import Left, gather
from assay.capture.recording.launch import Ended
from assay.capture.recording.live import LiveFolder, live_folders
from assay.capture.recording.rows import Rows, read_rows
from assay.capture.recording.scrubbing import Scrubber
from assay.records.commands import CommandRecord, put_command
from assay.records.store import Store

_ABANDONED = "how the command ended, and its output: its recorder was ended before it"

_NO_ROOM = "the output of the command: there was no room to keep it"


def keep_end(live: Path, ended: Ended, scrubber: Scrubber, rows: Rows) -> Ended:
    """Write how a command ended into its folder, and return it with its output without secrets."""
    learn_secrets(scrubber, rows)
    clean = msgspec.structs.replace(
        ended, stdout=scrubber.text_bytes(ended.stdout), stderr=scrubber.text_bytes(ended.stderr)
    )
    write_end(live, clean)
    return clean


def seal(
    store: Store,
    live: Path,
    found: Found,
    ended: Ended | None,
    cache: Path,
    rows: Rows,
    *,
    force_hash: bool = False,
) -> CommandRecord:
    """Write the record of a run that has ended; its folder stays, for the caller to remove."""
    learn_secrets(found.scrubber, rows)
    facts = without_secrets(found.facts, found.scrubber)
    found.sources.keep_code([row for kind in ("code", "cell") for _, row in rows.of(kind)])
    left = Left(
        facts=facts,
        rows=rows,
        sources=found.sources,
        machine=found.machine,
        ended=ended,
        live=live,
        store=store.folder,
        missed=found.missed,
    )
    record = gather(left, found.objects, Contents(cache, force=force_hash), found.scrubber)
    put_command(store, record)
    return record


def seal_dead(store: Store, cache: Path) -> list[CommandRecord]:
    """Seal what dead recorders left in `live`; what still runs is let be.

    A run whose end nobody saw is 'abandoned'.
    """
    found = []
    for path in live_folders(store.folder):
        live = LiveFolder.take(path)
        if live is None:
            continue
        record = _recovered(store, live, cache)
        if record is not None:
            found.append(record)
    return found


def _recovered(store: Store, live: LiveFolder, cache: Path) -> CommandRecord | None:
    """Seal what one dead recorder left; None where the run goes on without it, or never began."""
    facts = read_facts(live.folder)
    rows = read_rows(live.folder)
    ended = read_end(live.folder)
    if facts is None:  # it is written before anything starts, so that nothing began
        live.remove()
        return None
    if ended is None and _runs_still(rows, facts):
        live.release()
        return None
    try:
        found = prepare(store, facts)
        if ended is None:
            found = found._replace(missed=(_ABANDONED,))
        elif lost_output(live.folder):
            found = found._replace(missed=(_NO_ROOM,))
        record = seal(store, live.folder, found, ended, cache, rows)
    except BaseException:
        live.release()
        raise
    live.remove()
    return record


def _runs_still(rows: Rows, facts: Facts) -> bool:
    """Say whether a process of the run lives on this machine; of another machine nothing is known."""
    if facts.host != platform.node():
        return True
    return any(_lives(int(process["pid"]), float(process.get("start") or 0.0)) for process in rows.processes)


def _lives(pid: int, start: float) -> bool:
    """Say whether a process is there that began before it wrote its first row."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
        began = int(boot.split()[1]) + int(state[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, StopIteration, IndexError, ValueError):
        return False
    return state[0] != "Z" and began < start + 2.0
