"""The flagship studies give the numbers that stand beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FLAGSHIP = Path(__file__).parents[2] / "studies" / "flagship"
STUDIES = ("winners-curse", "peeking", "transfer")


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_a_flagship_study_gives_its_published_results(study, tmp_path, cache):
    """Run again, each study writes the bytes of the results that its outcome speaks of."""
    script = FLAGSHIP / study / f"{study.replace('-', '_')}.py"
    out = tmp_path / "results.md"
    environment = os.environ | {"ASSAY_CACHE": str(cache), "ASSAY_STORE": str(tmp_path / "store")}
    subprocess.run([sys.executable, script, "--out", out], check=True, cwd=tmp_path, env=environment)
    assert out.read_text() == (FLAGSHIP / study / "results.md").read_text()


@pytest.mark.parametrize("study", STUDIES)
def test_a_flagship_study_says_what_was_expected_and_what_came(study):
    """Each study has its expectation, its results and its outcome, whatever that was."""
    for name in ("expectation.md", "results.md", "outcome.md"):
        text = (FLAGSHIP / study / name).read_text()
        assert text.startswith("# ")
    assert "[results.md](results.md)" in (FLAGSHIP / study / "outcome.md").read_text()
