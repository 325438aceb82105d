"""The second stage's training: losses fall, the critic is heard, and a training resumes."""

import pytest
import torch

from vividlib.errors import InputError
from vividlib.mesh_to_video.network_sizes import FAST
from vividlib.training import video, video_batches


def test_a_network_learns_and_resumes(video_pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(video_batches, "SINGLES", 1)
    monkeypatch.setattr(video_batches, "COUPLES", 1)
    for name, value in {"SINGLES": 1, "SAVE_EVERY": 3, "DETAIL_FROM": 1, "CRITIC_FROM": 1, "ADVERSARY_FROM": 2}.items():
        monkeypatch.setattr(video, name, value)
    video.train(video_pairs, tmp_path / "once", 6)
    straight = (tmp_path / "once" / "video_fast.safetensors").read_bytes()
    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
        patch.setattr(video.Batches, "at", _until(4, video.Batches.at))
        video.train(video_pairs, tmp_path / "twice", 6)
    video.train(video_pairs, tmp_path / "twice", 6)
    assert (tmp_path / "twice" / "video_fast.safetensors").read_bytes() == straight


def _until(last, at):
    def some(self, step):
        if step == last:
            raise KeyboardInterrupt
        return at(self, step)

    return some


def test_losses_fall_on_one_batch(batch):
    """A photo that gets darker: nothing analytic knows that."""
    torch.manual_seed(0)
    networks = video.VideoNetworks(FAST)
    moving = batch._replace(driven=batch.driven._replace(flow=batch.driven.flow + 2))
    optimizer = torch.optim.Adam(networks.parameters(), 1e-3)
    found = []
    for _ in range(12):
        _, parts = video.losses(networks, moving, 0)
        optimizer.zero_grad()
        sum(parts.values()).backward()
        optimizer.step()
        found.append(float(parts["difference"].detach()))
    assert found[-1] < 0.85 * found[0]


def test_neighbours_shall_change_as_they_do(batch, monkeypatch):
    """The same error in both frames of a couple is no flicker; in one of them it is."""
    monkeypatch.setattr(video, "SINGLES", 0)
    networks = video.VideoNetworks(FAST)
    frames, parts = video.losses(networks, batch, 0)
    same = batch._replace(truth=frames.detach() + 0.1)
    flicker = batch._replace(truth=frames.detach() + torch.tensor([0.1, -0.1])[:, None, None, None])
    assert float(parts["neighbours"].detach()) > 0
    assert float(video.losses(networks, same, 0)[1]["neighbours"].detach()) < 1e-3 * float(
        video.losses(networks, flicker, 0)[1]["neighbours"].detach()
    )


def test_extremes_forgive_a_place_but_not_a_lack():
    """A line that is drawn two px away costs less than flesh in its place, though the pixels differ twice as much."""
    truth = torch.full((1, 3, 64, 64), 0.6)
    truth[..., 30, 10:50] = 0.1
    weight = torch.full((1, 1, 64, 64), 4.0)
    aside, flesh = truth.roll(2, 2), torch.full_like(truth, 0.6)
    assert (aside - truth).abs().mean() > 1.9 * (flesh - truth).abs().mean()
    assert video.extremes(aside, truth, weight) < 0.5 * video.extremes(flesh, truth, weight)
    assert video.extremes(flesh, truth, torch.ones_like(weight)) == 0


def test_what_ships_is_careful():
    networks = video.VideoNetworks(FAST)
    last = {f"{part}.out.{kind}" for part in ("motion", "generator") for kind in ("weight", "bias")}
    for weight in networks.parameters():
        torch.nn.init.normal_(weight)
    shipped, learned = video.shipped(networks), networks.state_dict()
    for name, weight in learned.items():
        wanted = weight / 2 if name in last else weight
        torch.testing.assert_close(shipped[name].float(), wanted, atol=2e-3, rtol=2e-3)
    assert shipped.keys() == learned.keys()


def test_the_linear_map_has_a_rate_of_its_own():
    networks = video.VideoNetworks(FAST)
    optimizer = torch.optim.AdamW(video.rated(networks), lr=video.RATE)
    rates = {id(weight): group["lr"] for group in optimizer.param_groups for weight in group["params"]}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(rates)
    assert {name: rates[id(weight)] for name, weight in networks.named_parameters()} == {
        name: video.ALONG_RATE if name == "motion.along.weight" else video.RATE
        for name, _ in networks.named_parameters()
    }


def test_nobody_to_learn_from_is_told(video_pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(video, "CHECK", {"anna", "id22"})
    with pytest.raises(InputError, match="only people who check"):
        video.train(video_pairs, tmp_path, 3)
