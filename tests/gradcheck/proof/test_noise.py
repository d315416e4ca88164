"""Measured noise against noise that was put in, and float32 that hides inside float64."""

import numpy as np
import pytest

from minidl.gradcheck.proof.noise import measure_noise

EPS = float(np.finfo(float).eps)


@pytest.mark.parametrize("level", [1e-12, 1e-9, 1e-6])
def test_the_noise_of_a_noisy_function_is_found_to_a_factor(level):
    rng = np.random.default_rng(0)

    def line(step):
        return np.sin(1 + 0.1 * step) * np.ones(50) + level * rng.uniform(-1, 1, 50)

    noise, single = measure_noise(line, line(0.0), EPS)
    assert not single
    assert 0.3 * level < np.median(noise) < 10 * level


def test_a_clean_function_has_the_noise_of_its_rounding():
    noise, single = measure_noise(lambda step: np.exp([1 + 0.1 * step, 2.0]), np.exp([1.0, 2]), EPS)
    assert not single
    assert (noise <= 20 * EPS * np.exp([1.0, 2])).all()


def test_a_computation_in_float32_is_seen_through_its_float64_outputs():
    def line(step):
        return np.float64(np.sin(np.float32(1 + 0.1 * step) * np.arange(1, 9, dtype=np.float32)))

    noise, single = measure_noise(line, line(0.0), EPS)
    assert single
    assert noise.max() > 1e-8
