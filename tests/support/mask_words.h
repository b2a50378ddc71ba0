// Every mask word once.
#ifndef MASKWISE_TESTS_SUPPORT_MASK_WORDS_H_
#define MASKWISE_TESTS_SUPPORT_MASK_WORDS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/attention_random.h"

namespace maskwise::testing {

// Every word, for any shape with two batch items and two heads.
inline std::vector<std::pair<std::string, Mask>> words(
    Rng& rng, const AttentionShape& shape) {
  const auto [batch, heads, q, k] = shape;
  const Tensor q_ids = random_ids(rng, {batch, q}, 3);
  const Tensor k_ids = random_ids(rng, {batch, k}, 3);
  const int64_t block_rows = (q + 15) / 16;
  const int64_t block_keys = (k + 15) / 16;
  return {
      {"all", all()},
      {"none", none()},
      {"causal", causal(Align::bottom_right)},
      {"causal of each item", causal({.offset = PerBatch{0, k / 2}})},
      {"sliding_window", sliding_window({.left = 20, .right = 3, .offset = 5})},
      {"dilated", dilated(3, {.offset = 1})},
      {"chunked", chunked(48, {.offset = k / 3})},
      {"prefix", prefix({k / 2, 3})},
      {"lengths", lengths({k, k / 2})},
      {"q_lengths", q_lengths({q / 2, q})},
      {"padding", padding(k_ids)},
      {"documents", documents(q_ids, k_ids)},
      {"allow", allow(random_bools(rng, {batch, heads, q, k}, 0.3))},
      {"forbid", forbid(random_bools(rng, {q, k}, 0.3))},
      {"allow_keys", allow_keys(random_bools(rng, {batch, k}, 0.6))},
      {"forbid_keys", forbid_keys(random_bools(rng, {batch, k}, 0.6))},
      {"blocks", blocks(random_bools(rng, {heads, block_rows, block_keys}, 0.5),
                        {.size = 16})},
      {"per_head", per_head({all(), causal(Align::bottom_right)})},
      {"per_batch", per_batch({prefix(5), all()})},
      {"a term", (causal({.offset = k / 2}) | prefix(2)) & ~dilated(5)}};
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MASK_WORDS_H_
