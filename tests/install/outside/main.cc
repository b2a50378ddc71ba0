// Masked attention from outside the tree; fails when the answer is not known.
#include <maskwise/maskwise.h>
#include <maskwise/nn/linear.h>

#include <cstdint>
#include <iostream>
#include <vector>

namespace mw = maskwise;

namespace {

mw::Tensor filled(const mw::Shape& shape, float value) {
  const auto count = static_cast<size_t>(mw::element_count(shape));
  return mw::Tensor::from(shape, std::vector<float>(count, value));
}

}  // namespace

int main() {
  constexpr int64_t kBatch = 1;
  constexpr int64_t kHeads = 2;
  constexpr int64_t kLength = 4;
  constexpr int64_t kHeadDim = 64;
  const mw::Shape shape = {kBatch, kHeads, kLength, kHeadDim};
  const auto q = filled(shape, 1);
  const auto k = filled(shape, 2);
  const auto v = filled(shape, 3);
  const auto token_ids =
      mw::Tensor::from({kBatch, kLength}, std::vector<int32_t>{5, 7, 2, 0});

  const auto mask = mw::causal() & mw::padding(token_ids, {.pad = 0});
  const auto bound = mask.bind(
      {.batch = kBatch, .heads = kHeads, .q_len = kLength, .kv_len = kLength});
  const auto plan = mw::compile(bound);
  const auto out = mw::attention(q, k, v, plan, {.scale = 0.125F});

  std::cout << "o " << mw::to_string(out.o.shape()) << ", "
            << bound.visible_pairs() << " visible pairs, o[0] "
            << out.o.data<float>()[0] << '\n';
  // Rows see 1, 2, 3 and 3 keys in each of 2 heads; a mean of equal values.
  const bool known = out.o.shape() == shape && bound.visible_pairs() == 18 &&
                     out.o.data<float>()[0] == 3;
  // A layer of zeros gives zeros.
  const auto y = mw::nn::Linear(kHeadDim, 3).forward(out.o);
  const bool zero = y.dim(3) == 3 && y.data<float>()[0] == 0;
  return known && zero ? 0 : 1;
}
