"""The critic sees mouths and eyes, learns to tell what is drawn, and what it says reaches the frames."""

import torch
from torch.nn import functional as F

from vividlib.training.video_batches import EYES, MOUTH
from vividlib.training.video_critic import EYES_CROP, MOUTH_CROP, Critic, adversarial, crops_of, verdict_loss


def test_crops_show_mouth_and_eyes(batch):
    """A frame that is white where they are: crops are as white as they can be, and the mesh's lips are in the middle."""
    mouths, eyes = crops_of((batch.weight > 1).float().expand(-1, 3, -1, -1), batch)
    assert mouths[0].shape[2:] == MOUTH_CROP and eyes[0].shape[2:] == EYES_CROP
    for (crops, mesh), part in ((mouths, 1 + MOUTH), (eyes, 1 + EYES)):
        wanted = (batch.weight == part).float().sum()
        assert crops[:, 0].sum() >= 0.98 * wanted
        assert mesh.shape[1] == 4 and mesh[:, 3].mean() > 0.9


def test_crops_stay_inside(batch):
    lips = batch.driven.lips - 300
    mouths, _ = crops_of(batch.truth, batch._replace(driven=batch.driven._replace(lips=lips)))
    assert torch.equal(mouths[0], batch.truth[:, :, : MOUTH_CROP[0], : MOUTH_CROP[1]])


def test_the_critic_learns_and_is_heard(batch):
    """It learns that blurred frames are drawn; then frames that follow what it says look less drawn to it."""
    torch.manual_seed(0)
    critic = Critic()
    drawn = F.avg_pool2d(batch.truth, 7, 1, 3)
    optimizer = torch.optim.Adam(critic.parameters(), 2e-3, betas=(0.5, 0.99))
    found = []
    for _ in range(60):
        loss = verdict_loss(critic, drawn, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()))
    assert found[-1] < 0.6 * found[0]
    drawn.requires_grad_()
    verdict, matching = adversarial(critic, drawn, batch)
    verdict.backward(retain_graph=True)
    gradient = drawn.grad.clone()
    assert 0 < (gradient != 0).float().mean() < 0.25  # mouth and eyes alone
    matching.backward()
    assert float(matching.detach()) > 0
    with torch.no_grad():
        better = drawn - 0.02 * gradient / gradient.abs().max()
        assert adversarial(critic, better, batch)[0] < verdict
        assert adversarial(critic, batch.truth, batch)[1] < 1e-6


def test_frames_go_to_the_truth_and_not_the_truth_to_them(batch):
    """Features of the truth carry no gradient; those of frames do."""
    frames, truth = (tensor.requires_grad_() for tensor in (batch.truth * 0.9, batch.truth.clone()))
    _, matching = adversarial(Critic(), frames, batch._replace(truth=truth))
    of_frames, of_truth = torch.autograd.grad(matching, (frames, truth), allow_unused=True)
    assert of_frames.abs().sum() > 0 and of_truth is None
