// A module of two parameters, whose names a test may choose.
#ifndef MASKWISE_TESTS_TRAINING_TWO_PARAMETERS_H_
#define MASKWISE_TESTS_TRAINING_TWO_PARAMETERS_H_

#include <string>

#include "maskwise/nn/module.h"

namespace maskwise::testing {

class TwoParameters : public nn::Module {
 public:
  TwoParameters(const Shape& first_shape, const Shape& second_shape)
      : first(first_shape), second(second_shape) {}

  void visit_parameters(const std::string& prefix,
                        const nn::ParameterVisitor& visit) override {
    visit(prefix + "first", first);
    visit(prefix + second_name, second_is_first ? first : second);
  }

  nn::Parameter first;
  nn::Parameter second;
  std::string second_name = "second";
  bool second_is_first = false;  // two names for one parameter
};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_TRAINING_TWO_PARAMETERS_H_
