#!/usr/bin/env python3
"""Writes pytorch_numbers.h: what PyTorch's loss and optimizers give.

Needs PyTorch; the tests do not. Logits are 3 sin(1, 2, 3, ...), parameters
cos(0, 1, 2, ...), the gradients of update u sin(u, u + 1, u + 2, ...), all
rounded to f32 and computed with in float64.

    python3 tests/training/make_pytorch_numbers.py > tests/training/pytorch_numbers.h
"""
import torch
from torch.nn import functional

TARGETS = torch.tensor([[1, 4, 0], [3, 0, 0]])  # [2, 3], pad 0
CLASSES, FACTOR = 5, 0.25
SIZE, UPDATES = 4, 5

HEAD = """\
// What PyTorch's loss and optimizers give: written by make_pytorch_numbers.py
// with torch {version}, in float64.
#ifndef MASKWISE_TESTS_TRAINING_PYTORCH_NUMBERS_H_
#define MASKWISE_TESTS_TRAINING_PYTORCH_NUMBERS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "maskwise/nn/optimizer.h"

namespace maskwise::testing {{

// Targets {{{{1, 4, 0}}, {{3, 0, 0}}}} of 5 classes; every loss times 0.25.
struct PytorchLoss {{
  std::optional<int64_t> pad;
  float smoothing = 0;
  std::vector<double> losses;    // [2, 3]
  std::vector<double> gradient;  // [2, 3, 5]
}};

inline const std::vector<PytorchLoss> kPytorchLosses = {{
"""
OPTIMIZERS = """\
};

// 5 updates of 4 numbers; the rate of update u is 0.1 / u.
struct PytorchUpdates {
  nn::AdamOptions options;
  std::vector<double> values;  // after the last
};

inline const std::vector<PytorchUpdates> kPytorchUpdates = {
"""
CLIPS = """\
};

// Gradients of 4 and 3 numbers, those of update 1.
struct PytorchClip {
  double most = 0;
  double norm = 0;
  std::vector<double> gradient;  // of the first
};

inline const std::vector<PytorchClip> kPytorchClips = {
"""
TAIL = """\
};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_TRAINING_PYTORCH_NUMBERS_H_
"""


def rounded(values):
    return values.float().double()


def sines(first, count):
    return rounded(torch.sin(torch.arange(count).double() + first))


def cosines(count):
    return rounded(torch.cos(torch.arange(count).double()))


def shown(values):
    return "{" + ", ".join(f"{each:.9g}"
                           for each in values.flatten().tolist()) + "}"


def show_loss(pad, smoothing):
    logits = rounded(3 * torch.sin(torch.arange(30).double() + 1))
    logits = logits.reshape(2, 3, CLASSES).requires_grad_()
    losses = functional.cross_entropy(
        logits.transpose(1, 2), TARGETS, reduction="none",
        ignore_index=-100 if pad is None else pad, label_smoothing=smoothing)
    (losses.sum() * FACTOR).backward()
    print(f"{{{'{}' if pad is None else pad}, {smoothing}F, "
          f"{shown(losses.detach())}, {shown(logits.grad)}}},")


def show_updates(kind, beta1, beta2, eps, decay):
    value = torch.nn.Parameter(cosines(SIZE))
    make = torch.optim.AdamW if kind == "adamw" else torch.optim.Adam
    optimizer = make([value], betas=(beta1, beta2), eps=eps,
                     weight_decay=decay)
    for update in range(1, UPDATES + 1):
        value.grad = sines(update, SIZE)
        optimizer.param_groups[0]["lr"] = 0.1 / update
        optimizer.step()
    print(f"{{{{.kind = nn::AdamKind::{kind}, .beta1 = {beta1}, "
          f".beta2 = {beta2}, .eps = {eps}, .weight_decay = {decay}}}, "
          f"{shown(value.detach())}}},")


def show_clip(most):
    parameters = [torch.nn.Parameter(cosines(count)) for count in (4, 3)]
    for parameter in parameters:
        parameter.grad = sines(1, parameter.numel())
    norm = torch.nn.utils.clip_grad_norm_(parameters, most)
    print(f"{{{most}, {norm.item():.9g}, {shown(parameters[0].grad)}}},")


def main():
    print(HEAD.format(version=torch.__version__), end="")
    for pad in (None, 0):
        for smoothing in (0.0, 0.1):
            show_loss(pad, smoothing)
    print(OPTIMIZERS, end="")
    for kind in ("adam", "adamw"):
        show_updates(kind, 0.9, 0.999, 1e-8, 0.0)
        show_updates(kind, 0.9, 0.98, 1e-9, 0.1)
    show_updates("adamw", 0.5, 0.75, 0.25, 0.5)
    print(CLIPS, end="")
    for most in (0.5, 100.0):
        show_clip(most)
    print(TAIL, end="")


main()
