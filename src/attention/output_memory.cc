#include "attention/output_memory.h"

#include <cstddef>
#include <cstdint>

#include "base/fail.h"

namespace maskwise::detail {
namespace {

// The bytes from a view's first element to the end of its last.
struct Extent {
  const char* begin = nullptr;
  const char* last = nullptr;  // the last element
  const char* end = nullptr;
  bool is_dense = false;  // every byte between is the view's

  bool holds(const char* address) const {
    return begin <= address && address < end;
  }
};

Extent extent_of(const TensorView& view) {
  const int64_t element = size_of(view.dtype());
  int64_t last = 0;
  for (int64_t axis = 0; axis < view.rank(); ++axis) {
    last += (view.dim(axis) - 1) * view.stride(axis);
  }
  Extent extent;
  extent.begin = static_cast<const char*>(view.bytes());
  extent.last = extent.begin + last * element;
  extent.end = extent.last + element;
  extent.is_dense = last + 1 == view.size();
  return extent;
}

// Surely: views with gaps may lie in each other's, and none is followed there.
bool overlap(const TensorView& a, const TensorView& b) {
  if (!a.defined() || !b.defined() || a.size() == 0 || b.size() == 0) {
    return false;
  }
  const Extent x = extent_of(a);
  const Extent y = extent_of(b);
  const auto touches = [](const Extent& dense, const Extent& other) {
    return dense.is_dense &&
           (dense.holds(other.begin) || dense.holds(other.last));
  };
  return x.begin == y.begin || touches(x, y) || touches(y, x);
}

// Whether each step reaches beyond all that the axes of shorter steps span, so
// that no two elements meet.
bool is_apart(const TensorView& view) {
  const auto is_shorter = [&](int64_t axis, int64_t than) {
    return view.stride(axis) < view.stride(than) ||
           (view.stride(axis) == view.stride(than) && axis < than);
  };
  for (int64_t axis = 0; axis < view.rank(); ++axis) {
    int64_t span = 0;
    for (int64_t other = 0; other < view.rank(); ++other) {
      if (is_shorter(other, axis)) {
        span += (view.dim(other) - 1) * view.stride(other);
      }
    }
    if (view.dim(axis) > 1 && view.stride(axis) <= span) return false;
  }
  return true;
}

}  // namespace

void check_memory(std::span<const NamedView> outputs,
                  std::span<const NamedView> inputs) {
  const auto refuse = [](const NamedView& output, const NamedView& other) {
    fail(ErrorCode::invalid_argument, "attention",
         "{} shares memory with {}; expected memory of its own", output.name,
         other.name);
  };
  for (size_t i = 0; i < outputs.size(); ++i) {
    const NamedView& output = outputs[i];
    if (!output.view.defined() || output.view.size() == 0) continue;
    if (!is_apart(output.view)) {
      fail(ErrorCode::invalid_argument, "attention",
           "elements of {} share memory: its strides are {} for {}; expected "
           "strides that keep them apart",
           output.name, to_string(output.view.strides()),
           to_string(output.view.shape()));
    }
    for (const NamedView& input : inputs) {
      if (overlap(output.view, input.view)) refuse(output, input);
    }
    for (const NamedView& other : outputs.first(i)) {
      if (overlap(output.view, other.view)) refuse(output, other);
    }
  }
}

}  // namespace maskwise::detail
