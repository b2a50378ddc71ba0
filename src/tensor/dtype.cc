#include "maskwise/dtype.h"

#include <array>

namespace maskwise {
namespace {

struct DTypeFacts {
  std::string_view name;
  int64_t size;
};

// In the order of the enumerators.
constexpr std::array<DTypeFacts, 13> kFacts = {{{"bool", 1},
                                                {"u8", 1},
                                                {"i8", 1},
                                                {"u16", 2},
                                                {"i16", 2},
                                                {"u32", 4},
                                                {"i32", 4},
                                                {"u64", 8},
                                                {"i64", 8},
                                                {"f16", 2},
                                                {"bf16", 2},
                                                {"f32", 4},
                                                {"f64", 8}}};

const DTypeFacts& facts(DType dtype) {
  return kFacts[static_cast<size_t>(dtype)];
}

}  // namespace

int64_t size_of(DType dtype) { return facts(dtype).size; }

std::string_view name_of(DType dtype) { return facts(dtype).name; }

bool is_floating(DType dtype) { return dtype >= DType::f16; }

}  // namespace maskwise
