#include "attention/bhld.h"

#include <gtest/gtest.h>

#include "maskwise/error.h"
#include "maskwise/tensor.h"

namespace maskwise::testing {
namespace {

using detail::Bhld;
using detail::Sizes;

TEST(Bhld, AxesAreInOneOrderWhateverTheLayout) {
  const Tensor tensor(DType::f32, {2, 3, 4, 5});
  const TensorView& view = tensor.view();
  const Bhld bhld("attention", "q", view, Layout::bhld);
  EXPECT_EQ(bhld.sizes(), (Sizes{2, 3, 4, 5}));
  EXPECT_EQ(bhld.input().stride[1], 20);
  const Bhld blhd("attention", "q", view, Layout::blhd);
  EXPECT_EQ(blhd.sizes(), (Sizes{2, 4, 3, 5}));
  EXPECT_EQ(blhd.input().stride[1], 5);
  EXPECT_EQ(blhd.input().stride[2], 20);
}

TEST(Bhld, OtherRanksAreRefusedByName) {
  const Tensor tensor(DType::f32, {2, 5, 7});
  const TensorView& view = tensor.view();
  try {
    const Bhld refused("attention", "v", view, Layout::blhd);
    FAIL() << "taken with " << refused.dim(0) << " sequences";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::shape_mismatch);
    EXPECT_STREQ(error.what(),
                 "[attention] expected v with 4 axes ([B, L, H, D]), got "
                 "[2, 5, 7]");
  }
}

}  // namespace
}  // namespace maskwise::testing
