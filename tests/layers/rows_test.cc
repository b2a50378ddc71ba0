#include "layers/rows.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using nn::detail::ChosenRows;
using nn::detail::Rows;

TEST(Rows, ReadsADenseTensorWhereItLies) {
  const Tensor x = Tensor::from<float>({2, 1, 2}, {1, 2, 3, 4});
  const Rows rows("test", "x", x, 2);
  EXPECT_EQ(rows.count(), 2);
  EXPECT_EQ(rows.data(), x.data<float>());
  EXPECT_EQ(rows.at(1)[0], 3);
  EXPECT_EQ(rows.shape_of(7), (Shape{2, 1, 7}));
}

TEST(Rows, CopiesAStridedView) {
  const Tensor x = Tensor::from<float>({2, 2}, {1, 2, 3, 4});
  const Rows rows("test", "x", x.view().permuted({1, 0}), 2);
  EXPECT_NE(rows.data(), x.data<float>());
  EXPECT_EQ(std::vector<float>(rows.data(), rows.data() + 4),
            (std::vector<float>{1, 3, 2, 4}));
}

TEST(Rows, RefusesWhatIsNoRowsOfThatWidth) {
  const auto refuses = [](ErrorCode code, const std::string& fragment,
                          const TensorView& view) {
    EXPECT_TRUE(throws_error(code, "[test] " + fragment,
                             [&] { Rows("test", "x", view, 2); }));
  };
  const auto misfit = ErrorCode::shape_mismatch;
  refuses(misfit, "expected x of shape [..., 2], got nothing", {});
  refuses(misfit, "expected x of shape [..., 2], got []",
          Tensor(DType::f32, {}));
  refuses(misfit, "expected x of shape [..., 2], got [2, 3]",
          Tensor(DType::f32, {2, 3}));
  refuses(ErrorCode::invalid_argument, "expected x of type f32, got i64",
          Tensor(DType::i64, {2}));
}

TEST(Rows, MustBeTheSameButForTheLastAxis) {
  const Tensor one(DType::f32, {2, 3, 4});
  const Tensor other(DType::f32, {2, 3, 5});
  const Tensor flat(DType::f32, {6, 5});
  const Rows x("test", "x", one, 4);
  check_same_rows("test", x, Rows("test", "d_y", other, 5));
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "[test] expected d_y of shape [2, 3, 5], got [6, 5]",
      [&] { check_same_rows("test", x, Rows("test", "d_y", flat, 5)); }));
}

TEST(Rows, OfZerosOfEitherSignAreAbsent) {
  const Tensor x = Tensor::from<float>({4, 2}, {0, -0.0F, 0, 1, kNan, 0, 0, 0});
  const Rows rows("test", "x", x, 2);
  const std::vector<int64_t> present = rows_present(rows);
  EXPECT_EQ(present, (std::vector<int64_t>{1, 2}));
  const ChosenRows chosen(rows, present);
  EXPECT_EQ(chosen.span().count, 2);
  EXPECT_EQ(chosen.span().data[1], 1);
  EXPECT_TRUE(std::isnan(chosen.span().data[2]));
}

TEST(Rows, AreGatheredAndScatteredToAnyShape) {
  const Tensor x = Tensor::from<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor two = nn::detail::gathered_rows(nn::detail::dense_rows(x),
                                               {2, 0}, {1, 2, 2, 1});
  EXPECT_TRUE(same_bits(two, Tensor::from<float>({1, 2, 2, 1}, {5, 6, 1, 2})));
  const TensorView rows(two.data<float>(), DType::f32, {2, 2});
  const Tensor back = nn::detail::scattered_rows(
      Rows("test", "x", rows, 2).span(), {2, 0}, {3, 1, 2});
  EXPECT_TRUE(
      same_bits(back, Tensor::from<float>({3, 1, 2}, {1, 2, 0, 0, 5, 6})));
  const Tensor turned =
      nn::detail::scattered_rows(nn::detail::dense_rows(x), {1, 2, 0}, {3, 2});
  EXPECT_TRUE(
      same_bits(turned, Tensor::from<float>({3, 2}, {5, 6, 1, 2, 3, 4})));
}

TEST(Rows, ThatAreAllChosenAreNotCopied) {
  const Tensor x = Tensor::from<float>({2, 1}, {1, 2});
  const Rows rows("test", "x", x, 1);
  EXPECT_EQ(ChosenRows(rows, rows_present(rows)).span().data, x.data<float>());
}

}  // namespace
}  // namespace maskwise::testing
