"""Ranks, pairwise tests and groups, against plain loops and a simulated truth."""

from itertools import combinations

import numpy as np
import pytest

from vqa.evaluation.leaderboard import Leaderboard, groups, leaderboard
from vqa.evaluation.simulation import Population, simulate
from vqa.evaluation.statistics import corrected_ttest, holm

ALPHA = 0.05


def ranked(values: np.ndarray, population: Population) -> Leaderboard:
    """values: (seeds, cells)."""

    def test(a: int, b: int) -> float:
        return corrected_ttest(values[:, a], values[:, b], population.n_train, population.n_test).p

    return leaderboard(values.mean(axis=0), test, ALPHA)


def test_groups_are_the_maximal_runs_of_ranks_without_a_difference() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(1, 9))
        upper = np.triu(rng.random((n, n)) < 0.2, 1)
        differs = upper | upper.T
        runs = [range(a, b) for a in range(n) for b in range(a + 1, n + 1)]
        alike = [run for run in runs if not any(differs[i, j] for i, j in combinations(run, 2))]
        maximal = [run for run in alike if not any(set(run) < set(other) for other in alike)]
        assert groups(differs) == maximal


def test_each_pair_has_its_own_p_by_rank_adjusted_over_all_pairs() -> None:
    raw = {(0, 1): 0.001, (0, 2): 0.02, (1, 2): 0.3}
    board = leaderboard([0.5, 0.9, 0.7], lambda a, b: raw[min(a, b), max(a, b)], ALPHA)
    assert board.order == [1, 2, 0]
    expected = holm(np.array([raw[1, 2], raw[0, 1], raw[0, 2]]))
    np.testing.assert_allclose([board.p[0, 1], board.p[0, 2], board.p[1, 2]], expected)
    np.testing.assert_array_equal(board.p, board.p.T)
    assert board.letters == ["a", "a", "b"]


def test_a_pair_without_a_test_is_not_told_apart_and_a_cell_without_a_mean_is_last() -> None:
    board = leaderboard([np.nan, 0.2, 0.8], lambda a, b: float("nan") if 0 in (a, b) else 0.001, ALPHA)
    assert board.order == [2, 1, 0]
    assert board.letters == ["a", "b", "b"]


def test_more_groups_than_letters_are_kept_apart() -> None:
    board = leaderboard(-np.arange(28.0), lambda a, b: 0.0, ALPHA)
    assert board.letters[25:] == ["z", "aa", "ab"]


def test_groups_match_a_simulated_truth() -> None:
    population = Population()
    values = simulate(population, [0.0, -0.25, -0.25], 10, 1, np.random.default_rng(1))[0]
    board = ranked(values, population)
    assert {frozenset(board.order[:2]), frozenset(board.order[2:])} == {frozenset({0, 1}), frozenset({2, 3})}
    assert board.letters == ["a", "a", "b", "b"]


@pytest.mark.simulation
def test_equal_cells_are_told_apart_in_no_more_studies_than_alpha() -> None:
    population, studies = Population(), 500
    drawn = simulate(population, [0.0] * 5, 10, studies, np.random.default_rng(2))
    wrong = sum(bool((ranked(values, population).p < ALPHA).any()) for values in drawn)
    print(f"false findings in {wrong} of {studies} leaderboards of 6 equal cells, alpha {ALPHA}")
    assert wrong / studies <= ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / studies)


@pytest.mark.simulation
@pytest.mark.parametrize("apart,least", [(0.02, 0.0), (0.05, 0.08)])
def test_two_tiers_are_told_apart_more_often_the_further_they_are(apart, least):
    """Three cells above, three below, ten seeds: how many of the nine pairs across are found, and any wrong one within.
    least: 0.108 of the pairs 0.05 apart were found, less three standard errors; of those 0.02 apart hardly any are.
    """
    population, studies = Population(), 300
    drawn = simulate(population, [0.0, 0.0, *[-apart] * 3], 10, studies, np.random.default_rng(3))
    found, wrong = [], 0
    for values in drawn:
        board = ranked(values, population)
        upper = np.array([cell < 3 for cell in board.order])
        differs = board.p < ALPHA
        found.append(differs[np.ix_(upper, ~upper)].mean())
        wrong += bool(differs[np.ix_(upper, upper)].any() or differs[np.ix_(~upper, ~upper)].any())
    every = np.mean(np.array(found) == 1)
    print(f"tiers {apart} apart: {np.mean(found):.3f} of pairs told apart, all of them in {every:.3f} of the studies")
    print(f"a wrong pair within a tier in {wrong / studies:.3f} of the studies, alpha {ALPHA}")
    assert np.mean(found) >= least
    assert wrong / studies <= ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / studies)
