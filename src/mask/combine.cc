#include "mask/combine.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "mask/intervals.h"
#include "mask/position.h"

namespace maskwise::detail {
namespace {

class CombineBound final : public BoundNode {
 public:
  CombineBound(const Node& node, Operator op, std::vector<BoundNodePtr> parts)
      : BoundNode(node), op_(op), parts_(std::move(parts)) {}

  bool allowed(const PairIndex& pair) const override {
    const auto allows = [&](const BoundNodePtr& part) {
      return part->allowed(pair);
    };
    return op_ == Operator::both ? std::ranges::all_of(parts_, allows)
                                 : std::ranges::any_of(parts_, allows);
  }

  void row_keys(const RowIndex& row, KeyInterval range,
                KeyIntervals& out) const override {
    if (op_ == Operator::both) {
      append_common(row, 0, range, out);
      return;
    }
    KeyIntervals merged;
    KeyIntervals part;
    for (const BoundNodePtr& each : parts_) {
      part.clear();
      each->row_keys(row, range, part);
      if (merged.empty()) {
        std::swap(merged, part);
      } else if (!part.empty()) {
        merged = union_of(merged, part);
      }
    }
    append_clipped(merged, range, out);
  }

  // Bounds of the parts give bounds of the whole: what every part's every row
  // sees is seen by every row, and so on.
  BlockKeys block_keys(const RowRange& rows) const override {
    BlockKeys merged = parts_[0]->block_keys(rows);
    for (size_t i = 1; i < parts_.size(); ++i) {
      const BlockKeys part = parts_[i]->block_keys(rows);
      merged.some = merge(merged.some, part.some);
      merged.every = merge(merged.every, part.every);
    }
    return merged;
  }

  void slice_key(int64_t batch, int64_t head,
                 std::vector<int64_t>& key) const override {
    for (const BoundNodePtr& part : parts_) part->slice_key(batch, head, key);
  }

  std::string reason(const PairIndex& pair) const override {
    const bool allows = allowed(pair);
    if (op_ == Operator::both) {
      return allows ? "every clause allows the pair"
                    : "a clause masks the pair";
    }
    return allows ? "a clause allows the pair" : "no clause allows the pair";
  }

  std::vector<Clause> parts(const PairIndex& pair) const override {
    std::vector<Clause> clauses;
    for (const BoundNodePtr& part : parts_) {
      clauses.push_back(part->clause(pair));
    }
    return clauses;
  }

 private:
  // What the parts from `first` on have in common: each looks only where the
  // one before it sees, so nothing is merged.
  void append_common(const RowIndex& row, size_t first, KeyInterval range,
                     KeyIntervals& out) const {
    if (first + 1 == parts_.size()) {
      parts_[first]->row_keys(row, range, out);
      return;
    }
    KeyIntervals part;
    parts_[first]->row_keys(row, range, part);
    for (const KeyInterval& keys : part) {
      append_common(row, first + 1, keys, out);
    }
  }

  KeyIntervals merge(const KeyIntervals& a, const KeyIntervals& b) const {
    return op_ == Operator::both ? intersection(a, b) : union_of(a, b);
  }

  Operator op_;
  std::vector<BoundNodePtr> parts_;
};

class InvertBound final : public BoundNode {
 public:
  InvertBound(const Node& node, BoundNodePtr part, int64_t kv_len)
      : BoundNode(node), part_(std::move(part)), keys_{0, kv_len} {}

  bool allowed(const PairIndex& pair) const override {
    return !part_->allowed(pair);
  }

  void row_keys(const RowIndex& row, KeyInterval range,
                KeyIntervals& out) const override {
    KeyIntervals part;
    part_->row_keys(row, range, part);
    int64_t begin = range.begin;
    for (const KeyInterval& keys : part) {
      append_interval(out, {begin, keys.begin});
      begin = keys.end;
    }
    append_interval(out, {begin, range.end});
  }

  BlockKeys block_keys(const RowRange& rows) const override {
    const BlockKeys part = part_->block_keys(rows);
    return {complement(part.every, keys_), complement(part.some, keys_)};
  }

  void slice_key(int64_t batch, int64_t head,
                 std::vector<int64_t>& key) const override {
    part_->slice_key(batch, head, key);
  }

  std::string reason(const PairIndex& pair) const override {
    return allowed(pair) ? "the clause inside masks the pair"
                         : "the clause inside allows the pair";
  }

  std::vector<Clause> parts(const PairIndex& pair) const override {
    return {part_->clause(pair)};
  }

 private:
  BoundNodePtr part_;
  KeyInterval keys_;
};

class CombineNode final : public Node {
 public:
  CombineNode(Operator op, std::vector<NodePtr> parts)
      : Node(depth_of(op, parts)), op_(op), parts_(std::move(parts)) {}

  Operator op() const { return op_; }
  const std::vector<NodePtr>& parts() const { return parts_; }

  BoundNodePtr bind(const BindContext& context) const override {
    const BindContext inner =
        op_ == Operator::both ? share_position(context) : context;
    std::vector<BoundNodePtr> bound;
    for (const NodePtr& part : parts_) bound.push_back(part->bind(inner));
    return std::make_shared<const CombineBound>(*this, op_, std::move(bound));
  }

  void write(TextWriter& writer) const override;

  bool same_as(const Node& other) const override {
    const auto& combine = static_cast<const CombineNode&>(other);
    return op_ == combine.op_ &&
           std::ranges::equal(parts_, combine.parts_,
                              [](const NodePtr& a, const NodePtr& b) {
                                return equal(*a, *b);
                              });
  }

  // In an `&` one limit is enough.
  Ahead ahead() const override {
    if (op_ == Operator::both &&
        std::ranges::count(parts_, Ahead::limited, &Node::ahead) > 0) {
      return Ahead::limited;
    }
    return ahead_of_any(parts_);
  }

  std::vector<const Node*> inside() const override {
    std::vector<const Node*> nodes;
    for (const NodePtr& part : parts_) nodes.push_back(part.get());
    return nodes;
  }

 private:
  // `|` inside `&` needs parentheses.
  static bool is_grouped(Operator op, const Node& part) {
    return op == Operator::both &&
           dynamic_cast<const CombineNode*>(&part) != nullptr;
  }

  static int depth_of(Operator op, const std::vector<NodePtr>& parts) {
    int depth = 0;
    for (const NodePtr& part : parts) {
      depth = std::max(depth, part->depth() + (is_grouped(op, *part) ? 1 : 0));
    }
    return depth;
  }

  // A position said on one word of an `&` holds for its words that say none.
  BindContext share_position(const BindContext& context) const {
    const Position* said = nullptr;
    bool conflict = false;
    for (const NodePtr& part : parts_) {
      const Position* own = part->said_position();
      if (own == nullptr) continue;
      conflict = conflict || (said != nullptr && !same_position(*said, *own));
      said = own;
    }
    if (said == nullptr) return context;
    return {context.shape, said, conflict};
  }

  Operator op_;
  std::vector<NodePtr> parts_;
};

void write_grouped(TextWriter& writer, const Node& node) {
  writer.text("(");
  node.write(writer);
  writer.text(")");
}

void CombineNode::write(TextWriter& writer) const {
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (i > 0) writer.text(op_ == Operator::both ? " & " : " | ");
    if (is_grouped(op_, *parts_[i])) {
      write_grouped(writer, *parts_[i]);
    } else {
      parts_[i]->write(writer);
    }
  }
}

class InvertNode final : public Node {
 public:
  explicit InvertNode(NodePtr part)
      : Node(part->depth() + (is_grouped(*part) ? 2 : 1)),
        part_(std::move(part)) {}

  BoundNodePtr bind(const BindContext& context) const override {
    return std::make_shared<const InvertBound>(*this, part_->bind(context),
                                               context.shape.kv_len);
  }

  void write(TextWriter& writer) const override {
    writer.text("~");
    if (is_grouped(*part_)) {
      write_grouped(writer, *part_);
    } else {
      part_->write(writer);
    }
  }

  bool same_as(const Node& other) const override {
    return equal(*part_, *static_cast<const InvertNode&>(other).part_);
  }

  std::vector<const Node*> inside() const override { return {part_.get()}; }

 private:
  // A chain inside `~` needs parentheses.
  static bool is_grouped(const Node& part) {
    return dynamic_cast<const CombineNode*>(&part) != nullptr;
  }

  NodePtr part_;
};

}  // namespace

NodePtr combine(Operator op, const std::vector<NodePtr>& nodes) {
  std::vector<NodePtr> parts;
  for (const NodePtr& node : nodes) {
    const auto* chain = dynamic_cast<const CombineNode*>(node.get());
    if (chain != nullptr && chain->op() == op) {
      parts.insert(parts.end(), chain->parts().begin(), chain->parts().end());
    } else {
      parts.push_back(node);
    }
  }
  if (parts.size() == 1) return parts[0];
  return std::make_shared<const CombineNode>(op, std::move(parts));
}

NodePtr invert(NodePtr node) {
  return std::make_shared<const InvertNode>(std::move(node));
}

}  // namespace maskwise::detail
