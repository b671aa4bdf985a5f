"""Trains the student on the shards by matching the teacher's soft labels.

Owns: the loss and the schedule. Knows nothing of where the pictures came from.
Invariant: no picture outside the shards is read, and the last averaged weights are kept; nothing is selected.
"""

import argparse
import copy
import glob
import math
import os
import time

# On a busy machine the default, spinning at every barrier, costs several times the work itself. It is read when torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
import torch.nn.functional as F

from network import Student, count_parameters

AVERAGE_DECAY = 0.997


def load_shards(folder):
    """Returns all pictures and labels; about 180 MB for each shard of 500."""
    paths = sorted(glob.glob(os.path.join(folder, "shard-*.npz")))
    paths = [path for path in paths if not path.endswith(".part.npz")]
    pictures, labels = [], []
    for path in paths:
        with np.load(path) as shard:
            pictures.append(torch.from_numpy(shard["pictures"]))
            labels.append(torch.from_numpy(shard["labels"]))
    return pictures, labels


def make_batch(pictures, labels, size, generator):
    """Draws a batch, flips half of it and changes its brightness slightly."""
    images, targets = [], []
    for _ in range(size):
        shard = int(torch.randint(len(pictures), (1,), generator=generator))
        row = int(torch.randint(len(pictures[shard]), (1,), generator=generator))
        image, target = pictures[shard][row].float() / 255.0, labels[shard][row].float() / 255.0
        if torch.rand(1, generator=generator) < 0.5:
            image, target = image.flip(1), target.flip(1)
        gain = 1 + 0.06 * torch.randn(1, generator=generator)
        images.append((image * gain + 0.02 * torch.randn(3, generator=generator)).clamp(0, 1))
        targets.append(target)
    image = torch.stack(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    return image, torch.stack(targets).permute(0, 3, 1, 2)


def head_loss(logits, target, weight):
    """Cross-entropy against the soft label plus an overlap term; `weight` favours the rare class."""
    margin = logits[:, 1] - logits[:, 0]
    entropy = F.binary_cross_entropy_with_logits(margin, target, weight=1 + weight * target)
    p = torch.sigmoid(margin)
    overlap = 1 - (2 * (p * target).sum() + 1) / (p.square().sum() + target.square().sum() + 1)
    return entropy + 0.5 * overlap


def rate(share, peak):
    """Warms up over the first 3 % of the training, then falls as a cosine to almost nothing."""
    if share < 0.03:
        return peak * (share / 0.03 + 0.01)
    return peak * (0.5 + 0.5 * math.cos(math.pi * (share - 0.03) / 0.97)) + 1e-5


def main():
    parser = argparse.ArgumentParser(description="Train the student.")
    parser.add_argument("--work", required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--minutes", type=float, default=600.0, help="ends sooner, with the whole schedule, on a slow machine")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--peak", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", help="weights to start from")
    parser.add_argument("--out", default="student.pt")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(2)
    pictures, labels = load_shards(os.path.join(options.work, "shards"))
    network = Student().to(memory_format=torch.channels_last).train()
    if options.start:
        network.load_state_dict(torch.load(options.start))
    average = copy.deepcopy(network).eval()
    print(len(pictures), "shards,", count_parameters(network), "parameters", flush=True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.peak, weight_decay=1e-3)
    begun, recent = time.time(), []
    for step in range(options.steps):
        share = max(step / options.steps, (time.time() - begun) / (options.minutes * 60))
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = rate(share, options.peak)
        image, target = make_batch(pictures, labels, options.batch, generator)
        drivable, lanes = network(image)
        loss_drivable, loss_lanes = head_loss(drivable, target[:, 0], 0.0), head_loss(lanes, target[:, 1], 1.0)
        optimiser.zero_grad(set_to_none=True)
        (loss_drivable + 1.5 * loss_lanes).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        decay = min(AVERAGE_DECAY, (1 + step) / (10 + step))
        with torch.no_grad():
            for kept, new in zip(average.state_dict().values(), network.state_dict().values()):
                if kept.dtype.is_floating_point:
                    kept.lerp_(new, 1 - decay)
                else:
                    kept.copy_(new)
        recent.append((loss_drivable.item(), loss_lanes.item()))
        if step % 50 == 49:
            means = np.mean(recent, 0)
            recent = []
            print(f"step {step + 1} drivable {means[0]:.4f} lanes {means[1]:.4f} after {time.time() - begun:.0f} s", flush=True)
        if step % 500 == 499:
            torch.save(average.state_dict(), os.path.join(options.work, "partial.pt"))
    torch.save(average.state_dict(), os.path.join(options.work, options.out))


if __name__ == "__main__":
    main()
