"""Claims, plan and published tables in a study file: what is read, and what is refused with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from assay.analysis.gather import claim_spec
from assay.analysis.model import PublishedMean
from assay.contracts.problem import Budget
from assay.foundation.digest import digest_value
from assay.foundation.errors import StudyError
from assay.studies.history import History, PlanFacts, Planned, extensions, looks, new_tasks
from assay.studies.load import LoadedStudy, load_study
from assay.studies.study import (
    CLAIMS,
    AnyClaim,
    Claim,
    Commitments,
    EquivalentClaim,
    PublishedNumber,
    PublishedTable,
    Study,
)

HEAD = """\
name = "small"
benchmarks = ["nas-bench-201/cifar10"]
[budget]
evaluations = 30
[methods.a]
strategy = "random-search"
[methods.b]
strategy = "local-search"
[methods.c]
strategy = "regularized-evolution"
"""
KINDS = {
    "better": 'better = "a"\nthan = "b"',
    "equivalent": 'kind = "equivalent"\nmethods = ["a", "b"]\nmargin = 0.5',
    "non-inferior": 'kind = "non-inferior"\nmethod = "a"\nthan = "b"\nmargin = 0.5',
    "best-of-set": 'kind = "best-of-set"\nmethod = "a"\namong = ["b", "c"]',
    "reaches": 'kind = "reaches"\nmethod = "a"\ntarget = 90.0\nshare = 0.8\nwithin = { evaluations = 20 }',
    "ranking": 'kind = "ranking"\norder = ["a", "b", "c"]\nmargin = 0.1',
    "replicates-number": (
        'kind = "replicates-number"\nmethod = "a"\non = ["nas-bench-201/cifar10"]\nmargin = 0.2\n'
        'published = { value = 93.7, n = 10, sd = 0.3, unit = "%" }\nsource = "A 2020, p. 7, Table 2"'
    ),
}
TABLE = """
[published.table-2]
source = "A 2020, p. 7, Table 2"
benchmark = "nas-bench-201/cifar10"
methods = { Random = "a" }
[published.table-2.rows]
Random = { value = 93.0, n = 10, sd = 0.3, unit = "%" }
b = { value = 94.0, unit = "%" }
"""
Load = Callable[..., LoadedStudy]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that reads a study with these claims, and with this text after them."""

    def of(*claims: str, after: str = "") -> LoadedStudy:
        text = HEAD + "".join(f"[[claims]]\n{claim}\n" for claim in claims) + after
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        return load_study(path)

    return of


def test_every_kind_is_read(load: Load) -> None:
    """Each kind of claim has a type of its own, and names the method that it speaks for first."""
    study = load(*KINDS.values()).study
    assert [claim.kind for claim in study.claims] == list(KINDS) == list(CLAIMS)
    assert [type(claim) for claim in study.claims] == list(CLAIMS.values())
    assert [claim.named() for claim in study.claims] == [
        ("a", "b"),
        ("a", "b"),
        ("a", "b"),
        ("a", "b", "c"),
        ("a",),
        ("a", "b", "c"),
        ("a",),
    ]


def test_a_kind_may_be_named_or_left_out(load: Load) -> None:
    """'better' is the kind of a claim that names none; naming it makes the same claim."""
    named = load('kind = "better"\nbetter = "a"\nthan = "b"').study
    assert named.claims == load(KINDS["better"]).study.claims == (Claim(better="a", than="b"),)


def test_the_digest_of_a_claim_is_pinned() -> None:
    """Claims that stand in recorded plans keep their digests, and kinds are told apart."""
    assert digest_value(Claim(better="evolution", than="random", margin=0.5)) == (
        "b2c1aee0bc2a651675e6fa34c4c80ae66b98e15f262336ad977a017ab6210b56"
    )
    assert digest_value(Claim(better="a", than="b", rule="fixed")) == digest_value(
        {"better": "a", "than": "b"}
    )
    others = {
        digest_value(EquivalentClaim(methods=("a", "b"), margin=1.0)),
        digest_value(Claim(better="a", than="b")),
    }
    assert len(others) == 2


def test_the_plan_of_a_study_without_commitments_is_as_it_was() -> None:
    """The digest of what an older plan promised is unchanged by the fields that came later."""
    facts = PlanFacts(
        replicates=3, budget=Budget(evaluations=5), methods=("a",), benchmarks=("x/y",), claims=()
    )
    old = {
        "replicates": 3,
        "budget": {"evaluations": 5},
        "methods": ["a"],
        "benchmarks": ["x/y"],
        "claims": [],
    }
    assert digest_value(facts) == digest_value(old)


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ('kind = "rankin"\norder = ["a", "b"]', ["unknown kind of claim 'rankin'", "did you mean 'ranking'"]),
        ("kind = 3", ["unknown kind of claim '3'", "one of better, equivalent"]),
        ('kind = "equivalent"\nmethods = ["a", "b"]', ["missing required field 'margin'"]),
        (KINDS["equivalent"] + '\nthan = "b"', ["unknown key 'than'", "claims[0].than"]),
        ('kind = "equivalent"\nmethods = ["a", "b", "c"]\nmargin = 1.0', ["claims[0].methods"]),
        (KINDS["equivalent"].replace("0.5", "0.0"), ["more than zero", "exactly equal"]),
        (KINDS["non-inferior"].replace("0.5", "-1.0"), ["more than zero", "got -1.0"]),
        (KINDS["better"] + "\nmargin = -1.0", ["zero or more"]),
        (KINDS["better"] + "\nmargin = inf", ["zero or more"]),
        (KINDS["better"] + "\nmargin = 1e101", ["beyond 1e+100", "hint:", "unit of the metric"]),
        (KINDS["better"] + "\nconfidence = 0.4", ["between 0.5 and 1"]),
        (KINDS["better"] + "\nsmallest = -1.0", ["zero or more", "claims[0].smallest"]),
        (KINDS["equivalent"] + "\nsmallest = 1.0", ["no meaning for the kind 'equivalent'"]),
        (KINDS["better"] + '\nrule = "fixd"', ["unknown rule 'fixd'", "did you mean 'fixed'"]),
        (KINDS["better"] + '\nscope = "task"', ["unknown scope 'task'", "did you mean 'tasks'"]),
        (KINDS["better"] + '\nscope = "tasks"\nrule = "always-valid"', ["this claim is about tasks"]),
        (KINDS["reaches"] + '\nscope = "tasks"', ["is about these tasks"]),
        (KINDS["replicates-number"] + '\nrule = "always-valid"', ["has a fixed rule"]),
        (KINDS["best-of-set"].replace('"b", "c"', ""), ["needs rivals"]),
        (KINDS["best-of-set"].replace('"b", "c"', '"b", "a"'), ["compares a method with itself"]),
        (KINDS["best-of-set"].replace('"c"', '"d"'), ["unknown method 'd'", "claims[0].among"]),
        (KINDS["ranking"].replace(', "b", "c"', ""), ["two methods at least"]),
        (KINDS["reaches"].replace("0.8", "1.0"), ["between 0 and 1", "every search"]),
        (KINDS["reaches"].replace("90.0", "nan"), ["a target is a finite number"]),
        (KINDS["reaches"] + '\nmetric = "test"', ["asked once", "claims[0].within"]),
        (KINDS["reaches"].replace("evaluations = 20", ""), ["either evaluations or table_seconds"]),
        (KINDS["reaches"].replace("= 20", "= 0"), ["positive and finite"]),
        (KINDS["reaches"].replace("= 20", "= 31"), ["within the budget of the study", "30 evaluations"]),
        (KINDS["replicates-number"].replace('["nas-bench-201/cifar10"]', "[]"), ["about one benchmark"]),
        (KINDS["replicates-number"].replace("n = 10", "n = 0"), ["one run at least", "published.n"]),
        (KINDS["replicates-number"].replace("sd = 0.3", "sd = -0.3"), ["zero or more", "published.sd"]),
        (KINDS["replicates-number"].replace("93.7", "inf"), ["a published number is finite"]),
        (KINDS["replicates-number"].replace("sd =", "std ="), ["unknown key 'std'"]),
    ],
)
def test_a_wrong_claim_is_refused_with_its_place(load: Load, claim: str, told: list[str]) -> None:
    """What cannot be meant is told with file, line and key, and with what to write."""
    with pytest.raises(StudyError) as error:
        load(claim)
    for part in ["study.toml:", "claims[0]", *told]:
        assert part in str(error.value), str(error.value)


def test_commitments_and_published_tables_are_read(load: Load) -> None:
    """Exclusions, the stopping rule and a table of published numbers stand in the study."""
    plan = '\n[plan]\nexclusions = ["runs that time out"]\nstopping = "at 10"\n'
    study = load(KINDS["better"], after=plan + TABLE).study
    assert (study.plan.exclusions, study.plan.stopping) == (("runs that time out",), "at 10")
    table = study.published["table-2"]
    assert table.pairs() == {"Random": "a", "b": "b"}
    assert (table.rows["b"].value, table.rows["b"].n, table.margin) == (94.0, None, None)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('Random = "a"', 'Randm = "a"', ["'Randm' is not a row", "did you mean 'Random'"]),
        ('Random = "a"', 'Random = "d"', ["no method of the study is called 'd'"]),
        ("94.0", "inf", ["is finite", "published.table-2.rows.b"]),
        ('94.0, unit = "%"', '0.94, unit = "fraction"', ["different units"]),
        ('methods = { Random = "a" }', "margin = 0.5\nmethods = { Random = 'a' }", ["half the gap is 0.5"]),
        ('methods = { Random = "a" }', "margin = 0.0\nmethods = { Random = 'a' }", ["more than zero"]),
        ("94.0", "93.0", ["a margin is needed, for no two rows differ"]),
        (
            'methods = { Random = "a" }',
            "metric = 'tset'\nmethods = { Random = 'a' }",
            ["unknown metric 'tset'"],
        ),
    ],
)
def test_a_wrong_published_table_is_refused(load: Load, old: str, new: str, told: list[str]) -> None:
    """A margin that would let one number replicate two rows is refused, with what else cannot be meant."""
    assert old in TABLE
    with pytest.raises(StudyError) as error:
        load(after=TABLE.replace(old, new))
    for part in ["study.toml:", "published.table-2", *told]:
        assert part in str(error.value), str(error.value)


def test_an_empty_exclusion_is_refused(load: Load) -> None:
    """An exclusion says which runs or tasks are left out, and why."""
    with pytest.raises(StudyError, match="says nothing"):
        load(after='[plan]\nexclusions = [" "]\n')


def test_a_claim_becomes_what_analysis_judges(load: Load) -> None:
    """Every field of every kind arrives: rivals, margins, target, budget and the published number."""
    specs = {claim.kind: claim_spec("x", claim, ["t"]) for claim in load(*KINDS.values()).study.claims}
    assert [specs[kind].methods for kind in KINDS] == [
        claim.named() for claim in load(*KINDS.values()).study.claims
    ]
    assert (specs["non-inferior"].than, specs["non-inferior"].margin) == ("b", 0.5)
    assert (specs["best-of-set"].than, specs["best-of-set"].others) == ("", ("b", "c"))
    assert (specs["ranking"].others, specs["ranking"].margin) == (("b", "c"), 0.1)
    reaches = specs["reaches"]
    assert (reaches.target, reaches.share, reaches.within) == (90.0, 0.8, Budget(evaluations=20))
    assert (reaches.metric, specs["better"].metric) == ("signal", "test")
    assert specs["replicates-number"].published == PublishedMean(
        value=93.7, n=10, sd=0.3, unit="%", source="A 2020, p. 7, Table 2"
    )


def test_one_rival_is_a_rival_of_a_set(load: Load) -> None:
    """A set or a ranking with one rival stays one."""
    study = load('kind = "best-of-set"\nmethod = "a"\namong = ["b"]').study
    assert claim_spec("x", study.claims[0], ["t"]).others == ("b",)


def test_looks_and_new_tasks_are_read_off_the_history() -> None:
    """Replicates and benchmarks that changed between plans are told, with the day and the numbers."""
    facts = PlanFacts(
        replicates=3, budget=Budget(evaluations=5), methods=("a",), benchmarks=("x",), claims=()
    )
    more = msgspec.structs.replace(facts, replicates=6, stopping="at six")
    wider = msgspec.structs.replace(more, benchmarks=("y", "z"), exclusions=("x",))
    plans = [("2026-01-01", facts), ("2026-01-02", more), ("2026-01-03", wider)]
    history = History(plans=tuple(Planned(when=f"{day}T00:00:00.000Z", facts=of) for day, of in plans))
    assert looks(history) == ("replicates 3 -> 6 on 2026-01-02",)
    assert new_tasks(history) == ("benchmarks on 2026-01-03: 2 added, 1 left out",)
    assert extensions(history) == [
        "2026-01-02: replicates 3 -> 6, stopping rule changed",
        "2026-01-03: benchmark y added, benchmark z added, benchmark x dropped, exclusions changed",
    ]
    assert (looks(History()), new_tasks(History())) == ((), ())


def test_the_base_of_claims_names_no_method() -> None:
    """Only the kinds know which methods they are about."""
    with pytest.raises(NotImplementedError):
        AnyClaim().sides()
    assert Study.__struct_fields__.count("claims") == 1


def test_every_key_of_claims_plan_and_tables_is_documented() -> None:
    """The page on the study file names each kind of claim, and every key of each."""
    text = (Path(__file__).parents[2] / "docs" / "study-file.md").read_text(encoding="utf-8")
    kinds = [*CLAIMS.values(), PublishedNumber, PublishedTable]
    names = {field.name for kind in kinds for field in msgspec.structs.fields(kind)}
    names |= {f"plan.{field.name}" for field in msgspec.structs.fields(Commitments)}
    names |= {f'"{kind}"' for kind in CLAIMS}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []
