// How sequences of tokens are generated, and what comes of it.
#ifndef MASKWISE_NN_GENERATE_H_
#define MASKWISE_NN_GENERATE_H_

#include <cstdint>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/nn/decoder.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/transformer.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

// Tokens are ids from 0 to V - 1. A step gives each hypothesis of a sentence V
// logits; their log-softmax, in nats, are the log-probabilities of the tokens
// that may come next, computed by the library's own functions and added in
// double: the same bits on every machine.
//
// Beam 1 is greedy: the token with the largest logit comes next, until it is
// `end`. Otherwise (Sutskever et al. 2014) a step ranks all continuations of
// the live hypotheses by the sum of their log-probabilities, equal ones by the
// smaller token, then by the better hypothesis. Continuations by `end` that
// rank among the first `beam` are finished; the first `beam` others live on. A
// beam larger than V begins with fewer hypotheses than it may have.
//
// What is finished is ranked by sum / length^length_penalty, of equals the one
// that finished first. A sentence is done when the best live hypothesis could
// not win if everything that follows were certain: when its sum over
// (length + 1)^length_penalty and, until `beam` hypotheses are finished, over
// max_length^length_penalty, the larger of the two, is not above the best
// finished. One that is not done at max_length finishes its best live
// hypothesis as it is.
//
// A token whose logit is NaN or -inf is absent: never chosen, and in no sum.
// Where a hypothesis has no other, or one of +inf, nothing continues it.
struct GenerateOptions {
  int64_t begin = 1;         // what a target starts with; no part of it
  int64_t end = 2;           // what ends it
  int64_t max_length = 0;    // tokens that are generated, `end` included
  int64_t beam = 1;          // hypotheses of a sentence
  float length_penalty = 1;  // -10 to 10; 0 ranks by the sum
};

// Why a sequence goes no further.
enum class Ending {
  end,         // `end` was chosen
  max_length,  // it is as long as was asked for
  no_token,    // no token could be chosen, and no hypothesis was finished
};

// The best hypothesis of a sentence: a function of its own logits alone,
// whatever else is in the batch.
struct Generated {
  std::vector<int64_t> tokens;  // without `begin` and `end`
  float score = 0;  // the sum of log-probabilities, that of `end` too
  Ending ending = Ending::end;
};

// A target for each source [B, Ls] of token ids, in order. The masks are those
// of a TransformerState, such as growing_masks(source). The pad id is absent
// from what may be chosen. Throws Error for options, ids and masks that do not
// fit.
std::vector<Generated> generate(const Transformer& model,
                                const TensorView& source,
                                const TransformerMasks& masks,
                                const GenerateOptions& options,
                                const Compute& compute = {});

// What follows each prompt [B, L] of token ids, of one token or more; padding
// may stand anywhere among them. options.begin is not read: prompts hold it.
// The mask is that of a DecoderState, such as causal(). Throws Error when a
// prompt and what follows, but for the last token, which is not read, are
// longer than the model's max_length, too.
std::vector<Generated> generate(const Decoder& model, const TensorView& prompts,
                                const Mask& mask,
                                const GenerateOptions& options,
                                const Compute& compute = {});

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_GENERATE_H_
