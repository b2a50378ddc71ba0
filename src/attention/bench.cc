#include "maskwise/bench.h"

#include "backend/cpu/probe.h"
#include "base/fail.h"

namespace maskwise {
namespace {

constexpr double kGiga = 1e9;
constexpr double kMilli = 1e-3;

// Where the probe runs. Throws Error for options out of range.
detail::CpuOptions checked(const ProbeOptions& options) {
  if (options.threads.value_or(1) < 1) {
    detail::fail(ErrorCode::invalid_argument, "probe",
                 "threads is {}; expected at least 1", *options.threads);
  }
  if (!(options.milliseconds > 0)) {
    detail::fail(ErrorCode::invalid_argument, "probe",
                 "milliseconds is {}; expected more than 0",
                 options.milliseconds);
  }
  return {devices().choose(options.isa), options.threads};
}

}  // namespace

double register_gflops(const ProbeOptions& options) {
  return detail::register_flops(checked(options),
                                options.milliseconds * kMilli) /
         kGiga;
}

double tile_gflops(const ProbeOptions& options) {
  return detail::tile_flops(checked(options), options.milliseconds * kMilli) /
         kGiga;
}

double read_gbytes(const TensorView& data, const ProbeOptions& options) {
  const detail::CpuOptions where = checked(options);
  if (data.size() == 0) return 0;
  if (!data.is_contiguous()) {
    detail::fail(ErrorCode::invalid_argument, "probe",
                 "data of shape {} has gaps; expected a contiguous tensor",
                 to_string(data.shape()));
  }
  const int64_t floats =
      data.size() * size_of(data.dtype()) / int64_t{sizeof(float)};
  return detail::read_bytes(static_cast<const float*>(data.bytes()), floats,
                            where, options.milliseconds * kMilli) /
         kGiga;
}

}  // namespace maskwise
