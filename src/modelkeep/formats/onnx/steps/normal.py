"""The normal distribution's quantile and error functions, to the last digits of a float64: runtimes lack them.

The rational functions of the quantiles and their coefficients are those of M. J. Wichura, Algorithm AS 241, Applied
Statistics 37 (1988).
"""

from __future__ import annotations

import numpy as np

from modelkeep.formats.onnx.graph import Graph

# Numerators and denominators, from the constant upwards: the middle, the tails, the far tails.
_MIDDLE = (
    (
        3.3871328727963666080,
        133.14166789178437745,
        1971.5909503065514427,
        13731.693765509461125,
        45921.953931549871457,
        67265.770927008700853,
        33430.575583588128105,
        2509.0809287301226727,
    ),
    (
        1.0,
        42.313330701600911252,
        687.18700749205790830,
        5394.1960214247511077,
        21213.794301586595867,
        39307.895800092710610,
        28729.085735721942674,
        5226.4952788528545610,
    ),
)
_TAIL = (
    (
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        0.241780725177450611770,
        0.0227238449892691845833,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        0.689767334985100004550,
        0.148103976427480074590,
        0.0151986665636164571966,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
_FAR = (
    (
        6.65790464350110377720,
        5.46378491116411436990,
        1.78482653991729133580,
        0.296560571828504891230,
        0.0265321895265761230930,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ),
    (
        1.0,
        0.599832206555887937690,
        0.136929880922735805310,
        0.0148753612908506148525,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ),
)
#: Shares this close to 0 and 1 are moved away from them, as scikit-learn clips the result.
_BOUND = 1e-7


def _ratio(graph: Graph, x: str, both: tuple[tuple[float, ...], tuple[float, ...]]) -> str:
    parts = []
    for coefficients in both:
        total = graph.const(coefficients[-1], np.float64)
        for each in reversed(coefficients[:-1]):
            total = graph.add("Add", graph.add("Mul", total, x), graph.const(each, np.float64))
        parts.append(total)
    return graph.add("Div", *parts)


def inverse(graph: Graph, shares: str) -> str:
    """The number below which a normal variable lies with a share; shares of 0 and 1 count as 1e-7 from there."""
    from scipy.stats import norm

    half = graph.const(0.5, np.float64)
    q = graph.add("Sub", shares, half)
    small = graph.add("LessOrEqual", graph.add("Abs", q), graph.const(0.425, np.float64))
    r = graph.add("Sub", graph.const(0.180625, np.float64), graph.add("Mul", q, q))
    middle = graph.add("Mul", q, _ratio(graph, graph.add("Where", small, r, half), _MIDDLE))
    negative = graph.add("Less", q, graph.const(0.0, np.float64))
    tail = graph.add("Where", negative, shares, graph.add("Sub", graph.const(1.0, np.float64), shares))
    floor = graph.add("Max", tail, graph.const(1e-300, np.float64))
    root = graph.add("Sqrt", graph.add("Neg", graph.add("Log", floor)))
    near = graph.add("LessOrEqual", root, graph.const(5.0, np.float64))
    close = _ratio(graph, graph.add("Sub", root, graph.const(1.6, np.float64)), _TAIL)
    far = _ratio(graph, graph.add("Sub", root, graph.const(5.0, np.float64)), _FAR)
    size = graph.add("Where", near, close, far)
    outer = graph.add("Where", negative, graph.add("Neg", size), size)
    found = graph.add("Where", small, middle, outer)
    low = float(norm.ppf(_BOUND - np.spacing(1)))
    high = float(norm.ppf(1 - (_BOUND - np.spacing(1))))
    found = graph.add("Where", graph.add("Less", found, graph.const(low)), graph.const(low), found)
    return graph.add("Where", graph.add("Greater", found, graph.const(high)), graph.const(high), found)


def erf(graph: Graph, x: str) -> str:
    """The error function, with an absolute error of some 1e-16.

    1 - exp(-x^2) erfcx(x) for positive numbers, where erfcx is smooth: Chebyshev's polynomial in (4 - x) / (4 + x),
    which takes all of them to -1...1, by Clenshaw's recurrence.
    """
    from numpy.polynomial import chebyshev
    from scipy.special import erfcx

    one, four = graph.const(1.0, np.float64), graph.const(4.0, np.float64)
    tall = chebyshev.chebinterpolate(lambda t: erfcx(4 * (1 - t) / (1 + t)), 40)
    size = graph.add("Abs", x)
    t = graph.add("Div", graph.add("Sub", four, size), graph.add("Add", four, size))
    twice = graph.add("Mul", graph.const(2.0, np.float64), t)
    last, before = graph.const(tall[-1]), graph.const(0.0, np.float64)
    for each in tall[-2:0:-1]:
        step = graph.add("Sub", graph.add("Mul", twice, last), before)
        last, before = graph.add("Add", step, graph.const(each)), last
    smooth = graph.add("Add", graph.add("Sub", graph.add("Mul", t, last), before), graph.const(tall[0]))
    fading = graph.add("Exp", graph.add("Neg", graph.add("Mul", size, size)))
    return graph.add("Mul", graph.add("Sign", x), graph.add("Sub", one, graph.add("Mul", fading, smooth)))
