"""CloudNet on trained weights: the dense form against an independent reference, the exact form against patches."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cloudcore.errors import ModelError
from cloudcore.learning.networks.cloudnet import CloudNet, to_frame
from cloudcore.learning.networks.cloudnet_exact import PatchCloudNet, exact_logits

CLOSE = 1e-4


def _sky(shape_hw: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
    """A drawn picture (1, 3, H, W), normalised, with smooth bright clouds and noise, and its truth (H, W)."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, 1, shape_hw[0] // 8, shape_hw[1] // 8, generator=random)
    truth = functional.interpolate(coarse, size=shape_hw, mode="bicubic")[0, 0] > 0.2
    tint = torch.tensor([0.9, 0.3, -0.5])[:, None, None]
    picture = truth * tint + 0.8 * torch.randn(3, *shape_hw, generator=random)
    return picture[None], truth


def _patches(x: Tensor) -> Tensor:
    """Every pixel's patch of a frame (1, 3, H, W), edges repeated: (H W, 3, 32, 32)."""
    around = functional.pad(x, (16, 15, 16, 15), mode="replicate")
    return functional.unfold(around, 32)[0].T.reshape(-1, 3, 32, 32)


@pytest.fixture(scope="module")
def trained() -> CloudNet:
    """A net that has learnt something from patches: on random weights the rim of a patch hardly matters."""
    torch.manual_seed(0)
    net = CloudNet()
    x, truth = _sky((64, 64), 1)
    patches, wanted = _patches(x), truth.flatten().long()
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3)
    for _ in range(200):
        chosen = torch.randint(len(patches), (24,))
        loss = functional.cross_entropy(net.forward_patches(patches[chosen]), wanted[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


@torch.no_grad()
def _difference(both: Tensor) -> Tensor:
    return both[:, 1] - both[:, 0]


def test_weights_counted_by_hand() -> None:
    convolutions = (3 * 25 * 64 + 64) + 2 * (64 * 25 * 64 + 64)
    linear = (64 * 4 * 4 * 384 + 384) + (384 * 192 + 192) + (192 * 2 + 2)
    assert sum(weight.numel() for weight in CloudNet().parameters()) == convolutions + linear == 677_698


def test_patches_as_published() -> None:
    """Convolution, ReLU, pool, in this order, written out."""
    net, x = CloudNet(), torch.randn(5, 3, 32, 32)
    y = x
    for conv in (net.conv1, net.conv2, net.conv3):
        y = functional.max_pool2d(functional.relu(conv(y)), 2, 2)
    y = net.fc3(functional.relu(net.fc2(functional.relu(net.fc1(y.reshape(5, 1024))))))
    assert net.forward_patches(x).shape == (5, 2)
    torch.testing.assert_close(net.forward_patches(x), y, rtol=0, atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
@pytest.mark.parametrize("shape", [(2, 3, 16, 16), (1, 3, 33, 50), (1, 3, 40, 17)])
@torch.no_grad()
def test_dense_shape(shape: tuple[int, ...], stride: int) -> None:
    out = CloudNet()(torch.randn(shape), stride=stride)
    assert out.shape == (shape[0], 1, -(-shape[2] // stride), -(-shape[3] // stride))


def test_dense_refuses_other_strides() -> None:
    with pytest.raises(ModelError, match="Got stride 3; wanted 1, 2, 4 or 8"):
        CloudNet()(torch.zeros(1, 3, 16, 16), stride=3)


@torch.no_grad()
def test_dense_is_the_network_on_each_pixels_own_surroundings(trained: CloudNet) -> None:
    """Reference: cut the 60x60 pixels that one output sees, run unpadded convolutions and plain pools on them."""
    x, _ = _sky((24, 29), 2)
    around = functional.pad(x, (30, 29, 30, 29), mode="replicate")
    wanted = torch.empty(24, 29)
    for row in range(24):
        y = torch.cat([around[:, :, row : row + 60, column : column + 60] for column in range(29)])
        for conv in (trained.conv1, trained.conv2, trained.conv3):
            y = functional.max_pool2d(functional.relu(functional.conv2d(y, conv.weight, conv.bias)), 2)
        assert y.shape[2:] == (4, 4)
        y = functional.relu(trained.fc2(functional.relu(trained.fc1(y.flatten(1)))))
        wanted[row] = _difference(trained.fc3(y))
    got = trained(x)
    assert got.std() > 0.5, "the net has learnt nothing: the comparison would prove nothing"
    torch.testing.assert_close(got[0, 0], wanted, rtol=0, atol=CLOSE)


@pytest.mark.parametrize("stride", [2, 4, 8])
@torch.no_grad()
def test_stride_reads_the_same_logits_on_a_grid(trained: CloudNet, stride: int) -> None:
    x, _ = _sky((45, 34), 3)
    torch.testing.assert_close(trained(x, stride=stride), trained(x)[..., ::stride, ::stride], rtol=0, atol=CLOSE)


@torch.no_grad()
def test_crop_with_its_context_equals_the_frame(trained: CloudNet) -> None:
    x, _ = _sky((96, 104), 4)
    inside = trained.inside(x[:, :, 8 : 8 + 75, 16 : 16 + 83])
    torch.testing.assert_close(inside, trained(x)[:, :, 38 : 38 + 16, 46 : 46 + 24], rtol=0, atol=CLOSE)


@torch.no_grad()
def test_patch_position(trained: CloudNet) -> None:
    """An output moves with its frame: shifting the frame by (3, 5) shifts the logits by (3, 5)."""
    x, _ = _sky((96, 96), 5)
    here, there = trained(x[:, :, :88, :88]), trained(x[:, :, 3:91, 5:93])
    torch.testing.assert_close(here[..., 33:55, 35:55], there[..., 30:52, 30:50], rtol=0, atol=CLOSE)


@pytest.mark.parametrize("rows", [None, 7])
@torch.no_grad()
def test_exact_equals_patches(trained: CloudNet, rows: int | None) -> None:
    x, _ = _sky((40, 24), 6)
    both = torch.cat([trained.forward_patches(some) for some in _patches(x).split(256)])
    wanted = _difference(both).view(1, 1, 40, 24)
    torch.testing.assert_close(exact_logits(trained, x, rows=rows), wanted, rtol=0, atol=CLOSE)
    assert (trained(x) - wanted).abs().max() > 0.01, "dense is another function; were it equal, this proves nothing"


@torch.no_grad()
def test_exact_leaves_out_what_is_not_valid(trained: CloudNet) -> None:
    x, _ = _sky((48, 40), 7)
    valid = torch.zeros(48, 40, dtype=torch.bool)
    valid[20:30, 5:12] = valid[24, 30] = True
    some, every = (exact_logits(trained, x, mask, rows=8)[0, 0] for mask in (valid, None))
    torch.testing.assert_close(some[valid], every[valid], rtol=0, atol=1e-6)
    assert torch.isneginf(some[:16]).all() and torch.isneginf(some[:, :5]).all()


@torch.no_grad()
def test_exact_takes_many_frames(trained: CloudNet) -> None:
    x = torch.cat([_sky((24, 32), seed)[0] for seed in (7, 8)])
    alone = torch.cat([exact_logits(trained, frame[None], rows=16) for frame in x])
    torch.testing.assert_close(exact_logits(trained, x, rows=16), alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("stride", [1, 4])
def test_gradients_reach_every_weight(stride: int) -> None:
    net = CloudNet()
    net(torch.randn(2, 3, 24, 24), stride=stride).square().mean().backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None and weight.grad.abs().max() > 0, name


@torch.no_grad()
def test_bfloat16_under_autocast(trained: CloudNet) -> None:
    x, _ = _sky((32, 32), 9)
    with torch.autocast("cpu", torch.bfloat16):
        low = trained(x)
        exact = exact_logits(trained, x)
    high = trained(x)
    assert low.dtype == torch.float32
    assert ((low > 0) != (high > 0)).float().mean() < 0.05
    torch.testing.assert_close(exact, exact_logits(trained, x), rtol=0, atol=1e-6)


def test_to_frame_keeps_the_grid_and_is_straight_between() -> None:
    ramp = torch.arange(3.0)[None, None, :, None] * 4 + torch.arange(4.0) * 40
    fine = to_frame(ramp, 4, (11, 14))
    assert fine.shape == (1, 1, 11, 14)
    torch.testing.assert_close(fine[..., ::4, ::4], ramp[..., :3, :4])
    torch.testing.assert_close(fine[0, 0, :9, 0], torch.arange(9.0))


@pytest.mark.parametrize("form", ["dense", "exact"])
def test_onnx_answers_like_torch_at_other_sizes(trained: CloudNet, form: str, tmp_path: Path) -> None:
    import onnxruntime

    module = trained if form == "dense" else PatchCloudNet(trained).eval()
    free = {axis: torch.export.Dim.DYNAMIC for axis in (0, 2, 3)}
    path = tmp_path / "model.onnx"
    # The exact form has some 2,500 nodes: what the optimiser of graphs would gain is not worth its minutes.
    torch.onnx.export(
        module,
        (torch.randn(2, 3, 72, 144),),
        path,
        dynamo=True,
        external_data=False,
        dynamic_shapes=(free,),
        input_names=["x"],
        output_names=["logits"],
        verbose=False,
        optimize=form == "dense",
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]
    session = onnxruntime.InferenceSession(path)
    for frames, height, width in ((1, 37, 50), (2, 70, 21)):
        x = torch.cat([_sky((height, width), 10 + number)[0] for number in range(frames)])
        (got,) = session.run(None, {"x": x.numpy()})
        wanted = trained(x).detach() if form == "dense" else exact_logits(trained, x)
        assert got.shape == (frames, 1, height, width)
        np.testing.assert_allclose(got, wanted.numpy(), rtol=0, atol=CLOSE)
