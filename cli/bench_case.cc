#include "bench_case.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "flags.h"
#include "suggest.h"

namespace maskwise::cli {
namespace {

constexpr int64_t kDocuments = 8;
constexpr int64_t kDocumentUnits = kDocuments * (kDocuments + 1) / 2;
// What is not padding of each sequence, in percent of Lk.
constexpr std::array<int64_t, 8> kFilled = {100, 10, 90, 25, 75, 40, 60, 50};
constexpr int64_t kBlockSize = 64;
constexpr uint32_t kSeed = 20260801;

// Where queries stand when they are fewer than keys: at the end.
std::optional<Align> align_of(const BenchShape& shape) {
  if (shape.q_len == shape.kv_len) return std::nullopt;
  return Align::bottom_right;
}

Mask causal_mask(const BenchShape& shape) {
  return causal(Position{.align = align_of(shape)});
}

// The query and `back` keys before it.
Mask window_mask(const BenchShape& shape, int64_t back) {
  return sliding_window({.left = back, .right = 0, .align = align_of(shape)});
}

// Where document i begins among `length` tokens: lengths are as 1 : 2 : ...
// : 8.
int64_t document_begin(int64_t i, int64_t length) {
  return length * (i * (i + 1) / 2) / kDocumentUnits;
}

Tensor document_ids(int64_t batch, int64_t length) {
  Tensor ids(DType::i32, {batch, length});
  for (int64_t b = 0; b < batch; ++b) {
    int32_t* row = ids.mutable_data<int32_t>() + b * length;
    for (int64_t i = 0; i < kDocuments; ++i) {
      std::fill(row + document_begin(i, length),
                row + document_begin(i + 1, length), static_cast<int32_t>(i));
    }
  }
  return ids;
}

Mask documents_mask(const BenchShape& shape) {
  return documents(document_ids(shape.batch, shape.q_len),
                   document_ids(shape.batch, shape.kv_len));
}

std::vector<DensePart> documents_loop(const BenchShape& shape) {
  std::vector<DensePart> parts;
  for (int64_t i = 0; i < kDocuments; ++i) {
    const int64_t q = document_begin(i, shape.q_len);
    const int64_t k = document_begin(i, shape.kv_len);
    parts.push_back({.first_batch = 0,
                     .batches = shape.batch,
                     .first_q = q,
                     .q_len = document_begin(i + 1, shape.q_len) - q,
                     .first_k = k,
                     .kv_len = document_begin(i + 1, shape.kv_len) - k});
  }
  return parts;
}

// At least one key of each sequence; a longer batch begins again.
std::vector<int64_t> filled_lengths(const BenchShape& shape) {
  std::vector<int64_t> each;
  for (int64_t b = 0; b < shape.batch; ++b) {
    const int64_t percent = kFilled[static_cast<size_t>(b) % kFilled.size()];
    each.push_back(std::max<int64_t>(1, shape.kv_len * percent / 100));
  }
  return each;
}

Mask padding_mask(const BenchShape& shape) {
  return lengths(filled_lengths(shape));
}

std::vector<DensePart> padding_loop(const BenchShape& shape) {
  std::vector<DensePart> parts;
  for (const int64_t length : filled_lengths(shape)) {
    parts.push_back({.first_batch = static_cast<int64_t>(parts.size()),
                     .batches = 1,
                     .first_q = 0,
                     .q_len = shape.q_len,
                     .first_k = 0,
                     .kv_len = length});
  }
  return parts;
}

// A tenth of the blocks and those of the diagonal, the same every time.
Mask random_blocks(const BenchShape& shape) {
  const auto blocks_of = [](int64_t length) {
    return (length + kBlockSize - 1) / kBlockSize;
  };
  Tensor seen(DType::boolean,
              {blocks_of(shape.q_len), blocks_of(shape.kv_len)});
  std::mt19937 random(kSeed);
  for (int64_t i = 0; i < seen.size(); ++i) {
    const bool diagonal = i / seen.dim(1) == i % seen.dim(1);
    seen.mutable_data<bool>()[i] = random() % 10 == 0 || diagonal;
  }
  return blocks(seen, {.size = kBlockSize});
}

// Each true with that probability, the same every time.
Tensor random_bools(const Shape& shape, uint32_t percent) {
  Tensor bools(DType::boolean, shape);
  std::mt19937 random(kSeed);
  for (int64_t i = 0; i < bools.size(); ++i) {
    bools.mutable_data<bool>()[i] = random() % 100 < percent;
  }
  return bools;
}

struct CaseEntry {
  std::string_view name;
  Mask (*mask)(const BenchShape& shape);
  std::vector<DensePart> (*loop)(const BenchShape& shape) = nullptr;
};

constexpr CaseEntry kCases[] = {
    {"dense", [](const BenchShape&) { return all(); }},
    {"causal", causal_mask},
    {"window256",
     [](const BenchShape& shape) { return window_mask(shape, 255); }},
    {"documents8", documents_mask, documents_loop},
    {"padding", padding_mask, padding_loop},
    {"prefix",
     [](const BenchShape& shape) {
       return causal_mask(shape) | prefix(shape.kv_len / 4);
     }},
    {"blocks10", random_blocks},
    {"sink_window",
     [](const BenchShape& shape) {
       return causal_mask(shape) & (prefix(4) | window_mask(shape, 256));
     }},
    {"random50",
     [](const BenchShape& shape) {
       return allow(random_bools({shape.q_len, shape.kv_len}, 50));
     }},
    {"dropped_keys",
     [](const BenchShape& shape) {
       return forbid_keys(random_bools({shape.batch, shape.kv_len}, 10));
     }},
    {"decode", [](const BenchShape&) { return all(); }},
    {"decode_cache", [](const BenchShape&) { return all(); }},
    {"none", [](const BenchShape&) { return none(); }},
};

// The shape of a case when none is said: as much work as the others have.
BenchShape own_shape(std::string_view name) {
  BenchShape shape;
  if (name == "padding") {
    shape.batch = static_cast<int64_t>(kFilled.size());
    shape.heads = shape.kv_heads = 1;
  }
  if (name.starts_with("decode")) shape.kv_len = 4096;
  return shape;
}

}  // namespace

BenchShape parse_bench_shape(std::string_view text) {
  std::array<int64_t, 6> sizes = {};
  const bool is_read = read_sizes(text, sizes);
  const auto [least, most] = std::ranges::minmax(sizes);
  if (!is_read || least < 1 || most > kMostSize) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[shape] expected six whole numbers of at least 1 "
                            "and at most {} as B,H,Hkv,Lq,Lk,D, such as "
                            "1,8,8,2048,2048,64, got '{}'",
                            kMostSize, text));
  }
  const BenchShape shape = {.batch = sizes[0],
                            .heads = sizes[1],
                            .kv_heads = sizes[2],
                            .q_len = sizes[3],
                            .kv_len = sizes[4],
                            .head_dim = sizes[5]};
  if (shape.heads % shape.kv_heads != 0) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[shape] H is {} and Hkv is {}; expected H to be a "
                            "multiple of Hkv",
                            shape.heads, shape.kv_heads));
  }
  return shape;
}

std::vector<std::string> bench_case_names() {
  std::vector<std::string> names;
  for (const CaseEntry& entry : kCases) names.emplace_back(entry.name);
  return names;
}

BenchCase make_bench_case(const std::string& name,
                          const std::optional<BenchShape>& asked) {
  for (const CaseEntry& entry : kCases) {
    if (entry.name != name) continue;
    BenchShape shape = asked.value_or(own_shape(name));
    if (name.starts_with("decode")) shape.q_len = 1;
    return {.name = name,
            .shape = shape,
            .mask = entry.mask(shape),
            .loop = entry.loop ? entry.loop(shape) : std::vector<DensePart>{},
            .cached = name == "decode_cache"};
  }
  const std::vector<std::string> known = bench_case_names();
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("[bench] unknown case '{}'; expected all, or some "
                  "of: {}{}",
                  name, fmt::join(known, ", "), did_you_mean(name, known)));
}

}  // namespace maskwise::cli
