// The word q_lengths: only the first queries of each batch item see keys.

#include <memory>
#include <utility>

#include "base/format.h"
#include "mask/intervals.h"
#include "mask/length_checks.h"
#include "mask/node.h"
#include "mask/position.h"

namespace maskwise {
namespace detail {
namespace {

class QLengthsBound final : public BoundNode {
 public:
  QLengthsBound(const Node& node, std::vector<int64_t> lengths, int64_t kv_len)
      : BoundNode(node), lengths_(std::move(lengths)), kv_len_(kv_len) {}

  bool allowed(const PairIndex& pair) const override {
    return pair.q < length(pair.batch);
  }

  void row_keys(const RowIndex& row, KeyInterval range,
                KeyIntervals& out) const override {
    if (row.q < length(row.batch)) append_interval(out, range);
  }

  BlockKeys block_keys(const RowRange& rows) const override {
    const KeyInterval everything{0, kv_len_};
    BlockKeys keys;
    if (rows.q_begin < length(rows.batch)) {
      append_interval(keys.some, everything);
    }
    if (rows.q_end <= length(rows.batch)) {
      append_interval(keys.every, everything);
    }
    return keys;
  }

  void slice_key(int64_t batch, int64_t /*head*/,
                 std::vector<int64_t>& key) const override {
    key.push_back(length(batch));
  }

  std::string reason(const PairIndex& pair) const override {
    const int64_t queries = length(pair.batch);
    return formatted("query {} lies {} the {} token{} of sentence {}", pair.q,
                     allowed(pair) ? "within" : "beyond", queries,
                     queries == 1 ? "" : "s", pair.batch);
  }

 private:
  int64_t length(int64_t batch) const {
    return lengths_[static_cast<size_t>(batch)];
  }

  std::vector<int64_t> lengths_;  // [B]
  int64_t kv_len_;
};

class QLengthsNode final : public Node {
 public:
  explicit QLengthsNode(PerBatch lengths) : lengths_(std::move(lengths)) {
    check_is_list("q_lengths", lengths_);
  }

  BoundNodePtr bind(const BindContext& context) const override {
    std::vector<int64_t> lengths =
        resolve_per_batch("q_lengths", "length", lengths_, context.shape.batch);
    check_lengths("q_lengths", lengths, context.shape.q_len);
    return std::make_shared<const QLengthsBound>(*this, std::move(lengths),
                                                 context.shape.kv_len);
  }

  void write(TextWriter& writer) const override {
    writer.open("q_lengths");
    writer.argument("", lengths_);
    writer.close();
  }

  bool same_as(const Node& other) const override {
    return same_values(lengths_,
                       static_cast<const QLengthsNode&>(other).lengths_);
  }

 private:
  PerBatch lengths_;
};

}  // namespace
}  // namespace detail

Mask q_lengths(const PerBatch& each) {
  return detail::make_word<detail::QLengthsNode>(each);
}

}  // namespace maskwise
