"""Makes nets_torch.txt with PyTorch in double precision (Debian: python3-torch): the nets beside the U-Net.

    /usr/bin/python3 tests/nn/golden/nets_make.py

Weights, inputs and targets come from a formula, so that only results need to be stored. A tensor is stored as its
projections onto three vectors of the same formula; small ones also as they are (NAME[]). Elements count in PyTorch's
order.
"""
import math, os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)

def formula(shape, key, scale):
    n = math.prod(shape)
    i = torch.arange(n, dtype=torch.int64)
    h = (i * 2654435761 + i * i * 40503 + key * 1234567) % 2**32
    return (scale * (h.to(torch.float64) / 2**31 - 1)).reshape(shape)

def write(out, name, x, whole=8):
    x = x.detach().reshape(-1)
    print(name, *('%.14g' % v for v in formula((x.numel(), 3), 3000, 1.0).T @ x), file=out)
    if x.numel() <= whole:
        print(name + '[]', *('%.14g' % v for v in x), file=out)

def fill(net):
    tables = {m.weight for m in net.modules() if isinstance(m, nn.Embedding)}
    for key, (_, p) in enumerate(sorted(net.named_parameters())):
        p.data = formula(p.shape, key, (3 / (p[0].numel() if p.dim() > 1 and p not in tables else 10)) ** 0.5)
    return net

def write_gradients(out, net):
    for n, p in sorted(net.named_parameters()):
        write(out, n, p.grad)

def waves(t, channels):
    a = t[:, None] * 10000 ** (-torch.arange(channels // 2) / (channels // 2))
    return torch.cat([a.sin(), a.cos()], 1)

def attend(q, k, v, heads, mask=None, causal=False):
    """Attention of (items, tokens, channels), whose channels lie one head after the other; not to the masked keys."""
    split = lambda x: x.unflatten(-1, (heads, -1)).transpose(1, 2)
    a = split(q) @ split(k).transpose(-2, -1) / (q.shape[-1] // heads) ** 0.5
    if mask is not None:
        a = a.masked_fill(mask[:, None, None, :], -math.inf)
    if causal:
        a = a + torch.full(a.shape[-2:], -math.inf).triu(1)
    return (a.softmax(-1) @ split(v)).transpose(1, 2).flatten(-2)

# ---- the diffusion transformer -------------------------------------------------------------------------------------
class DiTBlock(nn.Module):
    def __init__(s, c, heads, ratio):
        super().__init__()
        s.heads, s.q, s.o = heads, nn.Linear(c, 3 * c), nn.Linear(c, c)
        s.mlp = nn.Sequential(nn.Linear(c, ratio * c), nn.GELU(approximate='tanh'), nn.Linear(ratio * c, c))
        s.ada = nn.Linear(c, 6 * c)
    def forward(s, x, c):
        b1, a1, g1, b2, a2, g2 = s.ada(c)[:, None].chunk(6, -1)
        norm = lambda x: F.layer_norm(x, x.shape[-1:], eps=1e-6)
        x = x + g1 * s.o(attend(*s.q(norm(x) * (1 + a1) + b1).chunk(3, -1), s.heads))
        return x + g2 * s.mlp(norm(x) * (1 + a2) + b2)

class DiT(nn.Module):
    def __init__(s, cin, cout, patch, c, blocks, heads, ratio, classes):
        super().__init__()
        s.patch, s.c = patch, c
        s.te = nn.Sequential(nn.Linear(c, c), nn.SiLU(), nn.Linear(c, c))
        if classes:
            s.label = nn.Embedding(classes + 1, c)
        s.inp, s.out = nn.Linear(cin * patch**2, c), nn.Linear(c, cout * patch**2)
        s.blocks = nn.ModuleList(DiTBlock(c, heads, ratio) for _ in range(blocks))
        s.ada = nn.Linear(c, 2 * c)
    def forward(s, x, t, labels=None):
        e = s.te(waves(t, s.c))
        e = F.silu(e if labels is None else e + s.label(labels))
        h = F.pixel_unshuffle(x, s.patch).permute(0, 2, 3, 1)
        rows, columns = torch.arange(h.shape[1]) + 0.0, torch.arange(h.shape[2]) + 0.0
        p = torch.cat([waves(columns, s.c // 2)[None].expand(len(rows), -1, -1),
                       waves(rows, s.c // 2)[:, None].expand(-1, len(columns), -1)], -1)
        grid, h = h.shape[1:3], (s.inp(h) + p).flatten(1, 2)
        for block in s.blocks:
            h = block(h, e)
        b, a = s.ada(e)[:, None].chunk(2, -1)
        h = s.out(F.layer_norm(h, h.shape[-1:], eps=1e-6) * (1 + a) + b)
        return F.pixel_shuffle(h.unflatten(1, grid).permute(0, 3, 1, 2), s.patch)

def dit(out, name, size, items, cin, cout, labels=None, **options):
    net = fill(DiT(cin, cout, **options))
    x = formula((items, cin, *size), 1000, 1.0).requires_grad_()
    t = torch.tensor([17.0 * n + 3 for n in range(items)])
    y = net(x, t, None if labels is None else torch.tensor(labels))
    loss = F.mse_loss(y, formula(y.shape, 2000, 1.0))
    loss.backward()
    print('case', name, file=out)
    write(out, 'loss', loss)
    write(out, 'output', y, 160)
    write(out, 'input', x.grad, 160)
    write_gradients(out, net)

# ---- the transformer for captions ----------------------------------------------------------------------------------
class Block(nn.Module):
    def __init__(s, c, heads, ratio, causal):
        super().__init__()
        s.heads, s.causal, s.n1, s.n2 = heads, causal, nn.LayerNorm(c), nn.LayerNorm(c)
        s.q, s.o = nn.Linear(c, 3 * c), nn.Linear(c, c)
        s.mlp = nn.Sequential(nn.Linear(c, ratio * c), nn.GELU(), nn.Linear(ratio * c, c))
    def forward(s, x, mask):
        x = x + s.o(attend(*s.q(s.n1(x)).chunk(3, -1), s.heads, mask, s.causal))
        return x + s.mlp(s.n2(x))
    def as_torchs(s):
        """PyTorch's own layer with the same weights."""
        c = s.o.in_features
        layer = nn.TransformerEncoderLayer(c, s.heads, s.mlp[0].out_features, 0, F.gelu, batch_first=True, norm_first=True)
        names = {'self_attn.in_proj_': s.q, 'self_attn.out_proj.': s.o, 'linear1.': s.mlp[0], 'linear2.': s.mlp[2],
                 'norm1.': s.n1, 'norm2.': s.n2}
        layer.load_state_dict({k + w: getattr(m, w) for k, m in names.items() for w in ('weight', 'bias')})
        return layer

class Transformer(nn.Module):
    def __init__(s, vocabulary, length, c, blocks, heads, ratio, learned, causal=False):
        super().__init__()
        s.c, s.token, s.n = c, nn.Embedding(vocabulary, c), nn.LayerNorm(c)
        if learned:
            s.position = nn.Embedding(length, c)
        s.blocks = nn.ModuleList(Block(c, heads, ratio, causal) for _ in range(blocks))
    def forward(s, tokens, lengths):
        places = torch.arange(tokens.shape[1])
        mask = places >= torch.tensor(lengths)[:, None]
        h = s.token(tokens) + (s.position(places) if hasattr(s, 'position') else waves(places + 0.0, s.c))
        for block in s.blocks:
            later = torch.ones(len(places), len(places), dtype=torch.bool).triu(1) if block.causal else None
            other = block.as_torchs()(h, later, mask)
            h = block(h, mask)
            assert (h - other).abs().max() < 1e-12
        return s.n(h)

def transformer(out, name, tokens, lengths, **options):
    net = fill(Transformer(**options))
    y = net(torch.tensor(tokens), lengths)
    loss = F.mse_loss(y, formula(y.shape, 2000, 1.0))
    loss.backward()
    print('case', name, file=out)
    write(out, 'loss', loss)
    write(out, 'output', y, 160)
    write_gradients(out, net)

# ---- the autoencoder -----------------------------------------------------------------------------------------------
class Res(nn.Module):
    def __init__(s, i, o, groups):
        super().__init__()
        s.n1, s.c1 = nn.GroupNorm(groups, i), nn.Conv2d(i, o, 3, padding=1)
        s.n2, s.c2 = nn.GroupNorm(groups, o), nn.Conv2d(o, o, 3, padding=1)
        s.k = nn.Conv2d(i, o, 1) if i != o else nn.Identity()
    def forward(s, x):
        return s.c2(F.silu(s.n2(s.c1(F.silu(s.n1(x)))))) + s.k(x)

class Att(nn.Module):
    def __init__(s, c, groups, heads):
        super().__init__()
        s.heads, s.n, s.q, s.o = heads, nn.GroupNorm(groups, c), nn.Conv2d(c, 3 * c, 1), nn.Conv2d(c, c, 1)
    def forward(s, x):
        q, k, v = s.q(s.n(x)).flatten(2).transpose(1, 2).chunk(3, -1)
        return x + s.o(attend(q, k, v, s.heads).transpose(1, 2).unflatten(2, x.shape[2:]))

class Half(nn.Module):
    """Encoder or decoder; the levels are ModuleLists of blocks, then perhaps of a convolution."""
    def __init__(s, cin, cout, channels, blocks, groups, heads, decodes):
        super().__init__()
        s.decodes, c = decodes, channels[0]
        s.inp, levels = nn.Conv2d(cin, c, 3, padding=1), nn.ModuleList()
        for l, wide in enumerate(channels):
            level = nn.ModuleDict()
            for i in range(blocks):
                level[str(i)] = Res(c, wide, groups)
                c = wide
            if l + 1 < len(channels):
                level['resample'] = nn.Conv2d(c, c, 3, stride=1 if decodes else 2, padding=1)
            levels.append(level)
        setattr(s, 'up' if decodes else 'down', levels)
        m = channels[0 if decodes else -1]
        s.m1, s.ma, s.m2 = Res(m, m, groups), Att(m, groups, heads), Res(m, m, groups)
        s.n, s.out = nn.GroupNorm(groups, c), nn.Conv2d(c, cout, 3, padding=1)
    def forward(s, x):
        h = s.inp(x)
        if s.decodes:
            h = s.m2(s.ma(s.m1(h)))
        for level in s.up if s.decodes else s.down:
            for name, part in level.items():
                twice = s.decodes and name == 'resample'
                h = part(F.interpolate(h, scale_factor=2, mode='nearest') if twice else h)
        return s.out(F.silu(s.n(h if s.decodes else s.m2(s.ma(s.m1(h))))))

class Autoencoder(nn.Module):
    def __init__(s, cin, channels, blocks, latent, groups, heads):
        super().__init__()
        s.encoder = Half(cin, 2 * latent, channels, blocks, groups, heads, False)
        s.decoder = Half(latent, cin, channels[::-1], blocks + 1, groups, heads, True)

def autoencoder(out, name, size, items, cin, **options):
    net = fill(Autoencoder(cin, **options))
    x = formula((items, cin, *size), 1000, 1.0).requires_grad_()
    mean, v = net.encoder(x).chunk(2, 1)
    y = net.decoder(mean + (v / 2).exp() * formula(mean.shape, 2000, 1.0))
    q = torch.distributions.Normal(mean, (v / 2).exp())
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum() / items
    loss = F.mse_loss(y, x) + 0.01 * kl
    loss.backward()
    print('case', name, file=out)
    write(out, 'loss', loss)
    write(out, 'mean', mean, 160)
    write(out, 'log_variance', v, 160)
    write(out, 'output', y, 160)
    write(out, 'input', x.grad, 160)
    write_gradients(out, net)

if __name__ == '__main__':
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'nets_torch.txt'), 'w') as out:
        print('# PyTorch', torch.__version__, 'in double precision; made by nets_make.py', file=out)
        dit(out, 'dit', (6, 10), 3, 1, 1, patch=2, c=16, blocks=2, heads=4, ratio=4, classes=0)
        dit(out, 'dit_labelled', (9, 6), 2, 3, 6, patch=3, c=24, blocks=3, heads=2, ratio=2, classes=3, labels=[3, 1])
        tokens = [[3, 1, 4, 1, 5], [2, 6, 0, 0, 0], [5, 3, 5, 0, 0]]
        transformer(out, 'transformer', tokens, [5, 2, 3], vocabulary=7, length=6, c=12, blocks=2, heads=3, ratio=4, learned=True)
        transformer(out, 'transformer_causal', tokens, [5, 2, 3], vocabulary=7, length=5, c=10, blocks=3, heads=1, ratio=2,
                    learned=False, causal=True)
        autoencoder(out, 'autoencoder', (6, 10), 2, 3, channels=(8, 16), blocks=1, latent=3, groups=4, heads=2)
        autoencoder(out, 'autoencoder_flat', (3, 5), 3, 1, channels=(6,), blocks=2, latent=2, groups=3, heads=1)
