// The word documents: sequences packed in one row see only themselves.

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/fail.h"
#include "base/format.h"
#include "mask/intervals.h"
#include "mask/node.h"
#include "mask/tensor_checks.h"

namespace maskwise {
namespace detail {
namespace {

// Each batch item's ids of queries and keys, [B, Lq + Lk], renumbered from 0 in
// the order of their first appearance: equal rows allow the same pairs.
Tensor patterns_of(const Tensor& q_ids, const Tensor& kv_ids) {
  const int64_t q_len = q_ids.dim(1);
  const int64_t length = q_len + kv_ids.dim(1);
  Tensor patterns(DType::i64, {q_ids.dim(0), length});
  auto* out = patterns.mutable_data<int64_t>();
  for (int64_t b = 0; b < q_ids.dim(0); ++b) {
    const int64_t* q = q_ids.data<int64_t>() + b * q_len;
    const int64_t* kv = kv_ids.data<int64_t>() + b * kv_ids.dim(1);
    std::map<int64_t, int64_t> numbers;
    for (int64_t i = 0; i < length; ++i) {
      const int64_t id = i < q_len ? q[i] : kv[i - q_len];
      const auto next = static_cast<int64_t>(numbers.size());
      *out++ = id < 0 ? -1 : numbers.emplace(id, next).first->second;
    }
  }
  return patterns;
}

class DocumentsBound final : public BoundNode {
 public:
  DocumentsBound(const Node& node, Tensor q_ids, Tensor kv_ids)
      : BoundNode(node),
        q_ids_(std::move(q_ids)),
        kv_ids_(std::move(kv_ids)),
        classes_(classes_of_batch(patterns_of(q_ids_, kv_ids_))),
        kv_classes_(classes_of_batch(kv_ids_)) {
    for (int64_t b = 0; b < kv_ids_.dim(0); ++b) {
      if (kv_class(b) == by_class_.size()) by_class_.push_back(keys_by_id(b));
    }
  }

  bool allowed(const PairIndex& pair) const override {
    const int64_t id = q_id(pair.batch, pair.q);
    return id >= 0 && id == kv_id(pair.batch, pair.k);
  }

  void row_keys(const RowIndex& row, KeyInterval range,
                KeyIntervals& out) const override {
    append_clipped(keys_of(row.batch, q_id(row.batch, row.q)), range, out);
  }

  // Rows of one document see the same keys; documents share none.
  BlockKeys block_keys(const RowRange& rows) const override {
    std::set<int64_t> ids = {q_id(rows.batch, rows.q_begin)};
    for (int64_t q = rows.q_begin + 1; q < rows.q_end; ++q) {
      const int64_t id = q_id(rows.batch, q);
      if (id != q_id(rows.batch, q - 1)) ids.insert(id);
    }
    BlockKeys keys;
    for (const int64_t id : ids) {
      keys.some = union_of(keys.some, keys_of(rows.batch, id));
    }
    if (ids.size() == 1) keys.every = keys.some;
    return keys;
  }

  void slice_key(int64_t batch, int64_t /*head*/,
                 std::vector<int64_t>& key) const override {
    key.push_back(classes_[static_cast<size_t>(batch)]);
  }

  std::string reason(const PairIndex& pair) const override {
    return formatted("query {} is {} and key {} is {}", pair.q,
                     place(q_id(pair.batch, pair.q)), pair.k,
                     place(kv_id(pair.batch, pair.k)));
  }

 private:
  using KeysById = std::map<int64_t, KeyIntervals>;

  static std::string place(int64_t id) {
    return id < 0 ? "in no document" : formatted("in document {}", id);
  }

  int64_t q_id(int64_t batch, int64_t q) const {
    return q_ids_.data<int64_t>()[batch * q_ids_.dim(1) + q];
  }
  int64_t kv_id(int64_t batch, int64_t k) const {
    return kv_ids_.data<int64_t>()[batch * kv_ids_.dim(1) + k];
  }
  size_t kv_class(int64_t batch) const {
    return static_cast<size_t>(kv_classes_[static_cast<size_t>(batch)]);
  }

  KeysById keys_by_id(int64_t batch) const {
    KeysById keys;
    for (int64_t k = 0; k < kv_ids_.dim(1); ++k) {
      const int64_t id = kv_id(batch, k);
      if (id >= 0) append_interval(keys[id], {k, k + 1});
    }
    return keys;
  }

  const KeyIntervals& keys_of(int64_t batch, int64_t id) const {
    static const KeyIntervals kNone;
    const KeysById& keys = by_class_[kv_class(batch)];
    const auto found = keys.find(id);
    return found == keys.end() ? kNone : found->second;
  }

  Tensor q_ids_;                     // [B, Lq] i64
  Tensor kv_ids_;                    // [B, Lk] i64
  std::vector<int32_t> classes_;     // [B], of the patterns
  std::vector<int32_t> kv_classes_;  // [B], of the keys' ids
  std::vector<KeysById> by_class_;
};

class DocumentsNode final : public Node {
 public:
  // One tensor serves queries and keys when `kv_ids` is not given.
  DocumentsNode(const MaskTensor& q_ids, const MaskTensor* kv_ids)
      : q_ids_(copy_ids("documents", q_ids)), q_name_(q_ids.name) {
    if (kv_ids == nullptr) return;
    kv_ids_ = copy_ids("documents", *kv_ids);
    kv_name_ = kv_ids->name;
  }

  BoundNodePtr bind(const BindContext& context) const override {
    const AttentionShape& shape = context.shape;
    const bool one = !kv_ids_.defined();
    if (one && shape.q_len != shape.kv_len) {
      fail(ErrorCode::shape_mismatch, "mask",
           "documents: one tensor of ids serves queries and keys only when "
           "q_len = kv_len, got {} and {}; give both, as documents(q=..., "
           "k=...)",
           shape.q_len, shape.kv_len);
    }
    const Tensor& keys = one ? q_ids_ : kv_ids_;
    check_batch_by_length(said_as("documents", q_name_), q_ids_,
                          "ids of queries [B, Lq]", {shape.batch, shape.q_len});
    check_batch_by_length(said_as("documents", one ? q_name_ : kv_name_), keys,
                          "ids of keys [B, Lk]", {shape.batch, shape.kv_len});
    return std::make_shared<const DocumentsBound>(*this, q_ids_, keys);
  }

  void write(TextWriter& writer) const override {
    const bool one = !kv_ids_.defined();
    writer.open("documents");
    writer.argument(one ? "" : "q", q_name_, q_ids_);
    if (!one) writer.argument("k", kv_name_, kv_ids_);
    writer.close();
  }

  bool same_as(const Node& other) const override {
    const auto& documents = static_cast<const DocumentsNode&>(other);
    if (kv_ids_.defined() != documents.kv_ids_.defined()) return false;
    return same_contents(q_ids_, documents.q_ids_) &&
           (!kv_ids_.defined() || same_contents(kv_ids_, documents.kv_ids_));
  }

 private:
  Tensor q_ids_;
  std::string q_name_;
  Tensor kv_ids_;  // not defined: q_ids_ serves both
  std::string kv_name_;
};

}  // namespace
}  // namespace detail

Mask documents(const MaskTensor& ids) {
  return detail::make_word<detail::DocumentsNode>(ids, nullptr);
}

Mask documents(const MaskTensor& q_ids, const MaskTensor& kv_ids) {
  return detail::make_word<detail::DocumentsNode>(q_ids, &kv_ids);
}

}  // namespace maskwise
