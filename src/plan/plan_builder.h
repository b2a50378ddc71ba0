// Writes drafts into a plan, each bitmap and key list once.
#ifndef MASKWISE_PLAN_PLAN_BUILDER_H_
#define MASKWISE_PLAN_PLAN_BUILDER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "plan/block_draft.h"
#include "plan/fold_split.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// An array of which equal stretches are stored once.
template <typename Element>
class StretchPool {
 public:
  explicit StretchPool(std::vector<Element>& storage) : storage_(storage) {}

  // Where the stretch stands in the storage; appended when it is new.
  int64_t place(std::span<const Element> stretch);

 private:
  std::vector<Element>& storage_;
  std::unordered_multimap<uint64_t, std::pair<int64_t, size_t>> known_;
};

class PlanBuilder {
 public:
  explicit PlanBuilder(PlanData& plan)
      : plan_(plan), bitmaps_(plan.bitmaps), lists_(plan.key_lists) {}

  void add_block(BlockDraft&& draft);

 private:
  void add_folds(const BlockDraft& draft, RowBlock& block);
  bool add_moved_folds(const BlockDraft& draft, RowBlock& block);
  void add_fold(const PieceList& keys, uint64_t all_rows);
  void add_run(const PieceList& keys, const Piece& piece, uint64_t all_rows);
  void add_list(const PieceList& keys, std::span<const Piece> pieces);

  PlanData& plan_;
  std::optional<BlockDraft> last_;  // of the last block
  bool last_has_list_ = false;
  StretchPool<uint64_t> bitmaps_;
  StretchPool<int32_t> lists_;
  std::vector<uint64_t> words_;  // scratch
  std::vector<int32_t> keys_;    // scratch
};

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_PLAN_BUILDER_H_
