"""A text-conditioned U-Net in PyTorch (eager, CPU), to time nn_text_unet.cpp against: same layers,
same sizes. Usage: torch_text_unet.py [threads]"""
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

PARAMETERS = 4_986_051  # nn_text_unet.cpp asserts the same number


def embed(t, dim):
    half = dim // 2
    f = torch.exp(-math.log(10000) * torch.arange(half) / half)
    a = t[:, None].float() * f[None]
    return torch.cat([a.sin(), a.cos()], 1)


class Res(nn.Module):
    def __init__(s, i, o, e):
        super().__init__()
        s.n1 = nn.GroupNorm(8, i)
        s.c1 = nn.Conv2d(i, o, 3, padding=1)
        s.e = nn.Linear(e, o)
        s.n2 = nn.GroupNorm(8, o)
        s.c2 = nn.Conv2d(o, o, 3, padding=1)
        s.k = nn.Conv2d(i, o, 1) if i != o else nn.Identity()

    def forward(s, x, e):
        h = s.c1(F.silu(s.n1(x))) + s.e(e)[:, :, None, None]
        return s.c2(F.silu(s.n2(h))) + s.k(x)


def attend(q, k, v, heads):
    """q (B, C, H, W), k and v (B, C, L); the channels of a head lie together."""
    b, c, h, w = q.shape
    d = c // heads
    q, k, v = (z.reshape(b * heads, d, -1) for z in (q, k, v))
    p = torch.softmax((q * d**-0.5).transpose(1, 2) @ k, -1)
    return (v @ p.transpose(1, 2)).reshape(b, c, h, w)


class SelfAttention(nn.Module):
    def __init__(s, c, heads):
        super().__init__()
        s.n = nn.GroupNorm(8, c)
        s.q = nn.Conv2d(c, 3 * c, 1)
        s.o = nn.Conv2d(c, c, 1)
        s.heads = heads

    def forward(s, x):
        q, k, v = s.q(s.n(x)).chunk(3, 1)
        return x + s.o(attend(q, k, v, s.heads))


class CrossAttention(nn.Module):
    def __init__(s, c, token_channels, heads):
        super().__init__()
        s.n = nn.GroupNorm(8, c)
        s.q = nn.Conv2d(c, c, 1)
        s.o = nn.Conv2d(c, c, 1)
        s.kv = nn.Linear(token_channels, 2 * c)
        s.heads = heads

    def forward(s, x, tokens):
        k, v = s.kv(tokens).transpose(1, 2).chunk(2, 1)
        return x + s.o(attend(s.q(s.n(x)), k, v, s.heads))


class Stage(nn.Module):
    def __init__(s, i, o, e, attends, token_channels, heads):
        super().__init__()
        s.block = Res(i, o, e)
        s.attention = SelfAttention(o, heads) if attends else None
        s.to_tokens = CrossAttention(o, token_channels, heads) if attends else None

    def forward(s, x, e, tokens):
        h = s.block(x, e)
        return h if s.attention is None else s.to_tokens(s.attention(h), tokens)


class UNet(nn.Module):
    def __init__(s, cin=3, base=64, multipliers=(1, 2, 2), blocks=1, attention=(False, True, True),
                 heads=4, token_channels=64):
        super().__init__()
        e = 4 * base
        s.base = base
        s.te = nn.Sequential(nn.Linear(base, e), nn.SiLU(), nn.Linear(e, e))
        s.inp = nn.Conv2d(cin, base, 3, padding=1)
        kept, c = [base], base
        s.down, s.up = nn.ModuleList(), nn.ModuleList()
        for l, m in enumerate(multipliers):
            for _ in range(blocks):
                s.down.append(Stage(c, base * m, e, attention[l], token_channels, heads))
                c = base * m
                kept.append(c)
            if l + 1 < len(multipliers):
                s.down.append(nn.Conv2d(c, c, 3, stride=2, padding=1))
                kept.append(c)
        s.m1, s.m2 = Res(c, c, e), Res(c, c, e)
        s.ma, s.mx = SelfAttention(c, heads), CrossAttention(c, token_channels, heads)
        for l, m in reversed(list(enumerate(multipliers))):
            for _ in range(blocks + 1):
                s.up.append(Stage(c + kept.pop(), base * m, e, attention[l], token_channels, heads))
                c = base * m
            if l > 0:
                s.up.append(nn.Conv2d(c, c, 3, padding=1))
        s.n = nn.GroupNorm(8, c)
        s.out = nn.Conv2d(c, cin, 3, padding=1)

    def forward(s, x, t, tokens):
        e = F.silu(s.te(embed(t, s.base)))
        h = s.inp(x)
        kept = [h]
        for d in s.down:
            h = d(h) if isinstance(d, nn.Conv2d) else d(h, e, tokens)
            kept.append(h)
        h = s.m2(s.mx(s.ma(s.m1(h, e)), tokens), e)
        for u in s.up:
            if isinstance(u, nn.Conv2d):
                h = u(F.interpolate(h, scale_factor=2, mode="nearest"))
            else:
                h = u(torch.cat([h, kept.pop()], 1), e, tokens)
        return s.out(F.silu(s.n(h)))


def median_time(f, repetitions=8):
    f()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return sorted(times)[repetitions // 2]


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    net = UNet()
    count = sum(p.numel() for p in net.parameters())
    assert count == PARAMETERS, count
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    batch = 32
    x, t = torch.randn(batch, 3, 32, 32), torch.randint(0, 1000, (batch,))
    tokens = torch.randn(batch, 16, 64)

    def step():
        optimizer.zero_grad()
        F.mse_loss(net(x, t, tokens), x).backward()
        optimizer.step()

    def forward():
        with torch.no_grad():
            net(x, t, tokens)

    for name, f in (("training step", step), ("forward", forward)):
        seconds = median_time(f)
        print(f"{torch.get_num_threads()} threads, {name}: {seconds * 1e3:.0f} ms = "
              f"{batch / seconds:.1f} images/s")
