"""Makes unet_conditions_torch.txt with PyTorch in double precision (Debian: python3-torch): the U-Net with all that it
can be told. See nets_make.py for the form of the numbers.

    /usr/bin/python3 tests/nn/golden/unet_conditions_make.py
"""
import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from nets_make import attend, fill, formula, waves, write, write_gradients

def tokens_of(x):
    return x.flatten(2).transpose(1, 2)

class Spade(nn.Module):
    def __init__(s, c, labels, hidden, groups):
        super().__init__()
        s.groups, s.shared = groups, nn.Conv2d(labels, hidden, 3, padding=1)
        s.gamma, s.beta = nn.Conv2d(hidden, c, 3, padding=1), nn.Conv2d(hidden, c, 3, padding=1)
    def forward(s, x, m):
        m = F.adaptive_avg_pool2d(m, x.shape[2:])
        h = s.shared(m).relu()
        return F.group_norm(x, s.groups) * (1 + s.gamma(h)) + s.beta(h)

class Res(nn.Module):
    def __init__(s, i, o, e, groups, film, labels, hidden):
        super().__init__()
        s.film, s.reads_map = film, labels > 0
        norm = lambda c: Spade(c, labels, hidden, groups) if labels else nn.GroupNorm(groups, c)
        s.n1, s.n2, s.e = norm(i), norm(o), nn.Linear(e, o * (1 + film))
        s.c1, s.c2 = nn.Conv2d(i, o, 3, padding=1), nn.Conv2d(o, o, 3, padding=1)
        s.k = nn.Conv2d(i, o, 1) if i != o else nn.Identity()
    def forward(s, x, emb, m):
        norm = lambda f, x: f(x, m) if s.reads_map else f(x)
        e, h = s.e(emb)[:, :, None, None], s.c1(F.silu(norm(s.n1, x)))
        if s.film:
            scale, shift = e.chunk(2, 1)
            h = norm(s.n2, h) * (1 + scale) + shift
        else:
            h = norm(s.n2, h + e)
        return s.k(x) + s.c2(F.silu(h))

class Attention(nn.Module):
    def __init__(s, c, groups, heads, context=0):
        super().__init__()
        s.heads, s.n, s.o = heads, nn.GroupNorm(groups, c), nn.Conv2d(c, c, 1)
        s.q = nn.Conv2d(c, c if context else 3 * c, 1)
        s.kv = nn.Linear(context, 2 * c) if context else None
    def forward(s, x, tokens, padding):
        q = tokens_of(s.q(s.n(x)))
        if s.kv is None:
            h = attend(*q.chunk(3, -1), s.heads)
        else:
            h = attend(q, *s.kv(tokens).chunk(2, -1), s.heads, padding)
        return x + s.o(h.transpose(1, 2).unflatten(2, x.shape[2:]))

class UNet(nn.Module):
    def __init__(s, cin, base, mult, blocks, att, heads, groups, classes=0, context=0, extra=0, labels=0, hidden=64, film=False,
                 variance=False):
        super().__init__()
        e, c, ch, s.base = 4 * base, base, [base], base
        s.te, s.inp = nn.Sequential(nn.Linear(base, e), nn.SiLU(), nn.Linear(e, e)), nn.Conv2d(cin + extra, base, 3, padding=1)
        if classes:
            s.label = nn.Embedding(classes + 1, e)
        res = lambda i, o, labels=0: Res(i, o, e, groups, film, labels, hidden)
        def stage(i, o, attends, labels=0):
            cross = [Attention(o, groups, heads, context)] if context else []
            return nn.ModuleList([res(i, o, labels)] + ([Attention(o, groups, heads)] + cross if attends else []))
        s.down, s.up = nn.ModuleList(), nn.ModuleList()
        for l, m in enumerate(mult):
            for _ in range(blocks):
                s.down.append(stage(c, base * m, att[l]))
                ch.append(c := base * m)
            if l < len(mult) - 1:
                s.down.append(nn.Conv2d(c, c, 3, stride=2, padding=1))
                ch.append(c)
        s.m1, s.ma, s.m2 = res(c, c), Attention(c, groups, heads), res(c, c)
        s.mx = Attention(c, groups, heads, context) if context else None
        for l, m in reversed(list(enumerate(mult))):
            for _ in range(blocks + 1):
                s.up.append(stage(c + ch.pop(), base * m, att[l], labels))
                c = base * m
            if l > 0:
                s.up.append(nn.Conv2d(c, c, 3, padding=1))
        s.n, s.out = nn.GroupNorm(groups, c), nn.Conv2d(c, cin * (1 + variance), 3, padding=1)
    def forward(s, x, t, label=None, tokens=None, padding=None, image=None, map=None):
        e = s.te(waves(t, s.base))
        e = F.silu(e if label is None else e + s.label(label))
        def run(stage, h):
            for part in stage:
                h = part(h, e, map) if isinstance(part, Res) else part(h, tokens, padding)
            return h
        h = s.inp(x if image is None else torch.cat([x, image], 1))
        kept = [h]
        for d in s.down:
            h = d(h) if isinstance(d, nn.Conv2d) else run(d, h)
            kept.append(h)
        h = run([s.m1, s.ma] + ([s.mx] if s.mx else []) + [s.m2], h)
        for u in s.up:
            h = u(F.interpolate(h, scale_factor=2)) if isinstance(u, nn.Conv2d) else run(u, torch.cat([h, kept.pop()], 1))
        return s.out(F.silu(s.n(h)))

def case(out, name, size, items, told, **options):
    net = fill(UNet(**options))
    x = formula((items, options['cin'], *size), 1000, 1.0).requires_grad_()
    y = net(x, torch.tensor([17.0 * n + 3 for n in range(items)]), **told)
    loss = F.mse_loss(y, formula(y.shape, 2000, 1.0))
    loss.backward()
    print('case', name, file=out)
    write(out, 'loss', loss)
    write(out, 'output', y)
    write(out, 'input', x.grad)
    for key, value in told.items():
        if value.requires_grad:
            write(out, 'given.' + key, value.grad)
    write_gradients(out, net)

if __name__ == '__main__':
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, 'unet_conditions_torch.txt'), 'w') as out:
        print('# PyTorch', torch.__version__, 'in double precision; made by unet_conditions_make.py', file=out)
        given = lambda key, *shape: formula(shape, key, 1.0).requires_grad_()
        case(out, 'captions', (4, 6), 2, dict(tokens=given(3001, 2, 3, 5), padding=torch.tensor([[0, 0, 0], [0, 0, 1]]) > 0),
             cin=2, base=8, mult=(1, 2), blocks=1, att=(False, True), heads=2, groups=4, context=5)
        case(out, 'everything', (4, 8), 2, dict(
                label=torch.tensor([3, 1]), tokens=given(3001, 2, 4, 3), image=given(3002, 2, 2, 4, 8), map=given(3003, 2, 3, 4, 8)),
             cin=1, base=8, mult=(1, 1, 2), blocks=1, att=(False, True, True), heads=1, groups=2, classes=3, context=3, extra=2,
             labels=3, hidden=4, film=True, variance=True)
        case(out, 'map', (6, 4), 2, dict(map=given(3003, 2, 2, 6, 4)), cin=1, base=4, mult=(1, 2), blocks=2, att=(False, False),
             heads=1, groups=2, labels=2, hidden=6)
