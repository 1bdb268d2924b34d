"""`assay verify`: identical runs are called so, and what was tampered with is detected and named."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import msgspec
import pytest
from bench import Bench

from assay.records import journal
from assay.records.record import Record
from assay.tasks.ledger import Ledger


def _verify(bench: Bench, *extra: str, check: int | None = 0) -> dict[str, object]:
    found: dict[str, object] = json.loads(bench("verify", "study.toml", "--json", *extra, check=check).out)
    return found


def _findings(bench: Bench) -> list[str]:
    found = _verify(bench, check=1)
    summary = found["summary"]
    assert isinstance(summary, dict)
    return list(summary["findings"])


def _rewrite(bench: Bench, change: object) -> Record:
    """Rewrite the first record of the store with a whole new journal, checksums and seal included."""
    (path, *_) = sorted((bench.folder / "store" / "journals").glob("*.sealed"))
    records = [msgspec.msgpack.decode(payload, type=Record) for payload in journal.read(path)]
    path.unlink()
    changed = change(records[0])  # type: ignore[operator]
    with journal.Journal(path.parent) as writer:
        for record in [changed, *records[1:]]:
            writer.append(msgspec.msgpack.encode(record))
    return changed


def test_an_untouched_study_is_identical_and_says_what_the_sample_means(bench: Bench) -> None:
    """The runs of claims are repeated besides and counted apart; the bound is of the sample alone."""
    text = (bench.folder / "study.toml").read_text()
    bench.write("study.toml", text + 'on = ["nas-bench-graph/cora"]\n')
    bench("run", "study.toml")
    answer = bench("verify", "study.toml", "--sample", "5", "--seed", "1")
    assert "5 of 5 identical: at 95 % confidence at most 45.1 % of the 12 runs can differ" in answer.out
    found = re.search(r"identical (\d+)/\1\n", answer.out)
    assert found is not None
    both = 5 + 6 - int(found[1])
    assert both > 0  # with this seed
    are = "is" if both == 1 else "are"
    told = f"all 6 runs that carry a claim, counted apart; {both} of them {are} in the sample too"
    assert told in answer.out


def test_when_every_run_was_repeated_the_sentence_says_so(bench: Bench) -> None:
    """With all runs repeated, by the sample or by claims, nothing is left to bound."""
    bench("run", "study.toml")
    for sample in ("5", "500"):
        answer = bench("verify", "study.toml", "--sample", sample)
        assert "verdict: identical 12/12" in answer.out
        assert "12 of 12 identical: every run was repeated, and none differ" in answer.out


def test_the_sample_is_drawn_by_the_verifier(bench: Bench) -> None:
    """Two draws differ, and the printed seed repeats one."""
    bench.write("study.toml", (bench.folder / "study.toml").read_text().split("[[claims]]")[0])
    bench("run", "study.toml")
    seeds = {_verify(bench, "--sample", "3")["seed"] for _ in range(3)}
    assert len(seeds) == 3
    again = [_verify(bench, "--sample", "3", "--seed", "7")["runs"] for _ in range(2)]
    assert again[0] == again[1]
    assert len(again[0]) == 3  # type: ignore[arg-type]


def test_a_record_with_a_false_value_is_named(bench: Bench) -> None:
    """Changing a value and every checksum but the result's digest is found without repeating."""
    bench("run", "study.toml")

    def change(record: Record) -> Record:
        value = bytearray(record.result.trajectory.value)
        value[6] ^= 1
        trajectory = msgspec.structs.replace(record.result.trajectory, value=bytes(value))
        return msgspec.structs.replace(
            record, result=msgspec.structs.replace(record.result, trajectory=trajectory)
        )

    record = _rewrite(bench, change)
    findings = _findings(bench)
    assert any("a record was changed" in one and record.run[:12] in one for one in findings)


def test_a_wholly_forged_record_is_found_by_repeating_it(bench: Bench) -> None:
    """Even with every digest made to fit, the repeat shows the first evaluation that differs."""
    bench("run", "study.toml")

    def forge(record: Record) -> Record:
        value = record.result.trajectory.column("value").copy()
        value[3] += 0.01
        trajectory = msgspec.structs.replace(record.result.trajectory, value=value.tobytes())
        result = msgspec.structs.replace(record.result, trajectory=trajectory)
        return msgspec.structs.replace(record, result=result, result_digest=result.digest())

    record = _rewrite(bench, forge)
    answer = bench("verify", "study.toml", check=1)
    assert f"undecided: {_method(record)} on {record.benchmark}" in answer.out
    assert "evaluation 4" in answer.out
    assert "0 of 3 repeats are identical with the record" in answer.out


def _method(record: Record) -> str:
    return {"random-search": "random", "regularized-evolution": "evolution"}[record.strategy]


def test_a_flipped_byte_of_a_journal_is_named(bench: Bench) -> None:
    """The finding names the journal, and the other journals are verified all the same."""
    bench("run", "study.toml", "--workers", "2")
    (path, *_) = sorted((bench.folder / "store" / "journals").glob("*.sealed"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    findings = _findings(bench)
    assert any(path.name in one for one in findings)
    assert any("have no record" in one for one in findings)


def test_an_altered_ledger_line_is_named(bench: Bench) -> None:
    """A changed test value breaks the chain at its line."""
    bench("run", "study.toml")
    path = bench.folder / "store" / "ledger" / "ledger.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    lines[4] = lines[4].replace('"values":[0.', '"values":[1.')
    path.write_text("".join(lines))
    assert any("line 5 of the ledger" in one for one in _findings(bench))


def test_a_ledger_with_a_new_chain_is_found_through_the_vault(bench: Bench) -> None:
    """Rewriting the whole chain with a better value is found where the run is verified."""
    bench("run", "study.toml")
    ledger = Ledger(bench.folder / "store")
    entries = ledger.entries()
    shutil.rmtree(bench.folder / "store" / "ledger")
    forged = [msgspec.structs.replace(entries[0], values=(0.999,)), *entries[1:]]
    with ledger.locked() as book:
        book.append(forged)
    assert any("not what the vault answers" in one and "0.999" in one for one in _findings(bench))


def test_an_altered_table_is_refused_by_name(bench: Bench, cache: Path) -> None:
    """A table with one changed byte stops verification and names the file."""
    own = bench.folder / "cache"
    shutil.copytree(cache, own)
    bench.environment["ASSAY_CACHE"] = str(own)
    bench("run", "study.toml")
    path = own / "tables" / "nas-bench-graph" / "cora.table"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    answer = bench("verify", "study.toml", check=1)
    assert "cora.table" in answer.err
    assert "assay table import nas-bench-graph" in answer.err


def test_a_changed_source_file_is_named(bench: Bench) -> None:
    """Runs recorded with another version of a file are not those of the study as it stands."""
    from test_run import HELPER, METHOD

    bench.write("mine.py", METHOD)
    bench.write("helper.py", HELPER)
    text = (bench.folder / "study.toml").read_text()
    bench.write(
        "study.toml", text.replace("[[claims]]", '[methods.mine]\nstrategy = "mine.py:Mine"\n\n[[claims]]')
    )
    bench("run", "study.toml")
    assert _verify(bench)["summary"]["findings"] == []  # type: ignore[index]
    bench.write("helper.py", HELPER.replace("return space", "rng.below(3); return space"))
    findings = _findings(bench)
    assert any("6 recorded runs of mine" in one and "helper.py" in one for one in findings)


def test_a_method_that_is_not_deterministic_is_called_unstable(bench: Bench) -> None:
    """A strategy that draws from the operating system gives another trajectory each time."""
    from test_run import METHOD

    chance = "int.from_bytes(os.urandom(2), 'big')"
    bench.write(
        "helper.py", f"import os\n\ndef pick(space, rng):\n    return space.at({chance} % space.size)\n"
    )
    bench.write("mine.py", METHOD)
    bench.write(
        "study.toml",
        'name = "s"\nreplicates = 2\nbenchmarks = ["nas-bench-graph/cora"]\n[budget]\nevaluations = 20\n'
        '[methods.mine]\nstrategy = "mine.py:Mine"\n',
    )
    bench("run", "study.toml")
    answer = bench("verify", "study.toml", check=1)
    assert "verdict: unstable" in answer.out
    assert "evaluation 1: architecture" in answer.out


@pytest.mark.parametrize("sample", ["0", "-3"])
def test_an_empty_sample_is_a_usage_error(bench: Bench, sample: str) -> None:
    """A sample without a run is refused."""
    bench("run", "study.toml")
    assert "at least one run" in bench("verify", "study.toml", "--sample", sample, check=2).err


def _forged_attempt(bench: Bench) -> Record:
    """Add a second, well-formed attempt at one run, with another result."""
    record = next(iter(bench.runs().values())).record
    value = record.result.trajectory.column("value").copy()
    value[:] = 0.999
    trajectory = msgspec.structs.replace(record.result.trajectory, value=value.tobytes())
    result = msgspec.structs.replace(record.result, trajectory=trajectory)
    facts = msgspec.structs.replace(record.circumstances, ended="2000-01-01T00:00:00.000Z")
    forged = msgspec.structs.replace(
        record, result=result, result_digest=result.digest(), circumstances=facts
    )
    with journal.Journal(bench.folder / "store" / "journals") as writer:
        writer.append(msgspec.msgpack.encode(forged))
    return forged


def test_a_conflict_is_shown_everywhere_and_never_picked(bench: Bench) -> None:
    """Unequal results of one run: run, verify, show and report say so, and none of them is averaged."""
    bench("run", "study.toml")
    bench("verify", "study.toml")
    run = _forged_attempt(bench).run
    assert f"attempts of run {run[:12]} disagree" in bench("run", "study.toml", check=1).out
    assert any("a conflict" in one for one in _findings(bench))
    assert "conflict" in bench("show", run[:12]).out
    bench("report", "study.toml", "--out", "report")
    report = json.loads((bench.folder / "report" / "report.json").read_text())
    assert report["counts"]["completed"] == 11
    assert [one["run"] for one in report["failures"]] == [run]
    assert {step["id"]: step["state"] for step in report["lifecycle"]}["verification"] == "not met"
    assert report["analysis"]["claims"][0]["verdict"] == "untested"
    assert max(row["interval"]["mean"] for row in report["analysis"]["results"]) < 0.999


def test_altered_provenance_is_named(bench: Bench) -> None:
    """Any object that a run refers to is checked: identity parts, environment, arithmetic, plan."""
    bench("run", "study.toml")
    record = next(iter(bench.runs().values())).record
    for digest in (record.components.seeds, record.circumstances.environment, record.circumstances.plan):
        path = bench.store.objects.path(digest)
        original = path.read_bytes()
        path.write_bytes(original.replace(b"0", b"1", 1) + b" ")
        assert any(digest[2:] in one for one in _findings(bench))
        path.write_bytes(original)
    (bench.folder / "store" / "studies" / "small" / "history.json").unlink()
    assert any("history of the study is missing" in one for one in _findings(bench))


def test_damage_in_the_journal_of_a_dead_writer_is_named(bench: Bench) -> None:
    """Records that adoption had to set aside are a finding, and their runs are due again."""
    bench("run", "study.toml", "--workers", "1")
    (path,) = (bench.folder / "store" / "journals").glob("*.sealed")
    payloads = list(journal.read(path))
    path.unlink()
    writer = journal.Journal(path.parent)
    for payload in payloads:
        writer.append(payload)
    writer.close()
    content = bytearray(writer.path.read_bytes())
    content[len(content) // 2] ^= 1
    writer.path.write_bytes(content)
    assert "runs done" in bench("run", "study.toml").out
    assert len(bench.digests()) == 12
    assert any("set aside" in one for one in _findings(bench))


def test_a_ledger_that_was_removed_is_named_even_after_a_new_one_was_made(bench: Bench) -> None:
    """The verification before remembers how long the ledger was."""
    bench("run", "study.toml")
    bench("verify", "study.toml")
    shutil.rmtree(bench.folder / "store" / "ledger")
    bench.write(
        "study.toml", (bench.folder / "study.toml").read_text().replace("replicates = 3", "replicates = 2")
    )
    bench("run", "study.toml")
    assert any("had 12 when it was last verified" in one for one in _findings(bench))


def test_claims_that_came_after_verification_are_not_covered_by_it(bench: Bench) -> None:
    """A report does not call a study verified whose new claim rests on runs that were not repeated."""
    text = (bench.folder / "study.toml").read_text()
    bench.write("study.toml", text.split("[[claims]]")[0])
    bench("run", "study.toml")
    bench("verify", "study.toml", "--sample", "3")
    bench.write("study.toml", text)
    bench("run", "study.toml")
    bench("report", "study.toml", "--out", "report")
    report = json.loads((bench.folder / "report" / "report.json").read_text())
    assert {step["id"]: step["state"] for step in report["lifecycle"]}["verification"] == "not met"
    assert "added after the first run" in " ".join(report["analysis"]["claims"][0]["validity"])
