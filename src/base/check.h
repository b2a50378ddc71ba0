// Preconditions below the public border. They cost nothing in release builds
// and may not be used for anything that user input can cause.
#ifndef MASKWISE_BASE_CHECK_H_
#define MASKWISE_BASE_CHECK_H_

#include <cassert>

#define MASKWISE_DCHECK(condition) assert(condition)

#endif  // MASKWISE_BASE_CHECK_H_
