"""Streams: their bytes are fixed for ever, and their draws are what they claim to be."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.foundation.digest import canonical_bytes
from assay.foundation.errors import UsageError
from assay.foundation.seeding import SeedTree, Stream, StreamUse, as_stream

NAMES = st.lists(st.text(max_size=8) | st.integers(-(2**70), 2**70), max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        # Known-answer vectors of philox4x64-10 in Random123 (Salmon et al., SC 2011): tests/kat_vectors.
        (0, 0, "16554d9eca36314c db20fe9d672d0fdc d7e772cee186176b 7e68b68aec7ba23b"),
        (2**256 - 1, 2**128 - 1, "87b092c3013fe90b 438c3c67be8d0224 9cc7d7c69cd777b6 a09caebf594f0ba0"),
    ],
)
def test_the_generator_is_the_published_one(counter: int, key: int, words: str) -> None:
    """NumPy's Philox gives the known answers of its authors; it steps its counter before drawing."""
    bits = np.random.Philox(counter=(counter - 1) % 2**256, key=key)
    assert " ".join(f"{word:016x}" for word in bits.random_raw(4).tolist()) == words


def test_words_of_stream_v1_are_fixed() -> None:
    """The first words of three streams are golden: results of every study depend on them."""
    # Drawn once with this code; a change of any of them is a new scheme and not a repair.
    golden: dict[tuple[int, tuple[str | int, ...]], list[int]] = {
        (0, ("strategy", "random-search", "toy", 0)): [
            11977349599543278908,
            3711606854718134784,
            16056579502427112730,
            9089980862068783938,
        ],
        (2**64, ("evaluation", "é", -1)): [4082465773160900698, 3770456266898617810],
    }
    for (root, path), words in golden.items():
        stream = Stream(root, path)
        assert [stream.bits() for _ in words] == words


def test_derived_draws_of_stream_v1_are_fixed() -> None:
    """One draw of each kind, in sequence, is golden."""
    stream = Stream(7, ("x",))
    assert [stream.below(10) for _ in range(12)] == [5, 1, 5, 3, 7, 7, 0, 2, 4, 4, 3, 3]
    assert [stream.random() for _ in range(2)] == [0.15825553984354657, 0.46347885153295354]
    assert stream.normal() == pytest.approx(-0.4939492301974747, rel=1e-15)  # libm may differ in the last bit
    assert stream.sample("abcdef", 3) == ["b", "a", "e"]
    assert stream.seed32() == 1730345459
    assert stream.indices(6, (2, 3)).tolist() == [[4, 3, 5], [0, 3, 1]]
    items = list(range(6))
    stream.shuffle(items)
    assert items == [5, 0, 1, 3, 4, 2]


@given(st.integers(0, 2**128), NAMES)
def test_a_stream_is_philox_under_the_digest_of_its_path(root: int, path: tuple[str | int, ...]) -> None:
    """The key is the first 128 bits of blake3 over the scheme's name and the canonical path."""
    key = blake3(b"assay-stream-v1\0" + canonical_bytes([str(root), *path])).digest(16)
    words = np.random.Philox(key=int.from_bytes(key, "little")).random_raw(3).tolist()
    stream = Stream(root, path)
    assert [stream.bits() for _ in range(3)] == words


def test_streams_do_not_depend_on_each_other() -> None:
    """Opening order, interleaving and the presence of other streams change no draw."""
    paths = [("evaluation", "cora", i) for i in range(5)]
    alone = {path: [Stream(3, path).bits() for _ in range(1)] for path in paths}
    for order in itertools.permutations(paths):
        tree = SeedTree(3)
        tree.stream("another").bits()
        assert {path: [tree.stream(*path).bits()] for path in order} == alone


def test_names_that_look_alike_are_different_streams() -> None:
    """Roots, numbers and texts, and the cut between two names, all tell streams apart."""
    paths: list[tuple[str | int, ...]] = [(), ("1",), (1,), ("a", "b"), ("ab",), ("b", "a"), ("a", "b", "")]
    streams = [Stream(root, path) for root in (0, 1) for path in paths]
    assert len({stream.bits() for stream in streams}) == len(streams)


def test_draws_are_counted() -> None:
    """The number of words is what was handed out, not what was generated ahead."""
    stream = Stream(0, ("count",))
    assert stream.draws == 0
    for drawn in range(1, 600):
        stream.bits()
        assert stream.draws == drawn
    stream.normal()
    assert stream.draws == 601


def test_a_tree_remembers_what_was_used() -> None:
    """Each opened stream is listed once with its draws, in the order of the paths."""
    tree = SeedTree(0)
    tree.stream("b", 2).bits()
    tree.stream("a")
    tree.stream("b", 2).bits()
    assert tree.stream("a") is tree.stream("a")
    assert tree.used() == (StreamUse(("a",), 0), StreamUse(("b", 2), 2))


@pytest.mark.parametrize("n", [2, 3, 7, 1000])
def test_below_is_uniform(n: int) -> None:
    """A chi-square test of 100,000 draws does not reject uniformity."""
    stream = Stream(11, ("uniform", n))
    counts = np.bincount([stream.below(n) for _ in range(100_000)], minlength=n)
    # Fixed seeds: the test is deterministic; the bound is one in a thousand for each.
    assert stats.chisquare(counts).pvalue > 0.001


def test_random_is_uniform_on_the_unit_interval() -> None:
    """A Kolmogorov-Smirnov test of 100,000 draws does not reject uniformity, and 1 never comes."""
    stream = Stream(11, ("unit",))
    draws = [stream.random() for _ in range(100_000)]
    assert min(draws) >= 0.0
    assert max(draws) < 1.0
    assert stats.kstest(draws, "uniform").pvalue > 0.001


def test_normal_is_normal() -> None:
    """A Kolmogorov-Smirnov test of 50,000 draws does not reject the standard normal."""
    stream = Stream(11, ("normal",))
    assert stats.kstest([stream.normal() for _ in range(50_000)], "norm").pvalue > 0.001


class _Words(Stream):
    """A stream whose words are given."""

    def __init__(self, words: list[int]) -> None:
        super().__init__(0, ("words",))
        self._words = iter(words)

    def bits(self) -> int:
        return next(self._words)


@given(st.integers(1, 2**64))
def test_below_rejects_exactly_the_surplus(n: int) -> None:
    """A word is rejected if and only if it falls among the 2^64 mod n that would make it biased."""
    # Lemire 2019, algorithm 5: of the words with (x * n) mod 2^64 < 2^64 mod n, all are rejected.
    surplus = 2**64 % n
    # The word 0 comes first among those words, and is accepted only where there is no surplus.
    assert _Words([0, 2**64 - 1]).below(n) == (n - 1 if surplus else 0)


def test_below_gives_each_value_equally_many_words() -> None:
    """Counted near the borders of each value's range of words, no value has one word more."""
    for n in (3, 5, 6, 7, 10):
        share = 2**64 // n
        for value in range(n):
            # Accepted words of `value` are those x with x*n >> 64 == value and (x*n) mod 2^64 >= threshold.
            low = -(-(value * 2**64 + 2**64 % n) // n)
            high = -(-(value + 1) * 2**64 // n) - 1
            assert high - low + 1 == share
            assert _Words([low]).below(n) == value == _Words([high]).below(n)
            if low * n - n >= value * 2**64:  # the word before also points here, and is surplus
                assert _Words([low - 1, 2**64 - 1]).below(n) == n - 1


@given(st.integers(0, 40), st.data())
def test_samples_are_distinct(size: int, data: st.DataObject) -> None:
    """A sample holds k different positions of what it was given, which stays as it was."""
    k = data.draw(st.integers(0, size))
    items = list(range(size))
    found = Stream(5, ("sample", size, k)).sample(items, k)
    assert len(found) == len(set(found)) == k
    assert set(found) <= set(items)
    assert items == list(range(size))


def test_samples_are_uniform_over_ordered_subsets() -> None:
    """All ordered pairs of four items are equally likely, by a chi-square test."""
    stream = Stream(5, ("pairs",))
    pairs = [tuple(stream.sample("abcd", 2)) for _ in range(24_000)]
    counts = [pairs.count(pair) for pair in itertools.permutations("abcd", 2)]
    assert sum(counts) == len(pairs)
    assert stats.chisquare(counts).pvalue > 0.001


def test_shuffles_are_uniform_over_permutations() -> None:
    """All orders of four items are equally likely, by a chi-square test."""
    stream = Stream(5, ("orders",))
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for _ in range(24_000):
        items = list(range(4))
        stream.shuffle(items)
        counts[tuple(items)] += 1
    assert stats.chisquare(list(counts.values())).pvalue > 0.001


def test_bulk_indices_are_uniform_and_within_bounds() -> None:
    """Resampling draws have the asked shape and are uniform, by a chi-square test."""
    found = Stream(5, ("bulk",)).indices(13, (1000, 50))
    assert found.shape == (1000, 50)
    assert stats.chisquare(np.bincount(found.ravel(), minlength=13)).pvalue > 0.001


@pytest.mark.parametrize("n", [0, -3, 2**64 + 1])
def test_below_refuses_what_it_cannot_draw_from(n: int) -> None:
    """There is no integer below zero or less to return, nor 64 bits for a bound beyond theirs."""
    with pytest.raises(ValueError, match="bound from 1 to"):
        Stream(0, ()).below(n)


def test_sample_refuses_more_than_there_is() -> None:
    """One cannot take three distinct positions of two."""
    with pytest.raises(ValueError, match="cannot take 3 of 2"):
        Stream(0, ()).sample([1, 2], 3)


def test_normal_survives_the_smallest_word() -> None:
    """A word of zeros gives a finite draw and not the logarithm of zero."""
    assert math.isfinite(_Words([0, 0]).normal())
    assert math.isfinite(_Words([2**64 - 1, 0]).normal())


def test_halves_are_the_halves_of_words() -> None:
    """Each word gives two draws, its low half first; an odd draw leaves half of the last word unused."""
    one, two, three = Stream(7, ("words",)), Stream(7, ("words",)), Stream(7, ("words",))
    words = [one.bits() for _ in range(3)]
    halves = [half for word in words for half in (word & 0xFFFFFFFF, word >> 32)]
    assert two.halves(100, 6).tolist() == [half * 100 >> 32 for half in halves]
    assert three.halves(100, 5).tolist() == [half * 100 >> 32 for half in halves[:5]]
    assert two.draws == three.draws == 3


def test_halves_fill_their_range_evenly() -> None:
    """Draws in bulk reach every integer of the range and none beyond, equally often."""
    found = Stream(0, ("halves",)).halves(13, 50_000)
    assert stats.chisquare(np.bincount(found.view(np.int64), minlength=13)).pvalue > 0.001
    assert found.max() == 12
    assert Stream(0, ("halves",)).halves(2**32, 4).max() < 2**32


def test_a_child_is_the_stream_of_the_longer_path() -> None:
    """A child of a stream is the stream of both paths, whatever was drawn from its parent."""
    parent = Stream(3, ("a",))
    parent.bits()
    assert parent.child("b", 1).bits() == Stream(3, ("a", "b", 1)).bits()


@pytest.mark.parametrize("rng", [0, None, np.random.default_rng(0)], ids=["number", "none", "generator"])
def test_what_is_no_stream_is_refused(rng: object) -> None:
    """A seed or a generator of NumPy is one message that shows how a stream is made."""
    with pytest.raises(UsageError, match="given a Stream") as caught:
        as_stream(rng)
    assert "Stream(0" in str(caught.value.hint)
    assert as_stream(stream := Stream(0, ("a",))) is stream
