#!/usr/bin/env python3
"""Writes pytorch_numbers.h: what PyTorch's Transformer and its layers give.

Needs PyTorch; the tests do not. Every parameter tensor is cos(0, 1, 2, ...)
reshaped, x is sin(1, 2, 3, ...), memory sin(0.5, 1.5, 2.5, ...). Computed in
float64, in training mode with dropout 0, which keeps PyTorch off its fast path.

    python3 tests/layers/make_pytorch_numbers.py > tests/layers/pytorch_numbers.h
"""
import itertools
import math

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
# Of the whole Transformer; 0 is padding. A target that begins with padding has
# rows that see nothing, of which PyTorch makes NaN in every row; padding at the
# end is hidden by the causal mask alone.
SOURCE_IDS = torch.tensor([[5, 3, 2, 6], [0, 4, 1, 0]])
TARGET_IDS = torch.tensor([[1, 3, 2], [1, 0, 5]])
SOURCE_TOKENS, TARGET_TOKENS = 7, 6
# Without one of the masks the logits of the first and the last differ by 9e-5
# and more. These parameters make two post-norm layers forget their tokens.
TRANSFORMERS = [("post", 1), ("post", 2), ("pre", 2)]

HEAD = """\
// What PyTorch's Transformer and its layers give: written by
// make_pytorch_numbers.py with torch {version}, in float64.
#ifndef MASKWISE_TESTS_LAYERS_PYTORCH_NUMBERS_H_
#define MASKWISE_TESTS_LAYERS_PYTORCH_NUMBERS_H_

#include <cstdint>
#include <string>
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
MIDDLE = """\
};

// nn.Transformer, with as many layers on each side, between embeddings and
// logits.
struct PytorchTransformer {
  nn::NormOrder order = nn::NormOrder::post;
  int64_t layers = 1;
  std::vector<int64_t> source;  // [2, 4]
  std::vector<int64_t> target;  // [2, 3]
  std::vector<double> logits;   // [2, 3, 6]
};

inline const std::vector<PytorchTransformer> kPytorchTransformers = {
"""
NAMES = """\
};

// The parameters of the one with two layers.
inline const std::vector<std::string> kPytorchNames = {
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


def embedded(ids, tokens):
    """Embeddings times sqrt(E) and sinusoids of the tokens before each."""
    table = filled(nn.Embedding(tokens, 4, dtype=torch.float64))
    real = (ids != 0).long()
    positions = (real.cumsum(1) - real)[..., None].double()
    angles = positions / 10000 ** (torch.tensor([0, 0, 2, 2]).double() / 4)
    places = torch.where(torch.tensor([True, False, True, False]),
                         angles.sin(), angles.cos())
    return table(ids) * math.sqrt(4) + places


def transformer(order, layers):
    return filled(nn.Transformer(
        num_encoder_layers=layers, num_decoder_layers=layers,
        norm_first=order == "pre", **SIZES))


def logits(order, layers):
    output = filled(nn.Linear(4, TARGET_TOKENS, dtype=torch.float64))
    source_padding = SOURCE_IDS == 0
    return output(transformer(order, layers)(
        embedded(SOURCE_IDS, SOURCE_TOKENS),
        embedded(TARGET_IDS, TARGET_TOKENS),
        tgt_mask=CAUSAL, src_key_padding_mask=source_padding,
        tgt_key_padding_mask=TARGET_IDS == 0,
        memory_key_padding_mask=source_padding))


def listed(values, form):
    return "{" + ", ".join(form(each) for each in values) + "}"


def show_transformer(order, layers):
    ids = [listed(each.flatten().tolist(), str)
           for each in (SOURCE_IDS, TARGET_IDS)]
    numbers = listed(logits(order, layers).flatten().tolist(),
                     lambda each: f"{each:.8f}")
    print(f"{{nn::NormOrder::{order}, {layers}, {ids[0]}, {ids[1]}, "
          f"{numbers}}},")


def main():
    print(HEAD.format(version=torch.__version__), end="")
    for order, activation, layers in itertools.product(
            ("post", "pre"), ("relu", "gelu"), (1, 2)):
        for causal in (False, True):
            show("encoder", order, activation, causal, layers,
                 encoded(order, activation, causal, layers))
        show("decoder", order, activation, True, layers,
             decoded(order, activation, layers))
    print(MIDDLE, end="")
    for order, layers in TRANSFORMERS:
        show_transformer(order, layers)
    print(NAMES, end="")
    for name, _ in transformer("post", 2).named_parameters():
        print(f'"{name}",')
    print(TAIL, end="")


main()
