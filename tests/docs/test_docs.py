"""The documentation is true: every block runs, every option exists, every link leads somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
BLOCK = re.compile(r"^```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\((?!https?://|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def _blocks(page: Path) -> list[re.Match[str]]:
    return list(BLOCK.finditer(page.read_text(encoding="utf-8")))


def _run(command: list[str], folder: Path, cache: Path) -> None:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "ASSAY_CACHE": str(cache),
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",
    }
    answer = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert answer.returncode == 0, f"{command}\n{answer.stdout}\n{answer.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path, cache: Path) -> None:
    """Files are written, commands and Python are run in the order of the page, in one folder."""
    for match in _blocks(page):
        language, info, body = match["language"], match["info"].strip(), match["body"]
        if info.startswith("file="):
            (tmp_path / info.removeprefix("file=")).write_text(body, encoding="utf-8")
        elif language == "python":
            _run([sys.executable, "-c", body], tmp_path, cache)
        elif language == "console":
            for line in body.splitlines():
                if line.startswith("$ "):
                    _run(["bash", "-ec", line[2:]], tmp_path, cache)
        elif language == "sh":
            _make_targets_exist(body)


def _make_targets_exist(body: str) -> None:
    """Blocks of `sh` hold make targets, which CI runs; here they must at least exist."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in body.splitlines():
        command = line.split("#")[0].split()
        assert command[:1] == ["make"], f"not a make target: {line}"
        assert re.search(rf"^{re.escape(command[1])}:", makefile, re.MULTILINE), f"no target: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    """Relative links and images exist in the repository."""
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def _help(*command: str) -> str:
    assay = Path(sys.executable).parent / "assay"
    return subprocess.run([assay, *command, "--help"], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def options() -> dict[str, set[str]]:
    """Every command with the options that it has."""
    names = re.findall(r"^  ([a-z-]+)  ", _help().split("Commands:")[1], re.MULTILINE)
    nouns = re.findall(r"^  ([a-z-]+)  ", _help("table").split("Commands:")[1], re.MULTILINE)
    commands = [(name,) for name in names if name != "table"] + [("table", noun) for noun in nouns]
    return {" ".join(command): set(OPTION.findall(_help(*command))) for command in commands}


def test_every_documented_option_exists(options: dict[str, set[str]]) -> None:
    """An option that a page names belongs to the command on the same line."""
    for page in PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            for command in re.findall(r"assay ((?:table )?[a-z-]+)", line):
                if command in options:
                    for option in OPTION.findall(line.split(f"assay {command}", 1)[1].split("`")[0]):
                        assert option in options[command], f"{page.name}: assay {command} has no {option}"


def test_every_command_and_option_is_documented(options: dict[str, set[str]]) -> None:
    """The page of commands names each command with each of its options."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for command, names in options.items():
        section = re.search(rf"^## `assay {command}.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert section, f"docs/commands.md lacks a section on assay {command}"
        for option in names - {"--help"}:
            assert f"`{option}" in section[0], f"docs/commands.md: assay {command} {option} is missing"


def test_every_key_of_a_study_is_documented() -> None:
    """The page on the study file names every key of every table."""
    import msgspec

    from assay.contracts.problem import Budget
    from assay.studies.auditing import Answer
    from assay.studies.racing import Racing
    from assay.studies.study import Claim, Commitments, Method, Protocol, PublishedNumber, Study
    from assay.studies.tuning import Tuning

    text = (ROOT / "docs" / "study-file.md").read_text(encoding="utf-8")
    for kind, prefix in (
        (Study, ""),
        (Budget, "budget."),
        (Protocol, "protocol."),
        (Method, ""),
        (Tuning, ""),
        (Racing, ""),
        (Answer, ""),
        (Commitments, "plan."),
        (PublishedNumber, ""),
        (Claim, ""),
    ):
        for field in msgspec.structs.fields(kind):
            if field.name not in ("budget", "protocol"):
                assert f"`{prefix}{field.name}`" in text, f"docs/study-file.md lacks {prefix}{field.name}"


def test_every_verdict_answer_and_level_is_documented() -> None:
    """The page on recording has a row for each verdict, each answer of explain and each level of trace."""
    from assay.capture.recording.launch import LEVELS
    from assay.verification.commands.explanation import CHANCE, HASH_ORDER, PARTLY, RACE, UNKNOWN, UNSEEDED
    from assay.verification.commands.verdict import WORDS
    from assay.verification.parity.networks import DIFFERENT, IDENTICAL, ROUNDING

    loose = (UNSEEDED, HASH_ORDER, RACE, UNKNOWN, CHANCE)
    answers = ("identical", "located", "explained", PARTLY, *loose, "unexplained")
    for name, words in (
        ("recording.md", (*WORDS, *answers, *LEVELS)),
        ("commands.md", WORDS),
        ("parity.md", (IDENTICAL, ROUNDING, DIFFERENT)),
    ):
        rows = re.findall(r"^\| `([^`]+)` ", (ROOT / "docs" / name).read_text(encoding="utf-8"), re.MULTILINE)
        for word in words:
            assert word in {row.removesuffix(" k/k") for row in rows}, f"docs/{name} lacks a row for {word}"


def test_every_column_of_a_trace_is_documented() -> None:
    """The page on formats names each column, field and kind of row of the three tables."""
    from io import BytesIO

    import pyarrow.parquet as pq

    from assay.records.trace import FIELDS, KINDS, VERSION, make_operators, make_steps, make_tensors

    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert f"(zstd), version {VERSION}" in text
    lines = dict(re.findall(r"^\| `(\w+)` (\|.*)$", text, re.MULTILINE))
    for name, make in (("steps", make_steps), ("tensors", make_tensors), ("operators", make_operators)):
        columns = pq.read_schema(BytesIO(make([], "xxh3-128"))).names
        for column in columns:
            assert f"`{column}`" in lines[name], f"docs/formats.md: {name} lacks {column}"
    for word in (*FIELDS, *KINDS):
        assert word in lines["steps"], f"docs/formats.md lacks {word}"


def test_every_component_is_on_its_page() -> None:
    """Each registered strategy and space is told of where a user looks for it."""
    from assay.spaces.catalogue import SPACES
    from assay.strategies.catalogue import STRATEGIES

    for registry, page in ((STRATEGIES, "strategies.md"), (SPACES, "spaces.md")):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        missing = [name for name in registry.names() if f"`{name}`" not in text]
        assert not missing, f"{page} does not tell of {missing}"
