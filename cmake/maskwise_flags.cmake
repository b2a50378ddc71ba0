# The flags of every maskwise target, carried by one interface target.
# The row contract needs every rounding to happen where the source says, so
# contraction is off and there is no fast-math, in every build.
add_library(maskwise_flags INTERFACE)
target_compile_features(maskwise_flags INTERFACE cxx_std_20)
target_compile_options(maskwise_flags INTERFACE
  -ffp-contract=off -Wall -Wextra -Wconversion -Wshadow
  # g++ 12 raises a false alarm on std::string's + (gcc.gnu.org/PR105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(MASKWISE_WERROR)
  target_compile_options(maskwise_flags INTERFACE -Werror)
endif()
if(MASKWISE_SANITIZE)
  target_compile_options(maskwise_flags INTERFACE
    -fsanitize=${MASKWISE_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(maskwise_flags INTERFACE
    -fsanitize=${MASKWISE_SANITIZE})
endif()
