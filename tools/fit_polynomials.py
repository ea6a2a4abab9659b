#!/usr/bin/env python3
"""Minimax polynomials of src/kernels/cpu/vmath.h, by iteratively reweighted least squares on Chebyshev nodes.

Prints the coefficients in single precision and the largest relative error of the polynomial evaluated in single precision
(as vmath.h does, fused multiply-add emulated in double).  usage: python3 tools/fit_polynomials.py   (needs numpy)
"""
import numpy as np


def fit(f, low, high, degree, fixed_first=None):
    """Polynomial p (ascending) that minimises max |p(x)/f(x) - 1| over [low, high]; p[0] may be fixed."""
    x = 0.5 * (low + high) + 0.5 * (high - low) * np.cos(np.pi * (np.arange(4000) + 0.5) / 4000)
    y = f(x)
    weight = np.ones_like(x)
    start = 1 if fixed_first is not None else 0
    best, best_error = None, np.inf
    for _ in range(400):
        a = np.stack([x**k for k in range(start, degree + 1)], 1) / y[:, None]
        b = 1.0 - (fixed_first / y if fixed_first is not None else 0.0)
        c = np.linalg.lstsq(a * np.sqrt(weight)[:, None], b * np.sqrt(weight), rcond=None)[0]
        error = np.abs(a @ c - b)
        if error.max() < best_error:
            best, best_error = c, error.max()
        weight *= error / error.max() + 1e-3
        weight /= weight.mean()
    return (np.concatenate([[fixed_first], best]) if fixed_first is not None else best), best_error


def fma(a, b, c):
    """a b + c in single precision with one rounding."""
    return (np.float64(np.float32(a)) * np.float64(np.float32(b)) + np.float64(np.float32(c))).astype(np.float32)


def exp2_pairs(c, r):
    r2 = r * r
    return fma(fma(fma(c[5], r, c[4]), r2, fma(c[3], r, c[2])), r2, fma(c[1], r, c[0]))


def log1p_pairs(c, t):
    t2 = t * t
    t4 = t2 * t2
    high = fma(c[8], t4, fma(fma(c[7], t, c[6]), t2, fma(c[5], t, c[4])))
    return fma(high, t4, fma(fma(c[3], t, c[2]), t2, fma(c[1], t, c[0])))


def show(name, c, f, low, high, evaluate):
    x = np.linspace(low, high, 2_000_001).astype(np.float32)
    error = np.abs(evaluate(c, x) / f(x.astype(np.float64)) - 1).max()
    print(f"/* {name}: largest relative error {error:.2e} */")
    for k, value in enumerate(c):
        print(f"#define {name}_C{k} {np.float32(value):.9g}f")


def log1p_over(t):
    return np.where(t == 0, 1.0, np.log1p(t) / np.where(t == 0, 1, t))


if __name__ == "__main__":
    show("EXP2", fit(np.exp2, -0.5, 0.5, 5, 1.0)[0], np.exp2, -0.5, 0.5, exp2_pairs)
    show("LOG1P", fit(log1p_over, 0.0, 1.0, 8)[0], log1p_over, 0.0, 1.0, log1p_pairs)
