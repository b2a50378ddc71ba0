// Keys and values of sequences that grow: what generation attends to.
#ifndef MASKWISE_KV_CACHE_H_
#define MASKWISE_KV_CACHE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "maskwise/attention.h"
#include "maskwise/dtype.h"
#include "maskwise/mask_plan.h"
#include "maskwise/tensor_view.h"

namespace maskwise {

namespace detail {
struct CacheStorage;
}  // namespace detail

struct KvCacheOptions {
  int64_t batch = 1;
  int64_t kv_heads = 1;
  int64_t head_dim = 0;    // D of k
  int64_t value_dim = 0;   // Dv of v; 0 = D
  int64_t max_length = 0;  // of one sequence
  // Keys of a page; 0: each sequence has memory for max_length of its own.
  int64_t page_size = 0;
  // Pages that the sequences share; 0: enough for max_length of each.
  int64_t pages = 0;
  DType dtype = DType::f32;  // what it holds: f32, f16 or bf16
};

// Keys and values of `batch` sequences, each of its own length. K lies in
// panels, as the kernels of few queries read it; pages are given to sequences
// as they grow and come back when none has them any more. A KvCache can be
// moved, not copied; what it was moved from may only be destroyed or assigned
// to. Not for two threads at once, unless both only read.
class KvCache {
 public:
  // Throws Error when a size is wrong or the memory cannot be had.
  explicit KvCache(const KvCacheOptions& options);
  KvCache(KvCache&&) noexcept;
  KvCache& operator=(KvCache&&) noexcept;
  ~KvCache();

  const KvCacheOptions& options() const;

  // Appends tokens to every sequence. k: [B, Hkv, n, D], v: [B, Hkv, n, Dv],
  // f32, f16 or bf16, any strides; a cache of f16 or bf16 rounds them to the
  // nearest, ties to even. `counts`: how many of the n tokens, from the first
  // on, belong to each sequence; empty: all. Throws Error, and appends nothing,
  // when shapes do not fit, a sequence would be longer than max_length, or
  // there are too few free pages (the copies that select() puts off count,
  // too).
  void append(const TensorView& k, const TensorView& v,
              const std::vector<int64_t>& counts = {});

  // Keys of a sequence; those that the last append added to it.
  int64_t length(int64_t batch) const;
  int64_t newest(int64_t batch) const;

  // Forgets all but the first `length` keys of a sequence; none of them is
  // newest then.
  void truncate(int64_t batch, int64_t length);

  // Sequence b becomes what sequence from[b] was: its keys and values, its
  // length and what is newest, for each of the batch; as a beam search goes on
  // from its best hypotheses. No key is moved: sequences share pages. One that
  // appends to a page that others have, too, gets a copy of that page first;
  // without pages, of all its keys. Throws Error, and changes nothing, when
  // `from` does not have one number for each sequence or names one that is not
  // there.
  void select(const std::vector<int64_t>& from);

  // Pages that no sequence has.
  int64_t free_pages() const;

  // Bytes of memory for keys and values.
  int64_t bytes() const;

  // For the library's own layers.
  const detail::CacheStorage& storage() const { return *storage_; }

 private:
  std::unique_ptr<detail::CacheStorage> storage_;
};

// Attention of the newest tokens to the cache: row i of q, [B, H, n, D],
// belongs to the i-th token that the last append added to its sequence, and
// stands at position length - newest + i. `plan` is compiled once for the
// longest sequences, [B, H, max, max]: its row at that position says which keys
// the token sees, so a step compiles nothing, and every mask of words can be
// used, windows and left padding (causal() & ~prefix({3, 0})) among them. Keys
// that the cache does not hold are absent. The bits are those of attention()
// over whole sequences of what the cache holds, whatever the pages and the
// steps.
//
// Rows beyond a sequence's newest tokens give o = 0 and lse = -inf. ALiBi
// positions are those in the sequence; a bias, and outputs of weights and
// scores, are refused. Throws Error when shapes do not fit.
AttentionResult attention(const TensorView& q, const KvCache& cache,
                          const MaskPlan& plan,
                          const AttentionOptions& options = {});

// attention() over the cache into memory of the caller, with the same bits; a
// step of generation allocates nothing. The workspace has workspace_size(plan,
// {D, Dv}, options) bytes, and the rest is as attention_into() over k and v
// says.
void attention_into(const AttentionTarget& target, const TensorView& q,
                    const KvCache& cache, const MaskPlan& plan,
                    const AttentionOptions& options = {});

}  // namespace maskwise

#endif  // MASKWISE_KV_CACHE_H_
