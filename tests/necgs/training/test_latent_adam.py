"""Adam that touches the rows of a batch only, against torch's over all rows."""

import numpy as np
import pytest
import torch

from necgs.training.latent_adam import BETAS, LatentAdam

STARTS = np.array([0, 3, 3, 7, 12, 20])
SIZES = np.diff(STARTS)
EVERY = np.arange(5)


def rows_of(shapes):
    return torch.cat([torch.arange(STARTS[s], STARTS[s + 1]) for s in shapes])


def batches(count):
    """Two shapes a step; the last shape is left out for long."""
    random = np.random.default_rng(0)
    return [random.permutation(4 if 5 < step < count - 2 else 5)[:2] for step in range(count)]


def learning_rate(step):
    return 0.02 * (1 + np.cos(step / 20)) / 2


def sparse(start, target, count, resume_at=None):
    own = LatentAdam(start.clone(), STARTS)
    for step, shapes in enumerate(batches(count)):
        if step == resume_at:
            state = {name: value.clone() for name, value in own.state().items()}
            own = LatentAdam(torch.zeros_like(start), STARTS)
            own.restore(state)
        rows = own.rows(shapes)
        ((rows - target[rows_of(shapes)]) ** 2).sum().backward()
        own.step(shapes, rows, learning_rate(step))
    return own


def dense(start, target, count):
    latents = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([latents], betas=BETAS)
    for step, shapes in enumerate(batches(count)):
        index = rows_of(shapes)
        optimizer.zero_grad()
        ((latents[index] - target[index]) ** 2).sum().backward()
        optimizer.param_groups[0]["lr"] = learning_rate(step)
        optimizer.step()
    return latents.detach()


@pytest.mark.parametrize("count", [1, 2, 60])
def test_latents_are_those_of_adam_over_all_rows(count):
    generator = torch.Generator().manual_seed(0)
    start, target = (torch.randn(20, 3, generator=generator) for _ in range(2))
    own, expected = sparse(start, target, count), dense(start, target, count)
    assert (expected - start).abs().max() > 0.01
    torch.testing.assert_close(own.rows(EVERY).detach(), expected, atol=2e-5, rtol=0)


def test_a_restored_state_goes_on_to_the_same_bits():
    start, target = torch.zeros(20, 3), torch.linspace(-1, 1, 60).view(20, 3)
    resumed, straight = sparse(start, target, 30, resume_at=17), sparse(start, target, 30)
    assert torch.equal(resumed.rows(EVERY), straight.rows(EVERY))


def test_a_step_touches_the_rows_of_its_shapes_alone():
    own = LatentAdam(torch.ones(20, 3), STARTS)
    for shapes in (np.array([0, 3]), np.array([2])):
        before, index = own.values.clone(), rows_of(shapes)
        rows = own.rows(shapes)
        (rows**2).sum().backward()
        own.step(shapes, rows, 0.1)
        others = np.setdiff1d(np.arange(20), index.numpy())
        assert torch.equal(own.values[others], before[others])
        assert (own.values[index] != before[index]).all()


def two_shapes() -> LatentAdam:
    """After three steps, each of one of them."""
    adam = LatentAdam(torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), np.array([0, 2, 6]))
    for step in range(3):
        shapes = np.array([step % 2])
        rows = adam.rows(shapes)
        rows.grad = torch.ones_like(rows)
        adam.step(shapes, rows, 0.1)
    return adam


def test_resting_makes_up_what_lags_behind_and_keeps_no_moments():
    both = np.array([0, 1])
    moving, resting = two_shapes(), two_shapes()
    resting.rest()
    assert torch.equal(resting.rows(both), moving.rows(both))
    assert not len(resting.state()["first"])
    assert not len(resting.state()["second"])
    restored = LatentAdam(torch.zeros(6, 2), np.array([0, 2, 6]))
    restored.restore(resting.state())
    assert torch.equal(restored.rows(both), moving.rows(both))


def test_settled_latents_rest_where_they_were_put():
    adam = two_shapes()
    adam.rest()
    wanted = torch.arange(12.0).view(6, 2)
    adam.settle((wanted[:2], wanted[2:]))
    torch.testing.assert_close(adam.rows(np.array([1, 0])).detach(), wanted[[2, 3, 4, 5, 0, 1]])
