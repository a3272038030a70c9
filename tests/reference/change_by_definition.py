"""METHODS B1 word for word: slow, in exact arithmetic, without a sum shared between measures.

Floats are fractions, so that differences, products and sums are exact; roots are taken of fractions with 60 digits.
Only the last step of each measure rounds. Complex weights enter as pairs of fractions.
"""

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import torch

Number = tuple[Fraction, Fraction]
"""Real and imaginary part."""

DIGITS = 60


def elements(weight: torch.Tensor) -> list[Number]:
    """The elements of a weight; what float64 holds of every dtype is exact."""
    wide = weight.detach().to(torch.complex128).reshape(-1).tolist()
    return [(Fraction(value.real), Fraction(value.imag)) for value in wide]


def minus(a: Sequence[Number], b: Sequence[Number]) -> list[Number]:
    return [(x[0] - y[0], x[1] - y[1]) for x, y in zip(a, b, strict=True)]


def root(square: Fraction) -> Decimal:
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = DIGITS, -(10**6), 10**6
        return (Decimal(square.numerator) / Decimal(square.denominator)).sqrt()


def as_decimal(value: Fraction) -> Decimal:
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = DIGITS, -(10**6), 10**6
        return Decimal(value.numerator) / Decimal(value.denominator)


def divided(a: Decimal, b: Decimal) -> float:
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = DIGITS, -(10**6), 10**6
        return float(a / b)


def modulus(x: Number) -> Decimal:
    return as_decimal(abs(x[0])) if x[1] == 0 else root(x[0] ** 2 + x[1] ** 2)


def total(values: Sequence[Decimal]) -> Decimal:
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = DIGITS, -(10**6), 10**6
        return sum(values, Decimal(0))


def squares(a: Sequence[Number]) -> Fraction:
    return sum((x[0] ** 2 + x[1] ** 2 for x in a), Fraction(0))


def rwc_l1(w: list[Number], v: list[Number]) -> float:
    if w == v:
        return 0.0
    start = total([modulus(x) for x in w])
    return divided(total([modulus(x) for x in minus(v, w)]), start) if start else math.nan


def rwc_l2(w: list[Number], v: list[Number]) -> float:
    if w == v:
        return 0.0
    return divided(root(squares(minus(v, w))), root(squares(w))) if squares(w) else math.nan


def ratios(w: list[Number], v: list[Number]) -> list[float]:
    return [divided(modulus(d), modulus(x)) for x, d in zip(w, minus(v, w), strict=True) if x != (0, 0)]


def rwc_elementwise(w: list[Number], v: list[Number]) -> float:
    found = ratios(w, v)
    return math.fsum(found) / len(found) if found else math.nan


def variance(a: Sequence[Number]) -> Fraction:
    """About the mean of the real parts."""
    mean = sum((x[0] for x in a), Fraction(0)) / len(a)
    return sum(((x[0] - mean) ** 2 + x[1] ** 2 for x in a), Fraction(0)) / len(a)


def update_to_weight(w: list[Number], v: list[Number]) -> float:
    if w == v:
        return 0.0
    return divided(root(variance(minus(v, w))), root(variance(w))) if variance(w) else math.nan


def rotation(w: list[Number], v: list[Number]) -> float:
    """``2 atan2(|u - u'|, |u + u'|)`` of the unit vectors."""
    if w == v:
        return 0.0
    if not squares(w) or not squares(v):
        return math.nan
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = DIGITS, -(10**6), 10**6
        dot = as_decimal(sum((x[0] * y[0] + x[1] * y[1] for x, y in zip(w, v, strict=True)), Fraction(0)))
        cosine = dot / (root(squares(w)) * root(squares(v)))
        apart, together = max(2 - 2 * cosine, Decimal(0)).sqrt(), max(2 + 2 * cosine, Decimal(0)).sqrt()
    return 2 * math.atan2(float(apart), float(together))


def measures(earlier: torch.Tensor, later: torch.Tensor, initial: torch.Tensor | None = None) -> dict[str, float]:
    """All measures of finite weights with elements, and the counts."""
    w, v = elements(earlier), elements(later)
    found = {
        "rwc_l1": rwc_l1(w, v),
        "rwc_l2": rwc_l2(w, v),
        "rwc_elementwise": rwc_elementwise(w, v),
        "update_to_weight": update_to_weight(w, v),
        "rotation": rotation(w, v),
    }
    if initial is not None:
        u = elements(initial)
        found["rotation_from_init"] = rotation(u, v)
        found["distance_from_init"] = rwc_l2(u, v)
    zeros = w.count((Fraction(0), Fraction(0)))
    return found | {
        "rwc_median": median(ratios(w, v)),
        "rwc_trimmed": trimmed_mean(ratios(w, v)),
        "zero_weights": float(zeros),
        "zero_start": float(zeros == len(w) and w != v),
        "nonfinite": 0.0,
    }


def median(values: list[float]) -> float:
    return float(np.median(values)) if values else math.nan


def trimmed_mean(values: list[float]) -> float:
    """What is left without the lowest and the highest tenth, as SciPy counts tenths."""
    from scipy.stats import trim_mean

    return float(trim_mean(values, 0.1)) if values else math.nan


def sums(earlier: torch.Tensor, later: torch.Tensor, initial: torch.Tensor | None = None) -> dict[str, float]:
    """The sums of finite weights, by name, each rounded once."""
    w, v = elements(earlier), elements(later)
    d, zero = minus(v, w), (Fraction(0), Fraction(0))
    found = {
        "elements": len(w),
        "nonzero": sum(x != zero for x in w),
        "nonfinite": 0,
        "changed": sum(x != zero for x in d),
        "abs_earlier": total([modulus(x) for x in w]),
        "abs_change": total([modulus(x) for x in d]),
        "ratios": math.fsum(ratios(w, v)),
        "sum_earlier": sum(x[0] for x in w),
        "sum_change": sum(x[0] for x in d),
        "squares_earlier": squares(w),
        "squares_change": squares(d),
        "growth": squares(v) - squares(w),
    }
    if initial is not None:
        u = elements(initial)
        found |= {
            "changed_from_init": sum(x != zero for x in minus(v, u)),
            "squares_initial": squares(u),
            "squares_from_init": squares(minus(v, u)),
            "growth_from_init": squares(v) - squares(u),
        }
    return {name: float(value) for name, value in found.items()}


def published(previous: list[np.ndarray], current: list[np.ndarray]) -> tuple[list[float], list[np.ndarray]]:
    """The authors' recipe: copy every weight, ``mean(|prev - cur| / |prev|)``, keep the copies as the next ``prev``."""
    copies = [array.copy() for array in current]
    with np.errstate(all="ignore"):
        found = [float(np.mean(np.abs(p - c) / np.abs(p))) for p, c in zip(previous, copies, strict=True)]
    return found, copies
