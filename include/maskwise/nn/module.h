// Parameters of layers: their names, their values and their gradients.
#ifndef MASKWISE_NN_MODULE_H_
#define MASKWISE_NN_MODULE_H_

#include <functional>
#include <optional>
#include <string>

#include "maskwise/device.h"
#include "maskwise/tensor.h"

namespace maskwise::nn {

// A tensor that is trained. Layers read `value` and add to `gradient`; both are
// f32 and have the same shape. A copy has memory of its own.
struct Parameter {
  Tensor value;
  Tensor gradient;

  Parameter() = default;
  // Zeros.
  explicit Parameter(const Shape& shape)
      : value(DType::f32, shape), gradient(DType::f32, shape) {}

  ~Parameter() = default;
  Parameter(Parameter&&) = default;
  Parameter& operator=(Parameter&&) = default;
  Parameter(const Parameter& other);
  Parameter& operator=(const Parameter& other);
};

using ParameterVisitor =
    std::function<void(const std::string& name, Parameter& parameter)>;

// What has parameters. Their names are those of PyTorch's modules, such as
// "self_attn.in_proj_weight".
class Module {
 public:
  virtual ~Module() = default;

  // Calls visit with every parameter in a fixed order, its name after `prefix`.
  virtual void visit_parameters(const std::string& prefix,
                                const ParameterVisitor& visit) = 0;

  // Name -> value, or gradient. They share the parameters' memory.
  TensorMap parameters();
  TensorMap gradients();

  // Copies values of any float type into the parameters. Throws Error, with
  // nothing changed, that names a parameter that is missing, has another shape
  // or type, or is none of this module's.
  void load_parameters(const TensorMap& values);

  void zero_gradients();

 protected:
  Module() = default;
  Module(const Module&) = default;
  Module(Module&&) = default;
  Module& operator=(const Module&) = default;
  Module& operator=(Module&&) = default;
};

// Where layers compute; neither changes a bit.
struct Compute {
  std::optional<Isa> isa = {};      // default: devices().choose()
  std::optional<int> threads = {};  // >= 1; default: all that oneTBB offers
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_MODULE_H_
