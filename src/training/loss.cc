#include "maskwise/nn/loss.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "attention/attention_checks.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/workers.h"
#include "backend/row_math.h"
#include "base/fail.h"
#include "base/format.h"
#include "base/fp_environment.h"
#include "layers/chains.h"
#include "layers/log_softmax.h"
#include "layers/rows.h"

namespace maskwise::nn {
namespace {

using detail::Rows;
using maskwise::detail::fail;
using maskwise::detail::FpEnvironment;
using maskwise::detail::KernelTable;

constexpr std::string_view kOperation = "cross_entropy";

// "[1, 2]": where row `row` of `shape` stands.
std::string place_of(int64_t row, const Shape& shape) {
  Shape place = shape;
  for (auto axis = place.rbegin(); axis != place.rend(); ++axis) {
    const int64_t size = *axis;
    *axis = row % size;
    row /= size;
  }
  return to_string(place);
}

int64_t classes_of(const TensorView& logits) {
  if (logits.defined() && logits.rank() > 0 &&
      logits.dim(logits.rank() - 1) > 0) {
    return logits.dim(logits.rank() - 1);
  }
  fail(ErrorCode::shape_mismatch, kOperation,
       "expected logits of shape [..., V] with at least 1 class, got {}",
       logits.defined() ? to_string(logits.shape()) : "nothing");
}

// A call that has been checked.
class LossCall {
 public:
  LossCall(const TensorView& logits, const TensorView& targets,
           const CrossEntropyOptions& options, const Compute& compute)
      : rows_(kOperation, "logits", logits, classes_of(logits)),
        kernels_(maskwise::detail::kernels_of(devices().choose(compute.isa))),
        smoothing_(options.smoothing) {
    maskwise::detail::check_threads(kOperation, compute.threads);
    if (!(smoothing_ >= 0) || !(smoothing_ < 1)) {
      fail(ErrorCode::invalid_argument, kOperation,
           "smoothing is {}; expected at least 0 and less than 1", smoothing_);
    }
    take_targets(logits, targets, options.pad);
    // An exponential and the passes around it cost some ten multiply-adds.
    workers_ = std::min(
        std::ssize(present_),
        maskwise::detail::threads_for(
            10.0 * static_cast<double>(std::ssize(present_) * classes()),
            compute.threads));
  }

  const Rows& rows() const { return rows_; }
  int64_t classes() const { return rows_.width(); }
  int64_t count() const { return std::ssize(present_); }

  float loss(int64_t row) const;
  void write_gradient(int64_t row, float factor, float* d) const;

  // Calls work(row) for each row that is present.
  template <typename Work>
  void for_present(Work work) const {
    maskwise::detail::run_workers(workers_, [&](int64_t worker) {
      const FpEnvironment environment;
      for (int64_t i = worker; i < count(); i += workers_) {
        work(present_[static_cast<size_t>(i)]);
      }
    });
  }

 private:
  void take_targets(const TensorView& logits, const TensorView& targets,
                    std::optional<int64_t> pad);
  int64_t target_of(int64_t row) const {
    return targets_[static_cast<size_t>(row)];
  }

  Rows rows_;
  const KernelTable& kernels_;
  float smoothing_;
  std::vector<int64_t> targets_;
  std::vector<int64_t> present_;  // rows that are no padding
  int64_t workers_ = 1;
};

void LossCall::take_targets(const TensorView& logits, const TensorView& targets,
                            std::optional<int64_t> pad) {
  Shape shape = logits.shape();
  shape.pop_back();
  if (!targets.defined() || targets.shape() != shape) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected targets of shape {}, that of logits without V, got {}",
         to_string(shape),
         targets.defined() ? to_string(targets.shape()) : "nothing");
  }
  if (targets.dtype() != DType::i32 && targets.dtype() != DType::i64) {
    fail(ErrorCode::invalid_argument, kOperation,
         "expected targets of type i32 or i64, got {}",
         name_of(targets.dtype()));
  }
  targets_ = to_int64(targets);
  for (int64_t row = 0; row < rows_.count(); ++row) {
    const int64_t target = targets_[static_cast<size_t>(row)];
    if (target == pad) continue;
    if (target < 0 || target >= classes()) {
      fail(ErrorCode::invalid_argument, kOperation,
           "the target at {} is {}; expected a class from 0 to {}{}",
           place_of(row, shape), target, classes() - 1,
           pad ? maskwise::detail::formatted(", or {} for padding", *pad) : "");
    }
    present_.push_back(row);
  }
}

float LossCall::loss(int64_t row) const {
  const float* x = rows_.at(row);
  const detail::LogSoftmax found =
      detail::log_softmax_of(x, classes(), detail::NanIs::contagious, kernels_);
  const float target = x[target_of(row)] - found.largest;
  float expected = target;
  if (smoothing_ > 0) {  // not 0 times -inf
    const float m = found.largest;
    const auto sum = detail::sum_in_chains<double>(
        classes(), [=](int64_t v) { return static_cast<double>(x[v] - m); });
    const double mean = sum / static_cast<double>(classes());
    expected =
        (1.0F - smoothing_) * target + smoothing_ * static_cast<float>(mean);
  }
  return maskwise::detail::stored(found.log_sum - expected);
}

void LossCall::write_gradient(int64_t row, float factor, float* d) const {
  const double sum =
      detail::write_exponentials(rows_.at(row), classes(), d, kernels_);
  const auto inverse = static_cast<float>(1.0 / sum);
  const float spread = smoothing_ / static_cast<float>(classes());
  for (int64_t v = 0; v < classes(); ++v) d[v] = d[v] * inverse - spread;
  d[target_of(row)] = d[target_of(row)] - (1.0F - smoothing_);
  for (int64_t v = 0; v < classes(); ++v) {
    d[v] = maskwise::detail::stored(d[v] * factor);
  }
}

}  // namespace

CrossEntropy cross_entropy(const TensorView& logits, const TensorView& targets,
                           const CrossEntropyOptions& options,
                           const Compute& compute) {
  const LossCall call(logits, targets, options, compute);
  CrossEntropy result = {.losses = Tensor(DType::f32, targets.shape()),
                         .count = call.count()};
  auto* losses = result.losses.mutable_data<float>();
  call.for_present([&](int64_t row) { losses[row] = call.loss(row); });
  return result;
}

Tensor cross_entropy_backward(const TensorView& logits,
                              const TensorView& targets, float factor,
                              const CrossEntropyOptions& options,
                              const Compute& compute) {
  if (!std::isfinite(factor)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "the factor is {}; expected a finite number, such as 1 / count",
         factor);
  }
  const LossCall call(logits, targets, options, compute);
  Tensor result(DType::f32, logits.shape());
  auto* d = result.mutable_data<float>();
  call.for_present([&](int64_t row) {
    call.write_gradient(row, factor, d + row * call.classes());
  });
  return result;
}

std::vector<double> sentence_losses(const TensorView& losses) {
  if (!losses.defined() || losses.rank() == 0) {
    fail(ErrorCode::shape_mismatch, "sentence_losses",
         "expected losses of shape [B, ...], got {}",
         losses.defined() ? to_string(losses.shape()) : "nothing");
  }
  if (losses.dtype() != DType::f32) {
    fail(ErrorCode::invalid_argument, "sentence_losses",
         "expected losses of type f32, got {}", name_of(losses.dtype()));
  }
  const Tensor dense = Tensor::copy_of(losses);
  const FpEnvironment environment;
  std::vector<double> sums(static_cast<size_t>(losses.dim(0)), 0.0);
  const auto sentences = std::max<int64_t>(1, std::ssize(sums));
  const int64_t tokens = dense.size() / sentences;
  for (int64_t i = 0; i < dense.size(); ++i) {
    sums[static_cast<size_t>(i / tokens)] +=
        static_cast<double>(dense.data<float>()[i]);
  }
  return sums;
}

}  // namespace maskwise::nn
