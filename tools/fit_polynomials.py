#!/usr/bin/env python3
"""Minimax polynomials of src/kernels/cpu/vmath.h, by iteratively reweighted least squares on Chebyshev nodes.

Prints the coefficients in single precision and the largest relative error of the polynomial evaluated in single precision
(Horner, fused multiply-add emulated in double).  usage: python3 tools/fit_polynomials.py   (needs numpy)
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


def horner32(c, x):
    """Horner in single precision with one rounding for each multiply-add."""
    p = np.full_like(x, np.float32(c[-1]))
    for k in range(len(c) - 2, -1, -1):
        p = (p.astype(np.float64) * x + np.float64(np.float32(c[k]))).astype(np.float32)
    return p


def show(name, c, f, low, high):
    x = np.linspace(low, high, 2_000_001).astype(np.float32)
    error = np.abs(horner32(c, x) / f(x.astype(np.float64)) - 1).max()
    print(f"/* {name}: largest relative error {error:.2e} */")
    for k, value in enumerate(c):
        print(f"#define {name}_C{k} {np.float32(value):.9g}f")


def log1p_over(t):
    return np.where(t == 0, 1.0, np.log1p(t) / np.where(t == 0, 1, t))


if __name__ == "__main__":
    show("EXP2", fit(np.exp2, -0.5, 0.5, 6, 1.0)[0], np.exp2, -0.5, 0.5)
    show("EXP2d5", fit(np.exp2, -0.5, 0.5, 5, 1.0)[0], np.exp2, -0.5, 0.5)
    for degree in (7, 8, 9):
        show("LOG1P%d" % degree, fit(log1p_over, 0.0, 1.0, degree)[0], log1p_over, 0.0, 1.0)
