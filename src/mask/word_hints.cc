#include "mask/word_hints.h"

#include <algorithm>
#include <span>

#include "base/format.h"
#include "base/suggest.h"

namespace maskwise::detail {
namespace {

struct Synonym {
  std::string_view written;  // in lower case
  std::string_view meant;
};

constexpr Synonym kWords[] = {
    {"additive", "from_additive"},
    {"additive_mask", "from_additive"},
    {"attention_mask", "allow_keys"},
    {"attn_mask", "from_torch_attn_mask"},
    {"autoregressive", "causal"},
    {"block_diagonal", "documents"},
    {"causal_mask", "causal"},
    {"chunk", "chunked"},
    {"dilation", "dilated"},
    {"false", "none"},
    {"from_keras", "allow"},
    {"from_pytorch", "from_torch_attn_mask"},
    {"from_tensorflow", "from_tf_tutorial"},
    {"from_tf", "from_tf_tutorial"},
    {"from_torch", "from_torch_attn_mask"},
    {"full", "all"},
    {"is_causal", "causal"},
    {"key_padding", "from_torch_key_padding"},
    {"key_padding_mask", "from_torch_key_padding"},
    {"local", "sliding_window"},
    {"look_ahead", "causal"},
    {"look_ahead_mask", "causal"},
    {"lookahead", "causal"},
    {"lookahead_mask", "causal"},
    {"no_mask", "all"},
    {"nonpad_kv_seqlen", "lengths"},
    {"pad", "padding"},
    {"pad_mask", "padding"},
    {"padding_mask", "padding"},
    {"prefix_lm", "prefix"},
    {"segment_ids", "documents"},
    {"segments", "documents"},
    {"seq_lens", "lengths"},
    {"seqlens", "lengths"},
    {"sequence_mask", "lengths"},
    {"src_key_padding_mask", "from_torch_key_padding"},
    {"src_mask", "from_torch_attn_mask"},
    {"strided", "dilated"},
    {"subsequent", "causal"},
    {"subsequent_mask", "causal"},
    {"tgt_key_padding_mask", "from_torch_key_padding"},
    {"tgt_mask", "from_torch_attn_mask"},
    {"tril", "causal"},
    {"true", "all"},
    {"window", "sliding_window"},
    {"window_size", "sliding_window"},
};

constexpr Synonym kAligns[] = {
    {"end", "bottom_right"},         {"left", "top_left"},
    {"lower_right", "bottom_right"}, {"right", "bottom_right"},
    {"start", "top_left"},           {"upper_left", "top_left"},
};

constexpr Synonym kOperators[] = {
    {"!", "~ for not"}, {"not", "~ for not"}, {"&&", "& for and"},
    {"*", "& for and"}, {"and", "& for and"}, {"||", "| for or"},
    {"+", "| for or"},  {"or", "| for or"},
};

std::string_view find(std::span<const Synonym> table, std::string_view found) {
  const std::string lower = lower_case(found);
  const auto at = std::ranges::find(table, lower, &Synonym::written);
  return at == table.end() ? std::string_view() : at->meant;
}

std::string meant_or_near(std::span<const Synonym> table,
                          std::string_view found,
                          const std::vector<std::string_view>& known) {
  const std::string_view meant = find(table, found);
  return meant.empty() ? did_you_mean(found, known)
                       : formatted("; did you mean '{}'?", meant);
}

}  // namespace

std::string word_hint(std::string_view found,
                      const std::vector<std::string_view>& known) {
  return meant_or_near(kWords, found, known);
}

std::string align_hint(std::string_view found) {
  return meant_or_near(kAligns, found, {"top_left", "bottom_right"});
}

std::string operator_hint(std::string_view found) {
  const std::string_view meant = find(kOperators, found);
  return meant.empty() ? "" : formatted("; write {}", meant);
}

std::string tensor_words(std::string_view name, DType dtype) {
  if (dtype == DType::i32 || dtype == DType::i64) {
    return formatted(
        "padding({0}) (token ids), documents({0}) (ids of documents) or "
        "lengths({0})",
        name);
  }
  if (is_floating(dtype)) {
    return formatted(
        "from_additive({0}) (0 = may attend, -inf = masked) or "
        "from_tf_tutorial({0}) (1 = masked)",
        name);
  }
  return formatted(
      "allow({0}) (true = may attend) or forbid({0}) (true = "
      "masked)",
      name);
}

}  // namespace maskwise::detail
