import pytest
import torch
from torch import nn

from vividlib.audio_to_mesh.network import HEADS, MANY, STRETCH, Block, Linear, SpeechNetwork

WIDTH, MEMORY = 32, 40


def attended(block: Block, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """The oracle twin: every query looks at every key, and those that do not count are masked."""
    back = torch.arange(query.shape[1])[:, None] + key.shape[1] - query.shape[1] - torch.arange(key.shape[1])
    bias = block.bias[:, back.clamp(0, MEMORY)].masked_fill((back < 0) | (back > MEMORY), -torch.inf)
    query, key, value = (part.unflatten(2, (HEADS, -1)).transpose(1, 2) for part in (query, key, value))
    scores = query @ key.transpose(2, 3) / (WIDTH // HEADS) ** 0.5 + bias
    return (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("count", [1, 7, STRETCH, STRETCH + 1, 4 * STRETCH, 4 * STRETCH - 3])
@pytest.mark.parametrize("remembered", [0, 5, MEMORY - 1, MEMORY])
def test_attention_by_stretches_is_attention(count, remembered):
    torch.manual_seed(count)
    block = Block(WIDTH, 1, MEMORY)
    nn.init.normal_(block.bias)
    query, key, value = (torch.randn(3, count + before, WIDTH) for before in (0, remembered, remembered))
    found, expected = block._attention(query, key, value), attended(block, query, key, value)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    slopes = [torch.autograd.grad(made.square().sum(), block.bias)[0] for made in (found, expected)]
    torch.testing.assert_close(*slopes, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("count", [1, MANY - 1, MANY, 300])
def test_a_linear_layer_is_one(count):
    torch.manual_seed(0)
    layer, x = Linear(192, 64), torch.randn(2, count, 192)
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight, layer.bias), atol=1e-5, rtol=0)


def test_nothing_looks_further_ahead_or_back_than_it_says():
    torch.manual_seed(0)
    block = Block(WIDTH, 2, MEMORY).eval()
    x = torch.randn(1, 100, WIDTH, requires_grad=True)
    made, _ = block(x, block.nothing(1))
    felt = torch.autograd.grad(made[0, 70].sum(), x)[0][0].abs().sum(1) > 0
    # The convolution sees what attention made of frames up to ``reach`` before.
    assert (
        felt[70 - MEMORY - block.reach : 71].all()
        and not felt[71:].any()
        and not felt[: 70 - MEMORY - block.reach].any()
    )


def test_chunks_of_a_network_give_what_the_whole_gives():
    torch.manual_seed(0)
    network = SpeechNetwork(1).eval()
    for block in network.blocks:
        nn.init.normal_(block.bias)
    mel, style = torch.randn(1, 2 * 260, 64), torch.zeros(1, 16)
    with torch.inference_mode():
        whole, _ = network(mel, style, network.nothing())
        memory, parts, first = network.nothing(), [], 0
        for count in (1, 30, 1, 99, 101, 28):
            heard, memory = network(mel[:, 2 * first : 2 * (first + count)], style, memory)
            parts.append(heard.trunk)
            first += count
    torch.testing.assert_close(torch.cat(parts, 1), whole.trunk, atol=2e-5, rtol=0)
