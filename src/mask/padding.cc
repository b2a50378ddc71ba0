// The word padding: every token but <pad>.

#include <algorithm>
#include <memory>
#include <utility>

#include "base/format.h"
#include "mask/key_set.h"
#include "mask/tensor_checks.h"
#include "mask/token_ids.h"

namespace maskwise {
namespace detail {
namespace {

// Which tokens are not padding: bool [B, Lk]. Sentences of other ids with the
// same padding have one mask, and so one plan.
Tensor tokens_of(const Tensor& ids, int64_t pad) {
  Tensor tokens(DType::boolean, ids.shape());
  std::transform(ids.data<int64_t>(), ids.data<int64_t>() + ids.size(),
                 tokens.mutable_data<bool>(),
                 [pad](int64_t id) { return id != pad; });
  return tokens;
}

// ids[b, k] != pad.
class PaddingBound final : public KeySetBound {
 public:
  PaddingBound(const Node& node, Tensor ids, int64_t pad)
      : KeySetBound(node, classes_of_batch(tokens_of(ids, pad))),
        ids_(std::move(ids)),
        pad_(pad) {
    build([&](int64_t batch) {
      return intervals_where(ids_.dim(1),
                             [&](int64_t k) { return id(batch, k) != pad_; });
    });
  }

  bool allowed(const PairIndex& pair) const override {
    return id(pair.batch, pair.k) != pad_;
  }

  std::string reason(const PairIndex& pair) const override {
    if (!allowed(pair)) {
      return formatted("token {} of sentence {} is <pad>", pair.k, pair.batch);
    }
    return formatted("token {} of sentence {} is {}, not <pad>", pair.k,
                     pair.batch, id(pair.batch, pair.k));
  }

 private:
  int64_t id(int64_t batch, int64_t k) const {
    return ids_.data<int64_t>()[batch * ids_.dim(1) + k];
  }

  Tensor ids_;  // [B, Lk] i64
  int64_t pad_;
};

class PaddingNode final : public Node, public TokenIds {
 public:
  PaddingNode(const MaskTensor& ids, int64_t pad)
      : ids_(copy_ids("padding", ids)), name_(ids.name), pad_(pad) {}

  BoundNodePtr bind(const BindContext& context) const override {
    check_batch_by_length(said_as("padding", name_), ids_, "ids [B, Lk]",
                          {context.shape.batch, context.shape.kv_len});
    return std::make_shared<const PaddingBound>(*this, ids_, pad_);
  }

  void write(TextWriter& writer) const override {
    writer.open("padding");
    writer.argument("", name_, ids_);
    writer.argument("pad", pad_);
    writer.close();
  }

  bool same_as(const Node& other) const override {
    const auto& padding = static_cast<const PaddingNode&>(other);
    return pad_ == padding.pad_ && same_contents(ids_, padding.ids_);
  }

  const Tensor& token_ids() const override { return ids_; }
  int64_t pad_id() const override { return pad_; }

 private:
  Tensor ids_;
  std::string name_;
  int64_t pad_;
};

}  // namespace
}  // namespace detail

Mask padding(const MaskTensor& ids, const PaddingOptions& options) {
  return detail::make_word<detail::PaddingNode>(ids, options.pad);
}

}  // namespace maskwise
