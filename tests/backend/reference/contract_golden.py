#!/usr/bin/env python3
"""The row contract in exact rational arithmetic, every rounding spelled out.

Prints the bits that contract_test.cc expects of contract.cc. It shares no code
with the library: fl() is IEEE rounding to f32, and fma(a, b, c) = fl(ab + c).
"""
from fractions import Fraction
import math
import struct

FOLD = 1024


def fl(x):
    """x rounded to the nearest f32, ties to even, as a Fraction."""
    if x == 0:
        return Fraction(0)
    exponent = max(math.floor(math.log2(abs(x))) - 2, -128)
    while abs(x) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    unit = Fraction(2) ** (max(exponent, -126) - 23)
    return round(x / unit) * unit  # round() is to even


def f32(text):
    return fl(Fraction(text))


def fma(a, b, c):
    return fl(a * b + c)


LOG2E, LN2 = f32("1.44269504"), f32("0.693147181")


def horner(coefficients, x):
    p = f32(coefficients[0])
    for each in coefficients[1:]:
        p = fma(p, x, f32(each))
    return p


def exp2(t):
    if t < -126:
        return Fraction(0)
    n = round(t)
    p = horner(["1.535336188e-4", "1.339887440e-3", "9.618437357e-3",
                "5.550332548e-2", "2.402264791e-1", "6.931472028e-1", "1"],
               t - n)
    return p * Fraction(2) ** n


def log2(x):
    e, f = 0, x
    root = Fraction(0x3504F3 + 0x800000, 2 ** 24)  # sqrt(1/2) as an f32
    while f >= 2 * root:
        e, f = e + 1, f / 2
    s = fl(fl(f - 1) / fl(f + 1))
    p = horner(["0.320598897", "0.412198582", "0.577078015", "0.961796693",
                "2.88539008"], fl(s * s))
    return fma(p, s, Fraction(e))


def tanh(y):
    a = abs(y)
    if a < Fraction(5, 8):
        u = fl(y * y)
        p = horner(["-6.096714166e-03", "2.099717900e-02", "-5.385090958e-02",
                    "1.333276974e-01", "-3.333332894e-01"], u)
        return fma(fl(y * u), p, y)
    z = exp2(fl(a * f32("-2.88539008")))
    t = fl(fl(1 - z) / fl(1 + z))
    return t if y > 0 else -t


def number(i):
    """Pseudo-random, in [-4, 4), exact in f32; contract_test.cc has it too."""
    return Fraction(((i * 2654435761) % 2 ** 32 >> 20) - 2048, 512)


def row(keys, dim, value_dim, softcap=None, slope=None, biased=False):
    """o, lse, m, l of query 0 over `keys`; tensors as contract_test.cc."""
    scale = fl(Fraction(1 / math.sqrt(dim)))
    q = [fl(number(d) * scale) for d in range(dim)]
    xs = []
    for j in keys:
        x = Fraction(0)
        for d in range(dim):
            x = fma(q[d], number(100 + j * dim + d), x)
        if softcap is not None:
            x = fl(softcap * tanh(fl(x * fl(1 / Fraction(softcap)))))
        if biased:
            x = fl(x + number(50000 + j))
        if slope is not None:
            x = fl(x + fl(slope * j))
        xs.append(x)
    value = [[number(20000 + j * value_dim + d) for d in range(value_dim)]
             for j in keys]
    m, l, a = None, Fraction(0), [Fraction(0)] * value_dim
    for begin in range(0, len(xs), FOLD):
        part = range(begin, min(begin + FOLD, len(xs)))
        m_f = max(xs[j] for j in part)
        l_f, a_f = Fraction(0), [Fraction(0)] * value_dim
        for j in part:
            p = exp2(fl(fl(xs[j] - m_f) * LOG2E))
            l_f = fl(l_f + p)
            a_f = [fma(p, v, each) for v, each in zip(value[j], a_f)]
        m_new = m_f if m is None else max(m, m_f)
        # From -FLT_MAX the first scale is 0, and so are the sums it scales.
        old = Fraction(0) if m is None else exp2(fl(fl(m - m_new) * LOG2E))
        new = exp2(fl(fl(m_f - m_new) * LOG2E))
        l = fma(l, old, fl(l_f * new))
        a = [fma(x, old, fl(y * new)) for x, y in zip(a, a_f)]
        m = m_new
    r = fl(1 / l)
    return [fl(x * r) for x in a] + [fma(log2(l), LN2, m), m, l]


def bits(x):
    return "0x%08X" % struct.unpack("<I", struct.pack("<f", float(x)))[0]


def show(name, values):
    print(name + ":", ", ".join(bits(x) for x in values))


def main():
    few = [0, 2, 3, 6, 7]
    many = [j for j in range(2200) if j % 4 != 1]
    show("five keys", row(few, 3, 2))
    show("1,650 keys", row(many, 3, 2))
    show("1,650 keys, softcap, bias and ALiBi",
         row(many, 3, 2, softcap=5, slope=Fraction(1, 256), biased=True))


if __name__ == "__main__":
    main()
