// Teaches a Decoder, a language model of characters, a short text by heart, as
// documents that are packed into one row and may not see each other; then it
// goes on from the beginnings of lines, with a cache. Ends with 1 if a line is
// not continued as it was written, or the cache, the padding of the prompts or
// the other documents change a bit.
#include <maskwise/maskwise.h>
#include <maskwise/nn/dataset.h>
#include <maskwise/nn/decoder.h>
#include <maskwise/nn/decoder_state.h>
#include <maskwise/nn/generate.h>
#include <maskwise/nn/initialise.h>
#include <maskwise/nn/loss.h>
#include <maskwise/nn/optimizer.h>
#include <maskwise/nn/vocabulary.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace mw = maskwise;
namespace nn = maskwise::nn;

namespace {

constexpr int64_t kUpdates = 120;

const std::vector<std::string> kLines = {
    "the lamp on the landing is lit until ten",
    "after that we climb by the light of the snow",
    "grandmother counts every stair as she goes",
    "thirteen on the way up and twelve coming down",
    "nobody asks her which number is right",
    "she keeps the odd one in a tin with the buttons",
    "when the thaw comes we hear it rattle at night",
};

// Lines as padded ids. What the model reads begins with "begin"; what it should
// say next is the same, one character on, and ends with "end".
struct Batch {
  mw::Tensor ids;   // [B, L]
  mw::Tensor next;  // [B, L]
};

Batch make_batch(const nn::Vocabulary& characters) {
  std::vector<std::vector<int64_t>> ids;
  std::vector<std::vector<int64_t>> next;
  for (const std::string& line : kLines) {
    next.push_back(characters.encode(line));
    ids.push_back(next.back());
    ids.back().insert(ids.back().begin(), nn::Vocabulary::kBegin);
    next.back().push_back(nn::Vocabulary::kEnd);
  }
  return {nn::padded_ids(ids), nn::padded_ids(next)};
}

nn::Decoder make_model(int64_t tokens) {
  nn::Decoder model({.tokens = tokens,
                     .layers = 2,
                     .layer = {.features = 64,
                               .heads = 4,
                               .kv_heads = 2,
                               .hidden = 128,
                               .activation = nn::Activation::swiglu,
                               .norm_order = nn::NormOrder::pre,
                               .norm = nn::NormKind::rms,
                               .rotary_base = 10000},
                     .positions = nn::Positions::none});
  nn::initialise(model, 1);
  return model;
}

// The characters of all lines in one row, [1, T]: nobody computes padding, and
// each line is a document of its own.
void train(nn::Decoder& model, const Batch& batch) {
  const nn::Packing packing(batch.ids);
  const mw::Tensor next = nn::Packing(batch.next).ids();
  const nn::TokenBatch input = {packing.ids(), packing.rows()};
  const mw::Mask mask = mw::causal() & mw::documents(packing.documents());
  std::printf("%d characters in a row, mask: %s\n",
              static_cast<int>(packing.tokens()),
              mw::to_string(mask).text.c_str());
  nn::Adam adam(model);
  while (adam.updates() < kUpdates) {
    const auto result = model.forward(input, mask);
    const auto found = nn::cross_entropy(result.logits, next);
    const auto count = static_cast<float>(found.count);
    model.zero_gradients();
    model.backward(input, result,
                   nn::cross_entropy_backward(result.logits, next, 1 / count));
    nn::clip_gradients(model, 1);
    adam.step(model, 3e-3);
    if (adam.updates() == 1 || adam.updates() % 40 == 0) {
      std::printf("update %3d  loss %.4f\n", static_cast<int>(adam.updates()),
                  nn::sentence_losses(found.losses)[0] / count);
    }
  }
}

// How many lines are continued as they were written, from prompts of differing
// lengths, which are padded to one batch.
int64_t recite(const nn::Decoder& model, const nn::Vocabulary& characters) {
  std::vector<std::vector<int64_t>> prompts;
  std::vector<std::string> begun;
  for (const std::string& line : kLines) {
    begun.push_back(line.substr(0, 2 + 2 * begun.size()));
    prompts.push_back(characters.encode(begun.back()));
    prompts.back().insert(prompts.back().begin(), nn::Vocabulary::kBegin);
  }
  const auto answers = nn::generate(model, nn::padded_ids(prompts),
                                    mw::causal(), {.max_length = 60});
  int64_t right = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    const std::string rest = characters.decode(answers[i].tokens);
    std::printf("  %s|%s\n", begun[i].c_str(), rest.c_str());
    right += begun[i] + rest == kLines[i] ? 1 : 0;
  }
  return right;
}

bool same_bits(const float* a, const float* b, int64_t count) {
  return std::memcmp(a, b, static_cast<size_t>(count) * sizeof(float)) == 0;
}

// Whether the last line has the same logits packed behind the others, padded
// beside them, and alone, character by character, from a cache.
bool a_line_is_itself(const nn::Decoder& model, const Batch& batch) {
  const nn::Packing packing(batch.ids);
  const mw::Tensor packed =
      model
          .forward({packing.ids(), packing.rows()},
                   mw::causal() & mw::documents(packing.documents()))
          .logits;
  const mw::Tensor padded =
      model.forward({batch.ids}, mw::causal() & mw::padding(batch.ids)).logits;
  const int64_t lines = batch.ids.dim(0);
  const int64_t width = batch.ids.dim(1);
  const int64_t classes = packed.dim(2);
  const auto length = std::ssize(kLines.back()) + 1;
  nn::DecoderState state(model, mw::causal(), /*batch=*/1, length);
  bool is_same = true;
  for (int64_t i = 0; i < length; ++i) {
    const int64_t slot = (lines - 1) * width + i;
    const mw::Tensor step =
        state.append({0}, {batch.ids.data<int64_t>()[slot]});
    const float* row = step.data<float>();
    const int64_t place = packing.tokens() - length + i;
    is_same = is_same &&
              same_bits(row, padded.data<float>() + slot * classes, classes) &&
              same_bits(row, packed.data<float>() + place * classes, classes);
  }
  return is_same;
}

bool run() {
  const auto characters =
      nn::Vocabulary::from_texts(kLines, {.split = nn::Split::characters});
  const Batch batch = make_batch(characters);
  nn::Decoder model = make_model(characters.size());
  train(model, batch);
  std::printf("begun by us | continued by the model:\n");
  const int64_t right = recite(model, characters);
  const bool is_same = a_line_is_itself(model, batch);
  std::printf("%d of %d lines as they were written\n", static_cast<int>(right),
              static_cast<int>(kLines.size()));
  std::printf("packed, padded, and one by one from a cache: %s bits\n",
              is_same ? "the same" : "other");
  return is_same && right == std::ssize(kLines);
}

}  // namespace

int main() {
  try {
    return run() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "character_model: " << error.what() << "\n";
    return 2;
  }
}
