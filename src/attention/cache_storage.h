// The memory of a KvCache: a pool of pages, and which of them each sequence
// has. attention/cache_pages.h gives and takes them.
#ifndef MASKWISE_ATTENTION_CACHE_STORAGE_H_
#define MASKWISE_ATTENTION_CACHE_STORAGE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "backend/forward_problem.h"
#include "maskwise/dtype.h"
#include "maskwise/kv_cache.h"

namespace maskwise::detail {

struct CacheStorage {
  KvCacheOptions options;
  int64_t page_keys = 0;
  int64_t panel_keys = 0;
  int64_t pages_per_item = 0;
  int64_t value_row = 0;  // elements from one row of V to the next

  std::shared_ptr<void> k_memory;  // [pages][Hkv][page_keys * D], in panels
  std::shared_ptr<void> v_memory;  // [pages][Hkv][page_keys][value_row]
  int64_t bytes = 0;

  std::vector<int32_t> pages;  // [B][pages_per_item]
  std::vector<int32_t> free_pages;
  std::vector<int32_t> users;    // [pages]: how many sequences have each
  std::vector<int64_t> lengths;  // [B]
  std::vector<int64_t> begins;   // [B]: of the last append's keys

  int64_t element_bytes() const { return size_of(options.dtype); }
  // The element of K, of V, that lies so many elements behind the first.
  char* k_at(int64_t element) const {
    return static_cast<char*>(k_memory.get()) + element * element_bytes();
  }
  char* v_at(int64_t element) const {
    return static_cast<char*>(v_memory.get()) + element * element_bytes();
  }
  int64_t k_head_step() const { return page_keys * options.head_dim; }
  int64_t v_head_step() const { return page_keys * value_row; }

  // How kernels see it.
  PagedKv view() const;

  // Pages that a sequence of this length takes.
  int64_t pages_of(int64_t length) const {
    return (length + page_keys - 1) / page_keys;
  }
};

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_CACHE_STORAGE_H_
