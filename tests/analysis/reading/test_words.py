"""The words of a name tell a direction, a cost, a summary or a spread, and other names tell nothing."""

from __future__ import annotations

import pytest

from assay.analysis.reading.words import direction, is_cost, is_summary, spreads, words


@pytest.mark.parametrize(
    ("name", "smaller"),
    [
        ("GPU-days", True), ("FLOPs", True), ("#params", True), ("rank", True), ("score_time", True),
        ("val_error_rate", True), ("accuracy gap", True), ("cost", True), ("bpc", True),
        ("error-free", False), ("perplexity_improvement", False), ("rank_correlation", False),
        ("kendall_tau", False), ("mAP", False), ("mean_iou", False), ("n_correct", False), ("R2", False),
        ("score", None), ("lossless_ratio", None), ("value", None), ("cora", None), ("", None),
    ],
)  # fmt: skip
def test_the_last_known_word_tells_the_direction(name: str, smaller: bool | None) -> None:
    """An improvement is larger whatever it improves, and an unknown name says nothing."""
    assert direction(name) is smaller


@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("Params (M)", True), ("Time (s)", True), ("GPU days", True), ("Rank", True), ("Peak RAM (GB)", True),
        ("Search cost (GPU days)", True), ("lr", True), ("latency_ms", True),
        ("cora", False), ("TimeSeries-Hard", False), ("memory-game", False), ("acc", False), ("m", False),
    ],
)  # fmt: skip
def test_a_name_that_is_all_of_a_cost_is_one(name: str, cost: bool) -> None:
    """One word of a cost in a longer name makes no cost of a task."""
    assert is_cost(name) == cost


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("Avg", True), ("Avg.", True), ("Average over all", True), ("Mean acc", True), ("Overall", True),
        ("TOTAL", True), ("avg (5 tasks)", True),
        ("mean_reward", False), ("cora", False), ("all", False), ("Total-Text", False),
    ],
)  # fmt: skip
def test_a_name_that_is_all_of_a_summary_is_one(name: str, summary: bool) -> None:
    """A mean of something else is a score of its own."""
    assert is_summary(name) == summary


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (
            ["base_mean", "base_std", "ours_mean", "ours_std"],
            {"base_std": "base_mean", "ours_std": "ours_mean"},
        ),
        (["mean", "std", "n"], {"std": "mean"}),
        (["mean", "n"], {"n": "mean"}),
        (["acc", "acc_std"], {"acc_std": "acc"}),
        (["acc", "stderr"], {"stderr": "acc"}),
        (["SD", "SE", "ours"], {}),
        (["cora", "—", "std"], {}),
    ],
)
def test_a_spread_needs_the_mean_beside_it(names: list[str], found: dict[str, str]) -> None:
    """A column called SD may be a method: without a mean it is no spread."""
    assert spreads(names) == found


def test_words_are_split_where_people_see_them() -> None:
    """Capitals, signs and digits part words, but not those of a known name."""
    assert words("validationLoss") == ["validation", "loss"]
    assert words("mIoU@val") == ["miou", "val"]
    assert words("Köln-3") == ["köln", "3"]
