#include "backend/cpu/task_list.h"

#include <algorithm>

namespace maskwise::detail {
namespace {

// The heads from slice_uses[first] on that one task can take.
int32_t stacked_heads(const ForwardProblem& problem, const PlanData& plan,
                      const RowBlock& block, int64_t first, int64_t end) {
  const int64_t heads = problem.shape.heads;
  const int64_t group = heads / problem.kv_heads;
  const auto use = [&](int64_t i) {
    return int64_t{plan.slice_uses[static_cast<size_t>(i)]};
  };
  const int64_t most = std::min<int64_t>(kBlockRows / block.rows, end - first);
  const int64_t in_group = group - use(first) % heads % group;
  int32_t count = 1;
  while (count < std::min(most, in_group) &&
         use(first + count) == use(first) + count) {
    ++count;
  }
  return count;
}

}  // namespace

std::vector<BlockTask> make_tasks(const ForwardProblem& problem,
                                  const PlanData& plan) {
  std::vector<BlockTask> tasks;
  for (const int32_t index : plan.schedule) {
    const RowBlock& block = plan.blocks[static_cast<size_t>(index)];
    const Slice& slice = plan.slices[static_cast<size_t>(
        plan.slice_of_block[static_cast<size_t>(index)])];
    const int64_t end = slice.first_use + slice.use_count;
    for (int64_t i = slice.first_use; i < end; i += tasks.back().heads) {
      const int64_t use = plan.slice_uses[static_cast<size_t>(i)];
      tasks.push_back({&block, use / problem.shape.heads,
                       use % problem.shape.heads,
                       stacked_heads(problem, plan, block, i, end)});
    }
  }
  return tasks;
}

}  // namespace maskwise::detail
