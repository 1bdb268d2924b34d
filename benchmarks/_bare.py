"""A worker that searches as Assay's own does and keeps nothing: what is left is the search itself."""

from __future__ import annotations

import msgspec

from assay.foundation.seeding import SeedTree
from assay.studies.cell import CellSpec, CellWorker, _search, opened
from assay.studies.meter import Meter


class BareWorker(CellWorker):
    """Runs cells without trajectories, digests, records or journals."""

    def do(self, job: bytes) -> bytes:
        """Search, and answer with the recommendation alone."""
        spec = msgspec.msgpack.decode(job, type=CellSpec)
        benchmark = self._benchmark(spec)
        evaluate = benchmark.evaluator(spec.signal, spec.policy)
        meter = Meter(
            benchmark.space,
            evaluate,
            spec.budget,
            signal=spec.signal,
            fidelity=benchmark.card.fidelities[0],
            crossing=benchmark.card.crossing,
            seconds=benchmark.charges_seconds,
        )
        with opened(spec.door) as entry:
            _, recommended = _search(spec, entry, benchmark, meter, SeedTree(spec.seed))
        return msgspec.msgpack.encode(recommended)
