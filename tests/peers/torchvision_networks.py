"""The networks of the papers made of torchvision's parts: what ours are compared with. Needs python3-torchvision."""
import torch
import torchvision
from torch import nn
from torchvision.models import resnet
from torchvision.models.googlenet import BasicConv2d, Inception
from torchvision.models.googlenet import GoogLeNet as TorchvisionGoogLeNet
from torchvision.models.segmentation import deeplabv3


def dilate(layer, first, then):
    """What replace_stride_with_dilation would do to a stage of basic blocks, if torchvision allowed it."""
    for number, block in enumerate(layer):
        rate = first if number == 0 else then
        for convolution in (block.conv1, block.conv2):
            convolution.stride, convolution.dilation, convolution.padding = (1, 1), (rate, rate), (rate, rate)
    layer[0].downsample[0].stride = (1, 1)


def trunk(depth, stride, channels):
    make = getattr(resnet, f"resnet{depth}")
    if depth >= 50:
        network = make(weights=None, replace_stride_with_dilation=[False, stride == 8, True])
    else:
        network = make(weights=None)
        if stride == 8:
            dilate(network.layer3, 1, 2)
        dilate(network.layer4, 2 if stride == 8 else 1, 4 if stride == 8 else 2)
    network.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    return torchvision.models._utils.IntermediateLayerGetter(network, {"layer4": "out"})


def head(channels, stride):
    rates = [12, 24, 36] if stride == 8 else [6, 12, 18]
    return nn.Sequential(
        deeplabv3.ASPP(channels, rates),
        nn.Conv2d(256, 256, 3, padding=1, bias=False),
        nn.BatchNorm2d(256),
        nn.ReLU(),
        nn.Conv2d(256, 1, 1),
    )


def upsampled(logits, like):
    return nn.functional.interpolate(logits, size=like.shape[-2:], mode="bilinear", align_corners=False)


def scaled(parts, kept):
    return [part * (4 / len(kept)) if i in kept else torch.zeros_like(part) for i, part in enumerate(parts)]


class Whole(nn.Module):
    def __init__(self, depth, stride, channels):
        super().__init__()
        self.backbone = trunk(depth, stride, channels)
        self.classifier = head(512 if depth < 50 else 2048, stride)

    def forward(self, x):
        return upsampled(self.classifier(self.backbone(x)["out"]), x)


class Input(Whole):
    def forward(self, x, kept):
        return super().forward(torch.cat(scaled(x.chunk(4, 1), kept), 1))


class Mid(nn.Module):
    def __init__(self, depth, stride, shared, subtract=False):
        super().__init__()
        if shared:
            self.backbone = trunk(depth, stride, 5)
        else:
            self.backbones = nn.ModuleList([trunk(depth, stride, 5) for _ in range(4)])
        self.shared, self.subtract = shared, subtract
        self.classifier = head((3 if subtract else 4) * (512 if depth < 50 else 2048), stride)

    def forward(self, x, kept):
        trunks = [self.backbone] * 4 if self.shared else self.backbones
        features = [own(part)["out"] for own, part in zip(trunks, x.chunk(4, 1))]
        if self.subtract:
            features = [features[0], features[2] - features[1], features[3]]
        else:
            features = scaled(features, kept)
        return upsampled(self.classifier(torch.cat(features, 1)), x)


class End(nn.Module):
    def __init__(self, depth, stride):
        super().__init__()
        self.networks = nn.ModuleList([Whole(depth, stride, 5) for _ in range(4)])

    def forward(self, x, kept):
        outputs = [network(part) for network, part in zip(self.networks, x.chunk(4, 1))]
        return sum(outputs[i] for i in kept) / len(kept)


class EndShared(Whole):
    def forward(self, x, kept):
        outputs = [super(EndShared, self).forward(part) for part in x.chunk(4, 1)]
        return sum(outputs[i] for i in kept) / len(kept)


class GoogLeNet(nn.Module):
    """torchvision's modules, with the paper's 5x5 convolution, arranged as Groevik 2020 has them."""

    def __init__(self):
        super().__init__()
        whole = TorchvisionGoogLeNet(num_classes=1, aux_logits=False, init_weights=False)
        self.conv1 = BasicConv2d(28, 64, kernel_size=7, padding=3)
        for name, module in whole.named_children():
            if name in ("conv2", "conv3") or name.startswith("inception"):
                setattr(self, name, module)
        for module in self.modules():
            if isinstance(module, Inception):
                three = module.branch3[1].conv
                module.branch3[1].conv = nn.Conv2d(three.in_channels, three.out_channels, 5, padding=2, bias=False)
        self.upsample = nn.ConvTranspose2d(1024, 1, 8, stride=4, padding=2)

    def forward(self, x, kept):
        x = torch.cat(scaled(x.chunk(4, 1), kept), 1)
        x = self.half(self.conv3(self.conv2(self.conv1(x))))
        for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e"):
            x = getattr(self, f"inception{name}")(x)
        x = self.inception5b(self.inception5a(self.half(x)))
        return self.upsample(x)

    @staticmethod
    def half(x):
        return nn.functional.max_pool2d(x, 3, stride=2, ceil_mode=True)
