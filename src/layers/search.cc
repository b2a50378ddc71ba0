#include "layers/search.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "attention/attention_checks.h"
#include "backend/cpu/workers.h"
#include "base/fail.h"
#include "base/fp_environment.h"
#include "layers/beam.h"
#include "layers/rows.h"

namespace maskwise::nn::detail {
namespace {

using maskwise::detail::fail;
using maskwise::detail::FpEnvironment;
using maskwise::detail::KernelTable;

constexpr std::string_view kOperation = "generate";

// What lengths and caches can count.
constexpr int64_t kMost = INT32_MAX - 1;
// With lengths below 2^31, length^10 is still far from the ends of a double;
// and long before, the length alone decides.
constexpr float kMostPenalty = 10;

void check_options(const GenerateOptions& options, const Compute& compute) {
  const auto expect = [](std::string_view name, int64_t value) {
    if (value >= 1 && value <= kMost) return;
    fail(ErrorCode::invalid_argument, kOperation, "{} is {}; expected 1 to {}",
         name, value, kMost);
  };
  expect("max_length", options.max_length);
  expect("beam", options.beam);
  const float penalty = options.length_penalty;
  if (!(penalty >= -kMostPenalty && penalty <= kMostPenalty)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "length_penalty is {}; expected {} to {}", penalty, -kMostPenalty,
         kMostPenalty);
  }
  maskwise::detail::check_threads(kOperation, compute.threads);
}

void check_logits(const TensorView& logits, const GenerateOptions& options) {
  if (!logits.defined() || logits.rank() != 2 || logits.dim(1) == 0) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected logits of shape [B, V] with at least 1 token, got {}",
         logits.defined() ? to_string(logits.shape()) : "nothing");
  }
  const int64_t vocabulary = logits.dim(1);
  if (options.end < 0 || options.end >= vocabulary) {
    fail(ErrorCode::invalid_argument, kOperation,
         "end is {}; expected a token that has a logit, 0 to {}", options.end,
         vocabulary - 1);
  }
}

// The sentences of a search. Those that are done are in no step.
class Search {
 public:
  Search(int64_t batch, const GenerateOptions& options, const Compute& compute)
      : options_(options),
        compute_(compute),
        kernels_(maskwise::detail::kernels_of(devices().choose(compute.isa))),
        beams_(static_cast<size_t>(batch), Beam(options)) {}

  // Takes the logits of all live hypotheses, in the order of their rows.
  void expand(const TensorView& logits);

  // Has the model continue what lives; returns the logits of that, nothing when
  // all sentences are done.
  Tensor step(StepModel& model) const;

  std::vector<Generated> results() const {
    std::vector<Generated> all;
    for (const Beam& beam : beams_) all.push_back(beam.result());
    return all;
  }

 private:
  const GenerateOptions& options_;
  Compute compute_;
  const KernelTable& kernels_;
  std::vector<Beam> beams_;
};

void Search::expand(const TensorView& logits) {
  const int64_t vocabulary = logits.dim(1);
  const Rows rows(kOperation, "logits", logits, vocabulary);
  std::vector<Beam*> active;
  std::vector<int64_t> first_rows;
  int64_t row = 0;
  for (Beam& beam : beams_) {
    if (beam.live().empty()) continue;
    active.push_back(&beam);
    first_rows.push_back(row);
    row += std::ssize(beam.live());
  }
  // An exponential and the passes around it cost some ten multiply-adds.
  const int64_t workers = std::min(
      std::ssize(active),
      maskwise::detail::threads_for(
          10.0 * static_cast<double>(row * vocabulary), compute_.threads));
  maskwise::detail::run_workers(workers, [&](int64_t worker) {
    const FpEnvironment environment;
    for (int64_t i = worker; i < std::ssize(active); i += workers) {
      const auto at = static_cast<size_t>(i);
      active[at]->expand({rows.at(first_rows[at]), vocabulary, kernels_});
    }
  });
}

Tensor Search::step(StepModel& model) const {
  std::vector<int64_t> from(beams_.size() * static_cast<size_t>(options_.beam));
  std::iota(from.begin(), from.end(), 0);
  std::vector<int64_t> rows;
  std::vector<int64_t> tokens;
  bool moves = false;
  for (int64_t s = 0; s < std::ssize(beams_); ++s) {
    int64_t row = s * options_.beam;
    for (const Hypothesis& each : beams_[static_cast<size_t>(s)].live()) {
      const int64_t source = s * options_.beam + each.parent;
      moves = moves || source != row;
      from[static_cast<size_t>(row)] = source;
      tokens.push_back(each.tokens.back());
      rows.push_back(row++);
    }
  }
  if (rows.empty()) return {};
  if (moves) model.select(from);
  return model.step(rows, tokens);
}

}  // namespace

std::vector<Generated> search_after(StepModel& model, const TensorView& logits,
                                    const GenerateOptions& options,
                                    const Compute& compute) {
  check_options(options, compute);
  check_logits(logits, options);
  Search search(logits.dim(0), options, compute);
  search.expand(logits);
  while (true) {
    const Tensor next = search.step(model);
    if (!next.defined()) return search.results();
    search.expand(next);
  }
}

std::vector<Generated> search(StepModel& model, int64_t batch,
                              const GenerateOptions& options,
                              const Compute& compute) {
  check_options(options, compute);
  std::vector<int64_t> rows;
  for (int64_t s = 0; s < batch; ++s) rows.push_back(s * options.beam);
  if (rows.empty()) return {};
  const std::vector<int64_t> tokens(rows.size(), options.begin);
  return search_after(model, model.step(rows, tokens), options, compute);
}

}  // namespace maskwise::nn::detail
