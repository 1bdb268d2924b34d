"""`assay audit`: a page of doubts about a study or a table, and an exit status that says if one stands."""

from __future__ import annotations

import json

from bench import STUDY, Bench

TABLE = "method,task,seed,accuracy,selected_by\n" + "".join(
    f"{method},{task},{seed},{70 + (seed * 7 + i * 3) % 11 + t}.{seed}{i}{t},{{}}\n"
    for i, method in enumerate(("alpha", "beta"))
    for t, task in enumerate(("adult", "wine"))
    for seed in range(10)
)
ANSWER = '\n[[audit.answers]]\nfinding = "{}"\nreason = "It is <b>known</b>."\n'


def test_a_table(bench: Bench) -> None:
    """An unanswered finding that invalidates gives 1; with an answer it gives 0 and stays on the page."""
    bench.write("results.csv", TABLE.replace("{}", "test"))
    answer = bench("audit", "results.csv", check=1)
    assert "test-as-signal" in answer.out
    assert "cannot be seen in a table" in answer.out
    bench.write("answers.toml", ANSWER.format("test-as-signal"))
    answered = bench("audit", "results.csv", "--answers", "answers.toml", "--out", "page")
    assert "invalidates, answered" in answered.out
    page = (bench.folder / "page" / "index.html").read_text()
    assert "answered:" in page
    assert "&lt;b&gt;known" in page
    assert "<script" not in page
    assert "default-src &#39;none&#39;" in page


def test_a_clean_table(bench: Bench) -> None:
    """A table without fault exits 0, and never claims to have found nothing where it cannot see."""
    bench.write("results.csv", TABLE.replace("{}", "validation"))
    answer = bench("audit", "results.csv", "--json")
    found = json.loads(answer.out)
    assert found["format"] == "assay-audit"
    assert not [one for one in found["findings"] if one["severity"] == "invalidates"]
    assert not (bench.folder / "results-audit").exists()
    states = {one["id"]: one for one in found["checked"]}
    assert states["late-claims"]["why"] == "cannot be seen in a table"


def test_a_study(bench: Bench) -> None:
    """A study is audited with its store: three replicates are few, and a late claim and a look are seen."""
    bench("run", "study.toml")
    found = json.loads(bench("audit", "study.toml", "--json").out)
    ids = {one["id"]: one for one in found["findings"]}
    assert ids["too-few-replicates"]["severity"] == "doubtful"
    assert "late-claims" not in ids
    bench.write("study.toml", STUDY.replace("replicates = 3", "replicates = 12") + "margin = 0.001\n")
    bench("run", "study.toml")
    bench("verify", "study.toml", "--sample", "30")
    found = json.loads(bench("audit", "study.toml", "--json").out)
    ids = {one["id"]: one for one in found["findings"]}
    assert ids["late-claims"]["severity"] == "doubtful"
    assert ids["late-claims"]["evidence"][0]["line"] == STUDY.splitlines().index("[[claims]]") + 1
    assert "3 -> 12" in ids["extended-after-look"]["evidence"][0]["text"]
    assert "not-verified" not in ids


def test_another_root_seed_in_the_store(bench: Bench) -> None:
    """A study that was run under two root seeds and reports one of them does not hold."""
    bench("run", "study.toml")
    bench.write("study.toml", STUDY.replace("replicates = 3", "replicates = 3\nseed = 1"))
    bench("run", "study.toml")
    answer = bench("audit", "study.toml", check=1)
    assert "best-of-seeds" in answer.out
    assert (bench.folder / "study-audit" / "index.html").exists()


def test_two_pages_have_the_same_bytes(bench: Bench) -> None:
    """Page and data do not depend on the process or on where the study lies."""
    bench("run", "study.toml")
    pages = []
    for seed, path in (("1", "study.toml"), ("2", str(bench.folder / "study.toml"))):
        bench.environment["PYTHONHASHSEED"] = seed
        bench("audit", path, "--out", f"page-{seed}")
        folder = bench.folder / f"page-{seed}"
        pages.append([(folder / name).read_bytes() for name in ("index.html", "audit.json")])
    assert pages[0] == pages[1]


def test_mistakes(bench: Bench) -> None:
    """No store, an option of tables for a study, and an answer to nothing are usage errors."""
    assert "there is no store here" in bench("audit", "study.toml", check=1).err
    assert "a study says itself" in bench("audit", "study.toml", "--paired-by", "x", check=2).err
    bench.write("results.csv", TABLE)
    bench.write("answers.toml", ANSWER.format("nothing"))
    assert "there is no finding" in bench("audit", "results.csv", "--answers", "answers.toml", check=2).err
    bench.write("study.toml", STUDY + ANSWER.format("late-claim"))
    bench("run", "study.toml")
    assert "did you mean 'late-claims'?" in bench("audit", "study.toml", check=2).err
