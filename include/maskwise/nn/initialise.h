// First values of parameters.
#ifndef MASKWISE_NN_INITIALISE_H_
#define MASKWISE_NN_INITIALISE_H_

#include <cstdint>

#include "maskwise/nn/module.h"

namespace maskwise::nn {

// Gives every parameter of two axes [n, m] values drawn evenly from
// +-sqrt(6 / (n + m)) (Glorot and Bengio 2010), as PyTorch's nn.Transformer
// does; the others, biases and norms, are left. A value is a function of the
// seed, the parameter's name and its index alone.
void initialise(Module& module, uint64_t seed);

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_INITIALISE_H_
