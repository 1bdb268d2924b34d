"""`assay register`: the plan of a study is written once, and its witness checked."""

from __future__ import annotations

import json
import shutil

import pytest
from bench import Bench

from assay.studies.registration import load_registration


def test_a_study_is_registered_before_it_is_run(bench: Bench) -> None:
    """The registration stands beside the study; nothing else is needed, no table and no store."""
    answer = bench("register", "study.toml")
    assert "registration: study.registration.json" in answer.out
    assert "registered: self-declared" in answer.out
    assert "no outside witness was named" in answer.out
    assert "deviation" not in answer.out
    found = load_registration(bench.folder / "study.registration.json")
    assert found is not None
    assert found.study == "small"
    assert not (bench.folder / "store").exists()


def test_registering_again_changes_nothing(bench: Bench) -> None:
    """An unchanged study keeps its registration byte for byte; a changed one is told and not overwritten."""
    bench("register", "study.toml")
    path = bench.folder / "study.registration.json"
    before = path.read_bytes()
    assert "registered before" in bench("register", "study.toml").err
    text = (bench.folder / "study.toml").read_text()
    bench.write("study.toml", text.replace("replicates = 3", "replicates = 4"))
    answer = bench("register", "study.toml", check=1)
    assert "deviation: replicates: 3 -> 4" in answer.out
    assert "--out names a file" in answer.err
    assert path.read_bytes() == before
    bench("register", "study.toml", "--out", "second.registration.json")
    assert (bench.folder / "second.registration.json").exists()


def test_a_study_that_ran_before_says_so(bench: Bench) -> None:
    """Runs from before the registration are a deviation, in words and in JSON."""
    bench("run", "study.toml", "--workers", "1")
    answer = bench("register", "study.toml", "--json")
    found = json.loads(answer.out)
    assert found["status"]["state"] == "self-declared"
    assert found["registration"]["plan"]["replicates"] == 3
    (deviation,) = found["deviations"]
    assert "before the registration was written" in deviation


def test_an_edited_registration_is_refused(bench: Bench) -> None:
    """Whoever changes a number in the file gets an error, and no verdict."""
    bench("register", "study.toml")
    path = bench.folder / "study.registration.json"
    path.write_text(path.read_text().replace('"replicates": 3', '"replicates": 30'))
    assert "edited after it was written" in bench("register", "study.toml", check=1).err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--anchor", "tga:x"], 2, "unknown witness 'tga:x'"),
        (["--anchor", "timestamp:x.tsr"], 2, "--ca FILE"),
        (["--anchor", "tag:x"], 1, "registered: self-declared"),
        (["--anchor", "timestamp:x.tsr", "--ca", "ca.pem"], 1, "registered: self-declared"),
        (["--out", "."], 1, "error:"),
    ],
)
def test_a_witness_that_does_not_vouch(bench: Bench, arguments: list[str], status: int, said: str) -> None:
    """What was asked for and does not hold ends with 1, what cannot be asked with 2; never a traceback."""
    answer = bench("register", "study.toml", *arguments, check=status)
    assert said in answer.out + answer.err


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_query_is_written_on_request(bench: Bench) -> None:
    """The query for a time-stamp is a file to send; where it cannot be written, an error says so."""
    answer = bench("register", "study.toml", "--query", "plan.tsq")
    assert (bench.folder / "plan.tsq").stat().st_size > 30
    assert "send it to an authority" in answer.err
    assert "cannot be written" in bench("register", "study.toml", "--query", "no/plan.tsq", check=1).err


def test_names_cannot_command_a_terminal(bench: Bench) -> None:
    """Escapes in what a study says are shown and not sent."""
    text = (bench.folder / "study.toml").read_text()
    bench.write("study.toml", text + '[plan]\nexclusions = ["\\u001b[31mred"]\nstopping = "a\\nb"\n')
    out = bench("register", "study.toml").out
    assert "\x1b" not in out
    assert "\\x1b[31mred" in out
