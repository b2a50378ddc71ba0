// The words allow_keys and forbid_keys: a boolean for each key.

#include "mask/key_table.h"

#include <memory>
#include <utility>

#include "base/format.h"
#include "mask/key_set.h"
#include "mask/tensor_checks.h"

namespace maskwise {
namespace detail {
namespace {

// keys[b, k] says whether key k of item b is allowed.
class KeyTableBound final : public KeySetBound {
 public:
  KeyTableBound(const Node& node, Tensor table, Polarity polarity)
      : KeySetBound(node, classes_of_batch(table)),
        table_(std::move(table)),
        polarity_(polarity) {
    build([&](int64_t batch) {
      return intervals_where(table_.dim(1), [&](int64_t k) {
        return entry(batch, k) == (polarity_ == Polarity::allow);
      });
    });
  }

  bool allowed(const PairIndex& pair) const override {
    const bool said = entry(pair.batch, pair.k);
    return polarity_ == Polarity::allow ? said : !said;
  }

  std::string reason(const PairIndex& pair) const override {
    return formatted("the tensor holds {} for key {} of sentence {}",
                     entry(pair.batch, pair.k), pair.k, pair.batch);
  }

 private:
  bool entry(int64_t batch, int64_t k) const {
    return table_.data<bool>()[batch * table_.dim(1) + k];
  }

  Tensor table_;  // [B, Lk] bool
  Polarity polarity_;
};

class KeyTableNode final : public Node, public BooleanWord {
 public:
  KeyTableNode(Polarity polarity, const MaskTensor& table, WrittenClause clause)
      : polarity_(polarity),
        table_(table.kept),
        name_(table.name),
        clause_(std::move(clause)) {}

  BoundNodePtr bind(const BindContext& context) const override {
    check_batch_by_length(
        clause_.text, table_, "a tensor [B, Lk]",
        {context.shape.batch, context.shape.kv_len},
        shape_hint(clause_.word, table_.shape(), context.shape));
    return std::make_shared<const KeyTableBound>(*this, table_, polarity_);
  }

  void write(TextWriter& writer) const override {
    writer.open(polarity_ == Polarity::allow ? "allow_keys" : "forbid_keys");
    writer.argument("", name_, table_);
    writer.close();
  }

  bool same_as(const Node& other) const override {
    const auto& keys = static_cast<const KeyTableNode&>(other);
    return polarity_ == keys.polarity_ && same_contents(table_, keys.table_);
  }

  const WrittenClause& clause_written() const override { return clause_; }
  bool is_of_keys() const override { return true; }

 private:
  Polarity polarity_;
  Tensor table_;
  std::string name_;
  WrittenClause clause_;
};

Mask key_table(std::string_view word, const MaskTensor& tensor,
               Polarity polarity) {
  return make_key_table(polarity, {tensor.name, copy_booleans(word, tensor)},
                        written(word, tensor, polarity));
}

}  // namespace

Mask make_key_table(Polarity polarity, const MaskTensor& keys,
                    const WrittenClause& clause) {
  return make_word<KeyTableNode>(polarity, keys, clause);
}

}  // namespace detail

Mask allow_keys(const MaskTensor& tensor) {
  return detail::key_table("allow_keys", tensor, detail::Polarity::allow);
}

Mask forbid_keys(const MaskTensor& tensor) {
  return detail::key_table("forbid_keys", tensor, detail::Polarity::forbid);
}

}  // namespace maskwise
