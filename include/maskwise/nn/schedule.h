// Learning rates over the course of a training.
#ifndef MASKWISE_NN_SCHEDULE_H_
#define MASKWISE_NN_SCHEDULE_H_

#include <cstdint>

namespace maskwise::nn {

enum class ScheduleKind {
  constant,             // peak, after the warm-up
  inverse_square_root,  // peak sqrt(warmup / s) (Vaswani et al. 2017)
  cosine,  // half a wave from peak down to floor (Loshchilov and Hutter 2017)
};

// What is said in parts of the budget stays right whatever the budget is.
struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::inverse_square_root;
  // The largest rate, >= 0. The rates of Vaswani et al. have the peak
  // 1 / sqrt(features * updates of the warm-up).
  double peak = 1e-3;
  // The part of the budget in which the rate rises from 0 to peak in a straight
  // line: in [0, 1), and above 0 for inverse_square_root.
  double warmup = 0.1;
  // What cosine ends at, and stays at beyond the budget: in [0, peak].
  double floor = 0;
};

// The rate where a part s of the budget (of updates, tokens or seconds) is
// used, s >= 0; beyond 1 the course goes on. The same bits on every machine.
// Throws Error when s or an option is outside its range.
double learning_rate(const ScheduleOptions& options, double s);

// The same for update `update` of `updates`, the first being 1: s is their
// quotient. Throws Error when one of them is below 1, too.
double learning_rate(const ScheduleOptions& options, int64_t update,
                     int64_t updates);

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_SCHEDULE_H_
