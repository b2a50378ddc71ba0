// Lets a sanitizer answer an allocation that is too large with null, as malloc
// does, for tests of that error. Include in one file of a test binary.
#ifndef MASKWISE_TESTS_BASE_SANITIZER_OPTIONS_H_
#define MASKWISE_TESTS_BASE_SANITIZER_OPTIONS_H_

// The sanitizers look these names up; without one they are never called.
extern "C" const char* __asan_default_options() {  // NOLINT
  return "allocator_may_return_null=1";
}
extern "C" const char* __tsan_default_options() {  // NOLINT
  return "allocator_may_return_null=1";
}

#endif  // MASKWISE_TESTS_BASE_SANITIZER_OPTIONS_H_
