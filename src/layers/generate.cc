#include "maskwise/nn/generate.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "base/fail.h"
#include "layers/rows.h"
#include "layers/search.h"
#include "layers/token_ids.h"
#include "maskwise/nn/decoder_state.h"
#include "maskwise/nn/transformer_state.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::fail;

constexpr std::string_view kOperation = "generate";

// The pad id is no token: absent.
Tensor without_padding(Tensor logits, int64_t pad) {
  const int64_t width = logits.dim(1);
  if (pad < 0 || pad >= width) return logits;
  for (int64_t i = 0; i < logits.dim(0); ++i) {
    logits.mutable_data<float>()[i * width + pad] =
        -std::numeric_limits<float>::infinity();
  }
  return logits;
}

// A DecoderState or a TransformerState under a search.
template <typename State>
class StateModel : public detail::StepModel {
 public:
  StateModel(State& state, int64_t pad, const Compute& compute)
      : state_(state), pad_(pad), compute_(compute) {}

  Tensor step(const std::vector<int64_t>& rows,
              const std::vector<int64_t>& tokens) override {
    return without_padding(state_.append(rows, tokens, compute_), pad_);
  }

  void select(const std::vector<int64_t>& from) override {
    state_.select(from);
  }

 private:
  State& state_;
  int64_t pad_;
  const Compute& compute_;
};

// Before a state is made with them.
void check_sizes(const GenerateOptions& options) {
  constexpr int64_t kMostBeam = 1 << 16;
  if (options.beam < 1 || options.beam > kMostBeam) {
    fail(ErrorCode::invalid_argument, kOperation,
         "a beam of {}; expected from 1 to {}", options.beam, kMostBeam);
  }
  if (options.max_length < 1) {
    fail(ErrorCode::invalid_argument, kOperation,
         "a max_length of {} tokens; expected at least 1", options.max_length);
  }
}

// The tokens of prompts, to be read by the first row of each sentence.
struct Prompts {
  std::vector<int64_t> rows;
  std::vector<int64_t> tokens;
  std::vector<int64_t> last;  // of each sentence, among the tokens
  int64_t longest = 0;
};

Prompts read_prompts(const TensorView& ids, int64_t pad, int64_t beam) {
  const detail::TokenIds each(kOperation, ids);
  Prompts prompts;
  for (int64_t b = 0; b < ids.dim(0); ++b) {
    const int64_t before = std::ssize(prompts.tokens);
    for (int64_t i = 0; i < ids.dim(1); ++i) {
      const int64_t id = each[static_cast<size_t>(b * ids.dim(1) + i)];
      if (id == pad) continue;
      prompts.rows.push_back(b * beam);
      prompts.tokens.push_back(id);
    }
    const int64_t count = std::ssize(prompts.tokens) - before;
    if (count == 0) {
      fail(ErrorCode::invalid_argument, kOperation,
           "prompt {} has no token; expected one or more, such as a start "
           "token",
           b);
    }
    prompts.last.push_back(before + count - 1);
    prompts.longest = std::max(prompts.longest, count);
  }
  return prompts;
}

}  // namespace

std::vector<Generated> generate(const Transformer& model,
                                const TensorView& source,
                                const TransformerMasks& masks,
                                const GenerateOptions& options,
                                const Compute& compute) {
  check_sizes(options);
  TransformerState state(
      model, {Tensor::copy_of(source)}, masks,
      {.targets = options.beam, .max_length = options.max_length}, compute);
  StateModel<TransformerState> steps(state, model.options().pad, compute);
  return detail::search(steps, source.dim(0), options, compute);
}

std::vector<Generated> generate(const Decoder& model, const TensorView& prompts,
                                const Mask& mask,
                                const GenerateOptions& options,
                                const Compute& compute) {
  check_sizes(options);
  const int64_t pad = model.options().pad;
  const Prompts read = read_prompts(prompts, pad, options.beam);
  const int64_t most = model.options().max_length;
  if (read.longest + options.max_length - 1 > most) {
    fail(ErrorCode::limit, kOperation,
         "a prompt of {} tokens and a max_length of {}; expected together at "
         "most {}: the model reads {} tokens, and the last is not read",
         read.longest, options.max_length, most + 1, most);
  }
  DecoderState state(model, mask, prompts.dim(0) * options.beam,
                     read.longest + options.max_length - 1);
  const Tensor logits = state.append(read.rows, read.tokens, compute);
  Tensor last = detail::gathered_rows(detail::dense_rows(logits), read.last,
                                      {prompts.dim(0), logits.dim(1)});
  StateModel<DecoderState> steps(state, pad, compute);
  return detail::search_after(steps, without_padding(std::move(last), pad),
                              options, compute);
}

}  // namespace maskwise::nn
