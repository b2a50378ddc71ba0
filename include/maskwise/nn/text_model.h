// Models from texts to texts or to labels: what is trained, kept in a folder
// and asked.
#ifndef MASKWISE_NN_TEXT_MODEL_H_
#define MASKWISE_NN_TEXT_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "maskwise/bound_mask.h"
#include "maskwise/nn/dataset.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/transformer_layers.h"
#include "maskwise/nn/vocabulary.h"
#include "maskwise/tensor.h"

namespace maskwise::nn {

enum class Task {
  seq2seq,   // source -> target text, by a Transformer
  classify,  // text -> label, by an EncoderClassifier
};

struct TextModelOptions {
  Task task = Task::seq2seq;
  int64_t layers = 2;  // of the encoder, and of the decoder
  TransformerLayerOptions layer;
  int64_t max_length = 256;  // symbols of a text, begin or end included
  // Of the sources of a new model; default: blanks when most hold a space.
  // Targets are split at blanks when one of them holds a space.
  std::optional<Split> source_split = {};
  // Symbols of an answer at most; 0: twice the longest target that a new model
  // is made for, and some.
  int64_t longest_answer = 0;
};

// Sizes to begin with, pre-norm, 4 heads, ReLU, rotary positions beside the
// sinusoidal ones: "tiny", 2 layers of 64 features and 256 hidden; "small", 4
// of 128 and 512. Throws Error for another name.
TextModelOptions text_model_preset(Task task, std::string_view name);

// A pair of texts as ids, without begin and end; the target of a label is its
// number. `number` is the example's own: what is dropped follows it.
struct TextExample {
  std::vector<int64_t> source = {};
  std::vector<int64_t> target = {};
  int64_t number = 0;
};

// A sum of losses, in nats, and of how many targets: symbols with the end, or
// labels.
struct LossSum {
  double sum = 0;
  int64_t targets = 0;

  LossSum& operator+=(const LossSum& other) {
    sum += other.sum;
    targets += other.targets;
    return *this;
  }

  double mean() const {
    return targets == 0 ? 0 : sum / static_cast<double>(targets);
  }
};

// What of a pair a model does not know, in order.
struct UnknownParts {
  std::vector<std::string> source = {};  // symbols, which it reads as "unknown"
  std::vector<std::string> target = {};  // symbols, or the label: no answer of
                                         // the model's holds them
};

// What add_gradients() computes gradients of: `factor` times the sum of the
// losses.
struct LossOptions {
  float factor = 1;
  float smoothing = 0;                   // of targets, for training
  std::optional<uint64_t> dropout = {};  // seed; none: nothing is dropped
};

// Where the padding of a batch of texts lies. It changes no bit of what a model
// computes of a text.
enum class Padding {
  none,     // packed: one text after the other, each seeing itself alone
  right,    // after the text
  left,     // before it
  between,  // among its symbols
};

struct BatchLayout {
  Padding padding = Padding::none;
  int64_t extra = 0;  // padding beyond what the longest text needs; >= 0
};

struct TextGradientOptions {
  BatchLayout layout = {};
  // Padding is read as a symbol whose vector holds NaN, so that nothing but the
  // masks, of keys and of queries, keeps it from the texts. Of Task::seq2seq: a
  // classifier's mean goes by the ids of padding.
  bool poisoned = false;
};

// What gradients() finds; of each example the vectors [L, E] of its symbols.
struct TextGradients {
  std::vector<LossSum> losses;  // of each example
  std::vector<Tensor> source;   // of its embedded source
  std::vector<Tensor> target;   // of what is read of its target; of labels none
  TensorMap parameters;         // by name
};

// One kind of attention in a model, at work on a batch of padded texts.
struct AttentionSite {
  std::string name;  // "encoder", "decoder" or "cross"
  BoundMask mask;    // [B, H, Lq, Lk]
  Tensor k_ids;      // [B, Lk], i64: what the keys are
  std::vector<std::vector<std::string>> q_symbols;  // [B][Lq]
  std::vector<std::vector<std::string>> k_symbols;  // [B][Lk]
  Tensor q;                                         // [B, H, Lq, D]
  Tensor k;                                         // [B, Hkv, Lk, D]
  Tensor weights;                                   // [B, H, Lq, Lk]
};

// What becomes of symbols that the model does not know.
enum class UnknownSymbols {
  read,    // as the symbol "unknown"
  refuse,  // Error
};

struct PredictOptions {
  int64_t beam = 5;
  float length_penalty = 1;
  UnknownSymbols unknown = UnknownSymbols::read;
  // Neither changes a bit.
  int64_t most_texts = 64;  // that are read together
  BatchLayout layout = {};  // of texts; Padding::none: as the model likes best
};

// Texts are packed: what is computed is proportional to the symbols that are
// there, and the loss of a text has the same bits in any batch.
class TextModel {
 public:
  virtual ~TextModel() = default;
  TextModel(const TextModel&) = delete;
  TextModel& operator=(const TextModel&) = delete;

  virtual const TextModelOptions& options() const = 0;
  virtual Module& module() = 0;

  // What a symbol of an answer is; a label is one symbol, or several words.
  virtual Split target_split() const = 0;

  // The pair as ids. Throws Error "[operation] ..." when a side has no symbol,
  // is longer than max_length, or is a label that the model does not know.
  virtual TextExample encode(const TextPair& pair) const = 0;

  // The ids that predict() reads a text as. Throws Error "[operation] ..." for
  // a text that is empty or too long, or has symbols to refuse.
  virtual std::vector<int64_t> encode_source(const std::string& text,
                                             UnknownSymbols unknown) const = 0;

  // Throws Error when a side is not UTF-8.
  virtual UnknownParts unknown_in(const TextPair& pair) const = 0;

  // The loss of each example, in order.
  virtual std::vector<LossSum> losses(const std::vector<TextExample>& examples,
                                      const Compute& compute = {}) = 0;

  // Adds to the gradients of the parameters; returns the sum of the losses.
  virtual LossSum add_gradients(const std::vector<TextExample>& examples,
                                const LossOptions& options,
                                const Compute& compute = {}) = 0;

  // The loss of each example, and the gradients of the sum of the losses;
  // those that the parameters hold are left as they are. While padding is
  // poisoned, no other thread may use the model.
  virtual TextGradients gradients(const std::vector<TextExample>& examples,
                                  const TextGradientOptions& options = {},
                                  const Compute& compute = {}) = 0;

  // The attention of layer `layer`, counted from 0, where the model reads these
  // examples padded at the right: one site of a classifier, three of a
  // Transformer. Throws Error when there is no such layer, or no example.
  virtual std::vector<AttentionSite> attention_sites(
      const std::vector<TextExample>& examples, int64_t layer,
      const Compute& compute = {}) = 0;

  // What the model answers to each text, in order: a function of that text
  // alone. Throws Error for a text that encode_source() refuses, before it
  // answers any.
  virtual std::vector<std::string> predict(
      const std::vector<std::string>& texts, const PredictOptions& options = {},
      const Compute& compute = {}) = 0;

  // A model that shares this one's parameters and has gradients of its own.
  virtual std::unique_ptr<TextModel> twin() const = 0;

  // Writes model.json, vocabularies and parameters into a folder that is there;
  // with the parameters, digests of what gives them their meaning.
  virtual void save(const std::string& folder) = 0;

 protected:
  TextModel() = default;
};

// A new model for these pairs: their symbols and labels, parameters by seed.
// Throws Error when there is no pair or an option does not fit.
std::unique_ptr<TextModel> make_text_model(const TextModelOptions& options,
                                           const std::vector<TextPair>& pairs,
                                           uint64_t seed);

// What save() wrote. Throws Error (io) that names the file and what is wrong:
// also one whose vocabulary, labels or sizes are not those that the parameters
// were trained with. dropout, max_length and longest_answer may be changed.
std::unique_ptr<TextModel> load_text_model(const std::string& folder);

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_TEXT_MODEL_H_
