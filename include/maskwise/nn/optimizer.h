// Updates of parameters by their gradients.
#ifndef MASKWISE_NN_OPTIMIZER_H_
#define MASKWISE_NN_OPTIMIZER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "maskwise/nn/module.h"
#include "maskwise/tensor.h"

namespace maskwise::nn {

enum class AdamKind {
  adam,   // weight decay is added to the gradient (Kingma and Ba 2015)
  adamw,  // weight decay shrinks the value (Loshchilov and Hutter 2019)
};

struct AdamOptions {
  AdamKind kind = AdamKind::adam;
  double beta1 = 0.9;  // in [0, 1), as beta2
  double beta2 = 0.999;
  double eps = 1e-8;        // >= 0
  double weight_decay = 0;  // >= 0
};

// Adam, as PyTorch's torch.optim.Adam and AdamW: update t with rate r is, of
// each value x and its gradient g,
//
//   adam:  g = g + decay x, s = 0    adamw:  s = r decay
//   m = m + (1 - beta1) (g - m)      v = beta2 v + (1 - beta2) g g
//   x = x - (s x + r / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps))
//
// in f32, on the caller's thread, so that the bits are the same anywhere.
// A parameter that a module names twice is updated once, by its first name.
// Can be moved, not copied: the moments are as large as the module twice over.
class Adam {
 public:
  // For the parameters of `module`; no updates so far. Throws Error when an
  // option is outside its range or two parameters have one name.
  explicit Adam(Module& module, const AdamOptions& options = {});

  ~Adam() = default;
  Adam(Adam&&) = default;
  Adam& operator=(Adam&&) = default;
  Adam(const Adam&) = delete;
  Adam& operator=(const Adam&) = delete;

  const AdamOptions& options() const { return options_; }
  int64_t updates() const { return updates_; }

  // One update by the gradients that the module holds; they stay. What is not
  // finite in them spreads into values and moments: look at the result of
  // clip_gradients() first. Throws Error, with nothing changed, when the rate
  // is negative or not finite, or the module's parameters are not those that
  // this was made for.
  void step(Module& module, double learning_rate);

  // adam.m.<parameter> and adam.v.<parameter>, which share memory with this
  // until the next load_state(), and adam.updates [], i64.
  TensorMap state() const;

  // Takes a state() of the same parameters. Throws Error, with nothing changed,
  // that names what is missing, has another shape or type, or is not known.
  void load_state(const TensorMap& state);

 private:
  struct Moments {
    std::string name;  // of the parameter
    Tensor m;
    Tensor v;
  };

  AdamOptions options_;
  int64_t updates_ = 0;
  std::vector<Moments> moments_;  // in the order of the parameters
};

// Multiplies every gradient by most / (norm + 1e-6) where that is below 1, as
// PyTorch's clip_grad_norm_; returns the norm of all gradients before. The norm
// is a sum of squares in double: 16 chains for each parameter, of every 16th
// element each, added in ascending order, then parameter after parameter.
//
// When a gradient is NaN or infinite, so is the norm, and nothing is changed:
// the update should be left out. `most` may be infinite: then this only
// measures. Throws Error when it is not above 0.
double clip_gradients(Module& module, double most);

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_OPTIMIZER_H_
