#include "layers/beam.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "backend/row_math.h"
#include "layers/log_softmax.h"

namespace maskwise::nn::detail {
namespace {

// length^penalty by the library's own functions, for lengths below 2^31 and
// penalties of at most 10, so that 2^n is no subnormal; the length itself for
// penalty 1.
double power_of(int64_t length, float penalty) {
  if (penalty == 1) return static_cast<double>(length);
  const double t = static_cast<double>(penalty) *
                   static_cast<double>(maskwise::detail::log2_contract(
                       static_cast<float>(length)));
  const double n = std::ceil(t);
  const auto fraction = static_cast<float>(t - n);  // in (-1, 0]
  return std::ldexp(
      static_cast<double>(maskwise::detail::exp2_contract(fraction)),
      static_cast<int>(n));
}

bool ranks_before(const Candidate& a, const Candidate& b) {
  if (a.sum != b.sum) return a.sum > b.sum;
  return std::tie(a.token, a.hypothesis) < std::tie(b.token, b.hypothesis);
}

// The first `most` candidates, in order.
class BestCandidates {
 public:
  explicit BestCandidates(int64_t most) : most_(most) {}

  // A candidate whose sum is not at least this, or is NaN, is not among them.
  double least() const { return least_; }

  void offer(const Candidate& candidate) {
    best_.insert(
        std::upper_bound(best_.begin(), best_.end(), candidate, ranks_before),
        candidate);
    if (std::ssize(best_) > most_) best_.pop_back();
    if (std::ssize(best_) == most_) least_ = best_.back().sum;
  }

  std::vector<Candidate> take() { return std::move(best_); }

 private:
  int64_t most_;
  double least_ = std::numeric_limits<double>::lowest();  // above -inf
  std::vector<Candidate> best_;
};

// Of the logits of the i-th hypothesis.
LogSoftmax softmax_of(const BeamLogits& logits, int64_t i) {
  return log_softmax_of(logits.data + i * logits.vocabulary, logits.vocabulary,
                        NanIs::absent, logits.kernels);
}

// The first token with the largest logit, if one can be chosen.
std::vector<Candidate> greedy(const BeamLogits& logits, double sum) {
  const LogSoftmax softmax = softmax_of(logits, 0);
  if (std::isnan(softmax.log_sum)) return {};
  const int64_t token =
      std::find(logits.data, logits.data + logits.vocabulary, softmax.largest) -
      logits.data;
  return {{sum + static_cast<double>(softmax.of(softmax.largest)), token, 0}};
}

}  // namespace

Beam::Beam(const GenerateOptions& options) : options_(&options), live_(1) {}

double Beam::rank_of(double sum, int64_t length) const {
  return sum / power_of(length, options_->length_penalty);
}

std::vector<Candidate> Beam::candidates(const BeamLogits& logits) const {
  if (options_->beam == 1) return greedy(logits, live_.front().sum);
  // Each live hypothesis can end once, so that among twice as many candidates
  // enough go on.
  BestCandidates best(2 * options_->beam);
  for (int64_t i = 0; i < std::ssize(live_); ++i) {
    const LogSoftmax softmax = softmax_of(logits, i);
    const float* row = logits.data + i * logits.vocabulary;
    const double sum = live_[static_cast<size_t>(i)].sum;
    for (int64_t token = 0; token < logits.vocabulary; ++token) {
      const double next = sum + static_cast<double>(softmax.of(row[token]));
      if (next >= best.least()) best.offer({next, token, i});
    }
  }
  return best.take();
}

Hypothesis Beam::continued(const Candidate& candidate) const {
  Hypothesis result = live_[static_cast<size_t>(candidate.hypothesis)];
  result.sum = candidate.sum;
  result.parent = candidate.hypothesis;
  if (candidate.token != options_->end)
    result.tokens.push_back(candidate.token);
  return result;
}

void Beam::finish(const Hypothesis& hypothesis, Ending ending) {
  ++finished_;
  const int64_t ends = ending == Ending::end ? 1 : 0;
  const double rank =
      rank_of(hypothesis.sum, std::ssize(hypothesis.tokens) + ends);
  if (best_rank_ && !(rank > *best_rank_)) return;
  best_rank_ = rank;
  best_ = {hypothesis.tokens, static_cast<float>(hypothesis.sum), ending};
}

// Log-probabilities are at most 0, so a sum only falls, and sum / length^p is
// monotonic in the length: it is largest at the next or at the last.
bool Beam::can_win(const Hypothesis& hypothesis) const {
  if (!best_rank_) return true;
  const int64_t next = std::ssize(hypothesis.tokens) + 1;
  const double soon = rank_of(hypothesis.sum, next);
  if (finished_ >= options_->beam) return soon > *best_rank_;
  return std::max(soon, rank_of(hypothesis.sum, options_->max_length)) >
         *best_rank_;
}

void Beam::expand(const BeamLogits& logits) {
  const int64_t length = std::ssize(live_.front().tokens) + 1;
  std::vector<Hypothesis> next;
  int64_t place = 0;
  for (const Candidate& candidate : candidates(logits)) {
    if (candidate.token == options_->end) {
      if (place < options_->beam) finish(continued(candidate), Ending::end);
    } else if (std::ssize(next) < options_->beam) {
      next.push_back(continued(candidate));
    }
    ++place;
  }
  if (next.empty() && !best_rank_) {
    best_ = {live_.front().tokens, static_cast<float>(live_.front().sum),
             Ending::no_token};
  }
  live_ = std::move(next);
  if (live_.empty()) return;
  const bool is_longest = length == options_->max_length;
  // The first has the largest sum, and all have one length.
  if (is_longest) finish(live_.front(), Ending::max_length);
  if (is_longest || !can_win(live_.front())) live_.clear();
}

}  // namespace maskwise::nn::detail
