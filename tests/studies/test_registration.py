"""Registrations: what is written, what is noticed, and which witnesses count."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from assay.contracts.problem import Budget
from assay.foundation.digest import digest_value
from assay.foundation.errors import CorruptError, StudyError, UnknownNameError, UsageError, VersionError
from assay.studies.history import History, Planned, plan_facts
from assay.studies.load import LoadedStudy, check_study, load_study
from assay.studies.registration import (
    changes,
    deviations,
    load_registration,
    meaning_of,
    register,
    registered_claims,
    registration_path,
    save_registration,
)
from assay.studies.study import (
    Claim,
    Commitments,
    EquivalentClaim,
    Method,
    PublishedNumber,
    PublishedTable,
    Study,
)
from assay.studies.witness import check_witness, keep_anchor, registration_status
from assay.studies.witness_time import write_query

TEXT = """\
name = "small"
replicates = 3
benchmarks = ["nas-bench-graph/cora", "nas-bench-graph/proteins"]

[budget]
evaluations = 30

[methods.random]
strategy = "random-search"

[methods.evolution]
strategy = "regularized-evolution"
hyperparameters = { population = 5, tournament = 2 }

[[claims]]
better = "evolution"
than = "random"
margin = 0.5

[[claims]]
kind = "equivalent"
methods = ["random", "evolution"]
margin = 2.0

[plan]
exclusions = ["runs on a machine that failed its own check"]
stopping = "three replicates, no more"
"""
EARLY = "2020-01-01T00:00:00.000Z"

NEEDS_OPENSSL = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
NEEDS_SSH = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedStudy:
    """Return a study in a file of its own folder."""
    path = tmp_path / "work" / "small.toml"
    path.parent.mkdir()
    path.write_text(TEXT, encoding="utf-8")
    return load_study(path)


@pytest.fixture
def registered(loaded: LoadedStudy) -> Path:
    """Return the file of the study's registration."""
    path = registration_path(loaded)
    save_registration(path, register(loaded))
    return path


def but(loaded: LoadedStudy, **fields: object) -> LoadedStudy:
    return msgspec.structs.replace(loaded, study=msgspec.structs.replace(loaded.study, **fields))


def test_a_registration_holds_the_plan(loaded: LoadedStudy, registered: Path) -> None:
    """Hypotheses with margins and rules, exclusions, stopping rule, methods, budget and time are written."""
    found = load_registration(registered)
    assert found is not None
    assert registered.name == "small.registration.json"
    assert [(h.kind, h.claim["margin"], h.claim["rule"]) for h in found.plan.hypotheses] == [
        ("better", 0.5, "fixed"),
        ("equivalent", 2.0, "fixed"),
    ]
    assert found.plan.exclusions == ("runs on a machine that failed its own check",)
    assert found.plan.stopping == "three replicates, no more"
    assert found.plan.methods["evolution"].method["hyperparameters"] == {"population": 5, "tournament": 2}
    assert (found.plan.budget, found.plan.replicates) == (Budget(evaluations=30), 3)
    assert found.plan.benchmarks == ("nas-bench-graph/cora", "nas-bench-graph/proteins")
    assert found.when.endswith("Z")
    assert found.assay_version
    assert registered_claims(found) == {digest_value(claim) for claim in loaded.study.claims}
    assert registered_claims(None) == frozenset()


def test_the_meaning_is_that_of_the_study(loaded: LoadedStudy) -> None:
    """Labels, names, comments and the question change no digest; whatever decides a number does."""
    meaning = register(loaded).meaning
    labelled = {
        name: msgspec.structs.replace(method, label="A name") for name, method in loaded.study.methods.items()
    }
    for same in ({"name": "other"}, {"question": "Why?"}, {"methods": labelled}):
        assert register(but(loaded, **same)).meaning == meaning
    for other in ({"replicates": 4}, {"seed": 1}, {"claims": ()}, {"plan": Commitments()}):
        assert register(but(loaded, **other)).meaning != meaning


def test_an_edit_is_detected(registered: Path) -> None:
    """A margin that is changed in the file, or any other byte of meaning, is no registration any more."""
    whole = registered.read_text()
    for old, new in (("0.5", "0.4"), ('"study": "small"', '"study": "large"'), ("three", "four")):
        assert old in whole
        registered.write_text(whole.replace(old, new))
        with pytest.raises(CorruptError, match="edited after it was written"):
            load_registration(registered)
    registered.write_text("{")
    with pytest.raises(CorruptError, match="cannot be read"):
        load_registration(registered)
    registered.write_text(whole.replace('"format": 1', '"format": 2'))
    with pytest.raises(VersionError):
        load_registration(registered)


def test_a_registration_is_never_overwritten(loaded: LoadedStudy, registered: Path) -> None:
    """Saving where a registration stands is refused; where there is none, none is read."""
    with pytest.raises(UsageError, match="never overwritten"):
        save_registration(registered, register(loaded))
    assert load_registration(registered.with_name("absent.registration.json")) is None


def test_what_cannot_be_registered_says_where(loaded: LoadedStudy) -> None:
    """An unknown benchmark is an error with its place in the study file."""
    with pytest.raises(UnknownNameError, match=r"small\.toml:3"):
        register(but(loaded, benchmarks=("nas-bench-graph/corra",)))


def test_a_study_as_registered_has_no_deviations(loaded: LoadedStudy) -> None:
    """Nothing is listed for a study that was run once, later, as it was planned."""
    registration = register(loaded)
    facts = plan_facts(loaded.study, registration.plan.benchmarks)
    history = History(plans=(Planned(when="2999-01-01T00:00:00.000Z", facts=facts),))
    assert deviations(registration, loaded, history) == ()
    assert changes(registration.plan, meaning_of(loaded)) == ()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"replicates": 5}, "replicates: 3 -> 5"),
        ({"seed": 7}, "seed: 0 -> 7"),
        ({"budget": Budget(evaluations=60)}, "budget: 30 evaluations -> 60 evaluations"),
        ({"benchmarks": ("nas-bench-graph/cora",)}, "benchmark nas-bench-graph/proteins dropped"),
        ({"plan": Commitments(stopping="three replicates, no more")}, "exclusions: runs on a machine"),
        ({"claims": (Claim(better="evolution", than="random", margin=0.1),)}, "margin 0.5 -> 0.1"),
        ({"claims": (Claim(better="evolution", than="random", margin=0.5),)}, "claim dropped: equivalent"),
        (
            {"claims": (Claim(better="random", than="evolution"),)},
            "claim added: better, random against evolution",
        ),
    ],
)
def test_each_deviation_is_told(loaded: LoadedStudy, fields: dict[str, object], told: str) -> None:
    """Whatever departs from the registered plan is listed with what it was and what it is."""
    registration = register(loaded)
    listed = deviations(registration, but(loaded, **fields), History())
    assert any(told in line for line in listed), listed


def test_a_changed_published_table_is_told(loaded: LoadedStudy) -> None:
    """A published number that is registered to be replicated stays what it was."""
    number = PublishedNumber(value=0.8, n=10, sd=0.01)
    table = PublishedTable(benchmark="nas-bench-graph/cora", rows={"random": number}, margin=0.01)
    with_table = but(loaded, published={"one": table})
    registration = register(with_table)
    assert deviations(registration, with_table, History()) == ()
    assert deviations(registration, loaded, History()) == ("published table one dropped",)
    wider = msgspec.structs.replace(table, margin=0.1)
    assert deviations(registration, but(loaded, published={"one": wider}), History()) == (
        "published table one changed",
    )


def test_a_secret_is_not_registered(loaded: LoadedStudy) -> None:
    """What looks like a secret in the plan or in a method is refused, for the file is meant for others."""
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    with pytest.raises(StudyError, match="looks like a secret"):
        register(but(loaded, plan=Commitments(stopping=token)))
    method = Method(strategy="random-search", hyperparameters={"api_key": token})
    with pytest.raises(StudyError, match="looks like a secret"):
        register(but(loaded, methods={**loaded.study.methods, "random": method}))


def test_a_changed_method_is_told(loaded: LoadedStudy) -> None:
    """A hyperparameter, a code file, and a method that comes or goes are deviations."""
    source = loaded.folder / "mine.py"
    source.write_text("class Mine:\n    pass\n")
    methods = {**loaded.study.methods, "mine": Method(strategy="mine.py:Mine")}
    study = but(loaded, methods=methods)
    registration = register(study)
    source.write_text("class Mine:\n    changed = True\n")
    other = Method(strategy="regularized-evolution", hyperparameters={"population": 9, "tournament": 2})
    listed = deviations(registration, but(study, methods={**methods, "evolution": other}), History())
    assert "method mine: its code changed" in listed
    assert (
        "method evolution: hyperparameters population 5, tournament 2 -> population 9, tournament 2" in listed
    )
    without = {name: method for name, method in methods.items() if name != "mine"}
    assert "method mine dropped" in deviations(registration, but(study, methods=without), History())


def test_runs_before_the_plan_and_looks_are_told(loaded: LoadedStudy) -> None:
    """A study that ran before it was registered or witnessed, or was extended after a look, says so."""
    registration = register(loaded)
    facts = plan_facts(loaded.study, registration.plan.benchmarks)
    more = msgspec.structs.replace(facts, replicates=9)
    history = History(
        plans=(Planned(when=EARLY, facts=facts), Planned(when="2999-01-01T00:00:00.000Z", facts=more))
    )
    listed = deviations(registration, loaded, history)
    assert listed[0].startswith("the study was run on 2020-01-01, before the registration was written")
    assert "look: replicates 3 -> 9 on 2999-01-01" in listed
    late = deviations(registration, loaded, history, witnessed="2999-12-31T00:00:00.000Z")
    assert any("before the registration was witnessed" in line for line in late)


def test_a_study_made_in_python_can_be_registered(tmp_path: Path) -> None:
    """A study without a file is registered in its folder."""
    study = Study(
        name="made",
        methods={"a": Method(strategy="random-search"), "b": Method(strategy="local-search")},
        budget=Budget(evaluations=5),
        benchmarks=("nas-bench-graph/cora",),
        claims=(EquivalentClaim(methods=("a", "b"), margin=1.0),),
    )
    loaded = check_study(study, tmp_path)
    assert registration_path(loaded).parent == tmp_path
    assert register(loaded).plan.hypotheses[0].kind == "equivalent"


# Witnesses


def run(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def git(tmp_path: Path, registered: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return git in the folder of the study: a repository with an SSH key for signing and a bare remote."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder, key = registered.parent, tmp_path / "key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a@example.org", "-f", str(key), folder=tmp_path)
    allowed = tmp_path / "allowed"
    allowed.write_text(f"a@example.org {key.with_suffix('.pub').read_text()}")
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f"[user]\nname = A\nemail = a@example.org\nsigningkey = {key}.pub\n[init]\ndefaultBranch = main\n"
        f'[gpg]\nformat = ssh\n[gpg "ssh"]\nallowedSignersFile = {allowed}\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    run("git", "init", "-q", "--bare", str(tmp_path / "remote.git"), folder=tmp_path)
    run("git", "init", "-q", folder=folder)
    run("git", "remote", "add", "origin", str(tmp_path / "remote.git"), folder=folder)
    run("git", "add", ".", folder=folder)
    run("git", "commit", "-q", "-m", "plan", folder=folder)
    return lambda *arguments: run("git", *arguments, folder=folder)


@NEEDS_SSH
def test_a_pushed_signed_tag_anchors(git: Callable[..., str], registered: Path) -> None:
    """Signed, with the registration in its commit, and held by a remote: then the plan is anchored."""
    git("tag", "-s", "plan-1", "-m", "the plan")
    before = check_witness(registered, "tag:plan-1")
    assert (before.state, "git push origin plan-1" in before.why) == ("self-declared", True)
    git("push", "-q", "origin", "plan-1")
    status = check_witness(registered, "tag:plan-1")
    assert status.state == "anchored", status.why
    assert "it is a folder, and a witness only if others keep it" in status.why
    keep_anchor(registered, status, None)
    assert registration_status(registered) == status


@NEEDS_SSH
@pytest.mark.parametrize(
    ("commands", "why"),
    [
        ([("tag", "plan-1")], "lightweight"),
        ([("tag", "-a", "plan-1", "-m", "plain")], "no good signature"),
        ([("tag", "other")], "no tag 'plan-1'"),
        ([("rm", "-q", "--cached", "small.registration.json"), ("commit", "-qm", "-")], "does not contain"),
    ],
    ids=["lightweight", "unsigned", "absent", "without-the-file"],
)
def test_a_lesser_tag_does_not(
    git: Callable[..., str], registered: Path, commands: list[tuple[str, ...]], why: str
) -> None:
    """A tag that is lightweight, unsigned, absent or on another commit leaves the plan self-declared."""
    for command in commands:
        git(*command)
    if not git("tag"):
        git("tag", "-s", "plan-1", "-m", "the plan")
    git("push", "-q", "origin", "--tags")
    status = check_witness(registered, "tag:plan-1")
    assert (status.state, why in status.why) == ("self-declared", True), status.why


@NEEDS_SSH
def test_a_tag_of_another_registration_does_not(
    git: Callable[..., str], registered: Path, loaded: LoadedStudy
) -> None:
    """The tagged commit must contain this registration: another one, or a broken one, does not count."""
    git("tag", "-s", "plan-1", "-m", "the plan")
    git("push", "-q", "origin", "plan-1")
    registered.unlink()
    save_registration(registered, register(but(loaded, replicates=50)))
    assert "is another registration" in check_witness(registered, "tag:plan-1").why
    registered.write_text("{}")
    git("commit", "-qam", "broken")
    git("tag", "-s", "plan-2", "-m", "broken")
    registered.unlink()
    save_registration(registered, register(loaded))
    assert "is not an intact registration" in check_witness(registered, "tag:plan-2").why


@NEEDS_SSH
def test_a_tag_that_the_remote_does_not_hold_does_not(git: Callable[..., str], registered: Path) -> None:
    """A tag that was moved after the push is another object, and an absent remote gives no answer."""
    git("tag", "-s", "plan-1", "-m", "the plan")
    git("push", "-q", "origin", "plan-1")
    git("tag", "-s", "-f", "plan-1", "-m", "another plan")
    assert "no remote holds this tag object" in check_witness(registered, "tag:plan-1").why
    git("remote", "set-url", "origin", "/nowhere.git")
    assert "no answer from the remote origin" in check_witness(registered, "tag:plan-1").why
    git("remote", "remove", "origin")
    assert "has no remote" in check_witness(registered, "tag:plan-1").why


@NEEDS_SSH
def test_a_key_that_is_not_trusted_does_not(
    git: Callable[..., str], registered: Path, tmp_path: Path
) -> None:
    """A signature by a key that the user's git does not know is not a good one."""
    git("tag", "-s", "plan-1", "-m", "the plan")
    git("push", "-q", "origin", "plan-1")
    (tmp_path / "allowed").write_text("")
    assert "no good signature" in check_witness(registered, "tag:plan-1").why


@NEEDS_SSH
def test_programs_of_the_repository_are_not_run(
    git: Callable[..., str], registered: Path, tmp_path: Path
) -> None:
    """A repository that names its own program to verify with is refused, and nothing of it runs."""
    ran = tmp_path / "ran"
    liar = tmp_path / "liar"
    liar.write_text(f"#!/bin/sh\ntouch {ran}\n")
    liar.chmod(0o755)
    git("tag", "-s", "plan-1", "-m", "the plan")
    git("push", "-q", "origin", "plan-1")
    git("config", "gpg.ssh.program", str(liar))
    status = check_witness(registered, "tag:plan-1")
    assert status.state == "self-declared"
    assert "gpg.ssh.program" in status.why
    assert not ran.exists()


def test_without_a_repository_a_tag_is_no_witness(registered: Path) -> None:
    """Outside a repository the plan is self-declared; a name that is no tag's is told."""
    status = check_witness(registered, "tag:plan-1")
    assert (status.state, "no repository" in status.why) == ("self-declared", True)


TSA = """\
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha1, sha256
ess_cert_id_alg = sha256
[signer]
extendedKeyUsage = critical, timeStamping
"""


class Authority:
    """A time-stamp authority of its own, under a root of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.ca = folder, folder / "ca.pem"
        (folder / "tsa.cnf").write_text(TSA.format(folder=folder))
        (folder / "serial").write_text("01")
        key = ("-newkey", "rsa:2048", "-nodes")
        self.run("req", "-x509", *key, "-subj", "/CN=root", "-keyout", "ca.key", "-out", "ca.pem")
        self.run("req", "-new", *key, "-subj", "/CN=tsa", "-keyout", "tsa.key", "-out", "tsa.csr")
        sign = ("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
        self.run(*sign, "-extfile", "tsa.cnf", "-extensions", "signer", "-out", "tsa.pem")

    def run(self, *arguments: str) -> None:
        run("openssl", *arguments, folder=self.folder)

    def reply(self, query: Path, reply: Path) -> None:
        """Answer a query."""
        head = ("ts", "-reply", "-config", "tsa.cnf", "-queryfile", str(query), "-out", str(reply))
        self.run(*head, "-signer", "tsa.pem", "-inkey", "tsa.key", "-chain", "ca.pem")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return a time-stamp authority."""
    return Authority(tmp_path_factory.mktemp("authority") / "own")


@NEEDS_OPENSSL
def test_a_time_stamp_anchors(registered: Path, authority: Authority) -> None:
    """A reply over the registration's bytes, by a certified authority, anchors with its moment."""
    query, reply = registered.with_name("plan.tsq"), registered.with_name("plan.tsr")
    write_query(registered, query)
    authority.reply(query, reply)
    status = check_witness(registered, "timestamp:plan.tsr", authority.ca)
    assert status.state == "anchored", status.why
    assert status.when is not None
    written = load_registration(registered)
    assert written is not None
    assert abs(int(status.when[:4]) - int(written.when[:4])) <= 1
    keep_anchor(registered, status, authority.ca)
    assert registration_status(registered) == status


@NEEDS_OPENSSL
def test_a_lesser_time_stamp_does_not(
    registered: Path, loaded: LoadedStudy, authority: Authority, tmp_path: Path
) -> None:
    """Another file's, another authority's, a weak one, or none: the plan stays self-declared."""
    query, reply = tmp_path / "plan.tsq", tmp_path / "plan.tsr"
    write_query(registered, query)
    authority.reply(query, reply)
    other = Authority(tmp_path / "other")
    witness = f"timestamp:{reply}"
    assert "does not verify" in check_witness(registered, witness, other.ca).why
    weak = tmp_path / "weak.tsq"
    run(
        "openssl",
        "ts",
        "-query",
        "-data",
        str(registered),
        "-sha1",
        "-cert",
        "-out",
        str(weak),
        folder=tmp_path,
    )
    authority.reply(weak, tmp_path / "weak.tsr")
    assert (
        "which is weak" in check_witness(registered, f"timestamp:{tmp_path / 'weak.tsr'}", authority.ca).why
    )
    status = check_witness(registered, witness, authority.ca)
    keep_anchor(registered, status, authority.ca)
    registered.unlink()
    save_registration(registered, register(loaded))
    assert "does not verify" in check_witness(registered, witness, authority.ca).why
    assert "about another registration" in registration_status(registered).why
    assert "is not there" in check_witness(registered, "timestamp:absent.tsr", authority.ca).why
    reply.write_bytes(b"no reply")
    assert check_witness(registered, witness, authority.ca).state == "self-declared"


def test_a_witness_must_be_one(registered: Path, tmp_path: Path) -> None:
    """An unknown kind, a missing certificate and a missing registration are usage errors."""
    assert registration_status(registered).why == "no outside witness was named"
    for witness in ("tga:x", "tag:", "x"):
        with pytest.raises(UsageError, match="unknown witness"):
            check_witness(registered, witness)
    with pytest.raises(UsageError, match="--ca FILE"):
        check_witness(registered, "timestamp:x.tsr")
    with pytest.raises(UsageError, match="no registration"):
        check_witness(tmp_path / "absent.registration.json", "tag:x")


def test_without_openssl_a_time_stamp_is_not_checked(
    registered: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the program cannot check, the plan is self-declared, and the reason is that."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "openssl is not installed" in check_witness(registered, "timestamp:x.tsr", tmp_path / "ca.pem").why
    assert "git is not installed" in check_witness(registered, "tag:x").why
