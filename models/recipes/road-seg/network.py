"""The student network: plain convolutions, ReLU and additions, so that it folds, quantises and runs fast.

Owns: the architecture only. Knows nothing of labels or files.
Invariant: 320x320 RGB in 0..1 goes in, two pairs of logits at 160x160 come out (drivable, lanes).
"""

import torch
from torch import nn


class Step(nn.Sequential):
    """Convolution, batch normalisation and ReLU; the first two become one convolution at export."""

    def __init__(self, inside, outside, size=3, stride=1, dilation=1):
        pad = dilation * (size // 2)
        super().__init__(
            nn.Conv2d(inside, outside, size, stride, pad, dilation, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(inplace=True),
        )


class Student(nn.Module):
    """A five-level encoder with a light decoder. Widths are multiples of 16, the AVX-512 block of the CPU kernels."""

    def __init__(self):
        super().__init__()
        self.stem = Step(3, 16, stride=2)
        self.at80 = nn.Sequential(Step(16, 32, stride=2), Step(32, 32))
        self.at40 = nn.Sequential(Step(32, 48, stride=2), Step(48, 48), Step(48, 48))
        self.at20 = nn.Sequential(Step(48, 64, stride=2), Step(64, 64), Step(64, 64, dilation=2))
        # At 10x10 a dilated pair sees the whole picture for the price of one step at 40x40.
        self.at10 = nn.Sequential(Step(64, 96, stride=2), Step(96, 96), Step(96, 96, dilation=2))
        self.down10 = Step(96, 64, size=1)
        self.mix20 = Step(64, 64)
        self.down20 = Step(64, 48, size=1)
        self.mix40 = Step(48, 48)
        self.down40 = Step(48, 32, size=1)
        self.mix80 = nn.Sequential(Step(32, 32), Step(32, 32))
        # Each head predicts 2x2 sub-pixels of two classes, which is far cheaper than convolving at 160x160.
        self.drivable = nn.Conv2d(32, 8, 1)
        self.lanes = nn.Conv2d(32, 8, 1)
        self.spread = nn.PixelShuffle(2)
        self.grow = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, image):
        x80 = self.at80(self.stem(image))
        x40 = self.at40(x80)
        x20 = self.at20(x40)
        x10 = self.at10(x20)
        y20 = self.mix20(x20 + self.grow(self.down10(x10)))
        y40 = self.mix40(x40 + self.grow(self.down20(y20)))
        y80 = self.mix80(x80 + self.grow(self.down40(y40)))
        return self.spread(self.drivable(y80)), self.spread(self.lanes(y80))


def count_parameters(network):
    return sum(p.numel() for p in network.parameters())


if __name__ == "__main__":
    student = Student()
    shapes = [tuple(y.shape) for y in student.eval()(torch.zeros(1, 3, 320, 320))]
    print(count_parameters(student), "parameters,", shapes)
