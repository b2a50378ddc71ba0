#include "io/safetensors_header.h"

#include <gtest/gtest.h>

#include "tests/base/thrown_error.h"

namespace maskwise::detail {
namespace {

using testing::throws_error;

constexpr int64_t kAnyData = 4;

// One u8 tensor of four elements, then whatever is put beside or inside it.
std::string one_tensor(const std::string& rest) {
  return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})" + rest;
}

std::string tensor_of(const std::string& fields) {
  return R"({"a":{)" + fields + "}}";
}

struct Malformed {
  std::string header;
  std::string fragment;  // of the message
  int64_t data_bytes = kAnyData;
};

void expect_refused(const std::vector<Malformed>& cases) {
  for (const Malformed& malformed : cases) {
    EXPECT_TRUE(throws_error(ErrorCode::io, malformed.fragment, [&] {
      parse_safetensors_header(malformed.header, malformed.data_bytes, "f.st");
    })) << malformed.header.substr(0, 200);
  }
}

TEST(SafetensorsHeader, TensorsComeInTheOrderOfTheirBytes) {
  const auto entries =
      parse_safetensors_header(
          R"({"b":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]},)"
          R"("a":{"data_offsets":[0,2],"dtype":"BF16","shape":[]},)"
          R"("z":{"dtype":"F64","shape":[3,0],"data_offsets":[2,2]}}   )",
          10, "f.st")
          .entries;
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[0].dtype, DType::bf16);
  EXPECT_EQ(entries[0].shape, Shape{});
  EXPECT_EQ(entries[1].name, "z");
  EXPECT_EQ(entries[1].shape, (Shape{3, 0}));
  EXPECT_EQ(entries[2].name, "b");
  EXPECT_EQ(entries[2].begin, 2);
  EXPECT_EQ(entries[2].end, 10);
}

TEST(SafetensorsHeader, AHeaderWithoutTensorsIsFine) {
  EXPECT_TRUE(parse_safetensors_header("{}", 0, "f.st").entries.empty());
  const auto header = parse_safetensors_header("{ }\n\t ", 0, "f.st");
  EXPECT_TRUE(header.entries.empty());
  EXPECT_TRUE(header.metadata.empty());
}

TEST(SafetensorsHeader, MetadataStandsBesideTheTensors) {
  const auto header = parse_safetensors_header(
      R"({"__metadata__":{"format":"pt","":"x","\u00e4\u0000":""},)" +
          one_tensor("}").substr(1),
      kAnyData, "f.st");
  EXPECT_EQ(header.entries.size(), 1U);
  EXPECT_EQ(header.metadata,
            (SafetensorsMetadata{
                {"format", "pt"}, {"", "x"}, {std::string("ä\0", 3), ""}}));
  const auto last = parse_safetensors_header(
      one_tensor(R"(,"__metadata__":{"dtype":"F32"}})"), kAnyData, "f.st");
  EXPECT_EQ(last.entries.size(), 1U);
  EXPECT_EQ(last.metadata, (SafetensorsMetadata{{"dtype", "F32"}}));
}

TEST(SafetensorsHeader, EveryDTypeHasItsSpelling) {
  const std::pair<std::string, DType> spellings[] = {
      {"BOOL", DType::boolean}, {"U8", DType::u8},     {"I8", DType::i8},
      {"U16", DType::u16},      {"I16", DType::i16},   {"U32", DType::u32},
      {"I32", DType::i32},      {"U64", DType::u64},   {"I64", DType::i64},
      {"F16", DType::f16},      {"BF16", DType::bf16}, {"F32", DType::f32},
      {"F64", DType::f64}};
  for (const auto& [spelling, dtype] : spellings) {
    EXPECT_EQ(format_name(dtype), spelling);
    const int64_t bytes = 3 * size_of(dtype);
    const auto entries =
        parse_safetensors_header(
            tensor_of(R"("dtype":")" + spelling + R"(","shape":[3],)" +
                      R"("data_offsets":[0,)" + std::to_string(bytes) + "]"),
            bytes, "f.st")
            .entries;
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_EQ(entries[0].dtype, dtype);
  }
}

TEST(SafetensorsHeader, TheLimitsThemselvesAreAllowed) {
  const std::string name(kLongestName, 'n');
  const auto entries =
      parse_safetensors_header(
          "{\"" + name + R"(":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,)" +
              R"(1,1,1,1,1,1,1,4],"data_offsets":[0,4]}})",
          kAnyData, "f.st")
          .entries;
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].name, name);
  EXPECT_EQ(entries[0].shape.size(), kLargestRank);
}

TEST(SafetensorsHeader, AnEmptyTensorMayHaveLargeSizes) {
  const auto entries =
      parse_safetensors_header(
          tensor_of(R"("dtype":"F32","shape":[1000000,0,1000000],)"
                    R"("data_offsets":[0,0])"),
          0, "f.st")
          .entries;
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].end, 0);
}

TEST(SafetensorsHeader, WhatIsNoJsonObjectIsRefused) {
  expect_refused({
      {"", "[safetensors] 'f.st': header: found '' at its start; expected '{'"},
      {"[]", "found '[]' at its start"},
      {" {}", "found ' {}' at its start"},
      {"\xEF\xBB\xBF{}", "at its start"},
      {"\x80\x02}q\x01X\n\x01\x02", R"(found '\x80\x02}q\x01X\n\x01...')"},
      {"{", "found no JSON at byte 2"},
      {"{}x", "found no JSON at byte 3"},
      {"{}{}", "found no JSON at byte 3"},
      {one_tensor("},"), "found no JSON"},
      {one_tensor(",}"), "found no JSON"},
      {"{'a':1}", "found no JSON at byte 2"},
      {"{} // comment", "found no JSON at byte 4"},
      {std::string("{}\0{}", 5), "found a null character at byte 2"},
      {std::string("{}\0\0\0", 5), "found a null character at byte 2"},
      {"{\"\xFF\":1}", "found no JSON at byte 3"},
      {"{\"\xC0\x80\":1}", "found no JSON"},
      {R"({"\ud800":1})", "found no JSON"},
      {"{\"a\nb\":1}", "found no JSON"},
      {"{\"" + std::string(100'000, '['), "found no JSON"},
  });
}

TEST(SafetensorsHeader, AnEntryThatIsNoTensorIsRefused) {
  expect_refused({
      {R"({"a":1})",
       "tensor 'a': found the number 1; expected an object with "
       "dtype, shape and data_offsets"},
      {R"({"a":-1})", "found the negative number -1"},
      {R"({"a":1.5})", "found the number 1.5"},
      {R"({"a":1e999})", "number overflow"},
      {R"({"a":null})", "found null"},
      {R"({"a":true})", "found true"},
      {R"({"a":"text"})", "found the string 'text'"},
      {R"({"a":[]})", "found an array"},
      {R"({"a":)" + std::string(100'000, '['), "found an array"},
      {R"({"a":{}})", "tensor 'a': found no dtype; expected one"},
  });
}

TEST(SafetensorsHeader, ATensorNeedsEachFieldOnceAndNoOther) {
  const std::string dtype = R"("dtype":"U8")";
  const std::string shape = R"("shape":[4])";
  const std::string offsets = R"("data_offsets":[0,4])";
  expect_refused({
      {tensor_of(shape + "," + offsets), "tensor 'a': found no dtype"},
      {tensor_of(dtype + "," + offsets), "tensor 'a': found no shape"},
      {tensor_of(dtype + "," + shape), "tensor 'a': found no data_offsets"},
      {tensor_of(dtype + "," + dtype), "tensor 'a': dtype: found twice"},
      {tensor_of(shape + "," + shape), "tensor 'a': shape: found twice"},
      {tensor_of(offsets + "," + offsets), "data_offsets: found twice"},
      {tensor_of(dtype + R"(,"shap":[4])"),
       "tensor 'a': found the unknown field 'shap'; expected dtype, shape, "
       "data_offsets; did you mean 'shape'?"},
      {tensor_of(R"("":1)"), "found the unknown field ''"},
  });
}

TEST(SafetensorsHeader, TheSameNameTwiceIsRefused) {
  expect_refused({
      {one_tensor("," + one_tensor("}").substr(1)),
       "tensor 'a': found twice; expected each name once"},
      // Equal once the escape is read.
      {one_tensor(R"(,"\u0061":{}})"), "tensor 'a': found twice"},
      {R"({"__metadata__":{},"__metadata__":{}})", "__metadata__: found twice"},
      {R"({"__metadata__":{"k":"v","k":"v"}})",
       "__metadata__: found the key 'k' twice"},
      {R"({"__metadata__":{"k":"v","l":"","\u006b":"v"}})",
       "__metadata__: found the key 'k' twice"},
  });
}

TEST(SafetensorsHeader, MetadataHoldsOnlyStrings) {
  expect_refused({
      {R"({"__metadata__":"text"})",
       "__metadata__: found the string 'text'; expected an object of strings"},
      {R"({"__metadata__":{"k":1}})", "found the number 1; expected a string"},
      {R"({"__metadata__":{"k":null}})", "found null; expected a string"},
      {R"({"__metadata__":{"k":{}}})", "found an object; expected a string"},
      {R"({"__metadata__":{"k":["v"]}})", "found an array; expected a string"},
  });
}

TEST(SafetensorsHeader, AnUnknownDTypeIsRefusedWithTheKnownOnes) {
  const auto with = [](const std::string& dtype) {
    return tensor_of(R"("dtype":)" + dtype +
                     R"(,"shape":[4],"data_offsets":[0,4])");
  };
  expect_refused({
      {with(R"("F31")"),
       "tensor 'a': dtype: found the unknown dtype 'F31'; expected one of: "
       "BOOL, U8, I8, U16, I16, U32, I32, U64, I64, F16, BF16, F32, F64; did "
       "you mean"},
      {with(R"("f32")"),
       "found the unknown dtype 'f32'; expected one of: BOOL, U8, I8, U16, "
       "I16, U32, I32, U64, I64, F16, BF16, F32, F64; did you mean 'F32'?"},
      {with(R"("")"), "found the unknown dtype ''"},
      {with(R"("F8_E4M3")"),
       "found F8_E4M3, an 8-bit float of the format that maskwise does not "
       "read"},
      {with("8"), "dtype: found the number 8; expected a string"},
      {with("[\"U8\"]"), "dtype: found an array; expected a string"},
      {with("null"), "dtype: found null"},
  });
}

TEST(SafetensorsHeader, AShapeIsAnArrayOfSizes) {
  const auto with = [](const std::string& shape) {
    return tensor_of(R"("dtype":"U8","data_offsets":[0,4],"shape":)" + shape);
  };
  expect_refused({
      {with("4"), "shape: found the number 4; expected an array of sizes"},
      {with("null"), "shape: found null"},
      {with("{}"), "shape: found an object"},
      {with("\"4\""), "shape: found the string '4'"},
      {with("[-4]"), "shape: found the negative number -4"},
      {with("[4.0]"),
       "shape: found the number 4.0; expected an array of "
       "sizes, whole numbers >= 0"},
      {with("[4e0]"), "shape: found the number 4e0"},
      {with("[\"4\"]"), "shape: found the string '4'"},
      {with("[[4]]"), "shape: found an array"},
      {with("[true]"), "shape: found true"},
      {with("[9223372036854775808]"),
       "shape: found the number 9223372036854775808; expected at most "
       "9223372036854775807"},
      {with("[99999999999999999999999999]"),
       "shape: found the number 99999999999999999999999999; expected at most "
       "9223372036854775807"},
      {with("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,4]"),
       "shape: found more than 16 numbers; expected a tensor of fewer axes"},
  });
}

TEST(SafetensorsHeader, SizesThatOverflowAreRefusedEvenBesideAZero) {
  const auto with = [](const std::string& dtype, const std::string& shape) {
    return tensor_of(R"("dtype":")" + dtype +
                     R"(","data_offsets":[0,4],"shape":)" + shape);
  };
  constexpr auto kMessage = "do not fit in 63 bits";
  expect_refused({
      {with("U8", "[4294967296,4294967296]"), kMessage},
      // 2^64 + 4 bytes: a product that wraps would fit the offsets.
      {with("U8", "[4,4611686018427387905]"), kMessage},
      {with("F64", "[2305843009213693952]"), kMessage},
      {with("U8", "[0,4294967296,4294967296]"), kMessage},
      {with("U8", "[4294967296,4294967296,0]"), kMessage},
  });
}

TEST(SafetensorsHeader, OffsetsAreTwoNumbersThatFitTheShape) {
  const auto with = [](const std::string& offsets) {
    return tensor_of(R"("dtype":"U8","shape":[4],"data_offsets":)" + offsets);
  };
  expect_refused({
      {with("[]"), "data_offsets: found []; expected [begin, end]"},
      {with("[4]"), "data_offsets: found [4]; expected [begin, end]"},
      {with("[0,4,4]"), "data_offsets: found more than 2 numbers"},
      {with("4"), "data_offsets: found the number 4"},
      {with("[-4,0]"), "data_offsets: found the negative number -4"},
      {with("[0,4.0]"), "data_offsets: found the number 4.0"},
      {with("[0,18446744073709551568]"),
       "data_offsets: found the number 18446744073709551568; expected at most "
       "9223372036854775807"},
      {with("[0,[4]]"), "data_offsets: found an array"},
      {with("[4,0]"),
       "tensor 'a': found data_offsets [4, 0]; expected begin "
       "<= end"},
      {with("[9223372036854775807,0]"), "expected begin <= end"},
      {with("[0,3]"),
       "tensor 'a': found data_offsets [0, 3] of 3 bytes; "
       "expected 4 bytes for u8 [4]"},
      {with("[0,5]"), "of 5 bytes; expected 4 bytes"},
  });
}

TEST(SafetensorsHeader, TheBytesMustBeCoveredExactlyOnce) {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + second + "}}";
  };
  expect_refused({
      {two("[0,4]", "[5,7]"),
       "tensor 'b': found its data at byte 5, after a hole; expected it at "
       "byte 4",
       7},
      {two("[0,4]", "[3,5]"),
       "tensor 'b': found its data at byte 3, inside another tensor", 5},
      {two("[1,5]", "[5,7]"),
       "tensor 'a': found its data at byte 1, after a "
       "hole; expected it at byte 0",
       7},
      {two("[0,4]", "[0,2]"),
       "tensor 'a': found its data at byte 0, inside "
       "another tensor",
       4},
      {two("[0,4]", "[4,6]"),
       "the file ends after 5 of 6 bytes of tensor "
       "data, in tensor 'b'; it was cut off",
       5},
      {two("[0,4]", "[4,6]"), "found 2 bytes after the last tensor", 8},
      {"{}", "found 1 bytes after the last tensor", 1},
      {tensor_of(R"("dtype":"U8","shape":[9223372036854775807],)"
                 R"("data_offsets":[0,9223372036854775807])"),
       "the file ends after 4 of 9223372036854775807 bytes"},
  });
}

TEST(SafetensorsHeader, NamesAreShownShortAndWithoutControlCharacters) {
  const std::string longest(kLongestName + 1, 'n');
  expect_refused({
      {"{\"" + longest + "\":{}}",
       "tensor '" + std::string(64, 'n') +
           "...': its name has 4097 bytes; expected at most 4096"},
      {R"({"a\nb\u001b[31m\u202e":1})",
       R"(tensor 'a\nb\x1b[31m\u202e': found the number 1)"},
      {R"({"a":")" + std::string(10'000, 's') + "\"}",
       "found the string '" + std::string(64, 's') + "...'"},
  });
}

TEST(SafetensorsHeader, TheFileIsNamedWithoutControlCharacters) {
  EXPECT_TRUE(throws_error(ErrorCode::io, R"('a\nb.st': header)", [] {
    parse_safetensors_header("x", 0, "a\nb.st");
  }));
}

}  // namespace
}  // namespace maskwise::detail
