#include "mask/node.h"

#include <algorithm>
#include <typeinfo>

#include "base/fail.h"

namespace maskwise::detail {

BoundNode::BoundNode(const Node& node) : node_(node.shared_from_this()) {}

void BoundNode::slice_key(int64_t /*batch*/, int64_t /*head*/,
                          std::vector<int64_t>& /*key*/) const {}

std::vector<Clause> BoundNode::parts(const PairIndex& /*pair*/) const {
  return {};
}

Clause BoundNode::clause(const PairIndex& pair) const {
  return {text_of(node()), allowed(pair), reason(pair), parts(pair)};
}

int deepest(const std::vector<NodePtr>& nodes) {
  int depth = 0;
  for (const NodePtr& node : nodes) depth = std::max(depth, node->depth());
  return depth;
}

Ahead ahead_of_any(const std::vector<NodePtr>& nodes) {
  const auto says = [&](Ahead ahead) {
    return std::ranges::count(nodes, ahead, &Node::ahead);
  };
  if (says(Ahead::left_open) > 0) return Ahead::left_open;
  return says(Ahead::unsaid) > 0 ? Ahead::unsaid : Ahead::limited;
}

bool equal(const Node& a, const Node& b) {
  if (&a == &b) return true;
  return typeid(a) == typeid(b) && a.same_as(b);
}

std::string text_of(const Node& node) { return write_mask(node).text; }

std::vector<NodePtr> nodes_of(const std::vector<Mask>& masks) {
  std::vector<NodePtr> nodes;
  for (const Mask& mask : masks) nodes.push_back(mask.shared_node());
  return nodes;
}

Mask make_mask(NodePtr node) {
  if (node->depth() > kMaxDepth) {
    fail(ErrorCode::limit, "mask",
         "the expression is {} levels deep; expected at most {}", node->depth(),
         kMaxDepth);
  }
  return Mask(std::move(node));
}

}  // namespace maskwise::detail
