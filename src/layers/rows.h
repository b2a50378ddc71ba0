// Tensors as layers see them: dense f32 rows of features.
#ifndef MASKWISE_LAYERS_ROWS_H_
#define MASKWISE_LAYERS_ROWS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "layers/linear_rows.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn::detail {

// A tensor [..., width] as rows; owns them where they had to be copied.
class Rows {
 public:
  // Throws Error "[operation] expected x of shape [..., width] ..." when the
  // view is no f32, has no axis or another last one.
  Rows(std::string_view operation, std::string_view name,
       const TensorView& view, int64_t width);

  int64_t count() const { return count_; }
  int64_t width() const { return width_; }
  const float* data() const { return data_; }
  const float* at(int64_t row) const { return data_ + row * width_; }
  ConstRows span() const { return {data_, count_, width_, width_}; }
  // The view's shape with another last axis.
  Shape shape_of(int64_t width) const;

 private:
  Tensor copy_;
  Shape shape_;
  const float* data_ = nullptr;
  int64_t count_ = 0;
  int64_t width_ = 0;
};

// Throws Error when the two do not have the same axes but the last.
void check_same_rows(std::string_view operation, const Rows& x,
                     const Rows& d_y);

// Throws Error when what forward() is to have kept does not have this shape.
void check_kept(std::string_view operation, std::string_view name,
                const Tensor& kept, const Shape& expected);

// The rows that are not zero, ascending.
std::vector<int64_t> rows_present(const Rows& rows);

// Makes the rows of d zero where those of d_y are: absent, whatever the slopes
// that d was multiplied by hold there.
void clear_absent(const Rows& d_y, Tensor& d);

// Of one width: row i of the result, of `shape`, is row rows[i] of `from`.
Tensor gathered_rows(const ConstRows& from, const std::vector<int64_t>& rows,
                     const Shape& shape);

// The way back: row rows[i] of the result is row i of `from`, and those that
// are not named are zero. Each is named once.
Tensor scattered_rows(const ConstRows& from, const std::vector<int64_t>& rows,
                      const Shape& shape);

// Dense rows, the last axis their width.
ConstRows dense_rows(const Tensor& x);

// These rows, one after the other: the data itself where they are all of them.
class ChosenRows {
 public:
  ChosenRows(const Rows& rows, const std::vector<int64_t>& chosen);
  ConstRows span() const { return span_; }

 private:
  std::vector<float> copy_;
  ConstRows span_;
};

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_ROWS_H_
