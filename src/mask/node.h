// The clauses that a mask is made of, before and after they meet a shape. A
// new word is a Node and a BoundNode in a file of its own, and a row in
// word_table.cc; nothing else knows the words.
#ifndef MASKWISE_MASK_NODE_H_
#define MASKWISE_MASK_NODE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mask/text_writer.h"
#include "maskwise/bound_mask.h"
#include "maskwise/mask.h"

namespace maskwise::detail {

// One row of scores: query q of head h of batch item b.
struct RowIndex {
  int64_t batch = 0;
  int64_t head = 0;
  int64_t q = 0;
};

// Rows q_begin <= q < q_end of one head; never empty.
struct RowRange {
  int64_t batch = 0;
  int64_t head = 0;
  int64_t q_begin = 0;
  int64_t q_end = 0;
};

class Node;

// What a clause learns when it is bound: the shape, and the position that the
// words around it have said for those that say none.
struct BindContext {
  AttentionShape shape;
  const Position* inherited = nullptr;
  bool inherited_conflict = false;  // the words around say different ones
};

// A clause at a shape. allowed() must not be written in terms of the interval
// readings, nor the other way round: they check each other.
class BoundNode {
 public:
  explicit BoundNode(const Node& node);
  virtual ~BoundNode() = default;
  BoundNode(const BoundNode&) = delete;
  BoundNode& operator=(const BoundNode&) = delete;

  virtual bool allowed(const PairIndex& pair) const = 0;

  // Appends the row's keys in `range`, ascending, to `out`, which holds
  // nothing at or after range.begin.
  virtual void row_keys(const RowIndex& row, KeyInterval range,
                        KeyIntervals& out) const = 0;

  virtual BlockKeys block_keys(const RowRange& rows) const = 0;

  // Appends numbers that are equal for two (batch, head) only if the clause
  // allows the same pairs there.
  virtual void slice_key(int64_t batch, int64_t head,
                         std::vector<int64_t>& key) const;

  // Why the pair is allowed or masked, in words.
  virtual std::string reason(const PairIndex& pair) const = 0;

  virtual std::vector<Clause> parts(const PairIndex& pair) const;

  Clause clause(const PairIndex& pair) const;

  // The clause as it was said.
  const Node& node() const { return *node_; }

 private:
  std::shared_ptr<const Node> node_;
};

using BoundNodePtr = std::shared_ptr<const BoundNode>;

// What a clause says of the keys after a query: nothing; that only some or none
// are allowed; or only how far it goes back, as a window without `right`.
enum class Ahead { unsaid, limited, left_open };

// A clause as it was said: immutable, owns its data, knows no shape.
class Node : public std::enable_shared_from_this<Node> {
 public:
  // `depth`: levels of `~` and of parentheses around masks in the clause's
  // text, which is what the text form limits.
  explicit Node(int depth = 0) : depth_(depth) {}
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  virtual BoundNodePtr bind(const BindContext& context) const = 0;
  virtual void write(TextWriter& writer) const = 0;

  // `other` is of the same type.
  virtual bool same_as(const Node& other) const = 0;

  // The position that this word says; null when it says none or takes none.
  virtual const Position* said_position() const { return nullptr; }

  virtual Ahead ahead() const { return Ahead::unsaid; }

  // The clauses inside, for those that ask about every word of a mask.
  virtual std::vector<const Node*> inside() const { return {}; }

  int depth() const { return depth_; }

 private:
  int depth_;
};

using NodePtr = std::shared_ptr<const Node>;

bool equal(const Node& a, const Node& b);

// What masks say together of which one is enough: open if one of them is.
Ahead ahead_of_any(const std::vector<NodePtr>& nodes);

// The text of one clause, for messages and explanations.
std::string text_of(const Node& node);

// The largest depth of `nodes`.
int deepest(const std::vector<NodePtr>& nodes);

// The nodes of `masks`.
std::vector<NodePtr> nodes_of(const std::vector<Mask>& masks);

// Masks nest at most this deep; the text form reads no more.
inline constexpr int kMaxDepth = 64;

// A mask of `node`. Throws Error when it nests deeper than kMaxDepth.
Mask make_mask(NodePtr node);

template <typename WordNode, typename... Args>
Mask make_word(Args&&... args) {
  return make_mask(
      std::make_shared<const WordNode>(std::forward<Args>(args)...));
}

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_NODE_H_
