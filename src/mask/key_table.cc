// The words allow_keys and forbid_keys: a boolean for each key.

#include <memory>
#include <utility>

#include "base/format.h"
#include "mask/key_set.h"
#include "mask/tensor_checks.h"

namespace maskwise {
namespace detail {
namespace {

// Whether true in the tensor means may attend or masked.
enum class Polarity { allow, forbid };

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

class KeyTableNode final : public Node {
 public:
  KeyTableNode(Polarity polarity, const MaskTensor& table)
      : polarity_(polarity),
        table_(copy_booleans(word_name(), table)),
        name_(table.name) {}

  BoundNodePtr bind(const BindContext& context) const override {
    check_batch_by_length(word_name(), table_, "a tensor [B, Lk]",
                          {context.shape.batch, context.shape.kv_len});
    return std::make_shared<const KeyTableBound>(*this, table_, polarity_);
  }

  void write(TextWriter& writer) const override {
    writer.open(word_name());
    writer.argument("", name_, table_);
    writer.close();
  }

  bool same_as(const Node& other) const override {
    const auto& keys = static_cast<const KeyTableNode&>(other);
    return polarity_ == keys.polarity_ && same_contents(table_, keys.table_);
  }

 private:
  std::string_view word_name() const {
    return polarity_ == Polarity::allow ? "allow_keys" : "forbid_keys";
  }

  Polarity polarity_;
  Tensor table_;
  std::string name_;
};

}  // namespace
}  // namespace detail

Mask allow_keys(const MaskTensor& tensor) {
  return detail::make_word<detail::KeyTableNode>(detail::Polarity::allow,
                                                 tensor);
}

Mask forbid_keys(const MaskTensor& tensor) {
  return detail::make_word<detail::KeyTableNode>(detail::Polarity::forbid,
                                                 tensor);
}

}  // namespace maskwise
