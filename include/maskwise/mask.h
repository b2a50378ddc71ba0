// Masks: who may attend to whom, said as an expression of words.
#ifndef MASKWISE_MASK_H_
#define MASKWISE_MASK_H_

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "maskwise/bound_mask.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise {

namespace detail {
class Node;
}

// An immutable mask expression; true = may attend. It owns copies of every
// tensor it was made from and holds no shape: bind() checks it against one.
// Cheap to copy; safe to read from many threads.
class Mask {
 public:
  // The mask at one shape. Throws Error when a tensor, length, offset or
  // alignment does not fit B, H, Lq and Lk. Cost: linear in the tensors.
  BoundMask bind(const AttentionShape& shape) const;

  // Structural equality, contents of tensors included, their names not.
  friend bool operator==(const Mask& a, const Mask& b);

  friend Mask operator&(const Mask& a, const Mask& b);  // both allow
  friend Mask operator|(const Mask& a, const Mask& b);  // one allows
  friend Mask operator~(const Mask& a);                 // does not allow

  // For the library's own layers.
  explicit Mask(std::shared_ptr<const detail::Node> node);
  const detail::Node& node() const { return *node_; }
  const std::shared_ptr<const detail::Node>& shared_node() const {
    return node_;
  }

 private:
  std::shared_ptr<const detail::Node> node_;
};

// A tensor given to a mask, with the name that the text form prints for it.
// The mask copies the elements; until then a Tensor is kept alive here, the
// memory of a TensorView by its owner.
struct MaskTensor {
  MaskTensor(const Tensor& tensor)  // NOLINT
      : view(tensor.view()), kept(tensor) {}
  MaskTensor(const TensorView& tensor) : view(tensor) {}  // NOLINT
  MaskTensor(std::string tensor_name, const Tensor& tensor)
      : view(tensor.view()), name(std::move(tensor_name)), kept(tensor) {}
  MaskTensor(std::string tensor_name, const TensorView& tensor)
      : view(tensor), name(std::move(tensor_name)) {}

  TensorView view;
  std::string name;  // "" prints as t0, t1, ...
  Tensor kept;       // shares the elements of `view`
};

// One number for every batch item, or one per item: `3`, `{3, 5}`, a vector,
// or a tensor [B] of i32 or i64 (which keeps its name in the text form).
class PerBatch {
 public:
  PerBatch(int64_t all) : values_{all} {}  // NOLINT
  PerBatch(int all) : values_{all} {}      // NOLINT
  PerBatch(std::vector<int64_t> each)      // NOLINT
      : values_(std::move(each)), single_(false) {}
  PerBatch(std::initializer_list<int64_t> each)
      : values_(each), single_(false) {}
  PerBatch(const MaskTensor& each);                             // NOLINT
  PerBatch(const Tensor& each) : PerBatch(MaskTensor(each)) {}  // NOLINT

  bool single() const { return single_; }
  bool from_tensor() const { return from_tensor_; }
  const std::vector<int64_t>& values() const { return values_; }
  const std::string& name() const { return name_; }

 private:
  std::vector<int64_t> values_;
  bool single_ = true;
  bool from_tensor_ = false;
  std::string name_;
};

// How query positions line up with key positions: query q stands at position
// q + offset. top_left is offset 0, bottom_right is offset Lk - Lq.
enum class Align { top_left, bottom_right };

// Where the queries stand: an alignment or an offset, not both. Said on one
// word of an `&`, it holds for the words of that `&` that say none.
struct Position {
  std::optional<Align> align = {};
  std::optional<PerBatch> offset = {};
};

// Every pair; no pair.
Mask all();
Mask none();

// k <= q + offset: the look-ahead mask. When nothing is said and Lq != Lk,
// bind() refuses and names the three ways out.
Mask causal(const Position& position = {});

// causal(Align::bottom_right). A template, so that causal({}) is the above.
template <std::same_as<Align> T>
Mask causal(T align) {
  return causal(Position{.align = align});
}

struct WindowOptions {
  // Keys before and after the diagonal; unlimited if unsaid.
  std::optional<int64_t> left = {};
  std::optional<int64_t> right = {};
  std::optional<Align> align = {};
  std::optional<PerBatch> offset = {};
};

// q + offset - left <= k <= q + offset + right. The counts exclude the
// diagonal. The same rule about rectangles as causal().
Mask sliding_window(const WindowOptions& options);

// (q + offset - k) mod stride == 0; offset 0 when none is said.
Mask dilated(int64_t stride, const Position& position = {});

// floor((q + offset) / size) == floor(k / size); offset 0 when none is said.
Mask chunked(int64_t size, const Position& position = {});

// k < n: the first keys are visible to every query.
Mask prefix(const PerBatch& n);

// k < length of the batch item; q < length of the batch item. One length for
// each item, 0 <= length <= Lk (Lq).
Mask lengths(const PerBatch& each);
Mask q_lengths(const PerBatch& each);

struct PaddingOptions {
  int64_t pad = 0;
};

// The padding mask: ids[b, k] != pad. ids: [B, Lk], i32 or i64.
Mask padding(const MaskTensor& ids, const PaddingOptions& options = {});

// Packed sequences: equal ids may attend; a negative id belongs to no
// document. ids: [B, L] for Lq = Lk, or q_ids: [B, Lq] and kv_ids: [B, Lk].
Mask documents(const MaskTensor& ids);
Mask documents(const MaskTensor& q_ids, const MaskTensor& kv_ids);

// A boolean tensor (bool, or u8 of 0 and 1), right-aligned broadcast to
// [B, H, Lq, Lk], rank 1 to 4: true = may attend; true = masked.
Mask allow(const MaskTensor& tensor);
Mask forbid(const MaskTensor& tensor);

// The same for whole keys: [B, Lk].
Mask allow_keys(const MaskTensor& tensor);
Mask forbid_keys(const MaskTensor& tensor);

struct BlocksOptions {
  int64_t size = 64;
};

// Blocks of size x size pairs: boolean, last two axes
// [ceil(Lq/size), ceil(Lk/size)], broadcast like allow().
Mask blocks(const MaskTensor& tensor, const BlocksOptions& options = {});

// One mask for each head (exactly H); for each batch item (exactly B). Each is
// bound to the whole shape and asked for its own head or item.
Mask per_head(const std::vector<Mask>& masks);
Mask per_batch(const std::vector<Mask>& masks);

}  // namespace maskwise

#endif  // MASKWISE_MASK_H_
