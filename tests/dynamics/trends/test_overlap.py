import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from layerlore.dynamics.trends.overlap import adjusted_rand, contingency, jaccard

pairs = st.integers(1, 12).flatmap(
    lambda n: st.tuples(*(st.lists(st.integers(-2, 3), min_size=n, max_size=n) for _ in range(2)))
)


@given(pairs)
def test_adjusted_rand_is_that_of_scikit_learn(both):
    first, second = (np.array(labels) for labels in both)
    # Sums of a dozen small integers: rounding only.
    assert abs(adjusted_rand(first, second) - adjusted_rand_score(first, second)) < 1e-12
    assert adjusted_rand(first, second) == adjusted_rand(second, first)


@given(pairs)
def test_jaccard_by_sets(both):
    first, second = (np.array(labels) for labels in both)
    members = [{int(p) for p in np.flatnonzero(second == label)} for label in np.unique(second)]
    for label, share in jaccard(first, second).items():
        own = {int(p) for p in np.flatnonzero(first == label)}
        assert abs(share - max(len(own & other) / len(own | other) for other in members)) < 1e-12


def test_contingency():
    assert contingency(np.array([5, 5, -1]), np.array([0, 1, 1])).tolist() == [[0, 1], [1, 1]]
