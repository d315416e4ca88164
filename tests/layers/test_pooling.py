"""Pooling against its definition, torch and published numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import AvgPool2D, GlobalAveragePool2D, MaxPool2D
from tests.support.arrays import any_order, assert_close


def test_the_published_values_of_cs231n():
    """Stanford CS231n, assignment 2, ConvolutionalNetworks.ipynb, max_pool_forward_naive."""
    x = np.linspace(-0.3, 0.4, 96).reshape(2, 3, 4, 4)
    published = [
        [
            [[-0.26315789, -0.24842105], [-0.20421053, -0.18947368]],
            [[-0.14526316, -0.13052632], [-0.08631579, -0.07157895]],
            [[-0.02736842, -0.01263158], [0.03157895, 0.04631579]],
        ],
        [
            [[0.09052632, 0.10526316], [0.14947368, 0.16421053]],
            [[0.20842105, 0.22315789], [0.26736842, 0.28210526]],
            [[0.32631579, 0.34105263], [0.38526316, 0.4]],
        ],
    ]
    np.testing.assert_allclose(MaxPool2D(2)(x), published, atol=1e-8)


@st.composite
def poolings(draw, kind):
    kernel = [draw(st.integers(1, 4)) for _ in range(2)]
    stride = [draw(st.integers(1, 4)) for _ in range(2)]
    padding = [draw(st.integers(0, k // 2)) for k in kernel]  # torch takes no more
    image = [draw(st.integers(max(1, k - 2 * p), 8)) for k, p in zip(kernel, padding, strict=True)]
    if draw(st.booleans()):
        stride = None
    return kind(kernel, stride, padding), (draw(st.integers(0, 3)), draw(st.integers(1, 3)), *image)


def compare_with_torch(layer, theirs, x, rng):
    torch = pytest.importorskip("torch")
    their_x = torch.tensor(x, requires_grad=True)
    their_y = theirs(their_x)
    dy = rng.normal(size=their_y.shape)
    their_y.backward(torch.tensor(dy))
    y, cache = layer.forward(any_order(rng, x))
    dx = layer.backward(any_order(rng, dy), cache)
    assert_close(y, their_y.detach())
    assert_close(dx, their_x.grad)
    np.testing.assert_array_equal(layer.backward(any_order(rng, dy), cache), dx)


@given(poolings(MaxPool2D), st.integers(0, 2**32), st.booleans())
def test_max_pooling_agrees_with_torch_in_ties_too(case, seed, ties):
    torch = pytest.importorskip("torch")
    layer, shape = case
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, shape).astype(float) if ties else rng.normal(size=shape)
    windows = layer.windows
    theirs = torch.nn.MaxPool2d(windows.kernel, windows.stride, windows.padding)
    if not shape[0]:  # torch refuses to differentiate an empty batch
        y, cache = layer.forward(x)
        assert layer.backward(y, cache).shape == shape
        return
    compare_with_torch(layer, theirs, x, rng)


@given(poolings(AvgPool2D), st.integers(0, 2**32))
def test_average_pooling_agrees_with_torch(case, seed):
    torch = pytest.importorskip("torch")
    layer, shape = case
    rng = np.random.default_rng(seed)
    windows = layer.windows
    theirs = torch.nn.AvgPool2d(windows.kernel, windows.stride, windows.padding)
    compare_with_torch(layer, theirs, rng.normal(size=shape), rng)


@given(st.tuples(*[st.integers(low, 4) for low in (0, 1, 1, 1)]), st.integers(0, 2**32))
def test_global_average_pooling_agrees_with_torch(shape, seed):
    pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape)
    compare_with_torch(GlobalAveragePool2D(), lambda x: x.mean((2, 3)), x, rng)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
def test_on_a_constant_image_each_window_hands_its_gradient_to_one_pixel(stride, padding):
    layer = MaxPool2D(3, stride, padding)
    y, cache = layer.forward(np.zeros((2, 3, 7, 7)))
    dx = layer.backward(np.ones_like(y), cache)
    assert dx.sum() == y.size
    if stride == 3 and not padding:
        expected = np.zeros((7, 7))
        expected[0:6:3, 0:6:3] = 1
        np.testing.assert_array_equal(dx, np.broadcast_to(expected, dx.shape))


def test_max_pooling_hands_nan_on():
    x = np.zeros((1, 1, 2, 4))
    x[0, 0, 1, 0] = np.nan
    np.testing.assert_array_equal(MaxPool2D(2)(x), [[[[np.nan, 0]]]])


def test_the_border_is_never_the_largest():
    x = np.full((1, 1, 3, 3), -5.0)
    y, cache = MaxPool2D(2, 2, 1).forward(x)
    assert (y == -5).all()
    assert MaxPool2D(2, 2, 1).backward(np.ones_like(y), cache).sum() == y.size


@pytest.mark.parametrize(
    "layer", [MaxPool2D(3, 2, 1), MaxPool2D(2), AvgPool2D(3, 2, 1), GlobalAveragePool2D()], ids=repr
)
def test_float32_stays_float32(layer):
    x = np.arange(2 * 3 * 6 * 6).reshape(2, 3, 6, 6)
    y, cache = layer.forward(x.astype(np.float32))
    assert y.dtype == layer.backward(y, cache).dtype == np.float32
    assert_close(y, layer(x.astype(np.float64)), 1e-6)


@pytest.mark.parametrize("layer", [MaxPool2D(2), AvgPool2D(2), GlobalAveragePool2D()], ids=repr)
def test_what_is_no_batch_of_images_is_refused(layer):
    with pytest.raises(ValueError, match=r"input has 3 axes, expected the 4 of images"):
        layer.forward(np.zeros((4, 8, 8)))


@pytest.mark.parametrize("kind", [MaxPool2D, AvgPool2D])
def test_a_window_larger_than_the_image_is_refused(kind):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        kind(4).forward(np.zeros((2, 1, 3, 8)))
    assert str(caught.value) == (
        f"{kind.__name__}(4 × 4): kernel 4 × 4 does not fit into an image 3 × 8 with padding "
        "0 × 0 (input shape (2, 1, 3, 8))"
    )


def test_an_image_without_pixels_is_refused():
    with pytest.raises(ValueError, match="without pixels"):
        GlobalAveragePool2D().forward(np.zeros((2, 3, 0, 4)))


@pytest.mark.parametrize("kind", [MaxPool2D, AvgPool2D])
def test_a_border_as_wide_as_the_window_is_refused(kind):
    for padding in (2, (2, 0), (0, 2)):
        with pytest.raises(ValueError, match="padding must be smaller than the kernel"):
            kind(2, padding=padding)
    assert kind(2, padding=1)(np.ones((1, 1, 2, 2))).shape == (1, 1, 2, 2)
    with pytest.raises(TypeError, match="stride must be an integer"):
        kind(2, 1.5)


def test_their_reprs_name_what_is_not_the_default():
    assert repr(MaxPool2D(2)) == "MaxPool2D(2 × 2)"
    assert repr(MaxPool2D(3, 2, 1)) == "MaxPool2D(3 × 3, stride 2 × 2, padding 1 × 1)"
    assert repr(AvgPool2D((2, 3), 1)) == "AvgPool2D(2 × 3, stride 1 × 1)"
    assert repr(GlobalAveragePool2D()) == "GlobalAveragePool2D()"
