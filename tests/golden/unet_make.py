"""Makes unet_torch.txt and unet_optimizers.txt with PyTorch in double precision (Debian: python3-torch).

    /usr/bin/python3 tests/golden/unet_make.py

Weights, images and targets come from a formula, so that only results need to be stored. A tensor is stored as
its sum, its sum weighted with sin(1 + i), and its first and last element, i counting in PyTorch's order.
"""
import os, sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, '..', '..', 'benchmarks'))
import torch
import torch.nn.functional as F
from torch_unet import UNet

torch.set_default_dtype(torch.float64)

def formula(shape, key, scale):
    n = 1
    for s in shape:
        n *= s
    i = torch.arange(n, dtype=torch.int64)
    h = (i * 2654435761 + i * i * 40503 + key * 1234567) % 2**32
    return (scale * (h.to(torch.float64) / 2**31 - 1)).reshape(shape)

def digest(x):
    x = x.detach().reshape(-1)
    w = torch.sin(1 + torch.arange(x.numel(), dtype=torch.float64))
    return ' '.join('%.17g' % v for v in (x.sum(), (w * x).sum(), x[0], x[-1]))

def case(out, name, size, items, **options):
    net = UNet(**options)
    for key, (_, p) in enumerate(sorted(net.named_parameters())):
        fan = p[0].numel() if p.dim() > 1 else 10
        p.data = formula(p.shape, key, (3 / fan) ** 0.5)
    shape = (items, options['cin'], *size)
    x = formula(shape, 1000, 1.0).requires_grad_()
    t = torch.tensor([17.0 * n + 3 for n in range(items)])
    target = formula(shape, 2000, 1.0)
    y = net(x, t)
    loss = F.mse_loss(y, target)
    loss.backward()
    print('case', name, options['base'], ' '.join(map(str, shape)), file=out)
    print('output', digest(y), file=out)
    print('loss', '%.17g' % loss.item(), file=out)
    print('input', digest(x.grad), file=out)
    for key, (n, p) in enumerate(sorted(net.named_parameters())):
        print(n, digest(p.grad), file=out)

def trace(out, name, optimizer, **options):
    p = torch.tensor([1.5, -0.75], requires_grad=True)
    opt = optimizer([p], **options)
    print('trace', name, file=out)
    for n in range(30):
        opt.zero_grad()
        (0.5 * p[0] ** 2 + 5 * (p[1] - p[0]) ** 2 + torch.sin(3 * p[1])).backward()
        opt.step()
        print('%.17g %.17g' % (p[0].item(), p[1].item()), file=out)

with open(os.path.join(here, 'unet_torch.txt'), 'w') as out:
    print('# PyTorch', torch.__version__, 'in double precision; made by unet_make.py', file=out)
    case(out, 'default', (12, 8), 2, cin=1, base=32, mult=(1, 2, 2), blocks=1, att=(False, False, True))
    case(out, 'two_levels', (6, 10), 3, cin=3, base=16, mult=(1, 2), blocks=2, att=(False, True))
    case(out, 'one_level', (5, 7), 2, cin=2, base=8, mult=(2,), blocks=1, att=(True,))
with open(os.path.join(here, 'unet_optimizers.txt'), 'w') as out:
    print('# PyTorch', torch.__version__, 'in double precision; made by unet_make.py', file=out)
    trace(out, 'adam', torch.optim.Adam, lr=0.05)
    trace(out, 'adam_other_constants', torch.optim.Adam, lr=0.02, betas=(0.8, 0.95), eps=1e-3)
    trace(out, 'adamw', torch.optim.AdamW, lr=0.05, weight_decay=0.1)
