#!/usr/bin/env python3
"""Writes pytorch_numbers.h: what PyTorch's Transformer layers give.

Needs PyTorch; the tests do not. Every parameter tensor is cos(0, 1, 2, ...)
reshaped, x is sin(1, 2, 3, ...), memory sin(0.5, 1.5, 2.5, ...). Computed in
float64, in training mode with dropout 0, which keeps PyTorch off its fast path.

    python3 tests/layers/make_pytorch_numbers.py > tests/layers/pytorch_numbers.h
"""
import itertools

import torch
from torch import nn

SIZES = {"d_model": 4, "nhead": 2, "dim_feedforward": 16, "dropout": 0.0,
         "layer_norm_eps": 1e-5, "batch_first": True, "dtype": torch.float64}
BATCH, LENGTH, SOURCE = 2, 3, 4
# True = ignored, as PyTorch's key padding masks have it.
TARGET_PADDING = torch.tensor([[False, False, False], [False, False, True]])
SOURCE_PADDING = torch.tensor([[False, True, False, False],
                               [False, False, True, True]])
CAUSAL = torch.ones(LENGTH, LENGTH).triu(1).bool()

HEAD = """\
// What PyTorch's Transformer layers give: written by make_pytorch_numbers.py
// with torch {version}, in float64.
#ifndef MASKWISE_TESTS_LAYERS_PYTORCH_NUMBERS_H_
#define MASKWISE_TESTS_LAYERS_PYTORCH_NUMBERS_H_

#include <cstdint>
#include <vector>

#include "maskwise/nn/transformer_layers.h"

namespace maskwise::testing {{

enum class Side {{ encoder, decoder }};
enum class SelfMask {{ padding, causal_and_padding }};

struct PytorchCase {{
  Side side = Side::encoder;
  nn::NormOrder order = nn::NormOrder::post;
  nn::Activation activation = nn::Activation::relu;
  SelfMask mask = SelfMask::padding;
  int64_t layers = 1;
  std::vector<double> y;  // [2, 3, 4]
}};

inline const std::vector<PytorchCase> kPytorchCases = {{
"""
TAIL = """\
};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_LAYERS_PYTORCH_NUMBERS_H_
"""


def sines(first, *shape):
    count = torch.Size(shape).numel()
    values = torch.sin(torch.arange(count, dtype=torch.float64) + first)
    return values.reshape(shape).float().double()


def filled(layer):
    with torch.no_grad():
        for parameter in layer.parameters():
            count = torch.arange(parameter.numel(), dtype=torch.float64)
            parameter.copy_(torch.cos(count).reshape(parameter.shape))
    return layer.train()


def encoded(order, activation, causal, layers):
    layer = filled(nn.TransformerEncoderLayer(
        activation=activation, norm_first=order == "pre", **SIZES))
    y = sines(1, BATCH, LENGTH, 4)
    for _ in range(layers):
        y = layer(y, src_mask=CAUSAL if causal else None,
                  src_key_padding_mask=TARGET_PADDING)
    return y


def decoded(order, activation, layers):
    layer = filled(nn.TransformerDecoderLayer(
        activation=activation, norm_first=order == "pre", **SIZES))
    y = sines(1, BATCH, LENGTH, 4)
    for _ in range(layers):
        y = layer(y, sines(0.5, BATCH, SOURCE, 4), tgt_mask=CAUSAL,
                  tgt_key_padding_mask=TARGET_PADDING,
                  memory_key_padding_mask=SOURCE_PADDING)
    return y


def show(side, order, activation, causal, layers, y):
    mask = "causal_and_padding" if causal else "padding"
    numbers = ", ".join(f"{each:.8f}" for each in y.flatten().tolist())
    print(f"{{Side::{side}, nn::NormOrder::{order}, "
          f"nn::Activation::{activation}, SelfMask::{mask}, {layers}, "
          f"{{{numbers}}}}},")


def main():
    print(HEAD.format(version=torch.__version__), end="")
    for order, activation, layers in itertools.product(
            ("post", "pre"), ("relu", "gelu"), (1, 2)):
        for causal in (False, True):
            show("encoder", order, activation, causal, layers,
                 encoded(order, activation, causal, layers))
        show("decoder", order, activation, True, layers,
             decoded(order, activation, layers))
    print(TAIL, end="")


main()
