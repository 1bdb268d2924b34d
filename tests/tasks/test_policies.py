"""What a holdout tells, and what those who ask again and again can learn from it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.tasks.policies import (
    FullPrecision,
    Ladder,
    ParameterFreeLadder,
    ShakyLadder,
    State,
    Thresholdout,
)

POLICIES = (FullPrecision(), Ladder(), ParameterFreeLadder(), ShakyLadder(), Thresholdout())


@pytest.fixture(scope="module")
def case(shared):
    """Return a reader of reference cases by their id."""
    listed = json.loads((shared / "reference" / "statistics_cases.json").read_text())["cases"]
    return {one["id"]: one for one in listed}.__getitem__


def told(policy, losses, key=0, train=0.5):
    """Return what a policy tells of each row of losses, and its last state."""
    state, answers = State(), []
    for query, row in enumerate(losses):
        state, answer = policy.answer(state, np.asarray(row, float), Stream(key, ("holdout", query)), train)
        answers.append(answer)
    return answers, state


def boosting_attack(policy, n, k, seed):
    """Return the loss on the holdout of the majority of those random submissions that were told apart.

    Blum and Hardt, ICML 2015, section 5, as in examples/attacks.jl of mrtzh/Ladder.jl: of a full
    score those at 1/2 or below, of a Ladder those that lowered it.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    submissions = rng.integers(0, 2, (k, n))
    answers, _ = told(policy, submissions != labels, key=seed)
    risks = np.array([answer.risk for answer in answers])
    lowered = np.array([risks[0] < 0.5, *(np.diff(risks) < 0)])
    kept = submissions[risks <= 0.5 if isinstance(policy, FullPrecision) else lowered]
    return float(((kept.sum(axis=0) >= len(kept) / 2) != labels).mean())


def tail_attack(policy, step, n, k, seed, tail=2.0):
    """Return by how much the majority of the submissions that passed beats 1/2 on labels it never saw.

    In the spirit of Hardt, arXiv:1706.02733: the analyst answers half of the examples right at will, and
    so places each random submission on the others just so that only one with an exceptional
    correlation, of `tail` standard deviations, passes the next step.
    """
    rng = np.random.default_rng(seed)
    half = n // 2
    labels = rng.integers(0, 2, half)
    state, votes, wrong = State(), np.zeros(half), half
    for query in range(k):
        guess = rng.integers(0, 2, half)
        losses = np.concatenate([np.arange(half) < wrong, guess != labels]).astype(float)
        state, answer = policy.answer(state, losses, Stream(seed, ("holdout", query)))
        if query and answer.improved:
            votes += 2 * guess - 1
        aim = answer.risk - step + tail * math.sqrt(half) / 2 / n
        wrong = round(aim * n - half / 2)
        if wrong < 0:
            break
    guess = np.where(votes == 0, rng.integers(0, 2, half), votes > 0)
    return 0.5 - float((guess != labels).mean())


def test_the_published_example(case):
    """The parameter-free Ladder tells what the README of its authors' code prints."""
    one = case("ladder-readme")
    labels = np.array(one["inputs"]["labels"])
    answers, _ = told(ParameterFreeLadder(), np.array(one["inputs"]["submissions"]) != labels)
    expected = pytest.approx(one["expected"]["reported"], abs=one["tolerance"]["all"])
    assert [answer.risk for answer in answers] == expected


@pytest.mark.parametrize(("policy", "name"), [(FullPrecision(), "kaggle"), (ParameterFreeLadder(), "ladder")])
def test_the_boosting_attack_as_published(case, policy, name):
    """400 random submissions give the losses that the authors of the Ladder published for n = 4,000."""
    one = case("ladder-attack")
    losses = [boosting_attack(policy, one["inputs"]["n"], 400, seed) for seed in range(20)]
    expected = one["expected"][f"{name}_recomputed"][-1]
    assert np.mean(losses) == pytest.approx(expected, abs=one["tolerance"][f"k400_{name}"])


def test_boosting_defeats_a_full_score_and_not_the_ladders():
    """Random submissions beat a holdout that tells every digit; from a Ladder they gain less than half."""
    gains = {
        type(policy).__name__: 0.5 - np.mean([boosting_attack(policy, 2000, 200, s) for s in range(8)])
        for policy in (FullPrecision(), Ladder(), ParameterFreeLadder(), ShakyLadder())
    }
    full = gains.pop("FullPrecision")
    assert full > 0.05
    assert max(gains.values()) < full / 2


def test_the_tail_attack_takes_more_from_the_ladder_than_from_the_shaky_one():
    """With its steps in the open the Ladder leaks exceptional submissions; noise on them hides most."""
    step = 4000**-0.4
    ladder = np.mean([tail_attack(Ladder(step=step), step, 4000, 1500, s) for s in range(5)])
    shaky = np.mean([tail_attack(ShakyLadder(step=step), step, 4000, 1500, s) for s in range(5)])
    assert ladder > 0.05
    assert shaky < 0.5 * ladder


def holdout_experiment(n, features, k, seed):
    """Return accuracies of a classifier of k selected features: full score and Thresholdout, with fresh.

    Dwork et al., Science 2015: labels are random, features are chosen where training and holdout agree
    that they matter. Only the columns that can be chosen are kept.
    """
    rng = np.random.default_rng(seed)
    labels = rng.choice([-1.0, 1.0], (3, n)).astype(np.float32)
    kept, seen = [], []
    for _ in range(features):
        column = rng.standard_normal((3, n), dtype=np.float32)
        relation = (column * labels).mean(axis=1)
        kept.append(column if abs(relation[0]) > 1 / math.sqrt(n) else None)
        seen.append(relation[:2])
    seen = np.array(seen)
    policy, state, answers = Thresholdout(budget=features), State(), []
    for query, (train, holdout) in enumerate(seen):
        state, answer = policy.answer(
            state, np.full(n, float(holdout)), Stream(seed, ("holdout", query)), float(train)
        )
        answers.append(answer.risk)
    found = {}
    for name, second in (("standard", seen[:, 1]), ("thresholdout", np.array(answers))):
        agree = (seen[:, 0] * second > 0) & (np.abs(seen) > 1 / math.sqrt(n)).any(axis=1)
        agree &= (np.abs(seen[:, 0]) > 1 / math.sqrt(n)) & (np.abs(second) > 1 / math.sqrt(n))
        chosen = [i for i in np.argsort(-np.abs(seen[:, 0])) if agree[i]][:k]
        score = sum(np.sign(seen[i, 0]) * kept[i] for i in chosen)
        found[name] = [float((np.sign(score[part]) == labels[part]).mean()) for part in range(3)]
    return found


def test_thresholdout_keeps_the_holdout_honest():
    """Selecting features by a holdout overfits it; through Thresholdout it stays close to fresh data."""
    found = holdout_experiment(2000, 2000, 100, 3)
    assert found["standard"][1] > found["standard"][2] + 0.08
    assert abs(found["thresholdout"][1] - found["thresholdout"][2]) < 0.04


@pytest.mark.slow
def test_the_thresholdout_experiment_as_published(case):
    """With 10,000 examples and features and k = 500 the holdout says 0.63 where the truth is 0.5."""
    one = case("thresholdout")
    inputs = one["inputs"]
    found = holdout_experiment(inputs["n"], inputs["d"], inputs["k"], 0)
    expected, tolerance = one["expected"], one["tolerance"]
    assert found["standard"][1] == pytest.approx(
        expected["standard_holdout_acc"], abs=tolerance["standard_holdout_acc"]
    )
    assert found["standard"][2] == pytest.approx(expected["standard_fresh"], abs=0.015)
    assert found["thresholdout"][1] == pytest.approx(
        expected["recomputed"]["thr_holdout"], abs=tolerance["thr_holdout"]
    )


@given(st.lists(st.lists(st.integers(0, 1), min_size=12, max_size=12), min_size=1, max_size=12))
def test_a_ladder_never_tells_a_worse_risk(submissions):
    """What a Ladder tells falls from one submission to the next, or stays."""
    for policy in (Ladder(), ParameterFreeLadder()):
        risks = [answer.risk for answer in told(policy, submissions)[0]]
        assert risks == sorted(risks, reverse=True)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_the_noise_is_that_of_the_key(policy):
    """Equal keys tell equal answers; the noise of another key is another."""
    rng = np.random.default_rng(0)
    losses = rng.integers(0, 2, (50, 400))
    first, again, other = (told(policy, losses, key=key, train=0.2)[0] for key in (1, 1, 2))
    assert first == again
    assert (first == other) == (not isinstance(policy, ShakyLadder | Thresholdout))


def test_a_step_on_the_threshold_is_none():
    """An improvement of exactly one step is not told, whatever the rounding of the numbers."""
    losses = [[1.0] * 10, [1.0] * 9 + [0.0], [1.0] * 8 + [0.0] * 2]
    answers, _ = told(Ladder(step=0.1), losses)
    assert [answer.improved for answer in answers] == [True, False, True]


def test_a_spent_budget_tells_nothing_more():
    """Thresholdout refuses when its answers from the holdout are used up."""
    policy = Thresholdout(budget=1)
    state, _ = policy.answer(State(), np.ones(100), Stream(0, ("holdout", 0)), 0.0)
    with pytest.raises(UsageError, match="budget is spent"):
        policy.answer(state, np.ones(100), Stream(0, ("holdout", 1)), 0.0)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_more_examples_show_smaller_steps(policy):
    """The smallest visible step falls with the number of examples, and the description names it."""
    steps = [policy.smallest_step(n) for n in (100, 1_000, 10_000)]
    assert steps == sorted(steps, reverse=True)
    assert policy.describe(1000)


def test_the_shaky_step_is_seen_in_95_of_100_cases():
    """An improvement of the smallest step over a risk told with noise passes in 95 % of the cases."""
    policy, n, passed = ShakyLadder(), 1000, 0
    improvement = policy.smallest_step(n)
    for key in range(2000):
        losses = [np.full(n, risk) for risk in (0.5, 0.5 - improvement)]
        passed += told(policy, losses, key=key)[0][1].improved
    assert passed / 2000 == pytest.approx(0.95, abs=0.015)


def test_what_a_ladder_surely_tells():
    """An improvement of a step and a half is told wherever the last told risk was rounded to."""
    policy = Ladder(step=0.1)
    for first in np.linspace(0.3, 0.6, 61):
        for gain, seen in ((0.15001, True), (0.04999, False)):
            answers, _ = told(policy, [[first] * 10, [first - gain] * 10])
            assert answers[1].improved is seen


@pytest.mark.parametrize("train", [None, math.nan, math.inf])
def test_a_training_risk_that_is_no_number_is_refused(train):
    """Thresholdout refuses a training risk that it could neither compare nor store."""
    with pytest.raises(UsageError, match="compares with the risk"):
        Thresholdout().answer(State(), np.ones(100), Stream(0, ("holdout", 0)), train)


def test_the_word_of_the_submitter_improves_nothing():
    """A training risk that is told back is no improvement of the leaderboard."""
    answers, state = told(Thresholdout(), [[0.3] * 1000] * 3, train=0.25)
    assert {(answer.risk, answer.improved) for answer in answers} == {(0.25, False)}
    assert state.told is None


def test_losses_beyond_the_declared_span_are_refused():
    """A parameter-free Ladder that was told of losses in [0, 1] refuses larger ones."""
    with pytest.raises(UsageError, match="range further than was declared"):
        told(ParameterFreeLadder(), [[0.0, 50.0]])
