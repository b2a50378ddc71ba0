#include "mask/intervals.h"

#include <algorithm>

#include "base/check.h"

namespace maskwise::detail {

void append_interval(KeyIntervals& list, KeyInterval interval) {
  if (interval.begin >= interval.end) return;
  if (!list.empty() && list.back().end >= interval.begin) {
    MASKWISE_DCHECK(list.back().begin <= interval.begin);
    list.back().end = std::max(list.back().end, interval.end);
    return;
  }
  list.push_back(interval);
}

KeyInterval clip(KeyInterval interval, KeyInterval range) {
  const int64_t begin = std::max(interval.begin, range.begin);
  return {begin, std::max(begin, std::min(interval.end, range.end))};
}

void append_clipped(const KeyIntervals& list, KeyInterval range,
                    KeyIntervals& out) {
  auto it = std::ranges::partition_point(
      list, [&](const KeyInterval& i) { return i.end <= range.begin; });
  for (; it != list.end() && it->begin < range.end; ++it) {
    append_interval(out, clip(*it, range));
  }
}

KeyIntervals intersection(const KeyIntervals& a, const KeyIntervals& b) {
  KeyIntervals out;
  auto i = a.begin();
  auto j = b.begin();
  while (i != a.end() && j != b.end()) {
    append_interval(out, clip(*i, *j));
    // The interval that ends first can meet nothing more.
    if (i->end < j->end) {
      ++i;
    } else {
      ++j;
    }
  }
  return out;
}

KeyIntervals union_of(const KeyIntervals& a, const KeyIntervals& b) {
  KeyIntervals out;
  auto i = a.begin();
  auto j = b.begin();
  while (i != a.end() || j != b.end()) {
    const bool take_a = j == b.end() || (i != a.end() && i->begin <= j->begin);
    append_interval(out, take_a ? *i++ : *j++);
  }
  return out;
}

KeyIntervals complement(const KeyIntervals& list, KeyInterval range) {
  KeyIntervals out;
  int64_t begin = range.begin;
  for (const KeyInterval& interval : list) {
    append_interval(out, {begin, interval.begin});
    begin = interval.end;
  }
  append_interval(out, {begin, range.end});
  return out;
}

int64_t count_keys(const KeyIntervals& list) {
  int64_t count = 0;
  for (const KeyInterval& interval : list) {
    count += interval.end - interval.begin;
  }
  return count;
}

}  // namespace maskwise::detail
