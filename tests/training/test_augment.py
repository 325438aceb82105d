import torch

from vividlib.training.augment import augment


def voices() -> torch.Tensor:
    return torch.rand((6, 80, 64), generator=torch.Generator().manual_seed(1)) ** 4


def test_same_seed_gives_the_same_changes():
    silent = torch.zeros(6, dtype=torch.bool)
    one, two = (augment(voices(), silent, torch.Generator().manual_seed(2)) for _ in range(2))
    assert torch.equal(one, two) and torch.isfinite(one).all() and (one >= 0).all()
    assert not torch.equal(one, augment(voices(), silent, torch.Generator().manual_seed(3)))


def test_nothing_of_the_voice_is_left_in_a_silent_example():
    silent = torch.tensor([True, False] * 3)
    voice = voices()
    voice[:, 40:] = 0  # half of every example is a pause
    made = augment(voice, silent, torch.Generator().manual_seed(2)).sum(2) + 1e-9
    loudness = made[:, :40].mean(1) / made[:, 75:].mean(1)
    assert (loudness[silent] < 1.3).all()
    assert (loudness[~silent] > 3).all()
