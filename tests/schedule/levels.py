# Writes levels.inc beside this file: alpha, sigma and lambda of every schedule at many times, with 50 digits.
#
#     python3 tests/schedule/levels.py          needs mpmath; the committed table was made with mpmath 1.2
#
# Everything is computed from the definitions in the papers with 700 digits (1 - alpha^2 at t = 1e-301 needs them). Times are doubles, taken exactly.
import os

from mpmath import cos, exp, log, mp, mpf, nstr, pi, sqrt

mp.dps = 700
rows = []


def row(name, T, t, alpha, sigma):
    if t is None or alpha == 0 or sigma == 0:
        raise ValueError((name, t))
    lam = log(alpha / sigma)
    text = [nstr(v, 50, min_fixed=-1, max_fixed=-1) for v in (alpha, sigma, lam)]
    rows.append('{"%s", %d, %s, %s, %s, %s},' % (name, T, float(t).hex(), *text))


# ---- discrete: alpha-bar_t = prod (1 - beta) -------------------------------------------------------
def evenly(first, last, t, T):
    return first + (last - first) * mpf(t) / (T - 1)


def linear(t, T):
    return evenly(mpf('1e-4'), mpf('0.02'), t, T)


def scaled_linear(t, T):
    return evenly(sqrt(mpf('0.00085')), sqrt(mpf('0.012')), t, T) ** 2


def cosine(t, T):
    def bar(u):
        return cos(pi / 2 * (u + mpf('0.008')) / mpf('1.008')) ** 2
    return min(1 - bar(mpf(t + 1) / T) / bar(mpf(t) / T), mpf('0.999'))


def sigmoid(t, T):
    return mpf('1e-4') + mpf('0.0199') / (1 + exp(-evenly(mpf(-6), mpf(6), t, T)))


for beta in (linear, scaled_linear, cosine, sigmoid):
    for T in (1000, 100):
        picked = {0, 1, 2, 3, 10, T // 4, T // 2, 3 * T // 4, T - 10, T - 4, T - 3, T - 2, T - 1}
        bar = mpf(1)
        for t in range(T):
            bar *= 1 - beta(t, T)
            if t in picked:
                row(beta.__name__, T, t, sqrt(bar), sqrt(1 - bar))


# ---- continuous ------------------------------------------------------------------------------------
def vp_linear(t):
    bar = exp(-(t * t * mpf('19.9') / 2 + t * mpf('0.1')))
    return sqrt(bar), sqrt(1 - bar)


def vp_cosine(t):
    s = mpf('0.008')
    alpha = cos(pi / 2 * (t + s) / (1 + s)) / cos(pi / 2 * s / (1 + s))
    return alpha, sqrt(1 - alpha ** 2)


def ve_geometric(t):
    return mpf(1), mpf('0.01') * (mpf(50) / mpf('0.01')) ** t


def flow(t):
    return 1 - t, t


def edm(t):
    return mpf(1), t


inner = [2.0**-1000, 1e-200, 1e-30, 1e-17, 1e-12, 1e-8, 1e-6, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.55,
         0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999, 1 - 1e-6, 1 - 1e-8, 1 - 1e-12, 1 - 2.0**-53]
for f in (vp_linear, vp_cosine, flow):
    for t in inner + ([1.0] if f is vp_linear else []):
        row(f.__name__, 0, t, *f(mpf(t)))
for t in [0.0] + inner + [1.0]:
    row('ve_geometric', 0, t, *ve_geometric(mpf(t)))
for t in (0.002, 0.0021, 0.01, 0.1, 0.5, 0.99, 1.01, 2.0, 10.0, 79.0, 80.0):
    row('edm', 0, t, *edm(mpf(t)))

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'levels.inc'), 'w') as out:
    out.write('// Written by levels.py: {schedule, T (0: continuous), t, alpha, sigma, lambda}\n')
    out.write('\n'.join(rows) + '\n')
