"""The five components of a run in plain text, as `assay show` prints them."""

from __future__ import annotations

import msgspec

from assay.cli.output import visible
from assay.foundation.digest import short
from assay.provenance.components import CodeIdentity, Environment, Hyperparameter, Provenance, Repository


def component_lines(found: Provenance) -> list[str]:
    """Return the lines of code, data, hyperparameters, seeds, protocol and environment."""
    identity = found.identity
    data, seeds, protocol = identity.data, identity.seeds, identity.protocol
    return [
        "code",
        *[line for code in identity.code for line in _code(code)],
        f"  repository: {_repository(found.evidence.repository)}",
        "data",
        f"  {data.benchmark}",
        f"    table {data.table}",
        f"    card  {data.card}",
        "hyperparameters",
        *([_hyperparameter(one) for one in found.hyperparameters] or ["  none"]),
        "seeds",
        f"  root {seeds.root}, replicate {seeds.replicate}, {seeds.scheme}",
        *[f"  stream {'/'.join(map(str, use.path))}: {use.draws:,} draws" for use in found.streams],
        "protocol",
        f"  signal {protocol.signal} at {protocol.fidelity.text()}, seeds {protocol.policy}",
        f"  budget {protocol.budget.text()}, simulated workers {protocol.simulated_workers}",
        "environment",
        *_environment(found.environment),
    ]


def _code(code: CodeIdentity) -> list[str]:
    revision = f" revision {code.revision}" if code.revision is not None else ""
    source = " ".join(part for part in (code.distribution or "your files", code.version) if part)
    return [
        f"  {code.role}: {visible(code.name)}{revision} ({source})",
        *[f"    {visible(name)} {short(digest)}" for name, digest in code.files.items()],
        *[f"    {name} {version}" for name, version in code.libraries.items()],
    ]


def _repository(repository: Repository | None) -> str:
    if repository is None:
        return "none"
    state = {True: "with uncommitted changes", False: "clean", None: "state unknown"}[repository.dirty]
    return f"{repository.commit or 'no commit'} {state}"


def _hyperparameter(one: Hyperparameter) -> str:
    value = msgspec.json.encode(one.value).decode()
    return f"  {visible(one.name)} = {visible(value)}{'  (default)' if one.default else ''}"


def _environment(environment: Environment) -> list[str]:
    arithmetic = environment.arithmetic
    threads = ", ".join(f"{name}={count}" for name, count in arithmetic.threads.items())
    return [
        f"  {environment.system}, {environment.processor or 'unknown processor'}, {environment.cores} cores",
        f"  {arithmetic.interpreter}, {len(environment.packages)} packages",
        *[f"  {name} {version}" for name, version in arithmetic.libraries.items()],
        f"  threads {threads or 'unknown'}",
    ]
