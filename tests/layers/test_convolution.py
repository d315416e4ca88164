"""Conv2D against its definition, torch and published numbers."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import SGD, Conv2D, Dense, Layer, MaxPool2D, ReLU, Sequential
from minidl.gradcheck import numerical_gradient
from minidl.initializers import glorot_uniform, he_normal
from minidl.losses import SoftmaxCrossEntropy
from tests.support.arrays import any_order, assert_close, normal


def by_definition(x, weight, bias, stride, padding):
    """Return the convolution by loops over every index of the output."""
    x = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
    (samples, _, height, width), (filters, _, kh, kw) = x.shape, weight.shape
    y = np.empty((samples, filters, (height - kh) // stride + 1, (width - kw) // stride + 1))
    for n, o, r, q in np.ndindex(y.shape):
        patch = x[n, :, r * stride : r * stride + kh, q * stride : q * stride + kw]
        y[n, o, r, q] = bias[o] + (weight[o] * patch).sum()
    return y


def test_the_published_values_of_cs231n():
    """Stanford CS231n, assignment 2, ConvolutionalNetworks.ipynb, conv_forward_naive."""
    x = np.linspace(-0.1, 0.5, 96).reshape(2, 3, 4, 4)
    weight = np.linspace(-0.2, 0.3, 144).reshape(3, 3, 4, 4)
    bias = np.linspace(-0.1, 0.2, 3)
    published = [
        [
            [[-0.08759809, -0.10987781], [-0.18387192, -0.2109216]],
            [[0.21027089, 0.21661097], [0.22847626, 0.23004637]],
            [[0.50813986, 0.54309974], [0.64082444, 0.67101435]],
        ],
        [
            [[-0.98053589, -1.03143541], [-1.19128892, -1.24695841]],
            [[0.69108355, 0.66880383], [0.59480972, 0.56776003]],
            [[2.36270298, 2.36904306], [2.38090835, 2.38247847]],
        ],
    ]
    np.testing.assert_allclose(by_definition(x, weight, bias, 2, 1), published, atol=1e-8)
    layer = Conv2D(
        3,
        3,
        4,
        stride=2,
        padding=1,
        weight_initializer=lambda rng, shape, dtype: weight,
        bias_initializer=lambda rng, shape, dtype: bias,
        dtype=np.float64,
    )
    np.testing.assert_allclose(layer(x), published, atol=1e-8)


sizes = st.integers(1, 3)


@st.composite
def convolutions(draw):
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    padding = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    image = [draw(st.integers(max(1, k - 2 * p), 7)) for k, p in zip(kernel, padding, strict=True)]
    layer = Conv2D(
        draw(sizes),
        draw(sizes),
        kernel,
        stride=(draw(sizes), draw(sizes)),
        padding=padding,
        bias=draw(st.booleans()),
        bias_initializer=normal,
        rng=draw(st.integers(0, 99)),
        dtype=np.float64,
    )
    return layer, (draw(st.integers(0, 3)), layer.in_channels, *image)


@pytest.mark.parametrize("rows_a_strip", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_strips_in_which_it_is_computed_change_nothing(rows_a_strip, stride, monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 11, 9))

    def computed():
        layer = Conv2D(3, 4, 3, stride=stride, padding=1, rng=0, dtype=np.float64)
        y, cache = layer.forward(x)
        dx = layer.backward(np.cos(np.arange(y.size)).reshape(y.shape), cache)
        return y, dx, layer.weight.grad, layer.bias.grad

    whole = computed()
    columns = whole[0].shape[3]
    monkeypatch.setattr(
        "minidl.layers.convolution.STRIP", rows_a_strip * 3 * 9 * columns * len(x) * 8
    )
    for one, other in zip(computed(), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@given(convolutions(), st.integers(0, 2**32), st.sampled_from([1, 600, 2**19]))
def test_it_agrees_with_torch_whatever_the_memory_order_and_the_strips(case, seed, strip):
    torch = pytest.importorskip("torch")
    layer, shape = case
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape)
    theirs = [torch.tensor(each, requires_grad=True) for each in (x, layer.weight.value)]
    bias = None
    if layer.bias is not None:
        bias = torch.tensor(layer.bias.value, requires_grad=True)
    their_y = torch.nn.functional.conv2d(
        *theirs, bias, stride=layer.windows.stride, padding=layer.windows.padding
    )
    dy = rng.normal(size=their_y.shape)
    their_y.backward(torch.tensor(dy))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minidl.layers.convolution.STRIP", strip)
        y, cache = layer.forward(any_order(rng, x))
        dx = layer.backward(any_order(rng, dy), cache)
        assert_close(y, their_y.detach())
        assert_close(dx, theirs[0].grad)
        assert_close(layer.weight.grad, theirs[1].grad)
        if layer.bias is not None:
            assert_close(layer.bias.grad, bias.grad)
        both = [each.grad.copy() for each in (layer.weight, layer.bias) if each is not None]
        np.testing.assert_array_equal(layer.backward(dy, cache), dx)
        assert_close(layer.weight.grad, 2 * both[0])  # it adds, and the cache is as it was
        layer.weight.grad[...] = 0
        layer.backward_parameters(any_order(rng, dy), cache)
        np.testing.assert_array_equal(layer.weight.grad, both[0])


def test_numerical_differences_confirm_the_gradients():
    rng = np.random.default_rng(0)
    layer = Conv2D(2, 2, (2, 3), stride=(1, 2), padding=1, rng=rng, dtype=np.float64)
    x = rng.normal(size=(2, 2, 3, 4))
    y, cache = layer.forward(x)
    dy = rng.normal(size=y.shape)
    numerical, error = numerical_gradient(lambda x: (layer(x) * dy).sum(), x)
    assert (np.abs(layer.backward(dy, cache) - numerical) <= error).all()

    def of_weight(weight):
        layer.weight.value = weight
        return (layer(x) * dy).sum()

    numerical, error = numerical_gradient(of_weight, layer.weight.value.copy())
    assert (np.abs(layer.weight.grad - numerical) <= error).all()


class Flat(Layer):
    def forward(self, x):
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy, shape):
        return dy.reshape(shape)


def test_ten_steps_of_a_small_network_agree_with_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    network = Sequential(
        Conv2D(2, 4, 3, padding=1, rng=rng, dtype=np.float64),
        ReLU(),
        MaxPool2D(2),
        Conv2D(4, 3, 3, stride=2, rng=rng, dtype=np.float64),
        Flat(),
        Dense(12, 3, rng=rng, dtype=np.float64),
    )
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(4, 3, 3, stride=2),
        torch.nn.Flatten(),
        torch.nn.Linear(12, 3),
    ).double()
    with torch.no_grad():
        for ours, their in zip(
            SGD(network, 1.0).vector.parameters, theirs.parameters(), strict=True
        ):
            value = ours.value.T if their.ndim == 2 else ours.value
            their.copy_(torch.tensor(value))
    optimizer = SGD(network, 0.1, momentum=0.9)
    their_optimizer = torch.optim.SGD(theirs.parameters(), 0.1, momentum=0.9)
    loss = SoftmaxCrossEntropy()
    for _ in range(10):
        x, target = rng.normal(size=(8, 2, 10, 10)), rng.integers(0, 3, 8)
        logits, caches = network.forward(x)
        value, cache = loss.forward(logits, target)
        network.backward_parameters(loss.backward(1.0, cache), caches)
        optimizer.step()
        their_optimizer.zero_grad()
        their_value = torch.nn.functional.cross_entropy(
            theirs(torch.tensor(x)), torch.tensor(target)
        )
        their_value.backward()
        their_optimizer.step()
        assert value == pytest.approx(their_value.item(), rel=1e-10)
    for ours, their in zip(optimizer.vector.parameters, theirs.parameters(), strict=True):
        their = their.detach().numpy()
        assert_close(ours.value, their.T if their.ndim == 2 else their)


def test_float32_stays_float32_and_is_close_to_float64():
    rng = np.random.default_rng(0)
    double = Conv2D(3, 4, 3, padding=1, rng=rng, dtype=np.float64)
    single = double.astype(np.float32)
    x = rng.normal(size=(5, 3, 8, 8))
    y, cache = double.forward(x)
    y32, cache32 = single.forward(x.astype(np.float32))
    dx, dx32 = double.backward(y, cache), single.backward(y32, cache32)
    assert y32.dtype == dx32.dtype == single.weight.grad.dtype == np.float32
    assert_close(y32, y, 1e-5)
    assert_close(dx32, dx, 1e-5)
    assert_close(single.weight.grad, double.weight.grad, 1e-5)


def test_samples_do_not_influence_one_another():
    rng = np.random.default_rng(0)
    layer = Conv2D(2, 3, 3, padding=1, rng=rng, dtype=np.float64)
    x = rng.normal(size=(4, 2, 5, 5))
    for n in range(4):
        assert_close(layer(x)[n], layer(x[n : n + 1])[0], 1e-14)


def test_output_and_gradient_are_views_of_channel_major_memory():
    layer = Conv2D(2, 3, 3, padding=1)
    y, cache = layer.forward(np.zeros((4, 2, 5, 5), np.float32))
    assert y.transpose(1, 2, 3, 0).flags.c_contiguous
    assert layer.backward(y, cache).strides[0] == 4


def test_a_step_needs_no_more_than_four_times_the_memory_of_its_activations():
    layer = Conv2D(16, 16, 3, padding=1, rng=0)
    x = np.zeros((32, 16, 32, 32), np.float32)
    activations = 2 * x.nbytes  # input and output
    tracemalloc.start()
    try:
        y, cache = layer.forward(x)
        layer.backward(y, cache)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * activations  # its columns alone are 4.5 times the activations


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (2, 3, 8, 8),
            "Conv2D(1 → 8, 3 × 3): input has 3 channels, expected 1 (input shape (2, 3, 8, 8))",
        ),
        (
            (2, 1, 2, 8),
            "Conv2D(1 → 8, 3 × 3): kernel 3 × 3 does not fit into an image 2 × 8 with padding "
            "0 × 0 (input shape (2, 1, 2, 8))",
        ),
        (
            (2, 64),
            "Conv2D(1 → 8, 3 × 3): input has 2 axes, expected the 4 of images, (N, C, H, W) "
            "(input shape (2, 64))",
        ),
    ],
)
def test_images_it_cannot_take_are_refused_with_what_it_got_and_needs(shape, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        Conv2D(1, 8, 3).forward(np.zeros(shape, np.float32))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ((1, 1, (3, 3, 3)), ValueError, "kernel_size"),
        ((1, 1, 3, {"padding": -1}), ValueError, "padding"),
        ((1, 1, 3, {"rng": "0"}), TypeError, "rng"),
    ],
)
def test_hyper_parameters_are_checked(arguments, error, name):
    options = arguments[-1] if isinstance(arguments[-1], dict) else {}
    with pytest.raises(error, match=name):
        Conv2D(*arguments[:3], **options)


def test_its_initial_weights_have_the_variance_that_its_fans_ask_for():
    weight = Conv2D(20, 30, 5, weight_initializer=he_normal, rng=0).weight.value
    assert weight.shape == (30, 20, 5, 5)
    assert weight.var() == pytest.approx(2 / (20 * 25), rel=0.05)
    weight = Conv2D(20, 30, 5, weight_initializer=glorot_uniform, rng=0).weight.value
    assert weight.var() == pytest.approx(2 / (50 * 25), rel=0.05)


def test_its_repr_names_what_is_not_the_default():
    assert repr(Conv2D(1, 8, 3)) == "Conv2D(1 → 8, 3 × 3)"
    layer = Conv2D(1, 8, (3, 5), stride=2, padding=(1, 2), bias=False)
    assert repr(layer) == "Conv2D(1 → 8, 3 × 5, stride 2 × 2, padding 1 × 2, no bias)"
