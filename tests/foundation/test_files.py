"""Files that survive a kill, a full disk and a second process."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.foundation.errors import StoreError
from assay.foundation.files import write_atomic
from assay.foundation.seeding import Stream

SIZE = 300_000


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def output(code: str, *arguments: object, prefix: tuple[str, ...] = ()) -> str:
    command = [*prefix, sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout


def test_write_replaces_the_whole_file(tmp_path: Path) -> None:
    """A file is made with its folders, then replaced, and nothing is left beside it."""
    path = tmp_path / "deep" / "er" / "file"
    write_atomic(path, b"first, and longer")
    write_atomic(path, b"second")
    assert path.read_bytes() == b"second"
    assert names(path.parent) == ["file"]


def test_a_kill_leaves_one_whole_version(tmp_path: Path) -> None:
    """A process that writes without end is killed at random moments; the file is always whole."""
    path = tmp_path / "file"
    code = (
        "import sys; from pathlib import Path; from assay.foundation.files import write_atomic\n"
        f"versions = [bytes([65 + i]) * ({SIZE} + i) for i in range(8)]\n"
        "i = 0\n"
        "while True:\n"
        "    write_atomic(Path(sys.argv[1]), versions[i % 8]); i += 1\n"
        "    print(i, flush=True)\n"
    )
    moments = Stream(0, ("test", "kill"))
    seen = set()
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # one write is acknowledged
        time.sleep(0.1 * moments.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        content = path.read_bytes()
        seen.add(content[:1])
        assert content == content[:1] * (SIZE + content[0] - 65)
    write_atomic(path, b"after")
    assert path.read_bytes() == b"after"
    assert len(seen) > 1, "the writer was always killed in the same place: the test shows little"


def test_a_write_that_is_cut_short_keeps_the_old_file(tmp_path: Path) -> None:
    """Where the system refuses the bytes, the old version stays and no part of the new one does."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from assay.foundation.files import write_atomic; from assay.foundation.errors import StoreError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        f"try: write_atomic(Path(sys.argv[1]), bytes({SIZE}))\n"
        "except StoreError as error: print(error)\n"
    )
    said = output(code, path)
    assert said == f"cannot write\n  where: {path}\n  why:   File too large\n"
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_full_disk_is_told_with_a_hint(tmp_path: Path) -> None:
    """On a full file system the old version stays, and the message says what to do."""
    # The file system is mounted in a namespace of its own, which goes with the process.
    prefix = ("unshare", "--map-root-user", "--mount")
    mount = 'mount -t tmpfs -o size=128k tmpfs "$0" && exec "$@"'
    trial = [*prefix, "sh", "-c", mount, str(tmp_path), "true"]
    if not shutil.which("unshare") or subprocess.run(trial, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here: it wants user namespaces")
    code = (
        "import os, sys; from pathlib import Path\n"
        "from assay.foundation.files import write_atomic; from assay.foundation.errors import StoreError\n"
        "path = Path(sys.argv[1]); write_atomic(path, b'old')\n"
        f"try: write_atomic(path, bytes({SIZE}))\n"
        "except StoreError as error: print(error)\n"
        "print(path.read_bytes(), os.listdir(path.parent))\n"
    )
    path = tmp_path / "file"
    said = output(code, path, prefix=(*prefix, "sh", "-c", mount, str(tmp_path)))
    assert said == (
        f"cannot write\n  where: {path}\n  why:   No space left on device\n"
        "  hint:  free some space and run the same command again; nothing that is sealed was lost\n"
        "b'old' ['file']\n"
    )


def test_a_folder_without_permission_is_told_with_a_hint(tmp_path: Path) -> None:
    """Whoever may not write gets a message that names the folder and the way out."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    # The superuser may write everywhere, so the process first becomes somebody else.
    code = (
        "import os, sys; from pathlib import Path\n"
        "from assay.foundation.files import write_atomic; from assay.foundation.errors import StoreError\n"
        "path = Path(sys.argv[1]); os.chdir(path.parent)\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: write_atomic(Path('file'), b'new')\n"
        "except StoreError as error: print(error)\n"
    )
    said = output(code, locked / "file")
    assert said == (
        "cannot write\n  where: file\n  why:   Permission denied\n"
        "  hint:  make the folder writable, or name another with --store\n"
    )


def test_a_file_in_the_way_of_a_folder_is_told(tmp_path: Path) -> None:
    """A path through something that is no folder gives a message and not a traceback."""
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(StoreError) as caught:
        write_atomic(tmp_path / "plain" / "file", b"new")
    assert caught.value.where == str(tmp_path / "plain" / "file")


def test_a_lock_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    """Three processes that read, wait and write a counter under the lock lose no count."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    code = (
        "import sys, time; from pathlib import Path; from assay.foundation.files import exclusive\n"
        "counter = Path(sys.argv[1])\n"
        "for _ in range(20):\n"
        "    with exclusive(counter.with_suffix('.lock')):\n"
        "        value = int(counter.read_text()); time.sleep(0.001); counter.write_text(str(value + 1))\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(counter)]) for _ in range(3)]
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0, 0]
    assert counter.read_text() == "60"


def test_a_killed_process_releases_its_lock(tmp_path: Path) -> None:
    """A lock ends with the process that held it."""
    lock = tmp_path / "lock"
    hold = (
        "import sys, time; from pathlib import Path; from assay.foundation.files import exclusive\n"
        "with exclusive(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)\n"
    )
    take = (
        "import sys; from pathlib import Path; from assay.foundation.files import exclusive\n"
        "with exclusive(Path(sys.argv[1])): print('taken')\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold, str(lock)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert output(take, lock) == "taken\n"
