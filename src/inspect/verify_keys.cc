#include "inspect/verify_keys.h"

#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "inspect/verify_rows.h"
#include "mask/intervals.h"

namespace maskwise::detail {
namespace {

// The rows that see each key of a kv head.
std::vector<KeyIntervals> rows_of_keys(const BoundMask& mask, const Input& bias,
                                       const KeyGroup& of, int64_t heads) {
  const int64_t q_len = mask.shape().q_len;
  std::vector<KeyIntervals> rows(static_cast<size_t>(mask.shape().kv_len));
  for (int64_t row = 0; row < heads * q_len; ++row) {
    const int64_t head = of.kv_head * heads + row / q_len;
    for (const int64_t key :
         keys_of(keys_seen(mask, bias, {of.batch, head, row % q_len}))) {
      append_interval(rows[static_cast<size_t>(key)], {row, row + 1});
    }
  }
  return rows;
}

void group_kv_head(const KeyGroup& of, std::vector<KeyIntervals> rows,
                   int64_t most_keys, std::vector<KeyGroup>& groups) {
  std::unordered_map<std::string, size_t> open;  // rows -> group with room
  for (size_t key = 0; key < rows.size(); ++key) {
    const auto [found, is_first] =
        open.try_emplace(bytes_of(rows[key]), groups.size());
    const bool is_full =
        !is_first &&
        static_cast<int64_t>(groups[found->second].keys.size()) == most_keys;
    if (is_first || is_full) {
      found->second = groups.size();
      groups.push_back({of.batch, of.kv_head, {}, std::move(rows[key])});
    }
    groups[found->second].keys.push_back(static_cast<int64_t>(key));
  }
}

}  // namespace

std::vector<KeyGroup> group_keys(const BoundMask& mask, const Input& bias,
                                 int64_t kv_heads, int64_t most_keys) {
  std::vector<KeyGroup> groups;
  for (int64_t b = 0; b < mask.shape().batch; ++b) {
    for (int64_t h = 0; h < kv_heads; ++h) {
      const KeyGroup of = {b, h, {}, {}};
      const int64_t heads = mask.shape().heads / kv_heads;
      group_kv_head(of, rows_of_keys(mask, bias, of, heads), most_keys, groups);
    }
  }
  return groups;
}

std::vector<int64_t> queries_of(const KeyGroup& group, int64_t q_len) {
  std::set<int64_t> queries;
  for (const int64_t row : keys_of(group.rows)) queries.insert(row % q_len);
  return {queries.begin(), queries.end()};
}

}  // namespace maskwise::detail
