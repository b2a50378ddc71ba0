// Generation step by step, over anything that can say what comes next.
#ifndef MASKWISE_LAYERS_SEARCH_H_
#define MASKWISE_LAYERS_SEARCH_H_

#include <cstdint>
#include <vector>

#include "maskwise/nn/generate.h"
#include "maskwise/nn/module.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn::detail {

// What a search drives: batch * beam rows, each a sequence so far. Hypothesis h
// of sentence s is row s * beam + h.
class StepModel {
 public:
  StepModel() = default;
  virtual ~StepModel() = default;
  StepModel(const StepModel&) = delete;
  StepModel& operator=(const StepModel&) = delete;

  // Appends tokens[i] to row rows[i] and returns the logits of what comes next
  // there, [rows, V], f32. Rows are ascending and named once; the others rest.
  // The logits of a row may depend on that row only.
  virtual Tensor step(const std::vector<int64_t>& rows,
                      const std::vector<int64_t>& tokens) = 0;

  // Row i becomes what row from[i] was, a row of the same sentence; of rows
  // that rest, itself. Not called when all stay, so never for beam 1.
  virtual void select(const std::vector<int64_t>& from) = 0;
};

// Generates from what the first row of each sentence already holds, such as a
// prompt; logits: [B, V], f32, what comes next there. The other rows of a
// sentence may hold anything. Returns B results, in order. A sentence that is
// done is in no further step. Throws Error "[generate] ..." for options or
// logits that do not fit; `compute` changes no bit.
std::vector<Generated> search_after(StepModel& model, const TensorView& logits,
                                    const GenerateOptions& options,
                                    const Compute& compute = {});

// The same for rows that hold nothing: steps options.begin first, in the first
// row of each sentence.
std::vector<Generated> search(StepModel& model, int64_t batch,
                              const GenerateOptions& options,
                              const Compute& compute = {});

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_SEARCH_H_
