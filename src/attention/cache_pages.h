// Which sequence of a cache has which pages. A page may belong to several
// sequences; it is written only while one has it.
#ifndef MASKWISE_ATTENTION_CACHE_PAGES_H_
#define MASKWISE_ATTENTION_CACHE_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "attention/cache_storage.h"

namespace maskwise::detail {

// Free pages that extend() takes when sequence b grows by counts[b] keys, for
// every b.
int64_t pages_wanted(const CacheStorage& s, const std::vector<int64_t>& counts);

// Gives a sequence pages for `count` keys behind those that it has, and makes
// the page that the first of them goes to its own: where others have it, too,
// it gets a copy. There must be enough free pages.
void extend(CacheStorage& s, size_t batch, int64_t count);

// Gives back the pages behind the first `length` keys of a sequence.
void shorten(CacheStorage& s, size_t batch, int64_t length);

// Sequence b becomes what sequence from[b] is. No key is copied: they have the
// same pages from then on.
void reassign(CacheStorage& s, const std::vector<int64_t>& from);

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_CACHE_PAGES_H_
