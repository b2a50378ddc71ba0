#include "base/json_reason.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace maskwise::detail {
namespace {

TEST(JsonReason, IsWithoutTheNameOfAnException) {
  try {
    FAIL() << nlohmann::json::parse("[1");
  } catch (const nlohmann::json::exception& error) {
    EXPECT_TRUE(json_reason(error.what())
                    .starts_with("parse error at line 1, column 3: "))
        << error.what();
  }
}

TEST(JsonReason, LeavesOtherTextAsItIs) {
  for (const char* text : {"", "a] b", "[json.", "x [json.y] z"}) {
    EXPECT_EQ(json_reason(text), text);
  }
}

}  // namespace
}  // namespace maskwise::detail
