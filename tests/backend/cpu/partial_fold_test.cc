#include "backend/cpu/partial_fold.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "plan/plan_data.h"

namespace maskwise::detail {
namespace {

class PartialFoldPoolTest : public ::testing::Test {
 protected:
  static ForwardProblem problem_of(int64_t value_dim) {
    ForwardProblem problem;
    problem.value_dim = value_dim;
    return problem;
  }
  float* end() { return memory_.data() + memory_.size(); }

  ForwardProblem problem_ = problem_of(20);  // 32 with its padding
  std::vector<float> memory_ = std::vector<float>(static_cast<size_t>(
      PartialFoldPool::bytes_for(problem_, 2) / int64_t{sizeof(float)}));
  PartialFoldPool pool_{problem_, memory_.data(), 2};
};

TEST_F(PartialFoldPoolTest, FoldsFollowEachOtherWithoutTouching) {
  const PartialFold first = pool_.take(3);
  const PartialFold second = pool_.take(64);
  EXPECT_EQ(first.m, memory_.data());
  EXPECT_GE(first.l - first.m, kBlockRows);
  EXPECT_GE(first.sum - first.l, kBlockRows);
  EXPECT_GE(second.m - first.sum, 3 * 32);
}

TEST_F(PartialFoldPoolTest, HoldsSomeWholeBlocksForEachThreadAndMoreOfFewRows) {
  const auto count = [&](int64_t lanes) {
    pool_.clear();
    int64_t folds = 0;
    for (; pool_.has_room(lanes); ++folds) {
      const PartialFold fold = pool_.take(lanes);
      EXPECT_LE(fold.sum + lanes * 32, end());
    }
    return folds;
  };
  EXPECT_EQ(count(64), 2 * 4);
  EXPECT_GT(count(1), 100);
}

}  // namespace
}  // namespace maskwise::detail
