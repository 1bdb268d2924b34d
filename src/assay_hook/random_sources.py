"""Knows where the randomness of this process came from, and writes its rows, each once.

A row of kind 'entropy' without a line counts what libraries asked for, which does not decide results.
"""

from __future__ import annotations

import _thread
import os
import sys
from typing import Any

from . import generators, rows, seeds, stand_ins

_ROWS = 64  # of one kind and generator; a program that seeds for each sample says it in the first ones
_CALLS_PER_LINE = 8
_PATIENCE = 100  # draws without a line of the user's, after which a generator is no longer watched
_LOADER = "torch.utils.data._utils.worker"
_COMPILER = ("torch._dynamo", "torch._inductor", "torch._functorch")


class _Source:
    """A process-wide generator: whether it was seeded, and whether a draw from it was seen."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.group: stand_ins.Group | None = None
        self.renew()

    def renew(self) -> None:
        """Know nothing about seeds and draws."""
        self.seeded = False
        self.inherited = False  # the state came from the parent process
        self.kinds: set[str] = set()
        self.elsewhere = 0
        self.base: Any = None  # a state from which nothing was drawn yet

    def arm(self) -> None:
        """Watch for the next draw."""
        if self.group is not None and not watching.off:
            self.group.arm()

    def settle(self) -> None:
        """Watch no more."""
        if self.group is not None and self.group.armed:
            self.group.disarm()

    def start_again(self, *, seeded: bool) -> None:
        """Take the state for one from which nothing was drawn."""
        self.base = generators.state(self.name)
        self.seeded = seeded
        if self.name == "torch" and self.base is not None:
            watching.torch_seed = sys.modules["torch"].default_generator.initial_seed()
        if seeded:
            self.inherited = False

    def kind(self) -> str:
        """Return which kind of row a draw would make now."""
        if _worker() is not None or self.inherited:
            return "worker stream"
        return "process-wide" if self.seeded else "unseeded"

    def drawn(self, place: str, when: str) -> None:
        """Say that a draw was seen, once for each kind."""
        self.settle()
        kind = self.kind()
        if kind not in self.kinds:
            self.kinds.add(kind)
            value = _worker() or ({"forked": True} if kind == "worker stream" else None)
            note(kind, self.name, value, place, when)

    def has_moved(self) -> bool:
        """Say whether something was drawn since the start, the fork or the last seed."""
        base = self.base or generators.started_with(self.name)
        now = generators.state(self.name)
        if base is None or now is None:
            return False
        known = dict(base)
        # The generator of an accelerator that came into use later holds its seed, and what was drawn.
        return any(data != known.get(part, data[:8] + bytes(len(data) - 8)) for part, data in now)


class _Watching:
    """What is known in this process."""

    def __init__(self) -> None:
        self.off = False
        self.torch_seed: Any = None
        self.renew()

    def renew(self) -> None:
        """Forget what was written, as in a forked process."""
        self.local = _thread._local()  # how deep each thread is in calls that are noted
        self.rows: dict[tuple[str, str], int] = {}
        self.written: set[Any] = set()
        self.lines: dict[Any, int] = {}
        self.libraries: dict[str, int] = {}
        self.of_libraries: set[Any] = set()
        self.own_generators: set[int] = set()


watching = _Watching()
sources = {name: _Source(name) for name in generators.NAMES}


class nested:  # noqa: N801  used as a context manager, in lower case like those of contextlib
    """Calls inside this are part of one that was noted already."""

    def __enter__(self) -> None:
        watching.local.depth = depth() + 1

    def __exit__(self, *failure: object) -> None:
        watching.local.depth = depth() - 1


def depth() -> int:
    """Return in how many of such calls this thread is."""
    return int(watching.local.__dict__.get("depth", 0))


# -- Rows ---------------------------------------------------------------------------------------------------


def note(kind: str, generator: str, value: Any, place: str, when: str, count: int | None = None) -> None:
    """Write one row, each only once and not too many of a kind."""
    number = watching.rows.get((kind, generator), 0)
    key = (kind, generator, repr(value), place)
    if number >= _ROWS or key in watching.written:
        return
    watching.rows[kind, generator] = number + 1
    watching.written.add(key)
    row = {"k": "random", "kind": kind, "generator": generator, "value": value, "where": place, "when": when}
    rows.write(row if count is None else dict(row, count=count))


def moment(frame: Any) -> str:
    """Return when this is: 'import', 'before the first step' or 'step 12'."""
    if seeds.is_importing(frame):
        return "import"
    return f"step {rows.steps()}" if rows.steps() else "before the first step"


def _worker() -> dict[str, Any] | None:
    """Return which worker of a torch loader this process is, and its seed; None if it is none."""
    found = getattr(sys.modules.get(_LOADER), "_worker_info", None)
    return None if found is None else {"worker": found.id, "workers": found.num_workers, "seed": found.seed}


def _is_new(generator: str, frame: Any) -> bool:
    """Say whether this line has said little yet about this generator."""
    line = (generator, frame.f_code, frame.f_lineno)
    calls = watching.lines.get(line, 0)
    if calls < _CALLS_PER_LINE and len(watching.lines) < 10_000:
        watching.lines[line] = calls + 1
        return True
    return False


@rows.guarded
def seeded(generator: str, seed: Any, frame: Any, source: str = "") -> None:
    """Note a seed that a line gave, None for fresh entropy; `source` is the process-wide generator's name."""
    if depth() > 1:
        return
    module = str(frame.f_globals.get("__name__", ""))
    if source and module == _LOADER:
        _begin_worker(sources[source])
        return
    if module.startswith(_COMPILER):  # which puts states back that it itself changed
        return
    if _is_new(generator, frame):
        _tell_seed(generator, seed, frame, process_wide=bool(source))
    elif (generator, frame.f_code, frame.f_lineno) in watching.of_libraries:
        watching.libraries[generator] = watching.libraries.get(generator, 0) + 1
    if source:
        sources[source].start_again(seeded=seed is not None)
        if sources[source].kinds == {"unseeded"}:
            sources[source].arm()


def _tell_seed(generator: str, seed: Any, frame: Any, *, process_wide: bool) -> None:
    """Write the row of a seed, unless it is a package's own business."""
    importing = seeds.is_importing(frame)
    if seed is None and (importing or seeds.is_of_python(frame)):
        watching.of_libraries.add((generator, frame.f_code, frame.f_lineno))
        watching.libraries[generator] = watching.libraries.get(generator, 0) + 1
        return
    place = rows.where()
    # Generators of their own that packages make: for a table, or one for each of their threads.
    if not process_wide and seed is not None and (importing or not place):
        return
    kind = "entropy" if seed is None else "time as seed" if seeds.is_of_time(seed) else "seeded"
    note(kind, generator, seeds.shown(seed), place, moment(frame))


@rows.guarded
def entropy(generator: str) -> None:
    """Note that entropy was asked for, if the user's own code did and no library for purposes of its own."""
    if depth() > 1:
        return
    frame = seeds.asking(sys._getframe(1))
    if frame is None or not seeds.is_users(frame):
        watching.libraries[generator] = watching.libraries.get(generator, 0) + 1
    elif _is_new(generator, frame):
        note("entropy", generator, None, rows.where(), moment(frame))


@rows.guarded
def draws(source: str, frame: Any) -> Any:
    """Note the first draw, about to be made, that comes from a line of the user's.

    A draw while a package is imported, or by a thread of a package, from a generator that nobody seeded
    decides no result: the state is returned, for `overlook` after the draw. None in all other cases.
    """
    found = sources[source]
    place = rows.where()
    if place and not seeds.is_importing(frame):
        found.drawn(place, moment(frame))
        return None
    found.elsewhere += 1
    before = None if found.seeded or found.kinds else generators.state(source)
    if found.elsewhere >= _PATIENCE:
        found.settle()
    return before


@rows.guarded
def overlook(source: str, before: Any) -> None:
    """Take a draw that `draws` judged to be of no importance for not made."""
    generators.overlook(source, before)
    if sources[source].base == before:
        sources[source].base = generators.state(source)


# -- For the other parts of the hook ------------------------------------------------------------------------


@rows.guarded
def look(torch: Any = None, when: str = "") -> None:
    """Note the process-wide generators that were drawn from unseen; the line is the user's present one.

    `torch` is the module, where it is imported; `when` replaces the moment.
    """
    if torch is not None:
        _look_at_seed(torch)
    for source in sources.values():
        if source.kind() not in source.kinds and source.has_moved():
            place = rows.where()
            # What `multiprocessing` starts a worker with is no line of the user's.
            source.drawn(
                "" if place.startswith("<string>") and _worker() else place, when or moment(sys._getframe(1))
            )


def _look_at_seed(torch: Any) -> None:
    """Note a seed that torch's default generator was given by other ways than `torch.manual_seed`."""
    seed = torch.default_generator.initial_seed()
    if watching.torch_seed is None or seed == watching.torch_seed:
        return
    fresh = torch.Generator().manual_seed(seed).get_state()
    sources["torch"].start_again(seeded=True)
    sources["torch"].base = (("cpu", bytes(fresh.tolist())),)
    note("seeded", "torch", seeds.shown(seed), rows.where(), moment(sys._getframe(1)))


@rows.guarded
def generator_seen(generator: Any) -> None:
    """Note the seed of a `torch.Generator` that was handed to a loader."""
    watching.own_generators.add(id(generator))
    seed = generator.initial_seed()
    kind = "time as seed" if seeds.is_of_time(seed) else "seeded"
    note(kind, "torch.Generator", seeds.shown(seed), rows.where(), moment(sys._getframe(1)))


def unwatch() -> None:
    """Put all functions that draw back, before a compiler looks at them; states are still looked at."""
    watching.off = True
    for source in sources.values():
        source.settle()


# -- The process --------------------------------------------------------------------------------------------


@rows.guarded
def begin() -> None:
    """Begin in this process, with the order of hashes."""
    rows.fork_hooks.append(_begin_child)
    rows.exit_hooks.append(_finish)
    if sys.flags.hash_randomization and os.environ.get("PYTHONHASHSEED") in {None, "", "random"}:
        note("hash order", "hash", None, "", "import")


def end() -> None:
    """End in a process that goes on, such as a notebook; another recording begins with nothing known."""
    for hooks, own in ((rows.fork_hooks, _begin_child), (rows.exit_hooks, _finish)):
        if own in hooks:
            hooks.remove(own)
    watching.renew()
    for source in sources.values():
        source.settle()
        source.renew()


def _begin_child() -> None:
    """Begin again in a forked process: what it draws from, its parent left behind."""
    watching.renew()
    for source in sources.values():
        source.renew()
        source.inherited = True
        source.start_again(seeded=False)
        source.arm()


def _begin_worker(source: _Source) -> None:
    """Begin again with the seed that a torch loader gives its worker."""
    source.start_again(seeded=True)
    source.kinds = set()
    source.arm()
    if source.name != "torch":
        return
    from multiprocessing import util

    util.Finalize(None, look, kwargs={"when": "end"}, exitpriority=50)


@rows.guarded
def _finish() -> None:
    """Say at the end what nothing said before."""
    look(sys.modules.get("torch"), "end")
    for generator, count in sorted(watching.libraries.items()) if rows.is_main() else ():
        note("entropy", generator, None, "", "", count)
    places = seeds.unseen_generators() if "torch" in sys.modules and _worker() is None else []
    if len(places) > len(watching.own_generators):
        shown = ", ".join(places[:5])
        rows.missed(f"the seeds of torch.Generator objects made at {shown} were not observed")
