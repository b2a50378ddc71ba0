// Searches over random models: against the best of all sequences, against a
// beam search in plain loops, and that no bit depends on the batch.
#include "layers/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_case.h"
#include "tests/support/language_model.h"

namespace maskwise::testing {
namespace {

using nn::Ending;
using nn::Generated;
using nn::GenerateOptions;
std::vector<Generated> searched(const Language& language,
                                const std::vector<uint32_t>& keys,
                                const GenerateOptions& options,
                                const nn::Compute& compute = {}) {
  LanguageModel model(language, keys, options.beam);
  return nn::detail::search(model, std::ssize(keys), options, compute);
}

// A hypothesis in plain numbers; `tokens` begins with kBegin.
struct Plain {
  Tokens tokens = {kBegin};
  double sum = 0;
  Ending ending = Ending::max_length;

  double rank(float penalty) const {
    const auto length = static_cast<double>(std::ssize(tokens) - 1 +
                                            (ending == Ending::end ? 1 : 0));
    return sum / std::pow(length, static_cast<double>(penalty));
  }
};

const Plain& best_of(const std::vector<Plain>& all, float penalty) {
  return *std::ranges::max_element(
      all, {}, [=](const Plain& each) { return each.rank(penalty); });
}

std::vector<Plain> continuations(const Language& language, uint32_t key,
                                 const Plain& before) {
  std::vector<Plain> result;
  const std::vector<double> next =
      language.log_probabilities(key, before.tokens);
  for (int64_t token = 0; token < std::ssize(next); ++token) {
    Plain each = before;
    each.sum += next[static_cast<size_t>(token)];
    if (token == kEnd) {
      each.ending = Ending::end;
    } else {
      each.tokens.push_back(token);
    }
    result.push_back(each);
  }
  return result;
}

// Every sequence of a language.
std::vector<Plain> all_sequences(const Language& language, uint32_t key,
                                 int64_t max_length) {
  std::vector<Plain> live(1);
  std::vector<Plain> finished;
  for (int64_t length = 1; length <= max_length; ++length) {
    std::vector<Plain> next;
    for (const Plain& before : live) {
      for (const Plain& each : continuations(language, key, before)) {
        (each.ending == Ending::end ? finished : next).push_back(each);
      }
    }
    live = next;
  }
  finished.insert(finished.end(), live.begin(), live.end());
  return finished;
}

// Whether the best live hypothesis, with one token more, that is certain, would
// not be better than all that are finished.
bool is_beaten(const Plain& live, const std::vector<Plain>& finished,
               float penalty) {
  Plain next = live;
  next.tokens.push_back(0);
  std::vector<Plain> all = finished;
  all.push_back(next);
  return best_of(all, penalty).tokens != next.tokens;
}

// The beam search of maskwise/nn/generate.h, which stops early only when it has
// finished its number.
Plain plain_beam(const Language& language, uint32_t key,
                 const GenerateOptions& options) {
  const auto beam = static_cast<size_t>(options.beam);
  std::vector<Plain> live(1);
  std::vector<Plain> finished;
  for (int64_t length = 1; length <= options.max_length; ++length) {
    std::vector<Plain> ranked;
    for (const Plain& before : live) {
      const std::vector<Plain> each = continuations(language, key, before);
      ranked.insert(ranked.end(), each.begin(), each.end());
    }
    std::ranges::stable_sort(ranked, std::greater<>(), &Plain::sum);
    live.clear();
    for (size_t i = 0; i < ranked.size(); ++i) {
      if (ranked[i].ending == Ending::end) {
        if (i < beam) finished.push_back(ranked[i]);
      } else if (live.size() < beam) {
        live.push_back(ranked[i]);
      }
    }
    if (finished.size() >= beam &&
        (beam == 1 ||  // greedy
         is_beaten(live.front(), finished, options.length_penalty))) {
      live.clear();
      break;
    }
  }
  finished.insert(finished.end(), live.begin(), live.end());
  return best_of(finished, options.length_penalty);
}

void expect_same(const Generated& found, const Plain& expected) {
  const Tokens tokens(expected.tokens.begin() + 1, expected.tokens.end());
  EXPECT_EQ(found.tokens, tokens);
  EXPECT_EQ(found.ending, expected.ending);
  EXPECT_NEAR(found.score, expected.sum, 1e-5);
}

void expect_same_bits(const Generated& a, const Generated& b) {
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.ending, b.ending);
  EXPECT_EQ(std::bit_cast<uint32_t>(a.score), std::bit_cast<uint32_t>(b.score));
}

TEST(SearchTest, ABeamOfAllPrefixesFindsTheBestSequence) {
  const Language language;
  for (const float penalty : {0.0F, 0.6F, 1.0F, 3.0F, -1.0F}) {
    for (uint32_t key = 0; key < 30; ++key) {
      SCOPED_TRACE(std::to_string(penalty) + ", key " + std::to_string(key));
      const std::vector<Plain> all = all_sequences(language, key, 4);
      const GenerateOptions options = {
          .max_length = 4, .beam = std::ssize(all), .length_penalty = penalty};
      expect_same(searched(language, {key}, options)[0], best_of(all, penalty));
    }
  }
}

TEST(SearchTest, NarrowBeamsAreAsInPlainLoops) {
  for (const int64_t beam : {1, 2, 3, 6}) {
    for (const float penalty : {0.0F, 0.7F, 1.0F, 2.0F, -0.5F}) {
      for (const float end_bias : {-4.0F, 0.0F, 2.0F}) {
        const Language language = {.vocabulary = 9, .end_bias = end_bias};
        const GenerateOptions options = {
            .max_length = 8, .beam = beam, .length_penalty = penalty};
        for (uint32_t key = 0; key < 12; ++key) {
          SCOPED_TRACE("beam " + std::to_string(beam) + ", penalty " +
                       std::to_string(penalty) + ", key " +
                       std::to_string(key));
          expect_same(searched(language, {key}, options)[0],
                      plain_beam(language, key, options));
        }
      }
    }
  }
}

TEST(SearchTest, BeamOneIsGreedyAndMovesNothing) {
  const Language language = {.vocabulary = 20, .end_bias = 1};
  const std::vector<uint32_t> keys = {1, 2, 3, 4, 5};
  LanguageModel model(language, keys, 1);
  const std::vector<Generated> found =
      nn::detail::search(model, 5, {.max_length = 12});
  EXPECT_EQ(model.selections, 0);
  for (size_t s = 0; s < keys.size(); ++s) {
    Tokens so_far = {kBegin};
    Ending ending = Ending::max_length;
    while (so_far.size() < 13) {
      const std::vector<float> row = language.logits(keys[s], so_far);
      const int64_t token = std::ranges::max_element(row) - row.begin();
      if (token == kEnd) {
        ending = Ending::end;
        break;
      }
      so_far.push_back(token);
    }
    EXPECT_EQ(found[s].tokens, Tokens(so_far.begin() + 1, so_far.end()));
    EXPECT_EQ(found[s].ending, ending);
  }
}

TEST(SearchTest, ASentenceDependsOnNoOther) {
  const Language language = {.vocabulary = 700, .end_bias = 4};
  const std::vector<uint32_t> keys = {7, 3, 11, 3, 20, 1, 9};
  const std::vector<uint32_t> shuffled = {9, 11, 3, 7, 1, 3, 20};
  for (const int64_t beam : {1, 4}) {
    const GenerateOptions options = {.max_length = 7, .beam = beam};
    const std::vector<Generated> together = searched(language, keys, options);
    const std::vector<Generated> other = searched(language, shuffled, options);
    for (size_t s = 0; s < keys.size(); ++s) {
      SCOPED_TRACE("key " + std::to_string(keys[s]));
      expect_same_bits(together[s], searched(language, {keys[s]}, options)[0]);
      const auto at = std::ranges::find(shuffled, keys[s]) - shuffled.begin();
      expect_same_bits(together[s], other[static_cast<size_t>(at)]);
    }
  }
}

TEST(SearchTest, InstructionSetsAndThreadsChangeNoBit) {
  const Language language = {.vocabulary = 5003, .end_bias = 5};
  const std::vector<uint32_t> keys = {1, 2, 3, 4, 5, 6, 7, 8};
  for (const int64_t beam : {1, 3}) {
    const GenerateOptions options = {.max_length = 4, .beam = beam};
    const std::vector<Generated> expected =
        searched(language, keys, options, {.isa = Isa::scalar, .threads = 1});
    for (const IsaInfo& info : devices().isas()) {
      if (!info.available) continue;
      const std::vector<Generated> found =
          searched(language, keys, options, {.isa = info.isa});
      for (size_t s = 0; s < keys.size(); ++s) {
        expect_same_bits(found[s], expected[s]);
      }
    }
  }
}

TEST(SearchTest, SentencesThatAreDoneAreInNoStep) {
  const Language language = {.vocabulary = 6, .end_bias = 1};
  const std::vector<uint32_t> keys = {1, 2, 3, 4, 5, 6};
  LanguageModel model(language, keys, 1);
  const std::vector<Generated> found =
      nn::detail::search(model, std::ssize(keys), {.max_length = 9});
  for (size_t s = 0; s < keys.size(); ++s) {
    // One step for `begin`, one for each token but the last of max_length.
    const int64_t expected =
        std::min<int64_t>(9, std::ssize(found[s].tokens) + 1);
    EXPECT_EQ(std::ranges::count_if(model.steps,
                                    [&](const std::vector<int64_t>& rows) {
                                      return std::ranges::count(
                                                 rows,
                                                 static_cast<int64_t>(s)) > 0;
                                    }),
              expected);
  }
}

TEST(SearchTest, EndsAtOnceOrNever) {
  const std::vector<uint32_t> keys = {1, 2};
  for (const int64_t beam : {1, 3}) {
    const GenerateOptions options = {.max_length = 6, .beam = beam};
    LanguageModel at_once({.vocabulary = 5, .end_bias = 100}, keys, beam);
    for (const Generated& each : nn::detail::search(at_once, 2, options)) {
      EXPECT_EQ(each.ending, Ending::end);
      EXPECT_TRUE(each.tokens.empty());
    }
    EXPECT_EQ(at_once.steps.size(), 1U);
    LanguageModel never({.vocabulary = 5, .end_bias = kMinusInf}, keys, beam);
    for (const Generated& each : nn::detail::search(never, 2, options)) {
      EXPECT_EQ(each.ending, Ending::max_length);
      EXPECT_EQ(each.tokens.size(), 6U);
      EXPECT_EQ(std::ranges::count(each.tokens, kEnd), 0);
    }
    EXPECT_EQ(never.steps.size(), 6U);
  }
}

TEST(SearchTest, GoesOnFromPromptsOfAnyLength) {
  const Language language = {.vocabulary = 8};
  const std::vector<uint32_t> keys = {5, 6};
  const std::vector<Tokens> prompts = {{kBegin, 3, 7, 4}, {kBegin}};
  for (const int64_t beam : {1, 3}) {
    const GenerateOptions options = {.max_length = 5, .beam = beam};
    LanguageModel model(language, keys, beam);
    Tensor first(DType::f32, {2, language.vocabulary});
    for (int64_t s = 0; s < 2; ++s) {
      for (const int64_t token : prompts[static_cast<size_t>(s)]) {
        const Tensor next = model.step({s * beam}, {token});
        std::copy_n(next.data<float>(), language.vocabulary,
                    first.mutable_data<float>() + s * language.vocabulary);
      }
    }
    const std::vector<Generated> found =
        nn::detail::search_after(model, first, options);
    // A prompt of `begin` alone is what search() starts with.
    expect_same_bits(found[1], searched(language, {6}, options)[0]);
    // The language gives the score of what follows the other.
    Tokens so_far = prompts[0];
    double score = 0;
    Tokens rest = found[0].tokens;
    if (found[0].ending == Ending::end) rest.push_back(kEnd);
    for (const int64_t token : rest) {
      score +=
          language.log_probabilities(5, so_far)[static_cast<size_t>(token)];
      so_far.push_back(token);
    }
    EXPECT_FALSE(rest.empty());
    EXPECT_NEAR(found[0].score, score, 1e-5);
  }
}

TEST(SearchTest, NothingComesOfNoSentences) {
  EXPECT_TRUE(searched({}, {}, {.max_length = 3}).empty());
  LanguageModel model({}, {}, 2);
  EXPECT_TRUE(nn::detail::search_after(model, Tensor(DType::f32, {0, 4}),
                                       {.max_length = 3, .beam = 2})
                  .empty());
}

TEST(SearchTest, WrongOptionsAndLogitsAreErrors) {
  const auto refused = [](const GenerateOptions& options,
                          const std::string& fragment) {
    return throws_error(ErrorCode::invalid_argument, fragment,
                        [&] { searched({}, {1}, options); });
  };
  EXPECT_TRUE(
      refused({.max_length = 0}, "[generate] max_length is 0; expected"));
  EXPECT_TRUE(refused({.max_length = -3}, "max_length is -3; expected 1 to"));
  EXPECT_TRUE(refused({.end = 4, .max_length = 2},
                      "end is 4; expected a token that has a logit, 0 to 3"));
  EXPECT_TRUE(refused({.end = -1, .max_length = 2}, "end is -1"));
  EXPECT_TRUE(refused({.max_length = 2, .length_penalty = 11},
                      "length_penalty is 11; expected -10 to 10"));
  EXPECT_TRUE(refused({.max_length = 2, .length_penalty = kNan},
                      "length_penalty is nan"));
  LanguageModel model({}, {1}, 1);
  for (const int64_t beam : {0, -1}) {
    EXPECT_TRUE(throws_error(
        ErrorCode::invalid_argument,
        "beam is " + std::to_string(beam) + "; expected 1 to", [&] {
          nn::detail::search(model, 1, {.max_length = 2, .beam = beam});
        }));
  }
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "expected logits of shape [B, V] with at least 1 token, got [4]", [&] {
        nn::detail::search_after(model, Tensor(DType::f32, {4}),
                                 {.max_length = 2});
      }));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "expected logits of type f32", [&] {
        nn::detail::search_after(model, Tensor(DType::f64, {1, 4}),
                                 {.max_length = 2});
      }));
  EXPECT_TRUE(model.steps.empty());
}

}  // namespace
}  // namespace maskwise::testing
