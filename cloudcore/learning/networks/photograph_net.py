"""A classifier of whole photographs: any convolutional network of timm or torchvision under one linear layer.

The linear layer reads the mean of the last feature maps, so the maps weighted by a class's row show where the network
looked for that class (class activation maps, Zhou et al. 2016).
"""

import torch
from torch import Tensor, nn

from cloudcore.errors import ModelError


class GenusNet(nn.Module):
    """x (N, 3, H, W) -> logits (N, K): feature maps, their mean, dropout, one linear layer."""

    def __init__(self, body: nn.Module, channels: int, classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.body, self.dropout = body, nn.Dropout(dropout)
        self.head = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, K)."""
        head: Tensor = self.head(self.dropout(self.body(x).mean((2, 3))))
        return head

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(logits (N, K), maps (N, K, h, w)): the mean of a map plus the class's bias is its logit."""
        features = self.body(x)
        seen = torch.einsum("nchw,kc->nkhw", features, self.head.weight)
        return seen.mean((2, 3)) + self.head.bias, seen


class Deployed(nn.Module):
    """What is exported: mean (logits, maps) of one or several networks, over the photograph and its mirror image."""

    def __init__(self, nets: list[GenusNet], flip: bool) -> None:
        super().__init__()
        self.nets, self.flip = nn.ModuleList(nets), flip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (N, 3, H, W) -> logits (N, K) and maps (N, K, h, w)."""
        logits, maps = zip(*[net.maps(x) for net in self.nets], strict=True)
        answers, views = list(logits), list(maps)
        if self.flip:
            for net in self.nets:
                answer, view = net.maps(x.flip(3))
                answers.append(answer)
                views.append(view.flip(3))
        count = float(len(answers))
        return torch.stack(answers).sum(0) / count, torch.stack(views).sum(0) / count


def build(name: str, classes: int, dropout: float, pretrained: bool, drop_path: float = 0.0) -> GenusNet:
    """The network of a timm name, else of a torchvision name. Raises ModelError for a name or form that will not do."""
    body, channels = _timm(name, pretrained, drop_path) or _torchvision(name, pretrained)
    return GenusNet(body, channels, classes, dropout)


def _timm(name: str, pretrained: bool, drop_path: float) -> tuple[nn.Module, int] | None:
    import timm

    if not timm.is_model(name):
        return None
    more = {"drop_path_rate": drop_path} if drop_path else {}
    try:
        body = timm.create_model(name, pretrained=pretrained, num_classes=0, global_pool="", **more)
    except (TypeError, RuntimeError, AssertionError) as problem:
        raise ModelError(f"Network {name!r} could not be made ({problem}). Choose another name.") from problem
    if hasattr(body, "forward_features") and hasattr(body, "conv_head"):
        body = _Features(body)
    return body, _channels(body, name)


class _Features(nn.Module):
    """A timm network whose head comes after the pooling: its feature maps alone."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        for unused in ("conv_head", "norm_head", "act2", "bn2"):
            if hasattr(net, unused):
                setattr(net, unused, nn.Identity())
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps (N, C, h, w)."""
        maps: Tensor = self.net.forward_features(x)
        return maps


def _torchvision(name: str, pretrained: bool) -> tuple[nn.Module, int]:
    import torchvision

    try:
        net = torchvision.models.get_model(name, weights="DEFAULT" if pretrained else None)
    except ValueError as problem:
        raise ModelError(f"There is no network {name!r} in timm or torchvision. Choose another name.") from problem
    layers = list(net.named_children())
    kept = [(n, layer) for n, layer in layers if n not in ("avgpool", "fc", "classifier", "head", "heads")]
    body = nn.Sequential()
    for child, layer in kept:
        body.add_module(child, layer)
    return body, _channels(body, name)


def _channels(body: nn.Module, name: str) -> int:
    with torch.no_grad():
        try:
            maps = body.eval()(torch.zeros(1, 3, 64, 64))
        except (RuntimeError, AssertionError) as problem:
            raise ModelError(f"Network {name!r} takes no picture of 64 px ({problem}). Choose another.") from problem
    body.train()
    if maps.ndim != 4:
        raise ModelError(f"Network {name!r} has no feature maps, so it cannot show where it looked. Choose another.")
    return int(maps.shape[1])
