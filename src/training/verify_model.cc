#include "maskwise/nn/verify_model.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bit_difference.h"
#include "base/fail.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::bits_between;
using maskwise::detail::bits_between_numbers;

using Answers = std::vector<std::string>;

// Padding beyond what the longest text needs.
constexpr int64_t kExtra = 5;

void add(BitCount& count, double a, double b) {
  ++count.compared;
  count.changed += bits_between_numbers(a, b);
}

void add(BitCount& count, const Tensor& a, const Tensor& b) {
  count.compared += a.size();
  const auto* x = a.data<float>();
  const auto* y = b.data<float>();
  if (bits_between(x, y, a.size()) == 0) return;
  for (int64_t i = 0; i < a.size(); ++i) {
    count.changed += bits_between_numbers(x[i], y[i]);
  }
}

// Of texts a bit is one of a byte; bytes that one of them lacks differ wholly.
void add(BitCount& count, const std::string& a, const std::string& b) {
  constexpr int64_t kBitsOfByte = 8;
  const size_t both = std::min(a.size(), b.size());
  count.compared += std::ssize(a);
  for (size_t i = 0; i < both; ++i) {
    count.changed += std::popcount(static_cast<unsigned char>(a[i] ^ b[i]));
  }
  count.changed +=
      kBitsOfByte * static_cast<int64_t>(std::max(a.size(), b.size()) - both);
}

// Holds one reading of the texts against others.
class Proof {
 public:
  Proof(TextModel& model, const std::vector<TextPair>& pairs,
        const PredictOptions& options, const Compute& compute)
      : model_(model), options_(options), compute_(compute) {
    for (const TextPair& pair : pairs) {
      examples_.push_back(model.encode(pair));
      sources_.push_back(pair.source);
    }
    options_.layout = {};
    options_.most_texts = std::ssize(pairs);
    gradients_ = model.gradients(examples_, {}, compute);
    answers_ = model.predict(sources_, options_, compute);
  }

  // Each text by itself.
  BatchChange alone() const {
    BatchChange change = begun("alone", "each text alone, no batch mates");
    for (size_t i = 0; i < examples_.size(); ++i) {
      compare_texts(change, model_.gradients({examples_[i]}, {}, compute_),
                    {i});
    }
    PredictOptions options = options_;
    options.most_texts = 1;
    compare_answers(change, model_.predict(sources_, options, compute_));
    return change;
  }

  BatchChange reversed() const {
    BatchChange change = begun("reversed", "batch mates in reverse order");
    std::vector<size_t> order(examples_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = order.size() - 1 - i;
    compare_texts(
        change,
        model_.gradients({examples_.rbegin(), examples_.rend()}, {}, compute_),
        order);
    Answers found = model_.predict({sources_.rbegin(), sources_.rend()},
                                   options_, compute_);
    std::ranges::reverse(found);
    compare_answers(change, found);
    return change;
  }

  BatchChange padded(std::string name, std::string text,
                     Padding padding) const {
    BatchChange change = begun(std::move(name), std::move(text));
    const BatchLayout layout = {.padding = padding, .extra = kExtra};
    compare_all(change, model_.gradients(examples_, {layout}, compute_));
    PredictOptions options = options_;
    options.layout = layout;
    compare_answers(change, model_.predict(sources_, options, compute_));
    return change;
  }

  BatchChange poisoned() const {
    BatchChange change =
        begun("padding_poisoned", "NaN in the vectors of padding");
    const BatchLayout layout = {.padding = Padding::between, .extra = kExtra};
    compare_all(change,
                model_.gradients(
                    examples_, {.layout = layout, .poisoned = true}, compute_));
    return change;
  }

  // As many as were not used.
  BatchChange threads() const {
    BatchChange change = begun("threads", "one thread, then two");
    for (const int count : {1, 2}) {
      const Compute compute = {.isa = compute_.isa, .threads = count};
      compare_all(change, model_.gradients(examples_, {}, compute));
      compare_answers(change, model_.predict(sources_, options_, compute));
    }
    return change;
  }

  int64_t symbols() const {
    int64_t symbols = 0;
    for (const Tensor& one : gradients_.source) symbols += one.dim(0);
    for (const Tensor& one : gradients_.target) symbols += one.dim(0);
    return symbols;
  }

 private:
  static BatchChange begun(std::string name, std::string text) {
    BatchChange change;
    change.name = std::move(name);
    change.text = std::move(text);
    return change;
  }

  // `found` is of the texts with these numbers, in this order.
  void compare_texts(BatchChange& change, const TextGradients& found,
                     const std::vector<size_t>& numbers) const {
    BitCount losses = change.losses.value_or(BitCount{});
    BitCount symbols = change.symbols.value_or(BitCount{});
    for (size_t i = 0; i < numbers.size(); ++i) {
      const size_t at = numbers[i];
      add(losses, gradients_.losses[at].sum, found.losses[i].sum);
      add(symbols, gradients_.source[at], found.source[i]);
      if (found.target.empty()) continue;  // labels
      add(symbols, gradients_.target[at], found.target[i]);
    }
    change.losses = losses;
    change.symbols = symbols;
  }

  void compare_all(BatchChange& change, const TextGradients& found) const {
    std::vector<size_t> order(examples_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    compare_texts(change, found, order);
    BitCount parameters = change.parameters.value_or(BitCount{});
    for (const auto& [name, one] : gradients_.parameters) {
      add(parameters, one, found.parameters.at(name));
    }
    change.parameters = parameters;
  }

  void compare_answers(BatchChange& change, const Answers& found) const {
    BitCount answers = change.answers.value_or(BitCount{});
    for (size_t i = 0; i < found.size(); ++i)
      add(answers, answers_[i], found[i]);
    change.answers = answers;
  }

  TextModel& model_;
  PredictOptions options_;
  Compute compute_;
  std::vector<TextExample> examples_;
  std::vector<std::string> sources_;
  TextGradients gradients_;  // of the texts packed: their padding is deleted
  Answers answers_;
};

}  // namespace

int64_t ModelReport::bits_changed() const {
  int64_t bits = 0;
  for (const BatchChange& one : changes) {
    for (const auto& count :
         {one.losses, one.symbols, one.parameters, one.answers}) {
      if (count) bits += count->changed;
    }
  }
  return bits;
}

ModelReport verify_model(TextModel& model, const std::vector<TextPair>& pairs,
                         const PredictOptions& options,
                         const Compute& compute) {
  if (pairs.empty()) {
    maskwise::detail::fail(ErrorCode::invalid_argument, "verify_model",
                           "no pair to verify with; expected at least 1");
  }
  const Proof proof(model, pairs, options, compute);
  ModelReport report = {
      .texts = std::ssize(pairs), .symbols = proof.symbols(), .changes = {}};
  report.changes = {
      proof.alone(), proof.reversed(),
      proof.padded("padding_right", "padding after each text", Padding::right),
      proof.padded("padding_left", "padding before each text", Padding::left),
      proof.padded("padding_between", "padding among the symbols",
                   Padding::between)};
  if (model.options().task == Task::seq2seq) {
    report.changes.push_back(proof.poisoned());
  }
  report.changes.push_back(proof.threads());
  return report;
}

}  // namespace maskwise::nn
