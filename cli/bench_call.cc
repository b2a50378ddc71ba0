#include "bench_call.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace maskwise::cli {
namespace {

// Numbers in [-1, 1) that look random, by a linear congruence (Knuth's MMIX).
Tensor random_tensor(const Shape& shape, DType dtype, uint64_t seed) {
  Tensor values(DType::f32, shape);
  auto* data = values.mutable_data<float>();
  uint64_t state = seed;
  for (int64_t i = 0; i < values.size(); ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const auto high = static_cast<int32_t>(state >> 32);
    data[i] = static_cast<float>(high) * 0x1p-31F;
  }
  return dtype == DType::f32 ? values : from_f32(values, dtype);
}

// The `count` parts along `axis` from `first` on.
TensorView slice(const TensorView& view, int64_t axis, int64_t first,
                 int64_t count) {
  const auto* bytes = static_cast<const char*>(view.bytes());
  Shape shape = view.shape();
  shape[static_cast<size_t>(axis)] = count;
  return {bytes + first * view.stride(axis) * size_of(view.dtype()),
          view.dtype(), shape, view.strides()};
}

}  // namespace

std::string_view name_of(Pass pass) {
  return pass == Pass::forward ? "forward" : "backward";
}

Pass parse_pass(std::string_view name) {
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    if (name == name_of(pass)) return pass;
  }
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("[bench] unknown pass '{}'; expected forward or backward",
                  name));
}

PlannedCall::PlannedCall(const std::array<TensorView, 3>& qkv,
                         const MaskPlan& plan, const AttentionOptions& options,
                         Pass pass)
    : q_(qkv[0]), k_(qkv[1]), v_(qkv[2]), plan_(plan), options_(options) {
  if (pass == Pass::backward) {
    forward_ = attention(q_, k_, v_, plan_, options_);
    d_o_ = random_tensor(forward_.o.shape(), q_.dtype(), 3);
    return;
  }
  const HeadDims dims = {q_.dim(3), v_.dim(3)};
  o_ = Tensor(q_.dtype(), {q_.dim(0), q_.dim(1), q_.dim(2), dims.value});
  lse_ = Tensor(DType::f32, {q_.dim(0), q_.dim(1), q_.dim(2)});
  workspace_ = std::make_shared<std::vector<std::byte>>(
      static_cast<size_t>(workspace_size(plan, dims, options)));
  target_.o = o_.mutable_view();
  target_.lse = lse_.mutable_view();
  target_.workspace = *workspace_;
}

void PlannedCall::run() const {
  if (d_o_.defined()) {
    static_cast<void>(
        attention_backward(q_, k_, v_, plan_, forward_, d_o_, options_));
  } else {
    attention_into(target_, q_, k_, v_, plan_, options_);
  }
}

void CachedCall::run() {
  attention_into({.o = o.mutable_view(), .workspace = workspace}, q, cache,
                 plan, options);
}

BenchInputs::BenchInputs(const BenchShape& shape, const BenchPlace& place)
    : shape_(shape),
      pass_(place.pass),
      q_(random_tensor({shape.batch, shape.heads, shape.q_len, shape.head_dim},
                       place.dtype, 1)),
      kv_(random_tensor(
          {2, shape.batch, shape.kv_heads, shape.kv_len, shape.head_dim},
          place.dtype, 2)) {
  options_.isa = place.isa;
  options_.threads = place.threads;
  const Shape one(kv_.shape().begin() + 1, kv_.shape().end());
  const auto* bytes = static_cast<const char*>(kv_.bytes());
  k_ = TensorView(bytes, place.dtype, one);
  v_ = TensorView(bytes + kv_.byte_size() / 2, place.dtype, one);
}

PlannedCall BenchInputs::whole(const MaskPlan& plan) const {
  return PlannedCall({q_.view(), k_, v_}, plan, options_, pass_);
}

CachedCall BenchInputs::cached() const {
  KvCache cache({.batch = shape_.batch,
                 .kv_heads = shape_.kv_heads,
                 .head_dim = shape_.head_dim,
                 .max_length = shape_.kv_len,
                 .dtype = q_.dtype()});
  const int64_t before = shape_.kv_len - 1;
  cache.append(slice(k_, 2, 0, before), slice(v_, 2, 0, before));
  cache.append(slice(k_, 2, before, 1), slice(v_, 2, before, 1));
  const BoundMask steps =
      causal().bind({shape_.batch, shape_.heads, shape_.kv_len, shape_.kv_len});
  const MaskPlan plan = compile(steps);
  const HeadDims dims = {shape_.head_dim, shape_.head_dim};
  return {q_.view(),
          std::move(cache),
          plan,
          options_,
          Tensor(q_.dtype(), q_.shape()),
          std::vector<std::byte>(
              static_cast<size_t>(workspace_size(plan, dims, options_)))};
}

Subject BenchInputs::subject(const BenchCase& one, const MaskPlan& plan) const {
  if (!one.cached) return [call = whole(plan)] { call.run(); };
  const auto call = std::make_shared<CachedCall>(cached());
  return [call] { call->run(); };
}

PlannedCall BenchInputs::part(const DensePart& box) const {
  const auto keys_of = [&](const TensorView& view) {
    return slice(slice(view, 0, box.first_batch, box.batches), 2, box.first_k,
                 box.kv_len);
  };
  const TensorView queries =
      slice(slice(q_.view(), 0, box.first_batch, box.batches), 2, box.first_q,
            box.q_len);
  const BoundMask everything =
      all().bind({box.batches, shape_.heads, box.q_len, box.kv_len});
  return PlannedCall({queries, keys_of(k_), keys_of(v_)}, compile(everything),
                     options_, pass_);
}

std::vector<PlannedCall> BenchInputs::loop(
    const std::vector<DensePart>& parts) const {
  std::vector<PlannedCall> calls;
  for (const DensePart& box : parts) {
    if (box.q_len > 0 && box.kv_len > 0) calls.push_back(part(box));
  }
  return calls;
}

}  // namespace maskwise::cli
