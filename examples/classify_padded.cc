// Teaches an EncoderClassifier who liked the soup, in sentences of differing
// lengths, and then pads them more and more, at either side: no bit of the
// logits, the losses or a gradient changes. Ends with 1 if one does, or if less
// than 95 of 100 sentences that it has not seen are judged right.
#include <maskwise/maskwise.h>
#include <maskwise/nn/dataset.h>
#include <maskwise/nn/encoder_classifier.h>
#include <maskwise/nn/initialise.h>
#include <maskwise/nn/loss.h>
#include <maskwise/nn/optimizer.h>
#include <maskwise/nn/vocabulary.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mw = maskwise;
namespace nn = maskwise::nn;

namespace {

constexpr int64_t kLearnt = 300;
constexpr int64_t kAsked = 100;
constexpr int64_t kUpdates = 150;
constexpr int64_t kBatch = 32;

struct Sentence {
  std::string text;
  int64_t liked = 0;  // the class: 0 or 1
};

// "the guests found the soup not very bad", and the like: "not" turns round
// what the last word says.
Sentence make_sentence(std::mt19937_64& random) {
  static constexpr std::array kWho = {"i", "we", "the guests", "my old aunt"};
  static constexpr std::array kWhat = {"the soup", "the green soup", "dinner",
                                       "what was left of the soup"};
  static constexpr std::array kVery = {"", "very ", "really very "};
  static constexpr std::array kHow = {"good", "tasty", "fine",
                                      "bad",  "dull",  "cold"};
  const auto draw = [&](size_t count) { return random() % count; };
  const bool is_turned = draw(2) == 1;
  const size_t how = draw(kHow.size());
  std::string text = kWho.at(draw(kWho.size()));
  text.append(" found ").append(kWhat.at(draw(kWhat.size()))).append(" ");
  text.append(is_turned ? "not " : "").append(kVery.at(draw(kVery.size())));
  return {text.append(kHow.at(how)), (how < 3) != is_turned ? 1 : 0};
}

// No sentence twice.
std::vector<Sentence> make_sentences(int64_t count) {
  std::mt19937_64 random(1);
  std::set<std::string> seen;
  std::vector<Sentence> sentences;
  while (std::ssize(sentences) < count) {
    const Sentence one = make_sentence(random);
    if (seen.insert(one.text).second) sentences.push_back(one);
  }
  return sentences;
}

struct Batch {
  mw::Tensor ids;      // [B, L], padded
  mw::Tensor classes;  // [B]
};

Batch make_batch(const nn::Vocabulary& words,
                 const std::vector<Sentence>& sentences) {
  std::vector<std::vector<int64_t>> ids;
  std::vector<int64_t> classes;
  for (const Sentence& each : sentences) {
    ids.push_back(words.encode(each.text));
    classes.push_back(each.liked);
  }
  return {nn::padded_ids(ids),
          mw::Tensor::from({std::ssize(classes)}, classes)};
}

// What a batch gives: logits, losses and the gradients of their mean.
struct Outcome {
  mw::Tensor logits;
  mw::Tensor losses;
  mw::TensorMap gradients;  // shared with the model
};

Outcome judge(nn::EncoderClassifier& model, const Batch& batch) {
  const nn::TokenBatch input = {batch.ids};
  const auto result = model.forward(input, mw::padding(batch.ids));
  const auto found = nn::cross_entropy(result.logits, batch.classes);
  const float factor = 1 / static_cast<float>(found.count);
  model.zero_gradients();
  model.backward(
      input, result,
      nn::cross_entropy_backward(result.logits, batch.classes, factor));
  return {result.logits, found.losses, model.gradients()};
}

void train(nn::EncoderClassifier& model, const nn::Vocabulary& words,
           const std::vector<Sentence>& sentences) {
  std::vector<nn::ExampleLength> lengths;
  for (const Sentence& each : sentences) {
    lengths.push_back({.source = std::ssize(words.encode(each.text))});
  }
  nn::Adam adam(model);
  for (int64_t epoch = 0; adam.updates() < kUpdates; ++epoch) {
    for (const auto& numbers : nn::batches(
             lengths, {.most_examples = kBatch, .seed = 1, .epoch = epoch})) {
      std::vector<Sentence> some;
      for (const int64_t i : numbers) {
        some.push_back(sentences[static_cast<size_t>(i)]);
      }
      judge(model, make_batch(words, some));
      adam.step(model, 3e-3);
    }
  }
}

// The same sentences with so many ids of padding more at each side.
Batch padded(const Batch& batch, int64_t left, int64_t right) {
  const int64_t length = batch.ids.dim(1);
  const int64_t wider = left + length + right;
  mw::Tensor ids(mw::DType::i64, {batch.ids.dim(0), wider});
  for (int64_t b = 0; b < ids.dim(0); ++b) {
    std::copy_n(batch.ids.data<int64_t>() + b * length, length,
                ids.mutable_data<int64_t>() + b * wider + left);
  }
  return {ids, batch.classes};
}

bool same_bits(const mw::Tensor& a, const mw::Tensor& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.bytes(), b.bytes(),
                     static_cast<size_t>(a.byte_size())) == 0;
}

// Whether padding, however much and wherever, changes no bit.
bool padding_is_absent(const nn::EncoderClassifier& model, const Batch& batch) {
  nn::EncoderClassifier one = model;
  const Outcome before = judge(one, batch);
  bool is_same = true;
  for (const auto& [left, right] :
       {std::pair{0, 1}, {0, 50}, {7, 0}, {31, 9}}) {
    nn::EncoderClassifier other = model;
    const Outcome after = judge(other, padded(batch, left, right));
    int64_t differ = 0;
    for (const auto& [name, gradient] : before.gradients) {
      differ += same_bits(gradient, after.gradients.at(name)) ? 0 : 1;
    }
    const bool logits = same_bits(before.logits, after.logits);
    const bool losses = same_bits(before.losses, after.losses);
    std::printf(
        "%2d more before, %2d behind: logits %s, losses %s, %d of %d gradients "
        "differ\n",
        left, right, logits ? "the same" : "other",
        losses ? "the same" : "other", static_cast<int>(differ),
        static_cast<int>(before.gradients.size()));
    is_same = is_same && logits && losses && differ == 0;
  }
  return is_same;
}

// How many sentences the model judges right.
int64_t ask(const nn::EncoderClassifier& model, const Batch& batch,
            const std::vector<Sentence>& asked) {
  const auto logits = model.forward({batch.ids}, mw::padding(batch.ids)).logits;
  int64_t right = 0;
  for (size_t i = 0; i < asked.size(); ++i) {
    const float* row = logits.data<float>() + 2 * i;
    const int64_t liked = row[1] > row[0] ? 1 : 0;
    right += liked == asked[i].liked ? 1 : 0;
    if (i % 25 > 0) continue;
    std::printf("%s  %s\n", liked == 1 ? ":-)" : ":-(", asked[i].text.c_str());
  }
  return right;
}

bool run() {
  std::vector<Sentence> learnt = make_sentences(kLearnt + kAsked);
  const std::vector<Sentence> asked(learnt.begin() + kLearnt, learnt.end());
  learnt.resize(kLearnt);
  std::vector<std::string> texts;
  for (const Sentence& each : learnt) texts.push_back(each.text);
  const auto words = nn::Vocabulary::from_texts(texts);
  nn::EncoderClassifier model(
      {.tokens = words.size(),
       .classes = 2,
       .layers = 2,
       .layer = {.features = 32, .heads = 4, .hidden = 64}});
  nn::initialise(model, 1);
  train(model, words, learnt);

  const Batch batch = make_batch(words, asked);
  const int64_t right = ask(model, batch, asked);
  std::printf("%d of %d are right\n", static_cast<int>(right),
              static_cast<int>(kAsked));
  return padding_is_absent(model, batch) && right * 100 >= kAsked * 95;
}

}  // namespace

int main() {
  try {
    return run() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "classify_padded: " << error.what() << "\n";
    return 2;
  }
}
