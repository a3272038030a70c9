import numpy as np

from layerlore.dynamics.trends.profiles import profiles_of

VALUES = np.array([[1.0, 4.0], [100.0, np.inf], [10.0, 0.0], [7.0, 7.0], [np.nan, 3.0]])
LABELS = np.array([2, 2, 2, -1, 5])


def test_means_and_bands_of_members_only():
    found = profiles_of(VALUES, LABELS, np.array([10, 20]), log=False)
    assert found["trend"].values.tolist() == [2, 5]
    np.testing.assert_allclose(found["mean"], [[37, 2], [np.nan, 3]])
    np.testing.assert_allclose(found["low"].sel(trend=2), [2.8, 0.4])
    np.testing.assert_allclose(found["high"].sel(trend=2), [82, 3.6])


def test_on_a_log_scale_the_mean_is_geometric():
    found = profiles_of(VALUES, LABELS, np.array([10, 20]), log=True)
    np.testing.assert_allclose(found["mean"], [[10, 4], [np.nan, 3]])
    assert found.attrs["mean"] == "geometric"
