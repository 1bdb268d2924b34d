from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Budget
from assay.foundation.seeding import StreamUse
from assay.provenance.components import (
    Arithmetic,
    CodeEvidence,
    CodeIdentity,
    DataIdentity,
    Environment,
    Hyperparameter,
    Identity,
    ProtocolIdentity,
    Provenance,
    Repository,
    SeedIdentity,
    SourceFile,
)
from assay.provenance.difference import COMPONENTS, difference, explain_identity_change

change = msgspec.structs.replace

STRATEGY = CodeIdentity(role="strategy", name="evo.py:Evo", files={"evo.py": "a", "helper.py": "b"})
SPACE = CodeIdentity(role="space", name="nas-bench-201", revision=1, distribution="assay")
PROTOCOL = ProtocolIdentity(
    signal="validation",
    policy="mean-of-available",
    fidelity=Fidelity("200-epochs"),
    budget=Budget(evaluations=200),
    simulated_workers=1,
    crossing="counted",
)
IDENTITY = Identity(
    code=(STRATEGY, SPACE),
    data=DataIdentity(benchmark="nas-bench-201/cifar10", card="c", table="t"),
    hyperparameters={"population": 10, "nested": {"rate": 0.5, "layers": [1, 2]}},
    seeds=SeedIdentity(root=0, replicate=3),
    protocol=PROTOCOL,
)
ARITHMETIC = Arithmetic(
    interpreter="CPython 3.11.7 (GCC 12.2.0)",
    machine="x86_64",
    libc="glibc 2.36",
    libraries={"numpy": "2.4.6"},
    blas=("openblas 0.3.31 (pthreads, SkylakeX)",),
    threads={"openblas": 1},
    capability=("X86_V2", "X86_V3"),
    settings={},
)
REPOSITORY = Repository(commit="abc", branch="main", remote=None, dirty=False)
RELEASE = change(REPOSITORY, branch="release")
PROVENANCE = Provenance(
    identity=IDENTITY,
    evidence=CodeEvidence(
        assay_version="0.1.0",
        files=(SourceFile(path="evo.py", content="x"),),
        repository=REPOSITORY,
    ),
    environment=Environment(
        arithmetic=ARITHMETIC,
        system="Debian",
        kernel="Linux 6",
        processor=None,
        cores=2,
        memory_bytes=1,
        python="3.11.7",
        virtual_environment=True,
        packages={"numpy": "2.4.6", "nas-bench-graph": "1.4"},
    ),
    hyperparameters=(Hyperparameter(name="population", value=10, default=True),),
    streams=(StreamUse(("strategy", "evo", 3), 100),),
)


def identity(**parts: Any) -> Provenance:
    return change(PROVENANCE, identity=change(IDENTITY, **parts))


def test_equal_provenances_have_no_difference() -> None:
    """What is equal is not listed."""
    assert difference(PROVENANCE, msgspec.convert(msgspec.to_builtins(PROVENANCE), Provenance)) == ()


@pytest.mark.parametrize(
    ("other", "component", "text"),
    [
        (
            identity(hyperparameters={**IDENTITY.hyperparameters, "population": 50}),
            "hyperparameters",
            "hyperparameters.population: 10 -> 50",
        ),
        (
            identity(hyperparameters={"population": 10, "nested": {"rate": 0.5, "layers": [1]}}),
            "hyperparameters",
            "hyperparameters.nested.layers: [1,2] -> [1]",
        ),
        (
            identity(code=(change(STRATEGY, files={"evo.py": "z", "helper.py": "b"}), SPACE)),
            "code",
            "code.strategy.files['evo.py']: a -> z",
        ),
        (identity(code=(STRATEGY, change(SPACE, revision=2))), "code", "code.space.revision: 1 -> 2"),
        (identity(data=change(IDENTITY.data, table="u")), "data", "data.table: t -> u"),
        (identity(seeds=change(IDENTITY.seeds, root=1)), "seeds", "seeds.root: 0 -> 1"),
        (
            identity(protocol=change(PROTOCOL, budget=Budget(evaluations=400))),
            "protocol",
            "protocol.budget.evaluations: 200 -> 400",
        ),
        (
            change(
                PROVENANCE,
                environment=change(
                    PROVENANCE.environment, arithmetic=change(ARITHMETIC, threads={"openblas": 2})
                ),
            ),
            "arithmetic",
            "arithmetic.threads.openblas: 1 -> 2",
        ),
        (
            change(
                PROVENANCE,
                environment=change(PROVENANCE.environment, packages={"numpy": "2.4.6", "x.y": "1"}),
            ),
            "environment",
            "environment.packages.nas-bench-graph: 1.4 -> absent",
        ),
        (
            change(PROVENANCE, evidence=change(PROVENANCE.evidence, repository=RELEASE)),
            "other",
            "evidence.repository.branch: main -> release",
        ),
        (
            change(PROVENANCE, streams=(StreamUse(("strategy", "evo", 3), 101),)),
            "other",
            "streams['strategy/evo/3']: 100 -> 101",
        ),
    ],
)
def test_each_difference_has_its_component_and_path(other: Provenance, component: str, text: str) -> None:
    """A change in one place is found there, with a path that reads, and both values."""
    found = difference(PROVENANCE, other)
    assert (found[0].component, found[0].text()) == (component, text)
    assert {item.component for item in found} == {component}


def test_differences_come_in_the_order_of_the_components() -> None:
    """Code comes first, then data, down to what is neither identity nor environment."""
    other = change(
        identity(
            code=(change(STRATEGY, name="x.py:X"), SPACE),
            data=change(IDENTITY.data, card="d"),
            hyperparameters={},
            seeds=change(IDENTITY.seeds, replicate=4),
            protocol=change(PROTOCOL, signal="test"),
        ),
        environment=change(PROVENANCE.environment, system="Fedora", arithmetic=change(ARITHMETIC, libc=None)),
        streams=(),
    )
    order = [item.component for item in difference(PROVENANCE, other)]
    assert list(dict.fromkeys(order)) == list(COMPONENTS)
    assert order == sorted(order, key=COMPONENTS.index)


def test_absent_and_null_are_told_apart() -> None:
    """A hyperparameter that is None differs from one that is not there, also in JSON."""
    first, second = identity(hyperparameters={"a": None}), identity(hyperparameters={})
    (found,) = difference(first, second)
    assert found.text() == "hyperparameters.a: null -> absent"
    assert msgspec.json.decode(msgspec.json.encode(found)) == {
        "component": "hyperparameters",
        "path": "hyperparameters.a",
        "a": None,
    }


def test_types_count() -> None:
    """1, 1.0 and true are three values, though Python calls them equal."""
    for one, other in ((1, 1.0), (1, True), (0.0, False)):
        assert (
            len(difference(identity(hyperparameters={"a": one}), identity(hyperparameters={"a": other}))) == 1
        )


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0]) | st.text("ab", max_size=2),
    lambda inner: (
        st.dictionaries(st.text("ab.", max_size=2), inner, max_size=3) | st.lists(inner, max_size=2)
    ),
    max_leaves=6,
)
TABLES = st.dictionaries(st.text("abc", min_size=1, max_size=2), PLAIN, max_size=4)


@given(TABLES, TABLES)
def test_the_difference_is_symmetric_and_empty_only_for_equals(a: dict[str, Any], b: dict[str, Any]) -> None:
    """Swapping the sides swaps the values, and there is no difference exactly when the JSON is equal."""
    first, second = identity(hyperparameters=a), identity(hyperparameters=b)
    there, back = difference(first, second), difference(second, first)
    assert [(item.path, item.a, item.b) for item in there] == [(item.path, item.b, item.a) for item in back]
    encode = msgspec.json.Encoder(order="deterministic").encode
    assert (not there) == (encode(a) == encode(b))


@pytest.mark.parametrize(
    ("parts", "phrase"),
    [
        ({}, "nothing changed"),
        (
            {"hyperparameters": {**IDENTITY.hyperparameters, "population": 50}},
            "hyperparameter changed: population 10 -> 50",
        ),
        (
            {"hyperparameters": {"nested": 1, "new": "x"}},
            (
                'hyperparameter changed: nested {"rate":0.5,"layers":[1,2]} -> 1; '
                "hyperparameter added: new = x; hyperparameter removed: population"
            ),
        ),
        (
            {"code": (change(STRATEGY, files={"evo.py": "z", "helper.py": "b"}), SPACE)},
            "code changed: evo.py",
        ),
        (
            {"code": (change(STRATEGY, files={"evo.py": "z", "other.py": "b"}), SPACE)},
            "code changed: evo.py, helper.py (gone), other.py (new)",
        ),
        (
            {"code": (change(STRATEGY, libraries={"optuna": "5.0"}), change(SPACE, revision=2))},
            "library changed: optuna absent -> 5.0; space nas-bench-201 changed: revision 1 -> 2",
        ),
        (
            {"code": (change(STRATEGY, name="random-search"), SPACE)},
            "strategy changed: evo.py:Evo -> random-search",
        ),
        ({"data": change(IDENTITY.data, table="u")}, "table changed"),
        ({"data": change(IDENTITY.data, card="d", table="u")}, "table changed; protocol card changed"),
        (
            {"data": change(IDENTITY.data, benchmark="nas-bench-201/cifar100", table="u")},
            "benchmark changed: nas-bench-201/cifar10 -> nas-bench-201/cifar100",
        ),
        ({"seeds": change(IDENTITY.seeds, root=7)}, "seed changed: 0 -> 7"),
        (
            {"protocol": change(PROTOCOL, budget=Budget(evaluations=1_400))},
            "budget longer: 200 -> 1,400 evaluations",
        ),
        (
            {"protocol": change(PROTOCOL, budget=Budget(evaluations=100))},
            "budget shorter: 200 -> 100 evaluations",
        ),
        (
            {"protocol": change(PROTOCOL, budget=Budget(table_seconds=1e6))},
            "budget changed: 200 evaluations -> 1e+06 table seconds",
        ),
        (
            {"protocol": change(PROTOCOL, signal="train", fidelity=Fidelity("200-epochs", 12))},
            "fidelity changed: 200-epochs -> 200-epochs@12; signal changed: validation -> train",
        ),
        ({"protocol": change(PROTOCOL, simulated_workers=8)}, "simulated workers changed: 1 -> 8"),
    ],
)
def test_a_change_of_identity_is_told_in_a_phrase(parts: dict[str, Any], phrase: str) -> None:
    """Each kind of change has its words, and several are joined."""
    assert explain_identity_change(IDENTITY, change(IDENTITY, **parts)) == phrase


@given(TABLES, TABLES)
def test_a_phrase_says_nothing_only_for_equals(a: dict[str, Any], b: dict[str, Any]) -> None:
    """No change of the hyperparameters goes unsaid."""
    said = explain_identity_change(change(IDENTITY, hyperparameters=a), change(IDENTITY, hyperparameters=b))
    assert (said == "nothing changed") == (
        not difference(identity(hyperparameters=a), identity(hyperparameters=b))
    )
