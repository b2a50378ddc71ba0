// The hypotheses of one sentence while it is generated: greedily, or as a beam.
#ifndef MASKWISE_LAYERS_BEAM_H_
#define MASKWISE_LAYERS_BEAM_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "backend/cpu/kernel_table.h"
#include "maskwise/nn/generate.h"

namespace maskwise::nn::detail {

struct Hypothesis {
  std::vector<int64_t> tokens;
  double sum = 0;      // of log-probabilities
  int64_t parent = 0;  // which hypothesis of the last step it continues
};

// A hypothesis and what may come next.
struct Candidate {
  double sum = 0;
  int64_t token = 0;
  int64_t hypothesis = 0;
};

// The logits of the live hypotheses, [live, V], and what reads them.
struct BeamLogits {
  const float* data = nullptr;
  int64_t vocabulary = 0;  // V
  const maskwise::detail::KernelTable& kernels;
};

class Beam {
 public:
  // One live hypothesis without tokens. The options have been checked and
  // outlive the beam.
  explicit Beam(const GenerateOptions& options);

  // The hypotheses to be continued, best first; none when the sentence is done.
  const std::vector<Hypothesis>& live() const { return live_; }

  // Takes the logits of the live hypotheses, in their order, as
  // maskwise/nn/generate.h says. Under FpEnvironment.
  void expand(const BeamLogits& logits);

  // What won, once nothing is live.
  const Generated& result() const { return best_; }

 private:
  std::vector<Candidate> candidates(const BeamLogits& logits) const;
  Hypothesis continued(const Candidate& candidate) const;
  void finish(const Hypothesis& hypothesis, Ending ending);
  bool can_win(const Hypothesis& hypothesis) const;
  double rank_of(double sum, int64_t length) const;

  const GenerateOptions* options_;
  std::vector<Hypothesis> live_;
  int64_t finished_ = 0;
  std::optional<double> best_rank_;
  Generated best_;
};

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_BEAM_H_
