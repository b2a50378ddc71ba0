// The words all and none.
#include <memory>

#include "mask/intervals.h"
#include "mask/monotone.h"
#include "mask/node.h"

namespace maskwise {
namespace detail {
namespace {

enum class Constant { all, none };

class ConstantBound final : public MonotoneBound {
 public:
  ConstantBound(const Node& node, Constant value, int64_t kv_len)
      : MonotoneBound(node), value_(value), kv_len_(kv_len) {}

  bool allowed(const PairIndex& /*pair*/) const override {
    return value_ == Constant::all;
  }

  std::string reason(const PairIndex& /*pair*/) const override {
    return value_ == Constant::all ? "every pair is allowed"
                                   : "no pair is allowed";
  }

 protected:
  KeyInterval row_interval(int64_t /*batch*/, int64_t /*q*/) const override {
    return {0, value_ == Constant::all ? kv_len_ : 0};
  }

 private:
  Constant value_;
  int64_t kv_len_;
};

class ConstantNode final : public Node {
 public:
  explicit ConstantNode(Constant value) : value_(value) {}

  BoundNodePtr bind(const BindContext& context) const override {
    return std::make_shared<const ConstantBound>(*this, value_,
                                                 context.shape.kv_len);
  }

  void write(TextWriter& writer) const override {
    writer.open(value_ == Constant::all ? "all" : "none");
    writer.close();
  }

  bool same_as(const Node& other) const override {
    return value_ == static_cast<const ConstantNode&>(other).value_;
  }

 private:
  Constant value_;
};

}  // namespace
}  // namespace detail

Mask all() {
  return detail::make_word<detail::ConstantNode>(detail::Constant::all);
}

Mask none() {
  return detail::make_word<detail::ConstantNode>(detail::Constant::none);
}

}  // namespace maskwise
