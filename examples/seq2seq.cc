// Teaches a Transformer to read numbers aloud: "742" becomes "seven hundred
// forty two". It learns from packed batches, without padding, and answers
// padded ones, of lists that it has not seen, by a beam. Ends with 1 where it
// answers less than 95 of 100 of them, or packing changes a bit.
#include <maskwise/maskwise.h>
#include <maskwise/nn/dataset.h>
#include <maskwise/nn/generate.h>
#include <maskwise/nn/initialise.h>
#include <maskwise/nn/loss.h>
#include <maskwise/nn/optimizer.h>
#include <maskwise/nn/schedule.h>
#include <maskwise/nn/transformer.h>
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
#include <vector>

namespace mw = maskwise;
namespace nn = maskwise::nn;

namespace {

constexpr std::array kColours = {"red",  "orange", "yellow", "green",
                                 "blue", "indigo", "violet"};
constexpr int64_t kLearnt = 2000;
constexpr int64_t kAsked = 100;
constexpr int64_t kUpdates = 200;
constexpr int64_t kBatch = 64;

// Two to six colours, and the same in the order of the rainbow.
nn::TextPair make_pair(std::mt19937_64& random) {
  std::vector<std::string> left(kColours.begin(), kColours.end());
  std::vector<std::string> chosen;
  for (uint64_t count = 2 + random() % 5; count > 0; --count) {
    const auto one =
        left.begin() + static_cast<int64_t>(random() % left.size());
    chosen.push_back(*one);
    left.erase(one);
  }
  std::vector<std::string> sorted;
  for (const char* colour : kColours) {
    if (std::ranges::count(chosen, colour) > 0) sorted.push_back(colour);
  }
  return {nn::join_symbols(chosen, nn::Split::blanks),
          nn::join_symbols(sorted, nn::Split::blanks)};
}

// What is learnt from and what is asked, no source twice, and their symbols.
struct Task {
  std::vector<nn::TextPair> learnt;
  std::vector<nn::TextPair> asked;
  nn::Vocabulary words{nn::Split::blanks, {kColours.begin(), kColours.end()}};
};

Task make_task() {
  Task task;
  std::mt19937_64 random(1);
  std::set<std::string> sources;
  while (std::ssize(task.asked) < kAsked) {
    const nn::TextPair pair = make_pair(random);
    if (!sources.insert(pair.source).second) continue;
    (std::ssize(task.learnt) < kLearnt ? task.learnt : task.asked)
        .push_back(pair);
  }
  return task;
}

// Pairs as padded ids. What the decoder reads begins with "begin"; what it
// should say next is the same, one token on, and ends with "end".
struct Batch {
  mw::Tensor source;  // [B, Ls]
  mw::Tensor target;  // [B, Lt]
  mw::Tensor next;    // [B, Lt]
};

Batch make_batch(const Task& task, const std::vector<int64_t>& numbers) {
  std::vector<std::vector<int64_t>> source;
  std::vector<std::vector<int64_t>> target;
  std::vector<std::vector<int64_t>> next;
  for (const int64_t i : numbers) {
    const nn::TextPair& pair = task.learnt[static_cast<size_t>(i)];
    const std::vector<int64_t> words = task.words.encode(pair.target);
    source.push_back(task.words.encode(pair.source));
    target.push_back(words);
    target.back().insert(target.back().begin(), nn::Vocabulary::kBegin);
    next.push_back(words);
    next.back().push_back(nn::Vocabulary::kEnd);
  }
  return {nn::padded_ids(source), nn::padded_ids(target), nn::padded_ids(next)};
}

// One update by a batch without its padding; returns the mean loss.
double learn(nn::Transformer& model, nn::Adam& adam, const Batch& batch) {
  const nn::Packing from(batch.source);
  const nn::Packing to(batch.target);
  const mw::Tensor next = nn::Packing(batch.next).ids();
  const nn::TransformerInput input = {{from.ids(), from.rows()},
                                      {to.ids(), to.rows()}};
  const auto result = model.forward(input, nn::packed_masks(from, to));
  const auto found = nn::cross_entropy(result.logits, next);
  const auto count = static_cast<float>(found.count);
  model.zero_gradients();
  model.backward(input, result,
                 nn::cross_entropy_backward(result.logits, next, 1 / count));
  nn::clip_gradients(model, 1);
  adam.step(model,
            nn::learning_rate({.peak = 4e-3}, adam.updates() + 1, kUpdates));
  return nn::sentence_losses(found.losses)[0] / count;
}

void train(nn::Transformer& model, const Task& task) {
  std::vector<nn::ExampleLength> lengths;
  for (const auto& [source, target] : task.learnt) {
    lengths.push_back({std::ssize(task.words.encode(source)),
                       std::ssize(task.words.encode(target))});
  }
  nn::Adam adam(model);
  for (int64_t epoch = 0; adam.updates() < kUpdates; ++epoch) {
    for (const auto& numbers : nn::batches(
             lengths, {.most_examples = kBatch, .seed = 1, .epoch = epoch})) {
      if (adam.updates() == kUpdates) return;
      const double loss = learn(model, adam, make_batch(task, numbers));
      if (adam.updates() == 1 || adam.updates() % 50 == 0) {
        std::printf("update %3d  loss %.4f\n", static_cast<int>(adam.updates()),
                    loss);
      }
    }
  }
}

// Whether the logits of a batch have the same bits padded and packed.
bool packing_is_absent(const nn::Transformer& model, const Batch& batch) {
  const nn::Packing from(batch.source);
  const nn::Packing to(batch.target);
  const auto padded =
      model.forward({{batch.source}, {batch.target}},
                    nn::padding_masks(batch.source, batch.target));
  const auto packed =
      model.forward({{from.ids(), from.rows()}, {to.ids(), to.rows()}},
                    nn::packed_masks(from, to));
  return std::memcmp(to.pack(padded.logits).bytes(), packed.logits.bytes(),
                     static_cast<size_t>(packed.logits.byte_size())) == 0;
}

// How many of the lists that it has not seen the model reads right.
int64_t ask(const nn::Transformer& model, const Task& task) {
  std::vector<std::vector<int64_t>> ids;
  for (const auto& pair : task.asked) {
    ids.push_back(task.words.encode(pair.source));
  }
  const mw::Tensor source = nn::padded_ids(ids);
  const auto answers = nn::generate(model, source, nn::growing_masks(source),
                                    {.max_length = 8, .beam = 4});
  int64_t right = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto& [colours, expected] = task.asked[i];
    const std::string answer = task.words.decode(answers[i].tokens);
    right += answer == expected ? 1 : 0;
    if (i % 20 == 0) {
      std::cout << "  " << colours << " -> " << answer << "\n";
    }
  }
  return right;
}

bool run() {
  const Task task = make_task();
  nn::Transformer model({.source_tokens = task.words.size(),
                         .target_tokens = task.words.size(),
                         .encoder_layers = 1,
                         .decoder_layers = 1,
                         .layer = {.features = 32,
                                   .heads = 4,
                                   .hidden = 64,
                                   .norm_order = nn::NormOrder::pre}});
  nn::initialise(model, 1);
  train(model, task);
  const bool same = packing_is_absent(model, make_batch(task, {1, 50, 500}));
  std::cout << "padded and packed: " << (same ? "the same" : "other")
            << " bits\nlists that it has not seen:\n";
  const int64_t right = ask(model, task);
  std::cout << right << " of " << kAsked << " are right\n";
  return same && right * 100 >= kAsked * 95;
}

}  // namespace

int main() {
  try {
    return run() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "seq2seq: " << error.what() << "\n";
    return 2;
  }
}
