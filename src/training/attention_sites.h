// What a model attends to, as its users are shown it.
#ifndef MASKWISE_TRAINING_ATTENTION_SITES_H_
#define MASKWISE_TRAINING_ATTENTION_SITES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/nn/multi_head_attention.h"
#include "maskwise/nn/text_model.h"
#include "maskwise/nn/vocabulary.h"
#include "maskwise/tensor.h"

namespace maskwise::nn::detail {

// Throws Error unless there are examples and the model has such a layer.
void check_sites(std::string_view operation,
                 const std::vector<TextExample>& examples, int64_t layer,
                 const TextModelOptions& options);

// Token ids [B, L] and what they stand for.
struct SiteTokens {
  const Tensor& ids;
  const Vocabulary& vocabulary;
};

// Who may attend to whom.
struct SiteMask {
  const Mask& mask;
  SiteTokens queries;
  SiteTokens keys;
};

// The site, given what its layer computed under the mask; the weights are
// computed again, with the same bits.
AttentionSite site_of(const std::string& name, const SiteMask& site,
                      const MultiHeadAttentionResult& result,
                      const Compute& compute);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_TRAINING_ATTENTION_SITES_H_
