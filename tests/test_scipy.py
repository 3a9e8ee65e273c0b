"""scipy's splines, polynomials, distributions, KD trees: the same function after a round trip, and checked before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import interpolate, optimize, spatial, stats

from keeping import decoded, encoded, kept
from modelkeep.errors import CheckError, GraphError, SaveErrors
from modelkeep.formats.keep.names_table import DISTRIBUTIONS
from test_arrays import hostile

X, Y = np.arange(6.0), np.arange(6.0) ** 2
BLOCK = np.random.default_rng(0).random((3, 6, 2))
POINTS = np.linspace(-1.0, 7.0, 33)

FUNCTIONS = {
    "spline": interpolate.BSpline(np.arange(10.0), np.eye(6), 3),
    "spline of one axis of three": interpolate.BSpline(np.arange(10.0), np.ones((2, 6)), 3, axis=1, extrapolate=False),
    "complex periodic spline": interpolate.BSpline(np.arange(10.0), np.arange(6) * 1j, 3, "periodic"),
    "made spline": interpolate.make_interp_spline(X, Y, k=5), "steps": interpolate.BSpline([0.0, 1, 2], [3.0, 4], 0),
    "polynomials": interpolate.PPoly(np.ones((3, 5)), X), "bernstein": interpolate.BPoly(np.ones((3, 5)), X),
    "cubic": interpolate.CubicSpline(X, Y), "cubic on an axis": interpolate.CubicSpline(X, BLOCK, axis=1),
    "hermite": interpolate.CubicHermiteSpline(X, Y, Y), "pchip": interpolate.PchipInterpolator(X, Y, extrapolate=False),
    "akima": interpolate.Akima1DInterpolator(X, Y, method="makima"),
    "falling": interpolate.PPoly(np.ones((2, 5)), X[::-1]),
    **{
        f"interp1d {kind} {outside}": interpolate.interp1d(X, Y, kind, bounds_error=False, fill_value=outside)
        for kind in ("linear", "nearest", "nearest-up", "previous", "next", "zero", "slinear", "quadratic", "cubic", 5)
        for outside in ("extrapolate", np.nan, (0.0, 9.0))
    },
    "interp1d on an axis": interpolate.interp1d(X, BLOCK, axis=1, bounds_error=False),
    "interp1d of integers": interpolate.interp1d(np.arange(6), np.arange(6), bounds_error=False),
}  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_answers_the_same(function):
    again = kept(function)
    assert type(again) is type(function)
    assert np.array_equal(again(POINTS), function(POINTS), equal_nan=True)
    assert again(POINTS).tobytes() == function(POINTS).tobytes()
    assert again.axis == function.axis


FROZEN = [
    stats.norm(1, 2), stats.randint(1, 9), stats.loguniform(1e-3, 1), stats.uniform(loc=1, scale=3.0), stats.expon(),
    stats.norm(np.array([1, 2.0])), stats.vonmises_line(2), stats.poisson(np.float32(3)),
]  # fmt: skip


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda f: f.dist.name)
def test_a_frozen_distribution_draws_the_same(frozen):
    again = kept(frozen)
    assert type(again) is type(frozen)
    assert np.array_equal(again.rvs(2, random_state=3), frozen.rvs(2, random_state=3))
    assert np.array_equal(again.mean(), frozen.mean())


def test_a_distribution_with_a_state_of_its_own_goes_on():
    frozen = stats.norm(1, 2)
    frozen.random_state = 7
    frozen.rvs(3)
    again = kept(frozen)
    assert again.rvs(5).tolist() == frozen.rvs(5).tolist()
    assert stats.norm.random_state is np.random.mtrand._rand


def test_every_listed_distribution_is_found_by_its_name():
    """Those that this scipy has; newer and older ones lack a few."""
    found = [getattr(stats, name, None) for name in sorted(DISTRIBUTIONS)]
    assert sum(one is None for one in found) < 5
    for one in found:
        assert one is None or kept(one) is one


@pytest.mark.parametrize("cls", [spatial.KDTree, spatial.cKDTree])
@pytest.mark.parametrize(
    "options", [{}, {"leafsize": 3}, {"compact_nodes": False}, {"balanced_tree": False}, {"boxsize": 2.0}]
)
def test_a_tree_finds_the_same_neighbours(cls, options):
    points = np.random.default_rng(1).integers(0, 5, (300, 3)) / 4  # many ties
    tree = cls(points, **options)
    again = kept(tree)
    assert type(again) is cls
    assert [part.tolist() for part in again.query(points[:50] + 0.1, 5)] == [
        part.tolist() for part in tree.query(points[:50] + 0.1, 5)
    ]


def test_the_result_of_an_optimisation_comes_back():
    result = optimize.minimize(optimize.rosen, [1.0, 2.0], method="BFGS")
    again = kept(result)
    assert type(again) is optimize.OptimizeResult
    assert again.x.tobytes() == result.x.tobytes()
    assert again.message == result.message
    looped = optimize.OptimizeResult(parts=[])
    looped.parts.append(looped)
    again = kept(looped)
    assert again.parts[0] is again


def test_what_can_not_be_kept_is_refused():
    own = type("own_gen", (stats.rv_continuous,), {"__module__": __name__})(name="norm")
    named = stats.norm(1)
    named.args = ("x",)
    for value in (own(), named, optimize.LinearConstraint([[1]], 0, 1), interpolate.UnivariateSpline(X, Y)):
        with pytest.raises(SaveErrors):
            encoded([value])


KNOTS, ONES, TEXT = np.arange(10.0), np.ones((6, 6)), np.array(["a"])
WORST = np.where(KNOTS == 8, np.nan, KNOTS)
T, C, W, N, R = ["array", 0], ["array", 1], ["array", 2, {"dtype": "<U1", "shape": [1]}], ["array", 3], ["array", 4]
HOSTILE: list[Any] = [
    ["bspline", T, C, 21, True, 0], ["bspline", T, C, -1, True, 0], ["bspline", T, C, 2, True, 0],
    ["bspline", N, C, 3, True, 0], ["bspline", R, C, 3, True, 0], ["bspline", C, C, 3, True, 0],
    ["bspline", T, W, 3, True, 0], ["bspline", T, C, 3, "always", 0], ["bspline", T, C, 3, True, 2],
    ["bspline", T, C, 3, True, None], ["bspline", 1, 2, 3, 4, 5], ["bspline", T, C, 3.0, True, 0],
    ["bspline", T, C, 3, 1, 0], ["ppoly", "PPoly", C, T, True, 0], ["ppoly", "BSpline", C, T, True, 0],
    ["ppoly", ["list", []], C, T, True, 0], ["ppoly", "PPoly", C, N, True, 0], ["ppoly", "PPoly", T, T, True, 0],
    ["ppoly", "PPoly", 5, T, True, 0], ["interp1d", T, C, "linear", 0, True, T],
    ["interp1d", T, T, "os.system", 0, True, T], ["interp1d", T, T, 50, 0, True, T],
    ["interp1d", T, W, "linear", 0, True, T], ["interp1d", T, T, "linear", 9, True, T],
    ["interp1d", 1, 2, "linear", 0, True, T], ["interp1d", T, T, "linear", 0, True, "x"],
    ["interp1d", T, T, "linear", 0, True, ["tuple", [1, 2]]], ["interp1d", N, T, "cubic", 0, True, "extrapolate"],
    ["distribution", "os", None], ["distribution", 5, None], ["distribution", "norm", 5],
    ["distribution", "rv_continuous", None], ["frozen", "norm", ["x"], {}, None],
    ["frozen", "norm", [], {"what": 1}, None], ["frozen", "norm", [1, 2, 3], {}, None],
    ["frozen", "norm", [["list", []]], {}, None], ["frozen", "norm", [], {"loc": W}, None],
    ["frozen", "beta", [], {}, None], ["kdtree", "KDTree", N, 8, True, True, None],
    ["kdtree", "KDTree", T, 8, True, True, None], ["kdtree", "x", C, 8, True, True, None],
    ["kdtree", "KDTree", C, 0, True, True, None], ["kdtree", "KDTree", C, 8, 1, True, None],
    ["kdtree", "KDTree", C, 8, True, True, T], ["kdtree", "KDTree", 5, 8, True, True, None], ["optimizeresult", []],
    ["optimizeresult", 5], ["optimizeresult"],
]  # fmt: skip


@pytest.mark.parametrize("node", HOSTILE, ids=lambda node: repr(node)[:70])
def test_a_hostile_function_is_refused(node):
    with pytest.raises((GraphError, CheckError)):
        decoded(hostile(node, KNOTS, ONES, TEXT, WORST, KNOTS[::-1].copy()))
