"""A small convolutional network beside torch: python -m benchmarks convolution.

The step is conv(8)-pool-conv(16)-pool-dense on 64 images of 28 × 28: forward, loss, backward and
an update. torch runs eagerly, in its usual memory order and in channels-last.
"""

from benchmarks.works.beside_torch import (  # first: sets the threads
    header,
    layer_row,
    medians,
    peak_bytes,
    torch,
)

# isort: split
from benchmarks.peers.minidl import network, optimizer
from benchmarks.peers.torch import network as torch_network
from benchmarks.work import Training
from minidl import AvgPool2D, Conv2D, GlobalAveragePool2D, MaxPool2D, SoftmaxCrossEntropy

SAMPLES = 64
WORK = Training("", batch=SAMPLES, steps=1)


def our_step(x, target):
    model, loss = network(WORK), SoftmaxCrossEntropy()
    update = optimizer(WORK, model).step

    def step():
        logits, caches = model.forward(x)
        _, cache = loss.forward(logits, target)
        model.backward_parameters(loss.backward(1.0, cache), caches)
        update()

    activations = x.nbytes
    y = x
    for layer in model:
        y = layer(y)
        activations += y.nbytes
    return step, activations


def their_step(x, target, memory_format):
    model = torch_network(WORK).to(memory_format=memory_format)
    optimizer = torch.optim.SGD(model.parameters(), WORK.learning_rate)
    x, target = torch.tensor(x).to(memory_format=memory_format), torch.tensor(target)

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), target).backward()
        optimizer.step()

    return step


def main():
    x, target, *_ = WORK.data()
    ours, activations = our_step(x, target)
    theirs = their_step(x, target, torch.contiguous_format)
    channels_last = their_step(x, target, torch.channels_last)

    header()
    mine, eager, last = medians(ours, theirs, channels_last, rounds=300)
    print(f"{'step of conv-pool-conv-pool-dense':44} {mine:8.3f} {eager:8.3f} {eager / mine:7.2f}")
    print(f"{'  beside channels-last':44} {mine:8.3f} {last:8.3f} {last / mine:7.2f}")
    peak = peak_bytes(ours)
    print(
        f"  peak memory {peak / 2**20:.1f} MiB, {peak / activations:.1f} times the activations' "
        f"{activations / 2**20:.1f} MiB (target: at most 4)"
    )
    nn = torch.nn
    for name, layer, module, shape in [
        ("Conv2D 3 × 3, 8 → 16", Conv2D(8, 16, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1), 14),
        ("Conv2D 3 × 3, stride 2", Conv2D(8, 16, 3, stride=2), nn.Conv2d(8, 16, 3, stride=2), 28),
        ("MaxPool2D 2 × 2", MaxPool2D(2), nn.MaxPool2d(2), 28),
        ("AvgPool2D 2 × 2", AvgPool2D(2), nn.AvgPool2d(2), 28),
        ("GlobalAveragePool2D", GlobalAveragePool2D(), lambda x: x.mean((2, 3)), 28),
    ]:
        layer_row(name, layer, module, (SAMPLES, 8, shape, shape))
    print(f"ratio {eager / mine:.2f} (target: at least 1.3)")


if __name__ == "__main__":
    main()
