#include "mask/tensor_mask.h"

#include <cstring>
#include <memory>
#include <utility>

#include "base/checked_math.h"
#include "base/fail.h"
#include "base/format.h"
#include "mask/intervals.h"
#include "mask/node.h"
#include "mask/tensor_checks.h"

namespace maskwise {
namespace detail {
namespace {

std::string_view word_of(TensorForm form) {
  switch (form) {
    case TensorForm::allow:
      return "allow";
    case TensorForm::forbid:
      return "forbid";
    case TensorForm::from_onnx:
      return "from_onnx";
    case TensorForm::from_torch_attn_mask:
      return "from_torch_attn_mask";
    case TensorForm::blocks:
      return "blocks";
  }
  return "";
}

// The four axes of the tensor as the mask reads them: strides in elements (0
// where it is broadcast), pairs per element, and the keys that it covers.
struct Grid {
  int64_t batch_stride = 0;
  int64_t head_stride = 0;
  int64_t row_stride = 0;
  int64_t key_stride = 0;
  int64_t cell = 1;
  int64_t key_limit = 0;  // keys from here on are masked
};

class TensorMaskBound final : public BoundNode {
 public:
  TensorMaskBound(const Node& node, Tensor tensor, const Grid& grid,
                  uint8_t allowing, const AttentionShape& shape)
      : BoundNode(node),
        tensor_(std::move(tensor)),
        grid_(grid),
        allowing_(allowing),
        heads_(shape.heads),
        cells_(grid.key_stride == 0 ? 1 : ceil_div(grid.key_limit, grid.cell)) {
    std::vector<int64_t> offsets;
    for (int64_t b = 0; b < shape.batch; ++b) {
      for (int64_t h = 0; h < shape.heads; ++h) {
        offsets.push_back(b * grid.batch_stride + h * grid.head_stride);
      }
    }
    const int64_t rows =
        grid.row_stride == 0 ? 1 : ceil_div(shape.q_len, grid.cell);
    classes_ = classes_of_rows(tensor_.bytes(), offsets, rows * cells_);
  }

  bool allowed(const PairIndex& pair) const override {
    if (pair.k >= grid_.key_limit) return false;
    return element(pair) == allowing_;
  }

  void row_keys(const RowIndex& row, KeyInterval range,
                KeyIntervals& out) const override {
    append_cells(row_of({row.batch, row.head, row.q, 0}), range, out);
  }

  // Combines the rows of the tensor that the block crosses.
  BlockKeys block_keys(const RowRange& rows) const override {
    const KeyInterval keys{0, grid_.key_limit};
    const int64_t first = rows.q_begin / grid_.cell;
    const int64_t last = (rows.q_end - 1) / grid_.cell;
    const uint8_t* row = row_of({rows.batch, rows.head, rows.q_begin, 0});
    BlockKeys out;
    if (grid_.row_stride == 0 || first == last) {
      append_cells(row, keys, out.some);
      out.every = out.some;
      return out;
    }
    std::vector<uint8_t> low(row, row + cells_);
    std::vector<uint8_t> high = low;
    for (int64_t i = first + 1; i <= last; ++i) {
      row += grid_.row_stride;
      for (int64_t c = 0; c < cells_; ++c) {
        const auto at = static_cast<size_t>(c);
        low[at] = std::min(low[at], row[c]);
        high[at] = std::max(high[at], row[c]);
      }
    }
    // Some row holds the allowing value, or every row does.
    const bool allow_is_high = allowing_ == 1;
    append_cells((allow_is_high ? high : low).data(), keys, out.some);
    append_cells((allow_is_high ? low : high).data(), keys, out.every);
    return out;
  }

  void slice_key(int64_t batch, int64_t head,
                 std::vector<int64_t>& key) const override {
    key.push_back(classes_[static_cast<size_t>(batch * heads_ + head)]);
  }

  std::string reason(const PairIndex& pair) const override {
    if (pair.k >= grid_.key_limit) {
      return formatted("the tensor ends before key {}", pair.k);
    }
    return formatted("the tensor holds {} for query {} and key {}",
                     element(pair) != 0, pair.q, pair.k);
  }

 private:
  const uint8_t* row_of(const PairIndex& pair) const {
    return static_cast<const uint8_t*>(tensor_.bytes()) +
           pair.batch * grid_.batch_stride + pair.head * grid_.head_stride +
           pair.q / grid_.cell * grid_.row_stride;
  }

  uint8_t element(const PairIndex& pair) const {
    return row_of(pair)[pair.k / grid_.cell * grid_.key_stride];
  }

  // Appends the keys of `range` whose cell in `row` holds the allowing value.
  void append_cells(const uint8_t* row, KeyInterval range,
                    KeyIntervals& out) const {
    range = clip(range, {0, grid_.key_limit});
    if (range.begin >= range.end) return;
    if (grid_.key_stride == 0) {
      if (row[0] == allowing_) append_interval(out, range);
      return;
    }
    const int64_t end = ceil_div(range.end, grid_.cell);
    int64_t cell = range.begin / grid_.cell;
    while (cell < end) {
      const int64_t begin = find(row, cell, end, allowing_);
      cell = find(row, begin, end, static_cast<uint8_t>(1 - allowing_));
      append_interval(out,
                      clip({begin * grid_.cell, cell * grid_.cell}, range));
    }
  }

  // The first cell in [begin, end) that holds `value`, else end.
  static int64_t find(const uint8_t* row, int64_t begin, int64_t end,
                      uint8_t value) {
    if (begin >= end) return end;
    const void* found =
        std::memchr(row + begin, value, static_cast<size_t>(end - begin));
    return found == nullptr ? end : static_cast<const uint8_t*>(found) - row;
  }

  Tensor tensor_;  // bool, dense
  Grid grid_;
  uint8_t allowing_;  // the element that means may attend
  int64_t heads_;
  int64_t cells_;                 // elements of one row of the tensor
  std::vector<int32_t> classes_;  // [B * H]
};

class TensorMaskNode final : public Node, public BooleanWord {
 public:
  TensorMaskNode(TensorForm form, const MaskTensor& booleans,
                 WrittenClause clause, int64_t cell)
      : form_(form),
        tensor_(booleans.kept),
        name_(booleans.name),
        clause_(std::move(clause)),
        cell_(cell) {
    if (tensor_.rank() < 1 || tensor_.rank() > 4) {
      fail(ErrorCode::shape_mismatch, "mask",
           "{}: expected a tensor of 1 to 4 axes, got {}", clause_.text,
           to_string(tensor_.shape()));
    }
  }

  BoundNodePtr bind(const BindContext& context) const override {
    const uint8_t allowing =
        form_ == TensorForm::forbid || form_ == TensorForm::from_torch_attn_mask
            ? 0
            : 1;
    return std::make_shared<const TensorMaskBound>(
        *this, tensor_, grid_for(context.shape), allowing, context.shape);
  }

  void write(TextWriter& writer) const override {
    writer.open(word_of(form_));
    writer.argument("", name_, tensor_);
    if (form_ == TensorForm::blocks) writer.argument("size", cell_);
    writer.close();
  }

  bool same_as(const Node& other) const override {
    const auto& mask = static_cast<const TensorMaskNode&>(other);
    return form_ == mask.form_ && cell_ == mask.cell_ &&
           same_contents(tensor_, mask.tensor_);
  }

  const WrittenClause& clause_written() const override { return clause_; }
  bool is_of_keys() const override {
    return tensor_.rank() == 1 || tensor_.dim(tensor_.rank() - 2) == 1;
  }

 private:
  Grid grid_for(const AttentionShape& shape) const {
    Shape wanted = {shape.batch, shape.heads, ceil_div(shape.q_len, cell_),
                    ceil_div(shape.kv_len, cell_)};
    Grid grid;
    grid.cell = cell_;
    grid.key_limit = shape.kv_len;
    const int64_t last = tensor_.dim(tensor_.rank() - 1);
    if (form_ == TensorForm::from_onnx && last < shape.kv_len) {
      wanted[3] = last;
      grid.key_limit = last;
    }
    const TensorView view = spread(wanted, shape);
    grid.batch_stride = view.stride(0);
    grid.head_stride = view.stride(1);
    grid.row_stride = view.stride(2);
    grid.key_stride = view.stride(3);
    return grid;
  }

  // The tensor as [B, H, rows, keys] of `wanted`, with strides of 0 where it
  // is broadcast.
  TensorView spread(const Shape& wanted, const AttentionShape& shape) const {
    TensorView view = tensor_.view();
    if (form_ == TensorForm::from_torch_attn_mask && view.rank() == 3) {
      check_flat_heads(shape);
      view = TensorView(view.bytes(), view.dtype(),
                        {wanted[0], wanted[1], view.dim(1), view.dim(2)});
    }
    try {
      return view.broadcast_to(wanted);
    } catch (const Error&) {
      fail(ErrorCode::shape_mismatch, "mask", "{}: expected {} = {}, got {}{}",
           clause_.text, wanted_text(), to_string(wanted),
           to_string(tensor_.shape()),
           shape_hint(clause_.word, tensor_.shape(), shape));
    }
  }

  std::string wanted_text() const {
    if (form_ == TensorForm::from_torch_attn_mask) {
      return "[Lq, Lk] or [B*H, Lq, Lk] for [B, H, Lq, Lk]";
    }
    return form_ == TensorForm::blocks
               ? formatted(
                     "a tensor that broadcasts to [B, H, ceil(Lq/{}), "
                     "ceil(Lk/{})]",
                     cell_, cell_)
               : "a tensor that broadcasts to [B, H, Lq, Lk]";
  }

  void check_flat_heads(const AttentionShape& shape) const {
    const int64_t wanted = shape.batch * shape.heads;
    if (tensor_.dim(0) == wanted) return;
    fail(ErrorCode::shape_mismatch, "mask",
         "{}: expected [Lq, Lk] or [B*H, Lq, Lk] with B*H = {}, got {}{}",
         clause_.text, wanted, to_string(tensor_.shape()),
         shape_hint(clause_.word, tensor_.shape(), shape));
  }

  TensorForm form_;
  Tensor tensor_;
  std::string name_;
  WrittenClause clause_;
  int64_t cell_;
};

// A word of ours, read as its form says.
Mask tensor_word(TensorForm form, const MaskTensor& tensor, int64_t cell = 1) {
  const std::string_view word = word_of(form);
  const Polarity polarity =
      form == TensorForm::forbid ? Polarity::forbid : Polarity::allow;
  return make_tensor_mask(form, {tensor.name, copy_booleans(word, tensor)},
                          written(word, tensor, polarity), cell);
}

}  // namespace

Mask make_tensor_mask(TensorForm form, const MaskTensor& booleans,
                      const WrittenClause& clause, int64_t cell) {
  return make_word<TensorMaskNode>(form, booleans, clause, cell);
}

}  // namespace detail

Mask allow(const MaskTensor& tensor) {
  return detail::tensor_word(detail::TensorForm::allow, tensor);
}

Mask forbid(const MaskTensor& tensor) {
  return detail::tensor_word(detail::TensorForm::forbid, tensor);
}

Mask blocks(const MaskTensor& tensor, const BlocksOptions& options) {
  if (options.size < 1) {
    detail::fail(ErrorCode::invalid_argument, "mask",
                 "blocks: size is {}; expected a number >= 1", options.size);
  }
  return detail::tensor_word(detail::TensorForm::blocks, tensor, options.size);
}

}  // namespace maskwise
