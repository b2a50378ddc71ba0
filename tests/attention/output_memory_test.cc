#include "attention/output_memory.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "maskwise/tensor.h"
#include "tests/base/thrown_error.h"

namespace maskwise::detail {
namespace {

using testing::thrown_by;

// Views of one buffer of f32.
class OutputMemoryTest : public ::testing::Test {
 protected:
  TensorView view(int64_t begin, const Shape& shape,
                  const Shape& strides) const {
    return {buffer_.data<float>() + begin, DType::f32, shape, strides};
  }

  // What check_memory says of an output beside an input; empty: nothing.
  static std::string said_of(const TensorView& output,
                             const TensorView& input) {
    const NamedView outputs[] = {{"o", output}};
    const NamedView inputs[] = {{"q", input}};
    const auto error = thrown_by([&] { check_memory(outputs, inputs); });
    return error ? error->what() : "";
  }

  Tensor buffer_ = Tensor(DType::f32, {1000});
};

TEST_F(OutputMemoryTest, DenseTensorsMayTouchButNotOverlap) {
  const TensorView q = view(100, {10, 10}, {10, 1});
  EXPECT_EQ(said_of(view(0, {10, 10}, {10, 1}), q), "");
  EXPECT_EQ(said_of(view(200, {10, 10}, {10, 1}), q), "");
  for (const int64_t begin : {1, 100, 199}) {
    EXPECT_EQ(said_of(view(begin, {10, 10}, {10, 1}), q),
              "[attention] o shares memory with q; expected memory of its own");
  }
  EXPECT_NE(said_of(view(0, {1000}, {1}), q), "");
  EXPECT_NE(said_of(view(120, {3}, {1}), q), "");
}

// q, k, v and o side by side in one row for each token.
TEST_F(OutputMemoryTest, TensorsOfOnePackedBufferAreApart) {
  const TensorView q = view(0, {10, 8}, {32, 1});
  EXPECT_EQ(said_of(view(24, {10, 8}, {32, 1}), q), "");
  EXPECT_NE(said_of(view(0, {10, 8}, {32, 1}), q), "");
}

TEST_F(OutputMemoryTest, OutputsAreApartFromEachOtherToo) {
  const TensorView o = view(0, {10, 10}, {10, 1});
  const TensorView lse = view(99, {10}, {1});
  const NamedView outputs[] = {{"o", o}, {"lse", lse}};
  EXPECT_TRUE(testing::throws_error(ErrorCode::invalid_argument,
                                    "lse shares memory with o",
                                    [&] { check_memory(outputs, {}); }));
}

TEST_F(OutputMemoryTest, ElementsOfAnOutputAreApart) {
  const TensorView none;
  EXPECT_EQ(said_of(view(0, {2, 3, 4}, {4, 8, 1}), none), "");
  EXPECT_EQ(said_of(view(0, {1, 3, 4}, {0, 4, 1}), none), "");
  EXPECT_EQ(said_of(view(0, {2, 3, 4}, {4, 4, 1}), none),
            "[attention] elements of o share memory: its strides are [4, 4, 1] "
            "for [2, 3, 4]; expected strides that keep them apart");
}

TEST_F(OutputMemoryTest, WhatHasNoElementsSharesNothing) {
  EXPECT_EQ(said_of(view(0, {0, 4}, {4, 1}), view(0, {10}, {1})), "");
  EXPECT_EQ(said_of(view(0, {10}, {1}), TensorView()), "");
}

}  // namespace
}  // namespace maskwise::detail
