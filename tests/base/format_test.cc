#include "base/format.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace maskwise::detail {
namespace {

TEST(Format, ValuesTakeThePlacesInTheText) {
  const std::string name = "q";
  EXPECT_EQ(formatted("plain"), "plain");
  EXPECT_EQ(formatted("{}: {} of {}", name, int64_t{-3}, 7U), "q: -3 of 7");
  EXPECT_EQ(formatted("{{{:?}}}", "a\nb"), "{\"a\\nb\"}");
  EXPECT_EQ(formatted("{:.3f} {}", 0.25, 0.1f), "0.250 0.1");
}

TEST(Format, JoinedPutsTheSeparatorOnlyBetweenValues) {
  EXPECT_EQ(joined(std::vector<int64_t>{}, ", "), "");
  EXPECT_EQ(joined(std::vector<int64_t>{5}, ", "), "5");
  EXPECT_EQ(joined(std::vector<int64_t>{2, -1, 0}, ", "), "2, -1, 0");
  EXPECT_EQ(joined(std::array<std::string_view, 2>{"a", ""}, "/"), "a/");
}

}  // namespace
}  // namespace maskwise::detail
