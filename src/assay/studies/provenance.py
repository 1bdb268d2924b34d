"""The provenance of a recorded run, put together from its record and the store."""

from __future__ import annotations

from assay.provenance.components import CodeEvidence, Environment, Hyperparameter, Provenance
from assay.records.record import Record
from assay.records.store import Store
from assay.studies.reasons import identity_from


def provenance_of(record: Record, store: Store) -> Provenance:
    """Return everything known about how a run came to be; refuses damaged objects, naming them."""
    identity = identity_from(record.components, store)
    circumstances = record.circumstances
    return Provenance(
        identity=identity,
        evidence=store.objects.get_value(circumstances.evidence, CodeEvidence),
        environment=store.objects.get_value(circumstances.environment, Environment),
        hyperparameters=tuple(
            Hyperparameter(name=name, value=value, default=name in circumstances.defaults)
            for name, value in identity.hyperparameters.items()
        ),
        streams=record.result.streams,
    )
