from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import FrameType

import pytest

from assay.capture.code import KEPT_FILE, code_identity, command_identity, evidence, frame_identity
from assay.capture.command import ARGUMENTS, arguments_digest
from assay.capture.secrets import REMOVED
from assay.capture.syntax import syntax_digest
from assay.foundation.digest import digest_bytes, digest_value
from assay.foundation.errors import CodeError
from assay.foundation.registry import Registered, Registry

TOKEN = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7abcdefghi"
EVO = "import helper\nclass Evo:\n    '''Searches.'''\n    libraries = ('numpy',)\n    k = helper.K\n"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return a folder with a strategy and its helper."""
    (tmp_path / "evo.py").write_text(EVO)
    (tmp_path / "helper.py").write_text("K = 1\n")
    return tmp_path


def test_a_users_component_is_the_syntax_of_its_closure(study: Path) -> None:
    """Files are named relative to the folder, and declared libraries carry their version."""
    found = code_identity("strategy", "evo.py:Evo", study)
    assert found.files == {"evo.py": syntax_digest(EVO), "helper.py": syntax_digest("K = 1\n")}
    assert found.libraries == {"numpy": metadata.version("numpy")}
    assert (found.role, found.name, found.distribution, found.revision) == (
        "strategy",
        "evo.py:Evo",
        None,
        None,
    )


def test_comments_keep_the_identity_and_code_changes_it(study: Path) -> None:
    """A comment or docstring in any file keeps it; a constant in the helper does not."""
    before = code_identity("strategy", "evo.py:Evo", study)
    (study / "helper.py").write_text("# the constant\nK = 1\n")
    (study / "evo.py").write_text(EVO.replace("Searches.", "Searches well."))
    assert code_identity("strategy", "evo.py:Evo", study) == before
    (study / "helper.py").write_text("K = 2\n")
    assert code_identity("strategy", "evo.py:Evo", study) != before


def test_docstrings_count_when_another_file_reads_them(study: Path) -> None:
    """One file that reads __doc__ makes the docstrings of its whole closure data."""
    (study / "helper.py").write_text("K = 1\ndef told(cls): return cls.__doc__\n")
    before = code_identity("strategy", "evo.py:Evo", study)
    (study / "evo.py").write_text(EVO.replace("Searches.", "Searches well."))
    assert code_identity("strategy", "evo.py:Evo", study) != before


def test_the_place_on_disk_is_no_part_of_the_identity(
    study: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A copy of the folder elsewhere has the same identity."""
    other = tmp_path_factory.mktemp("elsewhere")
    for name in ("evo.py", "helper.py"):
        (other / name).write_text((study / name).read_text())
    assert code_identity("strategy", "evo.py:Evo", other) == code_identity("strategy", "evo.py:Evo", study)


def test_a_component_of_assay_is_its_revision_alone() -> None:
    """Assay's own components carry no version: a release that leaves them alone keeps all runs."""
    registry = Registry(
        "strategy", "assay.strategies", {"mine": "assay.strategies.random_search:RandomSearch"}
    )
    found = code_identity("strategy", registry.find("mine"), Path())
    assert (found.name, found.distribution, found.version, found.files) == ("mine", "assay", None, {})
    assert found.revision is not None


def test_a_component_of_another_distribution_has_name_version_and_revision() -> None:
    """An installed plug-in is identified by its distribution; a broken one is refused by name."""
    registered = Registered("coder", "json:JSONDecoder", "some-plugin", "1.2")
    found = code_identity("strategy", registered, Path())
    assert (found.name, found.distribution, found.version, found.revision) == (
        "coder",
        "some-plugin",
        "1.2",
        None,
    )
    with pytest.raises(CodeError, match=r"some-plugin 1\.2"):
        code_identity("strategy", Registered("coder", "json:Gone", "some-plugin", "1.2"), Path())


def test_a_plugin_that_is_installed_for_editing_is_identified_by_its_files_too(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version says nothing about files that change under it, so their syntax counts."""
    (study / "helper_of_plugin.py").write_text("K = 1\n")
    (study / "editable_plugin.py").write_text("import helper_of_plugin\nclass Evo: revision = 3\n")
    monkeypatch.syspath_prepend(str(study))
    registered = Registered("evo", "editable_plugin:Evo", "some-plugin", "1.2")
    found = code_identity("strategy", registered, Path())
    assert (found.version, found.revision) == ("1.2", 3)
    assert list(found.files) == ["editable_plugin.py", "helper_of_plugin.py"]


def test_a_library_that_is_not_installed_is_refused_with_the_command(study: Path) -> None:
    """The hint says what to install."""
    (study / "evo.py").write_text("class Evo:\n    libraries = ('zzqx-no-such',)\n")
    with pytest.raises(CodeError) as error:
        code_identity("strategy", "evo.py:Evo", study)
    assert error.value.hint == "pip install zzqx-no-such"


def test_a_class_in_the_hand_is_identified_as_by_its_target(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class imported from a file of the folder has the identity of 'file.py:Name'."""
    (study / "evo_in_hand.py").write_text(EVO)
    monkeypatch.syspath_prepend(str(study))
    import evo_in_hand  # type: ignore[import-not-found]  # written above

    expected = code_identity("strategy", "evo_in_hand.py:Evo", study)
    assert code_identity("strategy", evo_in_hand.Evo, study) == expected


def test_a_class_of_an_installed_library_is_its_distribution(study: Path) -> None:
    """What site-packages or the standard library defines is identified by version."""
    found = code_identity("strategy", pytest.MonkeyPatch, study)
    assert (found.distribution, found.version) == ("pytest", metadata.version("pytest"))
    import json

    assert code_identity("strategy", json.JSONDecoder, study).distribution == "python"


@pytest.mark.parametrize("made", ["lambda", "closure", "method with closure", "partial", "instance"])
def test_what_no_source_shows_is_refused(study: Path, made: str) -> None:
    """A lambda, a closure and a bound object hold more than a source says, and are refused with a hint."""
    import functools

    rate = float(len(made))

    def closing() -> float:
        return rate

    class Closing:
        def ask(self) -> float:
            return rate

    component = {
        "lambda": lambda: None,
        "closure": closing,
        "method with closure": Closing,
        "partial": functools.partial(print, 1),
        "instance": object(),
    }[made]
    with pytest.raises(CodeError) as error:
        code_identity("strategy", component, study)
    assert error.value.hint
    if made == "lambda":
        assert error.value.hint == "give it a name with def"


def script(folder: Path, text: str, *, piped: bool = False) -> str:
    """Run a script, from a file or from standard input, and return what it prints."""
    (folder / "script.py").write_text(text)
    command = [sys.executable, *([] if piped else ["script.py"])]
    done = subprocess.run(
        command,
        cwd=folder,
        input=text if piped else "",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


MAIN = """
from pathlib import Path
from assay.capture.code import code_identity
from assay.foundation.errors import CodeError
import helper
class Evo:
    k = helper.K
try:
    print(sorted(code_identity("strategy", Evo, Path()).files))
except CodeError as error:
    print(error.hint)
"""


def test_a_class_of_a_script_is_its_file(study: Path) -> None:
    """A class of __main__ is identified by the script and what it imports."""
    assert script(study, MAIN) == "['helper.py', 'script.py']\n"


def test_what_is_piped_in_is_refused_with_a_hint(study: Path) -> None:
    """Standard input leaves no source, so the class is asked to move to a file."""
    assert "move the code to a file" in script(study, MAIN, piped=True)


CELLS = """
import linecache, sys
from pathlib import Path
from assay.capture.code import code_identity, evidence, frame_identity
from assay.foundation.errors import CodeError

def cell(number, text):
    name = f"<ipython-input-{number}>"  # as a notebook keeps its cells
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), globals())

cell(1, "RATE = 0.5\\nUNUSED = 1\\ndef step(x):\\n    return x * RATE\\n")
cell(2, "class Evo:\\n    def ask(self):\\n        return step(1)\\n")
found = code_identity("strategy", Evo, Path())
print(found.name, sorted(found.files))
print([content.decode().splitlines()[0] for content in evidence(found, Path())[1].values()])
cell(1, "RATE = 0.6\\ndef step(x):\\n    return x * RATE\\n")
print(code_identity("strategy", Evo, Path()) == found)
cell(3, "import numpy as np\\nweights = np.zeros(3)\\ndef heavy(): return weights\\n")
try:
    code_identity("strategy", heavy, Path())
except CodeError as error:
    print(error.why)
cell(4, "found = frame_identity('strategy', 'loop', sys._getframe())\\nvalue = step(2)\\n")
print(sorted(found.files))
"""


def test_a_notebook_cell_is_its_source_with_what_it_uses(study: Path) -> None:
    """Functions and constants of other cells enter; an array that a cell computed is refused by name."""
    (study / "cells.py").write_text(CELLS)
    # A namespace without a file, as a notebook's is.
    code = "exec(compile(open('cells.py').read(), '<driver>', 'exec'), globals())"
    done = subprocess.run([sys.executable, "-c", code], cwd=study, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "Evo ['<Evo>', '<RATE>', '<step>']"
    assert lines[1] == "['class Evo:', 'RATE = 0.5', 'def step(x):']"
    assert lines[2] == "False"
    assert lines[3] == "it uses the global 'weights', a ndarray whose content no source shows"
    assert lines[4] == "['<RATE>', '<cell>', '<step>']"


def here() -> FrameType:
    return sys._getframe()


def test_a_frame_of_a_file_is_the_file() -> None:
    """A loop that runs in a file is identified by that file, under the name it is given."""
    found = frame_identity("strategy", "my-loop", here())
    assert found.name == "my-loop"
    assert found.files == {Path(__file__).name: syntax_digest(Path(__file__).read_bytes())}


def test_evidence_is_what_was_digested_even_when_the_file_changes(study: Path) -> None:
    """The contents are those that the identity was made of, by digest, with Assay's version."""
    identity = code_identity("strategy", "evo.py:Evo", study)
    (study / "evo.py").write_text("changed = 1\n")
    shown, contents = evidence(identity, study)
    assert shown.assay_version == metadata.version("assay")
    assert [file.path for file in shown.files] == ["evo.py", "helper.py"]
    assert contents[shown.files[0].content] == EVO.encode()
    assert all(digest_bytes(content) == digest for digest, content in contents.items())
    assert shown.installed == {"numpy": metadata.version("numpy")}
    assert shown.repository is None


def test_secrets_never_reach_the_evidence(study: Path) -> None:
    """A token in a source, and one in an argument of a command, are in nothing that is kept."""
    (study / "helper.py").write_text(f"K = 1\ntoken = '{TOKEN}'\npassword = 'swordfish'\n")
    identity = code_identity("strategy", "evo.py:Evo", study)
    kept = repr([evidence(identity, study), identity])
    assert TOKEN not in kept and "swordfish" not in kept and REMOVED in kept
    command = command_identity(
        [sys.executable, "evo.py", "--password", "swordfish", f"--hub={TOKEN}"], (), study
    )
    kept = repr([evidence(command, study), command])
    assert TOKEN not in kept and "swordfish" not in kept and REMOVED in kept


def test_equal_code_has_an_equal_digest_in_another_process(study: Path) -> None:
    """The identity's digest depends on nothing of the process, such as its hash seed."""
    text = (
        "from pathlib import Path; from assay.capture.code import code_identity\n"
        "from assay.foundation.digest import digest_value\n"
        "print(digest_value(code_identity('strategy', 'evo.py:Evo', Path())))"
    )
    assert script(study, text).strip() == digest_value(code_identity("strategy", "evo.py:Evo", study))


def test_declared_data_counts_with_every_byte(study: Path) -> None:
    """A file or folder that a strategy reads is in its identity and evidence; a missing one is refused."""
    (study / "data").mkdir()
    (study / "data" / "prior.json").write_text("[1]\n")
    (study / "table.csv").write_text("1,2\n")
    plain = code_identity("strategy", "evo.py:Evo", study)
    found = code_identity("strategy", "evo.py:Evo", study, files=("data", "table.csv"))
    assert {path: found.files[path] for path in found.files if path not in plain.files} == {
        "data/prior.json": digest_bytes(b"[1]\n"),
        "table.csv": digest_bytes(b"1,2\n"),
    }
    shown, contents = evidence(found, study)
    assert [file.path for file in shown.files] == list(found.files)
    assert {b"[1]\n", b"1,2\n", EVO.encode()} <= set(contents.values())
    (study / "data" / "prior.json").write_text("[2]\n")
    assert code_identity("strategy", "evo.py:Evo", study, files=("data", "table.csv")) != found
    with pytest.raises(CodeError, match=r"did you mean 'table\.csv'"):
        code_identity("strategy", "evo.py:Evo", study, files=("tabel.csv",))


def test_large_declared_data_is_kept_as_its_digest(study: Path) -> None:
    """Data beyond a mebibyte count, and their content is not in the evidence."""
    (study / "table.bin").write_bytes(bytes(KEPT_FILE + 1))
    found = code_identity("strategy", "evo.py:Evo", study, files=("table.bin",))
    shown, contents = evidence(found, study)
    assert shown.installed["table.bin"] == found.files["table.bin"] == digest_bytes(bytes(KEPT_FILE + 1))
    assert bytes(KEPT_FILE + 1) not in contents.values()


ARGV = """
import sys
from pathlib import Path
from assay.capture.code import evidence, frame_identity
found = frame_identity("strategy", "loop", sys._getframe())
shown, contents = evidence(found, Path())
print(found.files.get("<arguments>"), [c for p in shown.files if p.path == "<arguments>"
      for c in [contents[p.content]]])
"""


def test_the_arguments_of_a_script_count(study: Path) -> None:
    """Two values of an argument are two identities, none has no entry, and no secret is shown."""
    (study / "loop.py").write_text(ARGV)

    def told(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "loop.py", *arguments],
            cwd=study,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.strip()

    assert told() == "None []"
    one, two = told("--population", "10"), told("--population", "20")
    assert one == f"{arguments_digest(['--population', '10'])} [b'--population 10']"
    assert two == f"{arguments_digest(['--population', '20'])} [b'--population 20']"
    assert "swordfish" not in told("--password", "swordfish")


def test_the_arguments_of_another_program_do_not_count() -> None:
    """A frame of a file that is not the script keeps clear of the arguments, as of pytest here."""
    assert sys.argv
    assert ARGUMENTS not in frame_identity("strategy", "my-loop", here()).files


def test_a_source_in_another_encoding_loses_its_secrets_too(study: Path) -> None:
    """What is not UTF-8 is looked through all the same, and keeps its other bytes."""
    source = "# coding: latin-1\nNAME = '\xe9'\npassword = b'swordfish'\n".encode("latin-1")
    (study / "helper.py").write_bytes(source)
    _, contents = evidence(code_identity("strategy", "helper.py:NAME", study), study)
    assert source.replace(b"swordfish", REMOVED.encode()) in contents.values()
