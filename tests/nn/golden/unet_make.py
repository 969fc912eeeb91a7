"""Makes unet_torch.txt and unet_optimizers.txt with PyTorch in double precision (Debian: python3-torch).

    /usr/bin/python3 tests/nn/golden/unet_make.py

Weights, images and targets come from a formula, so that only results need to be stored. A tensor is stored as
its projections onto three vectors of the same formula; small ones also as they are (NAME[]). Elements count in
PyTorch's order.
"""
import os, sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, '..', '..', '..', 'benchmarks'))
import torch
import torch.nn.functional as F
from nets_make import formula, write
from torch_unet import Att, UNet

torch.set_default_dtype(torch.float64)

class ManyHeads(Att):
    """Att with heads, whose channels lie one head after the other."""
    def forward(s, x):
        n, c, h, w = x.shape
        q, k, v = s.q(s.n(x)).reshape(n, 3, s.heads, c // s.heads, h * w).unbind(1)
        a = torch.softmax(q.transpose(-2, -1) @ k / (c // s.heads) ** 0.5, -1)
        return x + s.o((v @ a.transpose(-2, -1)).reshape(n, c, h, w))

def case(out, name, size, items, labels=None, classes=0, heads=1, **options):
    net = UNet(**options)
    for m in net.modules():
        if heads > 1 and isinstance(m, Att):
            m.__class__, m.heads = ManyHeads, heads
    if classes:  # the label's embedding is added to that of the time
        net.label = torch.nn.Embedding(classes + 1, 4 * options['base'])
        net.te.register_forward_hook(lambda m, x, e: e + net.label(torch.tensor(labels)))
    for key, (n, p) in enumerate(sorted(net.named_parameters())):
        fan = p[0].numel() if p.dim() > 1 and n != 'label.weight' else 10
        p.data = formula(p.shape, key, (3 / fan) ** 0.5)
    shape = (items, options['cin'], *size)
    x = formula(shape, 1000, 1.0).requires_grad_()
    t = torch.tensor([17.0 * n + 3 for n in range(items)])
    target = formula(shape, 2000, 1.0)
    y = net(x, t)
    loss = F.mse_loss(y, target)
    loss.backward()
    print('case', name, options['base'], ' '.join(map(str, shape)), file=out)
    print('loss[]', '%.14g' % loss.item(), file=out)
    write(out, 'output', y, 160)
    write(out, 'input', x.grad, 160)
    for n, p in sorted(net.named_parameters()):
        write(out, n, p.grad)

def trace(out, name, optimizer, decay=None, **options):
    """The points of an optimiser; with a `decay`, their average over the steps (with a warm-up) instead."""
    model = torch.nn.ParameterList([torch.nn.Parameter(torch.tensor([1.5, -0.75]))])
    p = model[0]
    opt = optimizer([p], **options)
    mean = torch.optim.swa_utils.AveragedModel(  # its n counts the first call, which only copies
        model, avg_fn=lambda a, b, n: min(decay, n / (9.0 + n)) * a + (1 - min(decay, n / (9.0 + n))) * b)
    mean.update_parameters(model)
    shown = mean.module[0] if decay else p
    print('trace', name, file=out)
    for n in range(30):
        opt.zero_grad()
        (0.5 * p[0] ** 2 + 5 * (p[1] - p[0]) ** 2 + torch.sin(3 * p[1])).backward()
        opt.step()
        if decay:
            mean.update_parameters(model)
        print('%.17g %.17g' % (shown[0].item(), shown[1].item()), file=out)

with open(os.path.join(here, 'unet_torch.txt'), 'w') as out:
    print('# PyTorch', torch.__version__, 'in double precision; made by unet_make.py', file=out)
    case(out, 'default', (12, 8), 2, cin=1, base=32, mult=(1, 2, 2), blocks=1, att=(False, False, True))
    case(out, 'two_levels', (6, 10), 3, cin=3, base=16, mult=(1, 2), blocks=2, att=(False, True))
    case(out, 'one_level', (5, 7), 2, cin=2, base=8, mult=(2,), blocks=1, att=(True,))
    case(out, 'labelled', (4, 6), 3, cin=1, base=16, mult=(1, 2), blocks=1, att=(False, True), labels=[2, 3, 0],
         classes=3, heads=4)
with open(os.path.join(here, 'unet_optimizers.txt'), 'w') as out:
    print('# PyTorch', torch.__version__, 'in double precision; made by unet_make.py', file=out)
    trace(out, 'adam', torch.optim.Adam, lr=0.05)
    trace(out, 'adam_other_constants', torch.optim.Adam, lr=0.02, betas=(0.8, 0.95), eps=1e-3)
    trace(out, 'adamw', torch.optim.AdamW, lr=0.05, weight_decay=0.1)
    trace(out, 'adamw_defaults', torch.optim.AdamW, lr=0.05)
    trace(out, 'ema_of_adam', torch.optim.Adam, decay=0.7, lr=0.05)
