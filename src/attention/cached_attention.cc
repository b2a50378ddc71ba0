// Attention of the newest tokens to a cache.
#include <algorithm>
#include <string_view>

#include "attention/attention_checks.h"
#include "attention/attention_outputs.h"
#include "attention/cache_storage.h"
#include "backend/cpu/forward.h"
#include "base/fail.h"
#include "base/fp_environment.h"
#include "maskwise/kv_cache.h"

namespace maskwise {
namespace detail {
namespace {

constexpr std::string_view kOperation = "attention";

void check_cached_options(const AttentionOptions& options) {
  const auto refuse = [](bool asked, std::string_view what) {
    if (!asked) return;
    fail(ErrorCode::invalid_argument, kOperation,
         "{} over a cache; expected none (use the call over k and v)", what);
  };
  refuse(options.bias.defined(), "a bias");
  refuse(options.weights != Weights::none, "weights are asked for");
  refuse(options.scores != Scores::none, "scores are asked for");
  refuse(!options.pair_rows.empty(), "rows of weights and scores are chosen");
  refuse(options.backend != Backend::cpu, "the reference backend is chosen");
  refuse(options.alibi.q_positions.defined() ||
             options.alibi.kv_positions.defined(),
         "ALiBi positions are given");
}

// The plan is for the same sequences and heads, and for positions as long.
void check_plan(const CacheStorage& cache, const TensorView& q,
                const AttentionShape& shape) {
  const KvCacheOptions& o = cache.options;
  int64_t tokens = 0;
  int64_t longest = 0;
  for (size_t b = 0; b < cache.lengths.size(); ++b) {
    tokens = std::max(tokens, cache.lengths[b] - cache.begins[b]);
    longest = std::max(longest, cache.lengths[b]);
  }
  if (shape.batch != o.batch || q.dim(0) != o.batch) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "the cache holds {} sequences, q has batch {} and the plan {}; "
         "expected the same",
         o.batch, q.dim(0), shape.batch);
  }
  if (shape.heads != q.dim(1) || shape.heads % o.kv_heads != 0) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "q has {} heads, the plan {} and the cache {} kv heads; expected as "
         "many in q as in the plan, a multiple of the kv heads",
         q.dim(1), shape.heads, o.kv_heads);
  }
  if (q.dim(2) != tokens) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "q has {} rows; expected one for each of the {} tokens that the last "
         "append added",
         q.dim(2), tokens);
  }
  if (q.dim(3) != o.head_dim) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "q has head_dim {} and the cache {}; expected the same", q.dim(3),
         o.head_dim);
  }
  if (std::min(shape.q_len, shape.kv_len) < longest) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "a sequence holds {} keys and the plan is for [{}, {}]; expected a "
         "plan for the longest sequences, such as [{}, {}]",
         longest, shape.q_len, shape.kv_len, o.max_length, o.max_length);
  }
}

AttentionInputs check_cached_attention(const TensorView& q,
                                       const CacheStorage& cache,
                                       const AttentionShape& plan,
                                       const AttentionOptions& options) {
  check_cached_options(options);
  if (!q.defined() || q.rank() != 4) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected q with 4 axes ({}), got {}",
         options.layout == Layout::bhld ? "[B, H, n, D]" : "[B, n, H, D]",
         q.defined() ? to_string(q.shape()) : "nothing");
  }
  const TensorView q4 =
      options.layout == Layout::bhld ? q : q.permuted({0, 2, 1, 3});
  check_plan(cache, q4, plan);
  AttentionShape shape = plan;
  shape.q_len = q4.dim(2);
  AttentionInputs inputs = check_queries(q, shape, options);
  ForwardProblem& problem = inputs.problem;
  problem.kv_heads = cache.options.kv_heads;
  problem.value_dim = cache.options.value_dim;
  problem.paged = cache.view();
  // Queries stand behind the keys that were there before them.
  problem.q_positions.begins = cache.begins.data();
  return inputs;
}

}  // namespace
}  // namespace detail

AttentionResult attention(const TensorView& q, const KvCache& cache,
                          const MaskPlan& plan,
                          const AttentionOptions& options) {
  const detail::FpEnvironment environment;
  const Isa isa = devices().choose(options.isa);
  detail::AttentionInputs inputs =
      detail::check_cached_attention(q, cache.storage(), plan.shape(), options);
  AttentionResult result = detail::make_outputs(inputs.problem, options);
  detail::cpu_forward(inputs.problem, plan.data(), {isa, options.threads});
  return result;
}

}  // namespace maskwise
