"""Printed lines are compared without times and drawn names, and in every other number."""

from __future__ import annotations

import hashlib

import pytest

from assay.records.trace import Trace
from assay.verification.commands.printed import (
    first_other_line,
    is_duration,
    lines_of,
    masked,
    without_times,
)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("epoch 3 took 1.234 s, loss 0.5", "epoch 3 took 9.8 s, loss 0.5"),
        ("time: 0.123 acc 91.2", "time: 4 acc 91.2"),
        ("elapsed=12.5", "elapsed=1e-05"),
        ("2026-11-24 16:42:23,123 INFO step 4", "2027-01-01 00:00:00,000 INFO step 4"),
        ("8/8 [00:12<00:03, 12.3it/s]", "8/8 [00:09<00:01, 9.7it/s]"),
        ("saved to /tmp/abc123/model.pt", "saved to /tmp/xyz/model.pt"),
        ("<Net at 0x7f12ab34cd56>", "<Net at 0x7f00ab34cd00>"),
        ('{"train_seconds": 3.5, "loss": 2}', '{"train_seconds": 4.25, "loss": 2}'),
        ("15 ms/batch 120 samples/s", "18 ms/batch 98.5 samples/s"),
    ],
)
def test_times_and_drawn_names_are_left_out(one: str, two: str) -> None:
    """What no two runs share makes no difference."""
    assert masked(one) == masked(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("loss 0.51 took 3 s", "loss 0.52 took 3 s"),
        ("3 samples", "4 samples"),
        ("time step 3", "time step 4"),
        ("sum 12.5", "sum 12.6"),
        ("timesteps: 100", "timesteps: 200"),
        ("accuracy 5", "accuracy 6"),
    ],
)
def test_every_other_number_counts(one: str, two: str) -> None:
    """A number is a result unless its unit or its name says that it is a time."""
    assert masked(one) != masked(two)


def test_the_folder_of_a_repeat_is_no_difference() -> None:
    """A program that prints where it writes says the same in a copy."""
    assert lines_of(b"to /home/me/p/out.txt", {"/home/me/p": "<root>"}) == lines_of(
        b"to /scratch/place/p/out.txt", {"/scratch/place/p": "<root>"}
    )


def test_a_removed_secret_equals_what_stood_there() -> None:
    """A record holds no secrets: the line with one fits the line of the repeat."""
    assert first_other_line(["key [secret removed] loss 1"], ["key sk-12345 loss 1"]) is None
    assert first_other_line(["key [secret removed] loss 1"], ["key sk-12345 loss 2"]) == 1
    assert first_other_line(["a"], ["a", "b"]) == 2


def test_fingerprints_of_lines_with_times_are_made_anew() -> None:
    """Only lines in which something was left out get another fingerprint, and only rows of prints."""

    def digest(text: str) -> str:
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def trace(*lines: str) -> Trace:
        rows = [{"kind": "print", "step": n, "outputs": digest(line)} for n, line in enumerate(lines)]
        return Trace(algorithm="blake2b-128", steps=rows)

    one, two = ("loss 1", "loss 2 took 3 s"), ("loss 1", "loss 2 took 4 s")
    made = [without_times(trace(*each), "\n".join(each).encode()) for each in (one, two)]
    assert made[0] == made[1]
    assert made[0].steps[0]["outputs"] == digest("loss 1")
    assert without_times(trace(*one), b"") == trace(*one)


def test_durations_are_known_by_their_names() -> None:
    """A time or a speed is told from a result by the name it is logged under."""
    assert all(map(is_duration, ("seconds", "train/time", "epoch_time", "samples_per_sec", "wall time")))
    assert not any(
        map(is_duration, ("loss", "timesteps", "times_correct", "speed", "accuracy", "second_moment"))
    )
