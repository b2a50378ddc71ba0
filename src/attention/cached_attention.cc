// Attention of the newest tokens to a cache.
#include <algorithm>
#include <string_view>

#include "attention/attention_checks.h"
#include "attention/attention_outputs.h"
#include "attention/bhld.h"
#include "attention/cache_storage.h"
#include "backend/cpu/forward.h"
#include "backend/row_math.h"
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
void check_plan(const CacheStorage& cache, const Bhld& q,
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
  const Bhld q4(kOperation, "q", q, options.layout);
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

void write_absent_row(const ForwardProblem& problem, const ProblemRow& at) {
  const auto [b, h, q] = at;
  auto* o = static_cast<char*>(problem.o.row(b, h, q));
  const int64_t bytes = size_of(problem.o.dtype);
  for (int64_t d = 0; d < problem.value_dim; ++d) {
    std::fill_n(o + d * problem.o.stride[3] * bytes, bytes, char{0});
  }
  if (problem.lse.given()) *problem.lse.at(b, h, q) = kMinusInfinity;
  if (problem.m.given()) *problem.m.at(b, h, q) = kLowest;
  if (problem.l.given()) *problem.l.at(b, h, q) = 0;
}

// Writes rows of no token as rows that see no key.
void write_absent_rows(const ForwardProblem& problem) {
  const auto& [batch, heads, q_len, kv_len] = problem.shape;
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t tokens = problem.paged.lengths[b] - problem.paged.begins[b];
    for (int64_t row = tokens * heads; row < q_len * heads; ++row) {
      write_absent_row(problem, {b, row % heads, row / heads});
    }
  }
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
  detail::write_absent_rows(inputs.problem);
  detail::cpu_forward(inputs.problem, plan.data(), {isa, options.threads});
  return result;
}

void attention_into(const AttentionTarget& target, const TensorView& q,
                    const KvCache& cache, const MaskPlan& plan,
                    const AttentionOptions& options) {
  const detail::FpEnvironment environment;
  const Isa isa = devices().choose(options.isa);
  detail::AttentionInputs inputs =
      detail::check_cached_attention(q, cache.storage(), plan.shape(), options);
  detail::ForwardProblem& problem = inputs.problem;
  const detail::NamedView read[] = {{"q", q},
                                    {"the alibi slopes", options.alibi.slopes}};
  detail::check_target(
      target, read, options,
      detail::forward_bytes(problem, plan.data(), options.threads), problem);
  detail::write_absent_rows(problem);
  detail::cpu_forward(problem, plan.data(),
                      {isa, options.threads, target.workspace.data()});
}

}  // namespace maskwise
