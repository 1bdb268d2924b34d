"""Watches data loaders: what each batch holds, and in which order samples are drawn.

Batches are looked at where the program gets them, so that worker processes and their timing do not matter;
the order is that of the indices whose batches came, whether or not a step is recorded.
"""

from __future__ import annotations

import functools
import sys
import weakref
from array import array
from collections import deque
from collections.abc import Callable
from typing import Any

from . import fingerprint, rows
from .torch_steps import trace

_undo: list[Callable[[], Any]] = []


class _Epoch:
    """One pass over a loader that goes on."""

    def __init__(self, loader: _Loader) -> None:
        self.loader = loader
        self.number = loader.epochs
        loader.epochs += 1
        self.hasher = fingerprint.new()
        # Indices whose batches are still to come: workers are given some ahead.
        self.ahead: deque[Any] = deque()
        self.came_any = False
        self.told = False

    def came(self) -> None:
        """Go on by one batch."""
        if self.ahead:
            self.hasher.update(self.ahead.popleft())
            self.came_any = True

    def order(self) -> str | None:
        """Return the digest of the indices up to the last batch that came, None where there are none."""
        return str(self.hasher.hexdigest()) if self.came_any else None


class _Loader:
    """A loader: its number, and what its dataset is."""

    def __init__(self, number: int, dataset: Any) -> None:
        self.number = number
        self.epochs = 0
        self.dataset, self.length, self.split = _describe(dataset)


class _Loaders:
    """The loaders of this process by the sampler that they were made with."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin again, as a forked child does."""
        self.epochs: Any = weakref.WeakKeyDictionary()  # iterator -> its pass
        self.seen: Any = weakref.WeakKeyDictionary()  # index sampler -> its loader
        self.count = 0
        self.last: Any = _nothing  # the iterator that was last begun, as a weak reference, and its pass
        self.epoch: _Epoch | None = None

    def of(self, iterator: Any) -> _Epoch | None:
        """Return the pass of an iterator, None where it has none."""
        if self.last() is iterator:
            return self.epoch
        found: _Epoch | None = self.epochs.get(iterator)
        return found

    def begin(self, iterator: Any) -> _Epoch:
        """Return a new pass, after telling of the one before over the same iterator."""
        before = self.epochs.get(iterator)
        if before is not None:
            tell(before)
        sampler = iterator._index_sampler
        known = self.seen.get(sampler)
        if known is None:
            known = self.seen[sampler] = _Loader(self.count, iterator._dataset)
            self.count += 1
            _look(sampler)
        made = self.epochs[iterator] = self.epoch = _Epoch(known)
        self.last = weakref.ref(iterator)
        # A pass that the program breaks off ends with its iterator.
        weakref.finalize(iterator, tell, made).atexit = False
        return made


def _nothing() -> None:
    return None


_loaders = _Loaders()


def install(torch: Any) -> None:
    """Put the watch in place; call it once torch is imported."""
    module = sys.modules["torch.utils.data.dataloader"]
    kind = module._BaseDataLoaderIter
    _replace(kind, "__next__", _watch_next(kind.__next__))
    _replace(kind, "_next_index", _watch_order(kind._next_index))
    for inner in (module._SingleProcessDataLoaderIter, module._MultiProcessingDataLoaderIter):
        if "__next__" in vars(inner):  # versions that override it
            _replace(inner, "__next__", _watch_next(inner.__next__))
    if "_reset" in vars(kind):
        _replace(kind, "_reset", _watch_reset(kind._reset))
    worker = torch.utils.data._utils.worker
    _replace(worker, "_worker_loop", _watch_worker(worker._worker_loop))
    rows.fork_hooks.append(_loaders.renew)
    rows.exit_hooks.insert(0, _finish)


def uninstall() -> None:
    """Put the originals back."""
    while _undo:
        _undo.pop()()


def _replace(owner: Any, name: str, function: Any) -> None:
    original = getattr(owner, name)
    setattr(owner, name, function)
    _undo.append(lambda: setattr(owner, name, original))


# -- Batches ------------------------------------------------------------------------------------------------


def _watch_next(original: Any) -> Any:
    @functools.wraps(original)
    def __next__(self: Any) -> Any:  # noqa: N807  the name that a traceback shows
        try:
            batch = original(self)
        except StopIteration:
            _ended(self)
            raise
        if not trace.has_loader:
            _saw_loader()
        epoch = _loaders.of(self)
        if epoch is not None:
            epoch.came()
        if trace.recording and trace.enabled:
            with rows.spend():
                _note_batch(self, batch)
        return batch

    return __next__


@rows.guarded
def _saw_loader() -> None:
    trace.has_loader = True
    from .torch_modules import loader_seen

    loader_seen()


@rows.guarded
def _note_batch(iterator: Any, batch: Any) -> None:
    epoch = _loaders.of(iterator)
    order = epoch.order() if epoch is not None else None
    if order is not None:
        trace.orders.append(order)
    trace.batches.append(fingerprint.digest_value(batch))


# -- Order --------------------------------------------------------------------------------------------------


def _watch_order(original: Any) -> Any:
    @functools.wraps(original)
    def _next_index(self: Any) -> Any:
        index = original(self)
        epoch = _loaders.of(self)
        if epoch is None:
            epoch = _begin(self)
        if epoch is not None:
            _note_index(epoch, index)
        return index

    return _next_index


def _watch_reset(original: Any) -> Any:
    """A persistent iterator begins again here, with a new order."""

    @functools.wraps(original)
    def _reset(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self in _loaders.epochs:
            _begin(self)
        return original(self, *args, **kwargs)

    return _reset


@rows.guarded
def _begin(iterator: Any) -> Any:
    return _loaders.begin(iterator) if trace.enabled else None


def _note_index(epoch: _Epoch, index: Any) -> None:
    """Take indices for the digest of the order; what is no number counts by its fingerprint."""
    data: Any
    try:
        data = array("q", index if isinstance(index, list) else [index])
    except (TypeError, OverflowError):
        if index is None or (isinstance(index, list) and index and index[0] is None):
            return  # an iterable dataset has no indices
        data = fingerprint.digest_value(index).encode()
    epoch.ahead.append(data)


def _ended(iterator: Any) -> None:
    epoch = _loaders.of(iterator)
    if epoch is None:
        epoch = _begin(iterator)  # an iterable dataset with nothing in it
    if epoch is not None:
        with rows.spend():
            tell(epoch)


@rows.guarded
def tell(epoch: _Epoch) -> None:
    """Write the row of a pass, once."""
    if epoch.told:
        return
    epoch.told = True
    loader = epoch.loader
    rows.write(
        {
            "k": "sampling",
            "loader": loader.number,
            "dataset": loader.dataset,
            "length": loader.length,
            "split": loader.split,
            "epoch": epoch.number,
            "order": epoch.order(),
        }
    )


@rows.guarded
def _look(sampler: Any) -> None:
    """Let the randomness be looked at before a loader draws, and the generators that it draws from."""
    from . import randomness

    randomness.look(sys.modules["torch"])
    for one in (sampler, getattr(sampler, "sampler", None)):
        generator = getattr(one, "generator", None)
        if generator is not None:
            randomness.generator_seen(generator)


def _finish() -> None:
    """Tell of the passes that did not come to their end."""
    for epoch in sorted(_loaders.epochs.values(), key=lambda epoch: (epoch.loader.number, epoch.number)):
        tell(epoch)


def _describe(dataset: Any) -> tuple[str, int | None, str | None]:
    """Return the class of a dataset below its subsets, its length, and the digest of their indices."""
    splits = []
    length = _length(dataset)
    while hasattr(dataset, "indices") and hasattr(dataset, "dataset"):
        splits.append(fingerprint.digest_value(_numbers(dataset.indices)))
        dataset = dataset.dataset
    kind = type(dataset)
    split = None if not splits else splits[0] if len(splits) == 1 else fingerprint.digest_value(splits)
    return f"{kind.__module__}.{kind.__qualname__}", length, split


def _numbers(indices: Any) -> Any:
    """Return indices in a form that is fast to digest, the same for a list, a range and an array."""
    if hasattr(indices, "tolist"):
        indices = indices.tolist()
    try:
        return array("q", indices).tobytes()
    except (TypeError, OverflowError):
        return list(indices)


def _length(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except (TypeError, NotImplementedError):
        return None


# -- Workers ------------------------------------------------------------------------------------------------


def _watch_worker(original: Any) -> Any:
    @functools.wraps(original)
    def _worker_loop(*args: Any, **kwargs: Any) -> Any:
        trace.enabled = False  # what runs here is seen in the batches
        rows.guarded(_stop_modules)()
        rows.set_role("loader worker")
        return original(*args, **kwargs)

    return _worker_loop


def _stop_modules() -> None:
    from . import torch_modules

    torch_modules.uninstall()
