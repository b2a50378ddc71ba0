// Everything that maskwise offers; this header only includes.
#ifndef MASKWISE_MASKWISE_H_
#define MASKWISE_MASKWISE_H_

#include "maskwise/attention.h"
#include "maskwise/attention_backward.h"
#include "maskwise/bench.h"
#include "maskwise/bound_mask.h"
#include "maskwise/device.h"
#include "maskwise/dtype.h"
#include "maskwise/error.h"
#include "maskwise/inspect.h"
#include "maskwise/io.h"
#include "maskwise/kv_cache.h"
#include "maskwise/mask.h"
#include "maskwise/mask_import.h"
#include "maskwise/mask_plan.h"
#include "maskwise/mask_text.h"
#include "maskwise/partial.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

#endif  // MASKWISE_MASKWISE_H_
