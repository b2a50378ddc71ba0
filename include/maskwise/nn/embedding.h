// From token ids to rows of features.
#ifndef MASKWISE_NN_EMBEDDING_H_
#define MASKWISE_NN_EMBEDDING_H_

#include <cstdint>
#include <string>

#include "maskwise/nn/dropout.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/token_rows.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

// Row id of a table, for each id.
class Embedding : public Module {
 public:
  // weight [tokens, features], zeros.
  Embedding(int64_t tokens, int64_t features);

  int64_t tokens() const { return weight.value.dim(0); }
  int64_t features() const { return weight.value.dim(1); }

  // ids: [B, L], i32 or i64, each below tokens(), but for those that are `pad`,
  // whose rows are zero; it need not be of the vocabulary, as -1 is not.
  // Returns [B, L, E]. Throws Error that names an id that has no row.
  Tensor forward(const TensorView& ids, int64_t pad = -1) const;

  // Adds d_y [B, L, E] to the gradient of weight: for each id a chain over its
  // rows in ascending order.
  void backward(const TensorView& ids, const TensorView& d_y, int64_t pad = -1);

  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  Parameter weight;
};

// [length, features]: sin and cos of position / 10000^(2i / E) in turn
// (Vaswani et al. 2017, section 3.5). Throws Error when a size is no size.
Tensor sinusoidal_positions(int64_t length, int64_t features);

enum class Positions {
  none,        // such as under rotary attention
  sinusoidal,  // added to the rows
};

struct TokenEmbeddingOptions {
  int64_t tokens = 0;    // of the vocabulary
  int64_t features = 0;  // E
  float scale = 1;       // sqrt(E) in Vaswani et al. 2017
  Positions positions = Positions::sinusoidal;
  int64_t max_length = 1024;  // of a sentence
  // This id is absent: its rows are zero. With -1, or any number that is no id
  // of the vocabulary, all ids of the vocabulary are there.
  int64_t pad = 0;
  double dropout = 0;
  uint64_t dropout_site = 0;
};

// dropout(embedding * scale + position): what a Transformer begins with.
class TokenEmbedding : public Module {
 public:
  explicit TokenEmbedding(const TokenEmbeddingOptions& options);

  const TokenEmbeddingOptions& options() const { return options_; }

  // ids: [B, L]; returns [B, L, E]. Throws Error as Embedding does, and when a
  // position is not below max_length.
  Tensor forward(const TensorView& ids, const TokenRows& rows) const;
  void backward(const TensorView& ids, const TokenRows& rows,
                const TensorView& d_y);

  // Throws Error when an id is neither of the vocabulary nor the pad id.
  void check(const TensorView& ids) const;

  // That of the embedding: "weight".
  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  Embedding embedding;

 private:
  TokenEmbeddingOptions options_;
  Dropout dropout_;
  Tensor table_;  // [max_length, E], of sinusoidal positions
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_EMBEDDING_H_
