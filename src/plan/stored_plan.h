// What a MaskPlan shares among its copies.
#ifndef MASKWISE_PLAN_STORED_PLAN_H_
#define MASKWISE_PLAN_STORED_PLAN_H_

#include "maskwise/mask_plan.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

struct StoredPlan {
  PlanData data;
  PlanStats stats;
  PlanOptions options;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_STORED_PLAN_H_
