#include "base/byte_digest.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace maskwise::detail {
namespace {

// Of the authors' own table (test_fnv.c, isthe.com/chongo/tech/comp/fnv).
TEST(ByteDigest, IsFnv1aOf64Bits) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "cbf29ce484222325"},
      {"a", "af63dc4c8601ec8c"},
      {"foobar", "85944171f73967e8"}};
  for (const auto& [bytes, expected] : cases) {
    ByteDigest digest;
    digest.add(bytes);
    EXPECT_EQ(digest.text(), expected) << bytes;
  }
}

TEST(ByteDigest, GoesOnFromPieceToPiece) {
  ByteDigest digest;
  for (const char* piece : {"foo", "", "b", "ar"}) digest.add(piece);
  EXPECT_EQ(digest.text(), "85944171f73967e8");
}

}  // namespace
}  // namespace maskwise::detail
