"""Inside a network: maps equal to torch's own hooks, weights counted, Grad-CAM worked by hand, CloudNet's patch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from cloudcore import runs
from cloudcore.errors import ModelError
from cloudcore.files import atomic
from cloudcore.inside import activations
from cloudcore.learning.networks.cloudnet import CloudNet
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import get_task

INFO = {"mean": [0.0, 0.0, 0.0], "std": [0.3, 0.3, 0.3], "threshold": [0.5], "min_size": [0], "temperature": 1.0}


def write_model(folder: Path, task: str, preset: str, count: int = 1) -> nn.Module:
    """A model folder with seeded weights and no graph: all that explaining needs."""
    torch.manual_seed(1)
    found = get_task(task)
    config = make_config(found, {}, preset)
    net: nn.Module = found.network(config, count) if found.kind == "class" else found.network(config)
    net.eval().half().float()
    folder.mkdir(parents=True)
    save_file({name: value.half() for name, value in net.state_dict().items()}, folder / "weights.safetensors")
    side = {"radar": 136, "genus": 160}.get(task, 0)
    info: dict[str, Any] = {
        **INFO,
        "task": task,
        "kind": found.kind,
        "classes": [f"class {k}" for k in range(count)],
        "options": vars(config),
        "input": {"side": side, "multiple": 8},
        "threshold": [0.5] * count,
        "min_size": [0] * count,
    }
    atomic.write_json(folder / "model.json", info)
    return net


@pytest.fixture
def image(rng: np.random.Generator) -> Any:
    """A picture of noise."""
    return rng.integers(0, 60, (72, 80, 3)).astype(np.uint8)


def test_maps_equal_torchs_own_hooks(tmp_path: Path, image: Any) -> None:
    write_model(tmp_path / "m", "radar", "Three blocks", 6)
    opened = activations.open_model(tmp_path / "m")
    x, own = activations.fit(opened, image), {}
    for name, module in opened.net.named_modules():
        module.register_forward_hook(lambda m, given, value, name=name: own.setdefault(name, value.detach().clone()))
    found = activations.outputs(opened, x)
    assert list(found)[:3] == ["body.0", "body.1", "body.2"] and list(found)[-1] == "head"
    assert all(np.array_equal(found[name], own[name][0].numpy()) for name in found)
    assert tuple(x.shape) == (1, 3, 136, 136)


def test_the_network_is_the_one_that_was_saved(tmp_path: Path, image: Any) -> None:
    net = write_model(tmp_path / "m", "radar", "Chapter", 6)
    opened = activations.open_model(tmp_path / "m")
    x = activations.fit(opened, image)
    with torch.no_grad():
        wanted = net(x)[0].softmax(0).numpy()
    assert activations.probabilities(opened, x) == pytest.approx(wanted, abs=1e-6)


def test_layers_count_every_weight_once(tmp_path: Path, image: Any) -> None:
    write_model(tmp_path / "m", "radar", "Chapter", 6)
    opened = activations.open_model(tmp_path / "m")
    found = activations.layers(opened, activations.fit(opened, image))
    assert [(layer.name, layer.shape, layer.parameters) for layer in found] == [
        ("conv", (32, 134, 134), 320),
        ("pool", (32, 44, 44), 0),
        ("dense", (128,), 7_929_984),
        ("relu", (128,), 0),
        ("head", (6,), 774),
    ]
    assert sum(layer.parameters for layer in found) == sum(value.numel() for value in opened.net.parameters())
    assert activations.first_filters(opened).shape == (32, 1, 3, 3)
    assert np.array_equal(activations.filters(opened, "conv"), opened.net.conv.weight.detach().numpy())
    with pytest.raises(ModelError, match="no convolution"):
        activations.filters(opened, "dense")


def test_grad_cam_of_a_linear_end_by_hand(tmp_path: Path, image: Any) -> None:
    """Through a mean and a linear layer the gradient is the class's row: the map is the relu of the weighted sum."""
    write_model(tmp_path / "m", "radar", "Three blocks", 6)
    opened = activations.open_model(tmp_path / "m")
    with torch.no_grad():
        opened.net.head.weight[:, 64:] = 0  # the half that reads the maxima
        opened.net.head.weight[2, :64] = torch.linspace(-0.4, 1.0, 64)
    x = activations.fit(opened, image)
    maps = activations.outputs(opened, x)["body.11"]
    weighted = np.maximum((np.linspace(-0.4, 1.0, 64)[:, None, None] * maps).sum(0), 0)
    seen = activations.grad_cam(opened, x, 2, "body.11")
    assert seen == pytest.approx(weighted / weighted.max(), abs=1e-5)
    assert activations.deepest_maps(activations.layers(opened, x)) == "body.10"
    with pytest.raises(ModelError, match="no maps"):
        activations.grad_cam(opened, x, 2, "head")


def test_cloudnet_answers_for_the_patch_under_a_point(tmp_path: Path, image: Any) -> None:
    net = write_model(tmp_path / "m", "sky", "CloudNet, dense")
    assert isinstance(net, CloudNet)
    opened = activations.open_model(tmp_path / "m")
    view = activations.patch_under(opened, image, 40, 30)
    assert np.array_equal(view.image, image[24:56, 14:46])
    x = torch.from_numpy(view.image.astype(np.float32).transpose(2, 0, 1)[None] / (0.3 * 255))
    with torch.no_grad():
        wanted = float(net.forward_patches(x).softmax(1)[0, 1])
    assert view.probability == pytest.approx(wanted, abs=1e-5)
    assert [view.outputs[name].shape for name in ("conv1", "conv3", "fc1", "fc3")] == [
        (64, 32, 32),
        (64, 8, 8),
        (384,),
        (2,),
    ]
    names = [layer.name for layer in activations.layers(opened, activations.fit(opened, image))]
    assert names == ["conv1", "conv2", "conv3", "fc1", "fc2", "fc3"]
    assert activations.patch_under(opened, image, 0, 79).image.shape == (32, 32, 3)


def test_other_networks_have_no_patch_and_no_classes_in_words(tmp_path: Path, image: Any) -> None:
    write_model(tmp_path / "cloudnet", "sky", "CloudNet, dense")
    opened = activations.open_model(tmp_path / "cloudnet")
    with pytest.raises(ModelError, match="answers pixels"):
        activations.probabilities(opened, activations.fit(opened, image))
    write_model(tmp_path / "radar", "radar", "Three blocks", 6)
    with pytest.raises(ModelError, match="Only CloudNet"):
        activations.patch_under(activations.open_model(tmp_path / "radar"), image, 3, 3)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "m", "radar", "Chapter", 6)
    info = runs.read_json(tmp_path / "m" / "model.json")
    atomic.write_json(tmp_path / "m" / "model.json", info | {"options": {"network": "blocks"}})
    with pytest.raises(ModelError, match="do not fit"):
        activations.open_model(tmp_path / "m")
