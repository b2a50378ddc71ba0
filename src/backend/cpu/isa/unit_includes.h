// Everything that the bodies of an ISA unit use, included before the unit's
// target region begins: what is defined inside it is compiled for that ISA, and
// an inline function of the standard library must not be.
#ifndef MASKWISE_BACKEND_CPU_ISA_UNIT_INCLUDES_H_
#define MASKWISE_BACKEND_CPU_ISA_UNIT_INCLUDES_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "backend/activation.h"
#include "backend/backward_problem.h"
#include "backend/cpu/backward_scratch.h"
#include "backend/cpu/backward_task.h"
#include "backend/cpu/block_task.h"
#include "backend/cpu/fold_stretches.h"
#include "backend/cpu/fold_table.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/key_stretch.h"
#include "backend/cpu/matmul_task.h"
#include "backend/cpu/merged_folds.h"
#include "backend/cpu/probe.h"
#include "backend/cpu/scratch.h"
#include "backend/forward_problem.h"
#include "backend/matmul_problem.h"
#include "backend/row_math.h"
#include "plan/plan_walk.h"
#include "tensor/half.h"

#endif  // MASKWISE_BACKEND_CPU_ISA_UNIT_INCLUDES_H_
