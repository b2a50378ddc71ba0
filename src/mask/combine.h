// The operators & | ~.
#ifndef MASKWISE_MASK_COMBINE_H_
#define MASKWISE_MASK_COMBINE_H_

#include <vector>

#include "mask/node.h"

namespace maskwise::detail {

enum class Operator { both, either };  // &, |

// The masks under one operator. A mask of the same operator among them is
// taken apart: both operators are associative, and one chain is one node.
// `nodes` is not empty; one alone is returned as it is.
NodePtr combine(Operator op, const std::vector<NodePtr>& nodes);

NodePtr invert(NodePtr node);

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_COMBINE_H_
