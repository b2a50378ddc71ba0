// The words per_head and per_batch: a mask for each head or batch item.

#include <algorithm>
#include <memory>
#include <utility>

#include "base/fail.h"
#include "base/format.h"
#include "mask/node.h"

namespace maskwise {
namespace detail {
namespace {

enum class Axis { head, batch };

std::string_view word_of(Axis axis) {
  return axis == Axis::head ? "per_head" : "per_batch";
}

class SelectBound final : public BoundNode {
 public:
  SelectBound(const Node& node, Axis axis, std::vector<BoundNodePtr> masks)
      : BoundNode(node), axis_(axis), masks_(std::move(masks)) {
    for (const BoundNodePtr& mask : masks_) {
      const auto same = std::ranges::find_if(masks_, [&](const auto& other) {
        return equal(other->node(), mask->node());
      });
      classes_.push_back(same - masks_.begin());
    }
  }

  bool allowed(const PairIndex& pair) const override {
    return chosen(pair.batch, pair.head).allowed(pair);
  }

  void row_keys(const RowIndex& row, KeyInterval range,
                KeyIntervals& out) const override {
    chosen(row.batch, row.head).row_keys(row, range, out);
  }

  BlockKeys block_keys(const RowRange& rows) const override {
    return chosen(rows.batch, rows.head).block_keys(rows);
  }

  void slice_key(int64_t batch, int64_t head,
                 std::vector<int64_t>& key) const override {
    key.push_back(classes_[position(batch, head)]);
    chosen(batch, head).slice_key(batch, head, key);
  }

  std::string reason(const PairIndex& pair) const override {
    const bool head = axis_ == Axis::head;
    return formatted("{} {} has a mask of its own", head ? "head" : "sentence",
                     head ? pair.head : pair.batch);
  }

  std::vector<Clause> parts(const PairIndex& pair) const override {
    return {chosen(pair.batch, pair.head).clause(pair)};
  }

 private:
  size_t position(int64_t batch, int64_t head) const {
    return static_cast<size_t>(axis_ == Axis::head ? head : batch);
  }
  const BoundNode& chosen(int64_t batch, int64_t head) const {
    return *masks_[position(batch, head)];
  }

  Axis axis_;
  std::vector<BoundNodePtr> masks_;
  std::vector<int64_t> classes_;  // equal numbers for equal masks
};

class SelectNode final : public Node {
 public:
  SelectNode(Axis axis, std::vector<NodePtr> masks)
      : Node(deepest(masks) + 1), axis_(axis), masks_(std::move(masks)) {}

  BoundNodePtr bind(const BindContext& context) const override {
    const bool head = axis_ == Axis::head;
    const int64_t wanted = head ? context.shape.heads : context.shape.batch;
    const auto found = static_cast<int64_t>(masks_.size());
    if (found != wanted) {
      fail(ErrorCode::shape_mismatch, "mask",
           "{}: expected exactly {} masks, one for each {}, got {}",
           word_of(axis_), wanted, head ? "head" : "batch item", found);
    }
    std::vector<BoundNodePtr> bound;
    for (const NodePtr& mask : masks_) bound.push_back(mask->bind(context));
    return std::make_shared<const SelectBound>(*this, axis_, std::move(bound));
  }

  void write(TextWriter& writer) const override {
    writer.open(word_of(axis_));
    for (const NodePtr& mask : masks_) writer.argument(*mask);
    writer.close();
  }

  bool same_as(const Node& other) const override {
    const auto& select = static_cast<const SelectNode&>(other);
    return axis_ == select.axis_ &&
           std::ranges::equal(masks_, select.masks_,
                              [](const NodePtr& a, const NodePtr& b) {
                                return equal(*a, *b);
                              });
  }

  std::vector<const Node*> inside() const override {
    std::vector<const Node*> nodes;
    for (const NodePtr& mask : masks_) nodes.push_back(mask.get());
    return nodes;
  }

  Ahead ahead() const override { return ahead_of_any(masks_); }

 private:
  Axis axis_;
  std::vector<NodePtr> masks_;
};

Mask make_select(Axis axis, const std::vector<Mask>& masks) {
  if (masks.empty()) {
    fail(ErrorCode::invalid_argument, "mask",
         "{}: expected at least one mask, got none", word_of(axis));
  }
  return make_word<SelectNode>(axis, nodes_of(masks));
}

}  // namespace
}  // namespace detail

Mask per_head(const std::vector<Mask>& masks) {
  return detail::make_select(detail::Axis::head, masks);
}

Mask per_batch(const std::vector<Mask>& masks) {
  return detail::make_select(detail::Axis::batch, masks);
}

}  // namespace maskwise
