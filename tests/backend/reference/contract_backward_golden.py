#!/usr/bin/env python3
"""The backward half of the row contract in exact rational arithmetic.

Prints the bits that contract_backward_test.cc expects of contract_backward.cc.
It shares no code with the library: fl() is IEEE rounding to f32, and
fma(a, b, c) = fl(ab + c).
"""
from fractions import Fraction
import math

from contract_golden import FOLD, LOG2E, exp2, fl, fma, number, show, tanh

# One item of two query heads for one kv head; no key j with j % 4 == 1.
HEADS, QUERIES, KEYS, DIM, VALUE_DIM = 2, 3, 1400, 2, 2
SCALE = fl(Fraction(1 / math.sqrt(DIM)))
SOFTCAP, SLOPES = 5, [Fraction(1, 256), Fraction(1, 512)]
VISIBLE = [j for j in range(KEYS) if j % 4 != 1]


def vector(first, row, width):
    return [number(first + row * width + d) for d in range(width)]


def q_row(h, i):
    return vector(0, h * QUERIES + i, DIM)


def k_row(j):
    return vector(100, j, DIM)


def v_row(j):
    return vector(20000, j, VALUE_DIM)


def d_o_row(h, i):
    return vector(60000, h * QUERIES + i, VALUE_DIM)


def score(h, i, j):
    """The score, and the slope of the softcap."""
    x = Fraction(0)
    for a, b in zip(q_row(h, i), k_row(j)):
        x = fma(fl(a * SCALE), b, x)
    t = tanh(fl(x * fl(1 / Fraction(SOFTCAP))))
    x = fl(fl(SOFTCAP * t) + number(50000 + j))
    return fl(x + fl(SLOPES[h] * (j - i))), fma(-t, t, Fraction(1))


def forward(xs):
    """m, l, o as contract_golden.py has them."""
    m, l, a = None, Fraction(0), [Fraction(0)] * VALUE_DIM
    for begin in range(0, len(xs), FOLD):
        part = range(begin, min(begin + FOLD, len(xs)))
        m_f = max(xs[j] for j in part)
        l_f, a_f = Fraction(0), [Fraction(0)] * VALUE_DIM
        for j in part:
            p = exp2(fl(fl(xs[j] - m_f) * LOG2E))
            l_f = fl(l_f + p)
            a_f = [fma(p, v, e) for v, e in zip(v_row(VISIBLE[j]), a_f)]
        m_new = m_f if m is None else max(m, m_f)
        old = Fraction(0) if m is None else exp2(fl(fl(m - m_new) * LOG2E))
        new = exp2(fl(fl(m_f - m_new) * LOG2E))
        l = fma(l, old, fl(l_f * new))
        a = [fma(x, old, fl(y * new)) for x, y in zip(a, a_f)]
        m = m_new
    r = fl(1 / l)
    return m, r, [fl(x * r) for x in a]


def dot(a, b):
    total = Fraction(0)
    for x, y in zip(a, b):
        total = fma(x, y, total)
    return total


def pairs(h, i):
    """(w, d_bias, d_score) of each visible key."""
    scores = [score(h, i, j) for j in VISIBLE]
    m, r, o = forward([x for x, _ in scores])
    d_o = d_o_row(h, i)
    shift = fl(dot(d_o, o) - number(70000 + h * QUERIES + i))
    result = []
    for j, (x, slope) in zip(VISIBLE, scores):
        w = fl(exp2(fl(fl(x - m) * LOG2E)) * r)
        d_bias = fl(w * fl(dot(d_o, v_row(j)) - shift))
        result.append((w, d_bias, fl(d_bias * slope)))
    return result


def query_gradient(row):
    total = [Fraction(0)] * DIM
    for begin in range(0, len(row), FOLD):
        fold = [Fraction(0)] * DIM
        for j, (_, _, ds) in list(zip(VISIBLE, row))[begin:begin + FOLD]:
            fold = [fma(ds, x, e) for x, e in zip(k_row(j), fold)]
        total = [fl(a + b) for a, b in zip(total, fold)]
    return [fl(SCALE * x) for x in total]


def key_gradients(rows, at):
    """dk and dv of key VISIBLE[at]."""
    dk, dv = [Fraction(0)] * DIM, [Fraction(0)] * VALUE_DIM
    for h in range(HEADS):
        k_sum, v_sum = [Fraction(0)] * DIM, [Fraction(0)] * VALUE_DIM
        for i in range(QUERIES):
            w, _, ds = rows[h][i][at]
            k_sum = [fma(ds, x, e) for x, e in zip(q_row(h, i), k_sum)]
            v_sum = [fma(w, x, e) for x, e in zip(d_o_row(h, i), v_sum)]
        dk = [fl(a + fl(SCALE * b)) for a, b in zip(dk, k_sum)]
        dv = [fl(a + b) for a, b in zip(dv, v_sum)]
    return dk, dv


def bias_gradient(rows, at):
    """Of a bias [Lk] at VISIBLE[at]: each head a chain, then their sum."""
    total = Fraction(0)
    for h in range(HEADS):
        chain = Fraction(0)
        for i in range(QUERIES):
            chain = fl(chain + rows[h][i][at][1])
        total = fl(total + chain)
    return total


def main():
    rows = [[pairs(h, i) for i in range(QUERIES)] for h in range(HEADS)]
    show("dq", [x for h in range(HEADS) for i in range(QUERIES)
                for x in query_gradient(rows[h][i])])
    for at in (0, 1023, 1024, len(VISIBLE) - 1):
        dk, dv = key_gradients(rows, at)
        show("key %d" % VISIBLE[at], dk + dv + [bias_gradient(rows, at)])


main()
