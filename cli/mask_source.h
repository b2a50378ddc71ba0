// What a mask is drawn for: the tokens of a file or of a text, or a bare shape.
#ifndef MASKWISE_CLI_MASK_SOURCE_H_
#define MASKWISE_CLI_MASK_SOURCE_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/maskwise.h"

namespace maskwise::cli {

struct SourceFlags {
  std::optional<std::string> input;
  std::optional<std::string> text;
  std::optional<std::string> shape;
  std::optional<int64_t> heads;
};

void add_source_flags(CLI::App& command, SourceFlags& flags);

struct MaskSource {
  TensorMap tensors;
  AttentionShape shape;
  std::vector<std::vector<std::string>> tokens = {};  // [B][Lk], may be empty
  std::string path = {};  // of the tensors' file, if there is one

  // The mask of `text`, its names bound to the tensors.
  BoundMask bind(const std::string& text) const;

  // token_ids [B, Lk], if there are any.
  TensorView token_ids() const;

  // q and k where there are both; else nothing.
  std::pair<TensorView, TensorView> heads() const;

  // Queries are labelled where they are the same tokens as the keys.
  TokenLabels labels() const;
};

// Throws Error unless exactly one source is said and it says a shape.
MaskSource find_source(const SourceFlags& flags);

// Makes the token ids the labels of a source that has no tokens; `pad` is
// <pad>.
void label_ids(MaskSource& source, int64_t pad);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_MASK_SOURCE_H_
