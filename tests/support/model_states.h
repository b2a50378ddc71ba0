// Sentences that are fed to the state of a model step by step, each step held
// against the logits of the whole sentence.
#ifndef MASKWISE_TESTS_SUPPORT_MODEL_STATES_H_
#define MASKWISE_TESTS_SUPPORT_MODEL_STATES_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/nn/module.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/model_batches.h"

namespace maskwise::testing {

// What forward() says of a sentence alone.
struct WholeSentence {
  Tokens tokens;
  Tensor logits;  // [tokens, V]; not defined: nobody looks at them
};

// Where padding stands in the ids of a step.
enum class StepPadding { right, left, between };

// Ids [B, longest] of some tokens of each sequence; `slots`: where each lies.
struct StepIds {
  Tensor ids;
  std::vector<std::vector<int64_t>> slots;
};

inline StepIds step_ids(const std::vector<Tokens>& tokens,
                        StepPadding padding) {
  int64_t width = padding == StepPadding::between ? 1 : 0;
  for (const Tokens& each : tokens) width = std::max(width, std::ssize(each));
  if (padding == StepPadding::between) width *= 2;
  Tokens ids(tokens.size() * static_cast<size_t>(width), kPad);
  StepIds step;
  for (size_t b = 0; b < tokens.size(); ++b) {
    const int64_t first = static_cast<int64_t>(b) * width;
    const int64_t unused = width - std::ssize(tokens[b]);
    step.slots.emplace_back();
    for (int64_t i = 0; i < std::ssize(tokens[b]); ++i) {
      const int64_t slot = first + (padding == StepPadding::right  ? i
                                    : padding == StepPadding::left ? i + unused
                                                                   : 2 * i + 1);
      step.slots.back().push_back(slot);
      ids[static_cast<size_t>(slot)] = tokens[b][static_cast<size_t>(i)];
    }
  }
  step.ids = Tensor::from<int64_t>({std::ssize(tokens), width}, ids);
  return step;
}

// Row `row` of [..., V].
inline Tensor logits_at(const Tensor& logits, int64_t row) {
  return rows_at(logits, {row, 1});
}

// A state whose sequence s reads the sentence reads[s].
template <typename State>
class SentenceReader {
 public:
  SentenceReader(State state, std::vector<WholeSentence> sentences,
                 std::vector<size_t> reads)
      : state_(std::move(state)),
        sentences_(std::move(sentences)),
        reads_(std::move(reads)),
        at_(reads_.size(), 0) {}

  State& state() { return state_; }
  // Tokens that a sequence has still to read.
  int64_t left(size_t s) const {
    return std::ssize(sentence(s).tokens) - at_[s];
  }

  // Appends to each sequence that many of its tokens, as ids.
  void read(const std::vector<int64_t>& counts,
            StepPadding padding = StepPadding::right,
            const nn::Compute& compute = {}) {
    std::vector<Tokens> tokens;
    for (size_t s = 0; s < counts.size(); ++s) {
      const auto first = sentence(s).tokens.begin() + at_[s];
      tokens.emplace_back(first, first + counts[s]);
    }
    const StepIds step = step_ids(tokens, padding);
    const Tensor logits = state_.append(step.ids, compute);
    for (size_t s = 0; s < counts.size(); ++s) {
      for (const int64_t slot : step.slots[s]) expect_next(s, logits, slot);
    }
    expect_zeros_at_padding(step.ids, logits);
    expect_lengths();
  }

  // Appends to these sequences, named once for each token.
  void read_some(const std::vector<int64_t>& sequences,
                 const nn::Compute& compute = {}) {
    std::vector<int64_t> next = at_;
    Tokens tokens;
    for (const int64_t sequence : sequences) {
      const auto s = static_cast<size_t>(sequence);
      tokens.push_back(sentence(s).tokens[static_cast<size_t>(next[s]++)]);
    }
    const Tensor logits = state_.append(sequences, tokens, compute);
    ASSERT_EQ(logits.dim(0), std::ssize(sequences));
    for (size_t i = 0; i < sequences.size(); ++i) {
      expect_next(static_cast<size_t>(sequences[i]), logits,
                  static_cast<int64_t>(i));
    }
    expect_lengths();
  }

  // All that is left, so many tokens a step.
  void read_all(int64_t size, StepPadding padding = StepPadding::right,
                const nn::Compute& compute = {}) {
    while (!done() && !::testing::Test::HasFailure()) {
      std::vector<int64_t> counts;
      for (size_t s = 0; s < at_.size(); ++s) {
        counts.push_back(std::min(size, left(s)));
      }
      read(counts, padding, compute);
    }
  }

  // Sequence s becomes what from[s] was, and reads on in the sentence reads[s],
  // which begins as the one that was read.
  void select(const std::vector<int64_t>& from,
              const std::vector<size_t>& reads) {
    state_.select(from);
    std::vector<int64_t> at;
    for (size_t s = 0; s < from.size(); ++s) {
      const auto other = static_cast<size_t>(from[s]);
      at.push_back(at_[other]);
      const Tokens& old = sentence(other).tokens;
      const Tokens& now = sentences_[reads[s]].tokens;
      ASSERT_TRUE(std::equal(old.begin(), old.begin() + at[s], now.begin()));
    }
    at_ = at;
    reads_ = reads;
    expect_lengths();
  }

  void expect_lengths() const {
    for (size_t s = 0; s < at_.size(); ++s) {
      EXPECT_EQ(state_.length(static_cast<int64_t>(s)), at_[s]) << s;
    }
  }

 private:
  const WholeSentence& sentence(size_t s) const {
    return sentences_[reads_[s]];
  }
  bool done() const {
    for (size_t s = 0; s < at_.size(); ++s) {
      if (left(s) > 0) return false;
    }
    return true;
  }

  void expect_next(size_t s, const Tensor& logits, int64_t row) {
    const int64_t at = at_[s]++;
    if (!sentence(s).logits.defined()) return;
    EXPECT_TRUE(
        same_bits(logits_at(logits, row), logits_at(sentence(s).logits, at)))
        << "token " << at << " of sequence " << s;
  }

  static void expect_zeros_at_padding(const Tensor& ids, const Tensor& logits) {
    const Tensor zeros(DType::f32, {1, logits.dim(2)});
    for (int64_t slot = 0; slot < ids.size(); ++slot) {
      if (ids.data<int64_t>()[slot] != kPad) continue;
      EXPECT_TRUE(same_bits(logits_at(logits, slot), zeros)) << slot;
    }
  }

  State state_;
  std::vector<WholeSentence> sentences_;
  std::vector<size_t> reads_;
  std::vector<int64_t> at_;
};

// `call` is an error, after which the sequences have the tokens they had.
template <typename State, typename Call>
void expect_refused(SentenceReader<State>& reader, ErrorCode code,
                    const std::string& fragment, Call call) {
  EXPECT_TRUE(throws_error(code, fragment, [&] { call(reader.state()); }));
  reader.expect_lengths();
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MODEL_STATES_H_
