#include "attention/cache_pages.h"

#include <algorithm>

namespace maskwise::detail {
namespace {

// Where the table says which page holds a key of a sequence.
size_t entry_of(const CacheStorage& s, size_t batch, int64_t key) {
  return batch * static_cast<size_t>(s.pages_per_item) +
         static_cast<size_t>(key / s.page_keys);
}

int32_t& page_at(CacheStorage& s, size_t batch, int64_t key) {
  return s.pages[entry_of(s, batch, key)];
}

int32_t& users_of(CacheStorage& s, int32_t page) {
  return s.users[static_cast<size_t>(page)];
}

int32_t take(CacheStorage& s) {
  const int32_t page = s.free_pages.back();
  s.free_pages.pop_back();
  users_of(s, page) = 1;
  return page;
}

void give_back(CacheStorage& s, int32_t page) {
  if (--users_of(s, page) == 0) s.free_pages.push_back(page);
}

// Copies the first `keys` keys of a page, in whole panels of K.
void copy_keys(const CacheStorage& s, int32_t from, int32_t to, int64_t keys) {
  const int64_t panels = (keys + s.panel_keys - 1) / s.panel_keys;
  const int64_t heads = s.options.kv_heads;
  for (int64_t h = 0; h < heads; ++h) {
    const int64_t source = from * heads + h;
    const int64_t target = to * heads + h;
    std::copy(s.k_at(source * s.k_head_step()),
              s.k_at(source * s.k_head_step() +
                     panels * s.panel_keys * s.options.head_dim),
              s.k_at(target * s.k_head_step()));
    std::copy(s.v_at(source * s.v_head_step()),
              s.v_at(source * s.v_head_step() + keys * s.value_row),
              s.v_at(target * s.v_head_step()));
  }
}

// The page that a sequence has and that its next key goes to, or -1.
int32_t page_to_fill(const CacheStorage& s, size_t batch) {
  const int64_t length = s.lengths[batch];
  return length % s.page_keys == 0 ? -1 : s.pages[entry_of(s, batch, length)];
}

// Whether extend() will copy the page that the sequence fills. Each copy before
// leaves the page to one less, and who is the last to have it writes there.
bool needs_copy(const CacheStorage& s, size_t batch,
                const std::vector<int64_t>& counts) {
  const int32_t page = page_to_fill(s, batch);
  if (page < 0) return false;
  int32_t users = s.users[static_cast<size_t>(page)];
  for (size_t b = 0; b < batch && users > 1; ++b) {
    users -= counts[b] > 0 && page_to_fill(s, b) == page ? 1 : 0;
  }
  return users > 1;
}

}  // namespace

int64_t pages_wanted(const CacheStorage& s,
                     const std::vector<int64_t>& counts) {
  int64_t wanted = 0;
  for (size_t b = 0; b < counts.size(); ++b) {
    if (counts[b] == 0) continue;
    wanted += s.pages_of(s.lengths[b] + counts[b]) - s.pages_of(s.lengths[b]);
    wanted += needs_copy(s, b, counts) ? 1 : 0;
  }
  return wanted;
}

void extend(CacheStorage& s, size_t batch, int64_t count) {
  if (count == 0) return;
  const int64_t length = s.lengths[batch];
  const int32_t last = page_to_fill(s, batch);
  if (last >= 0 && users_of(s, last) > 1) {
    const int32_t own = take(s);
    copy_keys(s, last, own, length % s.page_keys);
    give_back(s, last);
    page_at(s, batch, length) = own;
  }
  for (int64_t page = s.pages_of(length); page < s.pages_of(length + count);
       ++page) {
    page_at(s, batch, page * s.page_keys) = take(s);
  }
}

void shorten(CacheStorage& s, size_t batch, int64_t length) {
  for (int64_t page = s.pages_of(s.lengths[batch]); page > s.pages_of(length);
       --page) {
    give_back(s, page_at(s, batch, (page - 1) * s.page_keys));
  }
  s.lengths[batch] = length;
  s.begins[batch] = std::min(s.begins[batch], length);
}

void reassign(CacheStorage& s, const std::vector<int64_t>& from) {
  // As they are now: a cycle reads what it has already written.
  const std::vector<int32_t> pages = s.pages;
  const std::vector<int64_t> lengths = s.lengths;
  const std::vector<int64_t> begins = s.begins;
  const auto for_pages = [&](size_t batch, auto visit) {
    const auto* first = pages.data() + entry_of(s, batch, 0);
    std::for_each(first, first + s.pages_of(lengths[batch]), visit);
  };
  // All are taken before any is given back, so that none is free in between.
  for (size_t b = 0; b < from.size(); ++b) {
    const auto source = static_cast<size_t>(from[b]);
    if (source == b) continue;
    auto* to = &page_at(s, b, 0);
    for_pages(source, [&](int32_t page) {
      ++users_of(s, page);
      *to++ = page;
    });
    s.lengths[b] = lengths[source];
    s.begins[b] = begins[source];
  }
  for (size_t b = 0; b < from.size(); ++b) {
    if (static_cast<size_t>(from[b]) == b) continue;
    for_pages(b, [&](int32_t page) { give_back(s, page); });
  }
}

}  // namespace maskwise::detail
