// Rotary positions (Su et al. 2021): features of queries and keys turned by
// angles that grow with the position, so that scores depend on distances.
#ifndef MASKWISE_LAYERS_POSITIONS_H_
#define MASKWISE_LAYERS_POSITIONS_H_

#include <cstdint>
#include <vector>

#include "layers/linear_rows.h"

namespace maskwise::nn::detail {

enum class Turn { forward, back };

// Turns the pairs (2i, 2i + 1) of every head of every row by
// position / base^(2i / D), or back: what backward() does to gradients.
// rows.width is heads * head_dim; row i stands at positions[i].
void rotate(const MutableRows& rows, int64_t head_dim, double base,
            const std::vector<int64_t>& positions, Turn turn);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_POSITIONS_H_
