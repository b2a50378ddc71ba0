#include "training/gradient_shards.h"

#include <algorithm>

#include "backend/cpu/workers.h"
#include "base/fp_environment.h"

namespace maskwise::nn::detail {
namespace {

using Examples = std::vector<TextExample>;

int64_t symbols_of(const TextExample& one) {
  return std::ssize(one.source) + std::ssize(one.target);
}

// Neighbours with about as many symbols each; there may be empty ones.
std::vector<Examples> parts_of(const Examples& examples, int64_t count) {
  int64_t all = 0;
  for (const TextExample& one : examples) all += symbols_of(one);
  std::vector<Examples> parts(static_cast<size_t>(count));
  int64_t before = 0;
  for (const TextExample& one : examples) {
    const int64_t middle = before + symbols_of(one) / 2;
    const int64_t part =
        std::min(count - 1, middle * count / std::max<int64_t>(1, all));
    parts[static_cast<size_t>(part)].push_back(one);
    before += symbols_of(one);
  }
  return parts;
}

std::vector<Tensor> gradients_of(Module& module) {
  std::vector<Tensor> gradients;
  module.visit_parameters("", [&](const std::string&, Parameter& one) {
    gradients.push_back(one.gradient);
  });
  return gradients;
}

// To the gradients of `to`, and leaves those of `from` zero.
void move_gradients(Module& from, Module& to) {
  const maskwise::detail::FpEnvironment environment;
  std::vector<Tensor> parts = gradients_of(from);
  std::vector<Tensor> sums = gradients_of(to);
  for (size_t i = 0; i < sums.size(); ++i) {
    auto* part = parts[i].mutable_data<float>();
    auto* sum = sums[i].mutable_data<float>();
    for (int64_t j = 0; j < sums[i].size(); ++j) {
      sum[j] += part[j];
      part[j] = 0;
    }
  }
}

}  // namespace

GradientShards::GradientShards(TextModel& model, int64_t shards)
    : model_(model) {
  for (int64_t i = 0; i < shards; ++i) twins_.push_back(model.twin());
}

LossSum GradientShards::add_gradients(const Examples& examples,
                                      const LossOptions& options,
                                      const Compute& compute) {
  const auto count = std::ssize(twins_);
  const std::vector<Examples> parts = parts_of(examples, count);
  const int64_t threads = maskwise::detail::usable_threads(compute.threads);
  const int64_t workers = std::min(threads, count);
  const Compute inner = {
      .isa = compute.isa,
      .threads = static_cast<int>(std::max<int64_t>(1, threads / count))};
  std::vector<LossSum> sums(parts.size());
  maskwise::detail::run_workers(workers, [&](int64_t worker) {
    for (int64_t i = worker; i < count; i += workers) {
      const auto at = static_cast<size_t>(i);
      if (parts[at].empty()) continue;
      sums[at] = twins_[at]->add_gradients(parts[at], options, inner);
    }
  });
  LossSum all;
  for (size_t i = 0; i < sums.size(); ++i) {
    all += sums[i];
    if (!parts[i].empty()) {
      move_gradients(twins_[i]->module(), model_.module());
    }
  }
  return all;
}

}  // namespace maskwise::nn::detail
