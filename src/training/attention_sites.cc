#include "training/attention_sites.h"

#include "base/fail.h"
#include "layers/heads.h"
#include "maskwise/attention.h"
#include "maskwise/mask_plan.h"

namespace maskwise::nn::detail {
namespace {

// The axes of [B, L, H, D] as [B, H, L, D].
const std::vector<int64_t> kHeadsFirst = {0, 2, 1, 3};

std::vector<std::vector<std::string>> symbols_of(const SiteTokens& tokens) {
  const int64_t length = tokens.ids.dim(1);
  std::vector<std::vector<std::string>> symbols(
      static_cast<size_t>(tokens.ids.dim(0)));
  for (int64_t i = 0; i < tokens.ids.size(); ++i) {
    symbols[static_cast<size_t>(i / length)].push_back(
        tokens.vocabulary.symbol_of(tokens.ids.data<int64_t>()[i]));
  }
  return symbols;
}

}  // namespace

void check_sites(std::string_view operation,
                 const std::vector<TextExample>& examples, int64_t layer,
                 const TextModelOptions& options) {
  using maskwise::detail::fail;
  if (examples.empty()) {
    fail(ErrorCode::invalid_argument, operation,
         "no text to attend to; expected at least 1");
  }
  if (layer < 0 || layer >= options.layers) {
    fail(ErrorCode::invalid_argument, operation,
         "layer {}; expected one from 0 to {}", layer, options.layers - 1);
  }
}

AttentionSite site_of(const std::string& name, const SiteMask& site,
                      const MultiHeadAttentionResult& result,
                      const Compute& compute) {
  const TensorView keys = part_of(result.kv, 0);
  const TensorView values = part_of(result.kv, 1);
  const BoundMask mask = site.mask.bind({.batch = result.q.dim(0),
                                         .heads = result.q.dim(2),
                                         .q_len = result.q.dim(1),
                                         .kv_len = result.kv.dim(1)});
  const AttentionOptions options = options_for(compute, maskwise::Weights::all);
  Tensor weights =
      attention(result.q, keys, values, compile(mask), options).weights;
  return {.name = name,
          .mask = mask,
          .k_ids = site.keys.ids,
          .q_symbols = symbols_of(site.queries),
          .k_symbols = symbols_of(site.keys),
          .q = Tensor::copy_of(result.q.view().permuted(kHeadsFirst)),
          .k = Tensor::copy_of(keys.permuted(kHeadsFirst)),
          .weights = std::move(weights)};
}

}  // namespace maskwise::nn::detail
