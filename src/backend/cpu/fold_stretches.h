// Keys of one fold of a task as stretches, for kernels that need no entry for
// each key.
#ifndef MASKWISE_BACKEND_CPU_FOLD_STRETCHES_H_
#define MASKWISE_BACKEND_CPU_FOLD_STRETCHES_H_

#include <cstdint>

#include "backend/cpu/fold_table.h"
#include "backend/cpu/key_stretch.h"
#include "plan/plan_walk.h"

namespace maskwise::detail {

class FoldStretches {
 public:
  // A fold of a cache in pages of 8 keys has 128, and one more where it begins
  // within a page.
  static constexpr int32_t kMost = 144;

  // Finds the stretches of the span, and whether there are: its keys may be
  // too scattered, or not be seen by all lanes of the task.
  bool find(const FoldSource& from, const FoldSpan& span);

  // key[i] = the index of key i.
  void list_keys(int32_t* key) const;

  int32_t keys() const { return keys_; }
  // Whether they are streams rather than pages.
  bool are_long() const {
    constexpr int32_t kLong = 128;
    return keys_ >= kLong * count_;
  }

  const KeyStretch* begin() const { return stretches_; }
  const KeyStretch* end() const { return begin() + count_; }

 private:
  bool add_run(const FoldSource& from, const RunPart& part);
  bool add_each(const FoldSource& from, const RunPart& part);
  bool add_keys(const FoldSource& from, int64_t first, int64_t count);
  bool add(const KeyStretch& stretch, int64_t first);

  KeyStretch stretches_[kMost];
  int32_t first_[kMost];  // keys
  int32_t count_ = 0;
  int32_t keys_ = 0;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_FOLD_STRETCHES_H_
