#include "maskwise/nn/optimizer.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "base/fail.h"
#include "base/fp_environment.h"
#include "base/printable.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::fail;
using maskwise::detail::FpEnvironment;
using maskwise::detail::printable;

constexpr std::string_view kOperation = "adam";
constexpr std::string_view kUpdates = "adam.updates";

using Named = std::vector<std::pair<std::string, Parameter*>>;

// Every parameter once. One that is visited twice has two names for one
// memory, and must not be updated twice.
Named parameters_of(Module& module) {
  Named found;
  std::set<const Parameter*> seen;
  module.visit_parameters("", [&](const std::string& name, Parameter& one) {
    if (seen.insert(&one).second) found.emplace_back(name, &one);
  });
  return found;
}

void check_option(std::string_view name, double value, double below) {
  if (value >= 0 && value < below && std::isfinite(value)) return;
  fail(ErrorCode::invalid_argument, kOperation,
       "{} is {}; expected a finite number from 0 on{}", name, value,
       below <= 1 ? ", below 1" : "");
}

void check_options(const AdamOptions& options) {
  constexpr double kAny = INFINITY;
  check_option("beta1", options.beta1, 1);
  check_option("beta2", options.beta2, 1);
  check_option("eps", options.eps, kAny);
  check_option("weight_decay", options.weight_decay, kAny);
}

// base^exponent by products alone: the same bits on every machine.
double power_of(double base, int64_t exponent) {
  double power = 1;
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) power *= base;
    base *= base;
  }
  return power;
}

// The numbers of one update that are the same for all values.
struct UpdateFactors {
  UpdateFactors(const AdamOptions& options, int64_t update,
                double learning_rate)
      : shrink(options.kind == AdamKind::adamw
                   ? static_cast<float>(learning_rate * options.weight_decay)
                   : 0.0F),
        decay(options.kind == AdamKind::adam
                  ? static_cast<float>(options.weight_decay)
                  : 0.0F),
        take1(static_cast<float>(1 - options.beta1)),
        keep2(static_cast<float>(options.beta2)),
        take2(static_cast<float>(1 - options.beta2)),
        rate(static_cast<float>(learning_rate /
                                (1 - power_of(options.beta1, update)))),
        root(
            static_cast<float>(std::sqrt(1 - power_of(options.beta2, update)))),
        eps(static_cast<float>(options.eps)) {}

  float shrink;
  float decay;
  float take1;
  float keep2;
  float take2;
  float rate;  // with the bias of m
  float root;  // the bias of sqrt(v)
  float eps;
};

// The arrays do not overlap; without being told so the compiler would have to
// compare their addresses before it uses vectors.
void update(const UpdateFactors& by, int64_t count,
            const float* __restrict gradient, float* __restrict m,
            float* __restrict v, float* __restrict x) {
  const UpdateFactors f = by;
  for (int64_t i = 0; i < count; ++i) {
    const float g = gradient[i] + f.decay * x[i];
    m[i] = m[i] + f.take1 * (g - m[i]);
    v[i] = f.keep2 * v[i] + f.take2 * g * g;
    const float deviation = std::sqrt(v[i]) / f.root + f.eps;
    // Not (1 - shrink) x: in f32 that factor would be off by the same part in
    // every update.
    x[i] = x[i] - (f.shrink * x[i] + f.rate * (m[i] / deviation));
  }
}

const Tensor& find(const TensorMap& state, const std::string& name, DType dtype,
                   const Shape& shape) {
  const auto found = state.find(name);
  if (found == state.end()) {
    fail(ErrorCode::invalid_argument, kOperation,
         "{} is missing from the state; expected it of shape {}",
         printable(name), to_string(shape));
  }
  const Tensor& tensor = found->second;
  if (!tensor.defined() || tensor.shape() != shape) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected {} of shape {}, got {}", printable(name), to_string(shape),
         tensor.defined() ? to_string(tensor.shape()) : "nothing");
  }
  if (tensor.dtype() != dtype) {
    fail(ErrorCode::invalid_argument, kOperation,
         "expected {} of type {}, got {}", printable(name), name_of(dtype),
         name_of(tensor.dtype()));
  }
  return tensor;
}

double squares_of(const Tensor& gradient) {
  constexpr int64_t kChains = 16;
  double chains[kChains] = {};
  const auto* g = gradient.data<float>();
  const int64_t whole = gradient.size() / kChains * kChains;
  const auto add = [&](int64_t chain, int64_t i) {
    const auto x = static_cast<double>(g[i]);
    chains[chain] += x * x;
  };
  for (int64_t i = 0; i < whole; i += kChains) {
    for (int64_t j = 0; j < kChains; ++j) add(j, i + j);
  }
  for (int64_t i = whole; i < gradient.size(); ++i) add(i - whole, i);
  double sum = 0;
  for (const double chain : chains) sum += chain;
  return sum;
}

}  // namespace

Adam::Adam(Module& module, const AdamOptions& options) : options_(options) {
  check_options(options);
  std::set<std::string> names;
  for (const auto& [name, one] : parameters_of(module)) {
    if (!names.insert(name).second) {
      fail(ErrorCode::invalid_argument, kOperation,
           "two parameters of the module have the name {}; expected a name for "
           "each",
           printable(name));
    }
    const Shape& shape = one->value.shape();
    moments_.push_back(
        {name, Tensor(DType::f32, shape), Tensor(DType::f32, shape)});
  }
}

void Adam::step(Module& module, double learning_rate) {
  if (!(learning_rate >= 0) || !std::isfinite(learning_rate)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "the learning rate is {}; expected a finite number from 0 on",
         learning_rate);
  }
  const Named parameters = parameters_of(module);
  const bool fits = std::ranges::equal(
      parameters, moments_, [](const auto& one, const Moments& moments) {
        return one.first == moments.name &&
               one.second->value.shape() == moments.m.shape();
      });
  if (!fits) {
    fail(ErrorCode::invalid_argument, kOperation,
         "the module has other parameters than the {} that this optimizer was "
         "made for; make one for each module",
         moments_.size());
  }
  const FpEnvironment environment;
  ++updates_;
  const UpdateFactors factors(options_, updates_, learning_rate);
  for (size_t i = 0; i < moments_.size(); ++i) {
    Parameter& one = *parameters[i].second;
    update(factors, one.value.size(), one.gradient.data<float>(),
           moments_[i].m.mutable_data<float>(),
           moments_[i].v.mutable_data<float>(),
           one.value.mutable_data<float>());
  }
}

TensorMap Adam::state() const {
  TensorMap state;
  for (const Moments& one : moments_) {
    state["adam.m." + one.name] = one.m;
    state["adam.v." + one.name] = one.v;
  }
  state[std::string(kUpdates)] = Tensor::from<int64_t>({}, {updates_});
  return state;
}

void Adam::load_state(const TensorMap& state) {
  std::vector<Moments> loaded;
  for (const Moments& one : moments_) {
    const auto take = [&](const char* prefix) {
      return find(state, prefix + one.name, DType::f32, one.m.shape()).clone();
    };
    loaded.push_back({one.name, take("adam.m."), take("adam.v.")});
  }
  const int64_t updates =
      find(state, std::string(kUpdates), DType::i64, {}).data<int64_t>()[0];
  if (updates < 0) {
    fail(ErrorCode::invalid_argument, kOperation,
         "{} is {}; expected a number from 0 on", kUpdates, updates);
  }
  const TensorMap known = this->state();
  for (const auto& [name, tensor] : state) {
    if (known.contains(name)) continue;
    fail(ErrorCode::invalid_argument, kOperation,
         "{} is no state of the {} parameters of this optimizer",
         printable(name), moments_.size());
  }
  moments_ = std::move(loaded);
  updates_ = updates;
}

double clip_gradients(Module& module, double most) {
  if (!(most > 0)) {
    fail(ErrorCode::invalid_argument, "clip_gradients",
         "the largest norm is {}; expected a number above 0", most);
  }
  const FpEnvironment environment;
  const Named parameters = parameters_of(module);
  double squares = 0;
  for (const auto& [name, one] : parameters) {
    squares += squares_of(one->gradient);
  }
  const double norm = std::sqrt(squares);
  // As PyTorch, which keeps the quotient finite by it.
  constexpr double kSmallestNorm = 1e-6;
  const double factor = most / (norm + kSmallestNorm);
  if (!std::isfinite(norm) || !(factor < 1)) return norm;
  const auto by = static_cast<float>(factor);
  for (const auto& [name, one] : parameters) {
    auto* g = one->gradient.mutable_data<float>();
    for (int64_t i = 0; i < one->gradient.size(); ++i) g[i] *= by;
  }
  return norm;
}

}  // namespace maskwise::nn
