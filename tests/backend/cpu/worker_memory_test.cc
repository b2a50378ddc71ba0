#include "backend/cpu/worker_memory.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "backend/cpu/partial_fold.h"
#include "backend/cpu/scratch.h"
#include "base/aligned_buffer.h"

namespace maskwise::detail {
namespace {

class WorkerMemoryTest : public ::testing::Test {
 protected:
  WorkerMemoryTest() {
    problem_.head_dim = problem_.value_dim = 8;
    plan_.largest_fold = 100;
  }

  int64_t bytes(int64_t threads) const {
    return WorkerMemory::bytes_for(problem_, plan_, threads);
  }

  ForwardProblem problem_;
  PlanData plan_;
};

TEST_F(WorkerMemoryTest, PartialFoldsAreCountedWhereThreadsHaveFoldsToShare) {
  plan_.most_folds = 1;
  const int64_t without = bytes(3);
  plan_.most_folds = 2;
  EXPECT_EQ(bytes(3), without + PartialFoldPool::bytes_for(problem_, 3));
  EXPECT_EQ(bytes(1), kAlignment + ForwardScratch::bytes_for(problem_, plan_));
}

// From any address on, and to the last byte.
TEST_F(WorkerMemoryTest, PiecesOfAWorkspaceAreAlignedAndLieWithinIt) {
  plan_.most_folds = 2;
  const int64_t size = bytes(3);
  std::vector<std::byte> workspace(static_cast<size_t>(size + 1));
  std::byte* const begin = workspace.data() + 1;
  const WorkerMemory memory(problem_, plan_, begin, 3);
  const int64_t scratch = ForwardScratch::bytes_for(problem_, plan_);
  const auto at = [&](const void* piece) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(piece) % kAlignment, 0U);
    return static_cast<const std::byte*>(piece) - begin;
  };
  EXPECT_GE(at(memory.scratch(0)), 0);
  EXPECT_EQ(at(memory.scratch(1)) - at(memory.scratch(0)), scratch);
  EXPECT_EQ(at(memory.scratch(2)) - at(memory.scratch(1)), scratch);
  EXPECT_EQ(at(memory.partials()) - at(memory.scratch(2)), scratch);
  EXPECT_LE(at(memory.partials()) + PartialFoldPool::bytes_for(problem_, 3),
            size);
}

TEST_F(WorkerMemoryTest, WithoutAWorkspaceEachThreadKeepsItsOwn) {
  const WorkerMemory memory(problem_, plan_, nullptr, 2);
  void* const mine = memory.scratch(0);
  EXPECT_EQ(memory.scratch(1), mine);
  EXPECT_EQ(WorkerMemory(problem_, plan_, nullptr, 2).scratch(0), mine);
  EXPECT_NE(memory.partials(), mine);
  void* other = mine;
  std::thread([&] { other = memory.scratch(0); }).join();
  EXPECT_NE(other, mine);
}

}  // namespace
}  // namespace maskwise::detail
