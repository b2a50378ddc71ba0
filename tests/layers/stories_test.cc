// A real model tells the same story, and gives the same logits bit for bit,
// however its tokens are fed. How the story begins is the only figure from
// outside.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/nn/decoder_state.h"
#include "tests/support/machines.h"
#include "tests/support/model_states.h"
#include "tests/support/stories_model.h"

namespace maskwise::testing {
namespace {

using nn::DecoderState;

constexpr int64_t kSteps = 200;
// No token is padding in this model, so that an id without a row is.
constexpr int64_t kAbsent = -1;
constexpr int64_t kUnknown = 0;  // a token that the story does not have
constexpr char kBeginning[] =
    "Once upon a time, there was a little girl named Lily.";

constexpr char kVariable[] = "MASKWISE_STORIES_DATA";

// A folder that is named must be there: a typing error skips nothing.
std::optional<std::filesystem::path> stories_folder() {
  if (const char* named = std::getenv(kVariable)) return named;
  const std::filesystem::path shared = STORIES_FOLDER;
  if (std::filesystem::exists(shared)) return shared;
  return std::nullopt;
}

struct Story {
  Tokens ids;     // what was read: the token that begins, and what follows
  Tokens next;    // what was said after each
  Tensor logits;  // [kSteps, V]
};

// The most likely token but kUnknown, whose logit may be NaN.
int64_t best_of(const float* logits, int64_t tokens) {
  return std::max_element(logits + kUnknown + 1, logits + tokens) - logits;
}

Story told(const nn::Decoder& model, const nn::Compute& compute) {
  DecoderState state(model, causal(), 1, kSteps);
  const int64_t tokens = model.options().tokens;
  Story story = {{}, {}, Tensor(DType::f32, {kSteps, tokens})};
  int64_t id = kStoriesBegin;
  for (int64_t i = 0; i < kSteps; ++i) {
    const Tensor logits = state.append({0}, {id}, compute);
    std::copy_n(logits.data<float>(), tokens,
                story.logits.mutable_data<float>() + i * tokens);
    story.ids.push_back(id);
    id = best_of(logits.data<float>(), tokens);
    story.next.push_back(id);
  }
  return story;
}

class Stories : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto folder = stories_folder();
    if (!folder) {
      GTEST_SKIP() << "no stories260K: " << kVariable << " is not set, and "
                   << STORIES_FOLDER << " is not there";
    }
    model_.emplace(read_stories_model(*folder / "stories260K.bin"));
    texts_ = read_stories_tokens(*folder / "tok512.bin", tokens());
    story_ = told(*model_, {.threads = 1});
  }

  int64_t tokens() const { return model_->options().tokens; }

  // Without the blank that the tokenizer puts before the first word.
  std::string text_of(const Tokens& ids) const {
    std::string text;
    for (const int64_t id : ids) text += texts_[static_cast<size_t>(id)];
    return text.starts_with(' ') ? text.substr(1) : text;
  }

  // The ids of the story from `begin` to `end`.
  Tokens part(int64_t begin, int64_t end) const {
    return {story_.ids.begin() + begin, story_.ids.begin() + end};
  }

  // The last rows of item b of logits [B, L, V], or the first where padding
  // stands behind them, are those of the story from `begin` to `end`.
  void expect_part(const Tensor& logits, int64_t b, int64_t begin, int64_t end,
                   BatchForm form) const {
    const int64_t count = end - begin;
    const int64_t width = logits.dim(1);
    const int64_t first =
        b * width + (form == BatchForm::padded_left ? width - count : 0);
    EXPECT_TRUE(same_bits(rows_at(logits, {first, count}),
                          rows_at(story_.logits, {begin, count})))
        << "item " << b;
  }

  std::optional<nn::Decoder> model_;
  std::vector<std::string> texts_;
  Story story_;
};

TEST_F(Stories, TheTextBeginsOnceUponATime) {
  EXPECT_EQ(text_of(story_.next).substr(0, sizeof kBeginning - 1), kBeginning);
}

TEST_F(Stories, EveryMachineTellsTheSame) {
  on_every_machine({1, 2}, [&](const nn::Compute& compute) {
    const Story found = told(*model_, compute);
    EXPECT_EQ(text_of(found.next), text_of(story_.next));
    EXPECT_TRUE(same_bits(found.logits, story_.logits));
  });
}

TEST_F(Stories, ChunksGiveTheBitsOfSingleTokens) {
  on_every_machine({2}, [&](const nn::Compute& compute) {
    for (const int64_t size : {1, 7, 64}) {
      SentenceReader<DecoderState> reader(
          DecoderState(*model_, causal(), 1, kSteps),
          {{story_.ids, story_.logits}}, {0});
      reader.read_all(size, StepPadding::right, compute);
    }
  });
}

TEST_F(Stories, TheWholeGivesTheBitsOfSingleTokens) {
  const Tensor ids = Tensor::from<int64_t>({1, kSteps}, story_.ids);
  on_every_machine({1, 2}, [&](const nn::Compute& compute) {
    expect_part(model_->forward({ids}, causal(), compute).logits, 0, 0, kSteps,
                BatchForm::padded_right);
  });
}

constexpr BatchForm kPadded[] = {BatchForm::padded_right,
                                 BatchForm::padded_left};

TEST_F(Stories, ARaggedBatchPaddedAtEitherSideGivesTheBitsOfTheStory) {
  const std::vector<int64_t> ends = {120, kSteps, 37};
  for (const BatchForm form : kPadded) {
    const Tensor ids = padded_ids({part(0, 120), part(0, kSteps), part(0, 37)},
                                  {.form = form, .more = 5}, kAbsent);
    on_every_machine({2}, [&](const nn::Compute& compute) {
      const Tensor logits =
          model_
              ->forward({ids}, causal() & padding(ids, {.pad = kAbsent}),
                        compute)
              .logits;
      for (size_t b = 0; b < ends.size(); ++b) {
        expect_part(logits, static_cast<int64_t>(b), 0, ends[b], form);
      }
    });
  }
}

TEST_F(Stories, RaggedStepsPaddedAtEitherSideGiveTheBitsOfTheStory) {
  for (const BatchForm form : kPadded) {
    DecoderState state(*model_, causal(), 2, kSteps);
    std::vector<int64_t> at = {0, 0};
    for (const auto& [first, second] :
         {std::pair{110, 3}, {0, 50}, {1, 1}, {89, 146}}) {
      const std::vector<int64_t> to = {at[0] + first, at[1] + second};
      const Tensor logits = state.append(padded_ids(
          {part(at[0], to[0]), part(at[1], to[1])}, {.form = form}, kAbsent));
      expect_part(logits, 0, at[0], to[0], form);
      expect_part(logits, 1, at[1], to[1], form);
      at = to;
    }
    EXPECT_EQ(at, std::vector<int64_t>(2, kSteps));
  }
}

// The embedding of a token that the story does not have becomes NaN. It is a
// weight of the output, too: the token's own logit is NaN, and left out.
class PoisonedStories : public Stories {
 protected:
  void SetUp() override {
    Stories::SetUp();
    if (IsSkipped()) return;
    Tensor& weight = model_->embedding.embedding.weight.value;
    std::fill_n(weight.mutable_data<float>() + kUnknown * weight.dim(1),
                weight.dim(1), kNan);
  }

  // [rows, V] without the logits of kUnknown.
  static Tensor known(const Tensor& logits) {
    const int64_t width = logits.dim(1);
    Tensor others(DType::f32, {logits.dim(0), width - 1});
    for (int64_t row = 0; row < logits.dim(0); ++row) {
      std::copy_n(logits.data<float>() + row * width + kUnknown + 1, width - 1,
                  others.mutable_data<float>() + row * (width - 1));
    }
    return others;
  }

  void expect_story(const Tensor& logits, int64_t first, int64_t begin,
                    int64_t count) const {
    EXPECT_TRUE(same_bits(known(rows_at(logits, {first, count})),
                          known(rows_at(story_.logits, {begin, count}))));
  }

  const Tokens neighbour_ = Tokens(kSteps, kUnknown);
};

TEST_F(PoisonedStories, NeighboursOfAnUnknownTokenChangeNoBitOfTheWhole) {
  const Tensor ids = padded_ids({neighbour_, story_.ids}, {}, kAbsent);
  const nn::Packing packing(ids, kAbsent);
  on_every_machine({2}, [&](const nn::Compute& compute) {
    const Tensor padded =
        model_
            ->forward({ids}, causal() & padding(ids, {.pad = kAbsent}), compute)
            .logits;
    expect_story(padded, kSteps, 0, kSteps);
    const Tensor packed =
        model_
            ->forward({packing.ids(), packing.rows()},
                      causal() & documents(packing.documents()), compute)
            .logits;
    expect_story(packed, kSteps, 0, kSteps);
  });
}

TEST_F(PoisonedStories, NeighboursOfAnUnknownTokenChangeNoBitOfAStep) {
  DecoderState state(*model_, causal(), 2, kSteps);
  for (int64_t at = 0; at < kSteps; at += 8) {
    const Tokens unknown(8, kUnknown);
    const Tensor logits =
        state.append(padded_ids({unknown, part(at, at + 8)}, {}, kAbsent));
    expect_story(logits, 8, at, 8);
  }
}

TEST_F(PoisonedStories, TheSameStoryIsTold) {
  EXPECT_EQ(std::ranges::count(story_.ids, kUnknown), 0);
  EXPECT_EQ(text_of(told(*model_, {}).next), text_of(story_.next));
}

}  // namespace
}  // namespace maskwise::testing
