#include "maskwise/kv_cache.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "attention/attention_checks.h"
#include "attention/cache_pages.h"
#include "attention/cache_storage.h"
#include "backend/cpu/scratch.h"
#include "base/aligned_buffer.h"
#include "base/checked_math.h"
#include "base/fail.h"
#include "tensor/half.h"

namespace maskwise {
namespace detail {
namespace {

constexpr std::string_view kOperation = "kv_cache";

void check_options(const KvCacheOptions& o) {
  const auto expect = [](std::string_view name, int64_t value, int64_t least,
                         int64_t most) {
    if (value >= least && value <= most) return;
    fail(ErrorCode::invalid_argument, kOperation, "{} is {}; expected {} to {}",
         name, value, least, most);
  };
  constexpr int64_t kMost = INT32_MAX - 1;
  expect("batch", o.batch, 1, kMost);
  expect("kv_heads", o.kv_heads, 1, kMost);
  expect("head_dim", o.head_dim, 1, kMost);
  expect("value_dim", o.value_dim, 0, kMost);
  expect("max_length", o.max_length, 1, kMost);
  expect("page_size", o.page_size, 0, kMost);
  expect("pages", o.pages, 0, kMost);
  if (o.pages > 0 && o.page_size == 0) {
    fail(ErrorCode::invalid_argument, kOperation,
         "pages is {} and page_size is 0; expected a page size with a number "
         "of pages",
         o.pages);
  }
  if (!is_attention_float(o.dtype)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "the cache would hold {}; expected f32, f16 or bf16",
         name_of(o.dtype));
  }
}

// Keys of the one page of a sequence: whole panels, which are smaller where
// they would be more than half empty.
int64_t page_of(int64_t max_length) {
  int64_t panel = kPanelKeys;
  while (panel > kWidestVector && panel / 2 >= max_length) panel /= 2;
  return (max_length + panel - 1) / panel * panel;
}

// The largest power of two up to kPanelKeys that divides the page.
int64_t panel_of(int64_t page_keys) {
  int64_t panel = kPanelKeys;
  while (page_keys % panel != 0) panel /= 2;
  return panel;
}

int64_t bytes_of(const std::vector<int64_t>& factors, DType dtype) {
  std::optional<int64_t> elements = 1;
  for (const int64_t factor : factors) {
    if (elements) elements = checked_product(*elements, factor);
  }
  constexpr int64_t kMostElements = INT64_MAX / 8;
  if (!elements || *elements > kMostElements) {
    fail(ErrorCode::limit, kOperation,
         "the cache needs more bytes than 63 bits count; expected smaller "
         "sizes");
  }
  return *elements * size_of(dtype);
}

std::unique_ptr<CacheStorage> make_storage(const KvCacheOptions& options) {
  check_options(options);
  auto storage = std::make_unique<CacheStorage>();
  CacheStorage& s = *storage;
  s.options = options;
  if (options.value_dim == 0) s.options.value_dim = options.head_dim;
  s.page_keys =
      options.page_size == 0 ? page_of(options.max_length) : options.page_size;
  s.panel_keys = panel_of(s.page_keys);
  s.pages_per_item = s.pages_of(options.max_length);
  s.value_row = padded(s.options.value_dim);
  const int64_t pages =
      options.pages > 0 ? options.pages : options.batch * s.pages_per_item;
  if (pages > INT32_MAX) {
    fail(ErrorCode::limit, kOperation, "{} pages; expected at most {}", pages,
         INT32_MAX);
  }
  const int64_t k_bytes = bytes_of(
      {pages, options.kv_heads, s.page_keys, options.head_dim}, options.dtype);
  const int64_t v_bytes = bytes_of(
      {pages, options.kv_heads, s.page_keys, s.value_row}, options.dtype);
  s.k_memory = make_aligned_buffer(k_bytes);
  s.v_memory = make_aligned_buffer(v_bytes);
  s.bytes = k_bytes + v_bytes;
  s.pages.resize(static_cast<size_t>(options.batch * s.pages_per_item));
  s.lengths.resize(static_cast<size_t>(options.batch));
  s.begins.resize(static_cast<size_t>(options.batch));
  s.free_pages.resize(static_cast<size_t>(pages));
  s.users.resize(static_cast<size_t>(pages));
  // The last is taken first: pages are given in ascending order.
  std::iota(s.free_pages.rbegin(), s.free_pages.rend(), 0);
  return storage;
}

void check_appended(const CacheStorage& s, const TensorView& k,
                    const TensorView& v) {
  const KvCacheOptions& o = s.options;
  if (!k.defined() || k.rank() != 4) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected k with 4 axes [B, Hkv, n, D], got {}",
         k.defined() ? to_string(k.shape()) : "nothing");
  }
  const Shape k_shape = {o.batch, o.kv_heads, k.dim(2), o.head_dim};
  const Shape v_shape = {o.batch, o.kv_heads, k.dim(2), o.value_dim};
  for (const auto& [name, view, expected] :
       {std::tuple("k", &k, &k_shape), std::tuple("v", &v, &v_shape)}) {
    if (!view->defined() || view->shape() != *expected) {
      fail(ErrorCode::shape_mismatch, kOperation,
           "expected {} of shape {}, got {}", name, to_string(*expected),
           view->defined() ? to_string(view->shape()) : "nothing");
    }
    check_float(kOperation, name, *view);
  }
}

// How many of the tokens each sequence gets.
std::vector<int64_t> check_counts(const CacheStorage& s, int64_t tokens,
                                  const std::vector<int64_t>& counts) {
  const auto batch = static_cast<size_t>(s.options.batch);
  if (counts.empty()) return std::vector<int64_t>(batch, tokens);
  if (counts.size() != batch) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected {} counts, one for each sequence, got {}", batch,
         counts.size());
  }
  for (size_t b = 0; b < batch; ++b) {
    if (counts[b] >= 0 && counts[b] <= tokens) continue;
    fail(ErrorCode::invalid_argument, kOperation,
         "the count of sequence {} is {}; expected 0 to {}", b, counts[b],
         tokens);
  }
  return counts;
}

void check_room(const CacheStorage& s, const std::vector<int64_t>& counts) {
  for (size_t b = 0; b < counts.size(); ++b) {
    const int64_t length = s.lengths[b] + counts[b];
    if (length > s.options.max_length) {
      fail(ErrorCode::limit, kOperation,
           "sequence {} holds {} keys and would get {} more; expected at most "
           "max_length = {}",
           b, s.lengths[b], counts[b], s.options.max_length);
    }
  }
  const int64_t wanted = pages_wanted(s, counts);
  if (wanted > std::ssize(s.free_pages)) {
    fail(ErrorCode::limit, kOperation,
         "{} more pages of {} keys are wanted and {} are free; truncate "
         "sequences or make the cache with more pages",
         wanted, s.page_keys, s.free_pages.size());
  }
}

size_t sequence_of(const CacheStorage& s, int64_t batch) {
  if (batch < 0 || batch >= s.options.batch) {
    fail(ErrorCode::invalid_argument, kOperation,
         "sequence {}; expected 0 to {}", batch, s.options.batch - 1);
  }
  return static_cast<size_t>(batch);
}

// Where a token's key begins in its panel, and its value.
struct TokenPlace {
  TokenPlace(const CacheStorage& s, int64_t head, int64_t in_page)
      : k(s.k_at(head * s.k_head_step() +
                 in_page / s.panel_keys * s.panel_keys * s.options.head_dim +
                 in_page % s.panel_keys)),
        v(s.v_at(head * s.v_head_step() + in_page * s.value_row)) {}

  char* k;
  char* v;
};

// Writes one token as elements that `convert` makes of f32.
template <typename Convert>
void write_token(const CacheStorage& s, const TokenPlace& place, const float* k,
                 const float* v, Convert convert) {
  using Element = decltype(convert(0.0F));
  auto* panel = reinterpret_cast<Element*>(place.k);
  for (int64_t d = 0; d < s.options.head_dim; ++d) {
    panel[d * s.panel_keys] = convert(k[d]);
  }
  std::transform(v, v + s.options.value_dim,
                 reinterpret_cast<Element*>(place.v), convert);
}

void write_token(const CacheStorage& s, const TokenPlace& place, const float* k,
                 const float* v) {
  switch (s.options.dtype) {
    case DType::f16:
      return write_token(s, place, k, v, f16_from_f32);
    case DType::bf16:
      return write_token(s, place, k, v, bf16_from_f32);
    default:
      return write_token(s, place, k, v, [](float x) { return x; });
  }
}

}  // namespace

PagedKv CacheStorage::view() const {
  PagedKv paged;
  paged.k = k_memory.get();
  paged.v = v_memory.get();
  paged.dtype = options.dtype;
  paged.pages = pages.data();
  paged.pages_per_item = pages_per_item;
  paged.page_keys = page_keys;
  paged.panel_keys = panel_keys;
  paged.k_head_step = k_head_step();
  paged.v_head_step = v_head_step();
  paged.v_row_step = value_row;
  paged.lengths = lengths.data();
  paged.begins = begins.data();
  return paged;
}

}  // namespace detail

KvCache::KvCache(const KvCacheOptions& options)
    : storage_(detail::make_storage(options)) {}
KvCache::KvCache(KvCache&&) noexcept = default;
KvCache& KvCache::operator=(KvCache&&) noexcept = default;
KvCache::~KvCache() = default;

const KvCacheOptions& KvCache::options() const { return storage_->options; }

void KvCache::append(const TensorView& k, const TensorView& v,
                     const std::vector<int64_t>& counts) {
  detail::CacheStorage& s = *storage_;
  detail::check_appended(s, k, v);
  const std::vector<int64_t> each = detail::check_counts(s, k.dim(2), counts);
  detail::check_room(s, each);
  // Dense copies: [B, Hkv, n, D].
  const Tensor k_rows = to_f32(k);
  const Tensor v_rows = to_f32(v);
  const int64_t heads = s.options.kv_heads;
  for (size_t b = 0; b < each.size(); ++b) {
    detail::extend(s, b, each[b]);
    for (int64_t row = 0; row < heads * k.dim(2); ++row) {
      const int64_t token = row % k.dim(2);
      if (token >= each[b]) continue;
      const int64_t key = s.lengths[b] + token;
      const int64_t page = s.pages[b * static_cast<size_t>(s.pages_per_item) +
                                   static_cast<size_t>(key / s.page_keys)];
      const int64_t at = static_cast<int64_t>(b) * heads * k.dim(2) + row;
      detail::write_token(s,
                          {s, page * heads + row / k.dim(2), key % s.page_keys},
                          k_rows.data<float>() + at * s.options.head_dim,
                          v_rows.data<float>() + at * s.options.value_dim);
    }
    s.begins[b] = s.lengths[b];
    s.lengths[b] += each[b];
  }
}

int64_t KvCache::length(int64_t batch) const {
  return storage_->lengths[detail::sequence_of(*storage_, batch)];
}

int64_t KvCache::newest(int64_t batch) const {
  const size_t b = detail::sequence_of(*storage_, batch);
  return storage_->lengths[b] - storage_->begins[b];
}

void KvCache::truncate(int64_t batch, int64_t length) {
  detail::CacheStorage& s = *storage_;
  const size_t b = detail::sequence_of(s, batch);
  if (length < 0 || length > s.lengths[b]) {
    detail::fail(ErrorCode::invalid_argument, detail::kOperation,
                 "sequence {} cannot be truncated to {} keys; expected 0 to "
                 "its length, {}",
                 batch, length, s.lengths[b]);
  }
  detail::shorten(s, b, length);
}

void KvCache::select(const std::vector<int64_t>& from) {
  detail::CacheStorage& s = *storage_;
  const auto batch = static_cast<size_t>(s.options.batch);
  if (from.size() != batch) {
    detail::fail(ErrorCode::shape_mismatch, detail::kOperation,
                 "expected {} sequences to select, one for each, got {}", batch,
                 from.size());
  }
  for (const int64_t source : from) detail::sequence_of(s, source);
  detail::reassign(s, from);
}

int64_t KvCache::free_pages() const { return std::ssize(storage_->free_pages); }

int64_t KvCache::bytes() const { return storage_->bytes; }

}  // namespace maskwise
