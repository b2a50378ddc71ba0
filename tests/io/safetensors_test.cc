#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <numeric>

#include "maskwise/io.h"
#include "tests/base/thrown_error.h"
#include "tests/io/file_size_limit.h"
#include "tests/io/temporary_directory.h"
#include "tests/io/unprivileged.h"

namespace maskwise {
namespace {

using testing::bytes_of;
using testing::TemporaryDirectory;
using testing::throws_error;

constexpr DType kAllTypes[] = {
    DType::boolean, DType::u8,  DType::i8,  DType::u16, DType::i16,
    DType::u32,     DType::i32, DType::u64, DType::i64, DType::f16,
    DType::bf16,    DType::f32, DType::f64};

// Every byte pattern occurs, NaNs and infinities with it; bool gets 0 and 1.
Tensor patterned(DType dtype, Shape shape) {
  Tensor tensor(dtype, std::move(shape));
  auto* bytes = static_cast<unsigned char*>(tensor.mutable_bytes());
  for (int64_t i = 0; i < tensor.byte_size(); ++i) {
    bytes[i] =
        static_cast<unsigned char>(dtype == DType::boolean ? i % 2 : 255 - i);
  }
  return tensor;
}

void expect_equal(const TensorMap& expected, const TensorMap& found) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(found.contains(name)) << name;
    const Tensor& other = found.at(name);
    EXPECT_EQ(other.dtype(), tensor.dtype()) << name;
    EXPECT_EQ(other.shape(), tensor.shape()) << name;
    ASSERT_EQ(other.byte_size(), tensor.byte_size()) << name;
    EXPECT_EQ(std::memcmp(other.bytes(), tensor.bytes(),
                          static_cast<size_t>(tensor.byte_size())),
              0)
        << name;
  }
}

// The bytes of a file with this header and data.
std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes;
  for (size_t i = 0; i < 8; ++i) {
    bytes += static_cast<char>(header.size() >> (8 * i));
  }
  return bytes + header + data;
}

std::string one_tensor(const std::string& dtype, size_t bytes) {
  const std::string count = std::to_string(bytes);
  return R"({"a":{"dtype":")" + dtype + R"(","shape":[)" + count +
         R"(],"data_offsets":[0,)" + count + "]}}";
}

TEST(Safetensors, EveryTypeAndShapeComesBackBitForBit) {
  TensorMap tensors;
  const Shape shapes[] = {{}, {1}, {300}, {3, 5}, {0}, {2, 0, 3}, {1, 1, 7, 1}};
  for (const DType dtype : kAllTypes) {
    for (const Shape& shape : shapes) {
      tensors[std::string(name_of(dtype)) + to_string(shape)] =
          patterned(dtype, shape);
    }
  }
  const TemporaryDirectory directory;
  save_safetensors(directory.path("a.st"), tensors);
  expect_equal(tensors, load_safetensors(directory.path("a.st")));
  EXPECT_EQ(directory.names(), std::set<std::string>{"a.st"});
}

TEST(Safetensors, NamesComeBackWhateverTheyHold) {
  TensorMap tensors;
  for (const std::string& name :
       {std::string(), std::string("quote\" backslash\\ slash/"),
        std::string("line\nbreak\x01"), std::string("nul\0l", 5),
        std::string("größe_重み_😀"), std::string(4096, 'n')}) {
    tensors[name] = patterned(DType::u8, {2});
  }
  const TemporaryDirectory directory;
  save_safetensors(directory.path("a.st"), tensors);
  expect_equal(tensors, load_safetensors(directory.path("a.st")));
}

TEST(Safetensors, NoTensorsAreAFileToo) {
  const TemporaryDirectory directory;
  save_safetensors(directory.path("a.st"), {});
  EXPECT_EQ(bytes_of(directory.path("a.st")), file_of("{}      ", ""));
  EXPECT_TRUE(load_safetensors(directory.path("a.st")).empty());
}

TEST(Safetensors, ASavedFileHasTheLayoutOfTheReference) {
  // Wide elements first, then by name; the data begins at a multiple of 8.
  TensorMap tensors;
  tensors["a"] = Tensor::from<uint8_t>({1}, {7});
  tensors["b"] = Tensor::from<float>({}, {1});
  tensors["c"] = Tensor::from<double>({1}, {1});
  tensors["d"] = Tensor::from<int32_t>({1}, {2});
  const TemporaryDirectory directory;
  save_safetensors(directory.path("a.st"), tensors);
  const std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[16,17]},)"
      R"("b":{"dtype":"F32","shape":[],"data_offsets":[8,12]},)"
      R"("c":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
      R"("d":{"dtype":"I32","shape":[1],"data_offsets":[12,16]}})";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  const std::string data(
      "\0\0\0\0\0\0\xF0\x3F"
      "\0\0\x80\x3F"
      "\2\0\0\0"
      "\7",
      17);
  EXPECT_EQ(bytes_of(directory.path("a.st")), file_of(header + padding, data));
}

TEST(Safetensors, MetadataComesBackAndStandsBeforeTheTensors) {
  const TensorMap tensors = {{"a", Tensor::from<uint8_t>({1}, {7})}};
  const SafetensorsMetadata metadata = {
      {"", "empty"}, {"quote\"", std::string("nul\0\n", 5)}, {"ä", "重み"}};
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.st");
  save_safetensors(path, tensors, metadata);
  EXPECT_EQ(load_safetensors_metadata(path), metadata);
  expect_equal(tensors, load_safetensors(path));
  EXPECT_EQ(bytes_of(path).size() % 8, 1U);  // one byte of data
  save_safetensors(path, tensors, {{"b", "2"}, {"a", "1"}});
  const std::string header =
      R"({"__metadata__":{"a":"1","b":"2"},)"
      R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(bytes_of(path), file_of(header + padding, "\7"));
  save_safetensors(path, {}, {{"a", "1"}});
  EXPECT_TRUE(load_safetensors(path).empty());
  EXPECT_EQ(load_safetensors_metadata(path).size(), 1U);
}

TEST(Safetensors, WithoutMetadataAFileHoldsNone) {
  const TensorMap tensors = {{"a", patterned(DType::f32, {3})}};
  const TemporaryDirectory directory;
  save_safetensors(directory.path("a.st"), tensors);
  save_safetensors(directory.path("b.st"), tensors, {});
  EXPECT_EQ(bytes_of(directory.path("a.st")), bytes_of(directory.path("b.st")));
  EXPECT_TRUE(load_safetensors_metadata(directory.path("a.st")).empty());
}

TEST(Safetensors, HeadersOfEveryLengthArePaddedToEight) {
  const TemporaryDirectory directory;
  for (size_t length = 1; length <= 8; ++length) {
    const std::string path = directory.path("a.st");
    const TensorMap tensors = {
        {std::string(length, 'n'), patterned(DType::f64, {2})}};
    save_safetensors(path, tensors);
    EXPECT_EQ(bytes_of(path).size() % 8, 0U);
    EXPECT_EQ(bytes_of(path)[0] % 8, 0);
    expect_equal(tensors, load_safetensors(path));
  }
}

TEST(Safetensors, AFileOfTheReferenceImplementationLoads) {
  // Written by safetensors 0.8.0 (Python, serialize with metadata), which
  // orders the header by the data.
  const std::string header =
      R"({"__metadata__":{"format":"np"},)"
      R"("ids":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},)"
      R"("mask":{"dtype":"BOOL","shape":[2],"data_offsets":[16,18]}})";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  const std::string data(
      "\5\0\0\0\0\0\0\0"
      "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
      "\1\0",
      18);
  const TemporaryDirectory directory;
  const TensorMap tensors =
      load_safetensors(directory.file("a", file_of(header + padding, data)));
  ASSERT_EQ(tensors.size(), 2U);
  EXPECT_EQ(to_int64(tensors.at("ids")), (std::vector<int64_t>{5, -1}));
  EXPECT_EQ(to_int64(tensors.at("mask")), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(load_safetensors_metadata(directory.path("a")),
            (SafetensorsMetadata{{"format", "np"}}));
}

TEST(Safetensors, DataThatIsNotAlignedLoads) {
  const TemporaryDirectory directory;
  const std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
      R"("b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})";
  const TensorMap tensors = load_safetensors(
      directory.file("a", file_of(header, std::string("\7\0\0\x80\x3F", 5))));
  EXPECT_EQ(tensors.at("b").data<float>()[0], 1.0f);
}

TEST(LoadSafetensors, WhatIsNoSafetensorsFileSaysWhatItIs) {
  const TemporaryDirectory directory;
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty; expected 8 bytes of header length"},
      {"1234567", "has only 7 bytes; it was cut off"},
      {std::string(8, '\0'), "header: found '' at its start"},
      {file_of("{}", "").substr(0, 9),
       "says that its header has 2 bytes, but only 1 follow; it was cut off or "
       "is no safetensors file"},
      {std::string(8, '\xFF') + "{}",
       "says that its header has 18446744073709551615 bytes, but only 2"},
      {std::string("\0\0\0\0\0\0\0\x80{}", 10),
       "has 9223372036854775808 bytes, but only 2"},
      {"PK\x03\x04" + std::string(30, 'z'),
       "no safetensors file (it looks like a PyTorch or .npz archive)"},
      {"\x93NUMPY\x01 " + std::string(30, 'z'), "(it looks like a .npy file)"},
      {"{\"json\": \"but no length before it\"}", "says that its header has"},
      {file_of("[]", ""), "header: found '[]' at its start"},
      {file_of("{}", "x"), "found 1 bytes after the last tensor"},
      {file_of(one_tensor("U8", 9), "12345678"),
       "the file ends after 8 of 9 bytes of tensor data, in tensor 'a'"},
      {file_of(one_tensor("U8", 4), "12345678"),
       "found 4 bytes after the last tensor"}};
  for (const auto& [bytes, fragment] : cases) {
    const std::string path = directory.file("bad.st", bytes);
    EXPECT_TRUE(
        throws_error(ErrorCode::io, fragment, [&] { load_safetensors(path); }));
    EXPECT_TRUE(throws_error(ErrorCode::io, "[safetensors] '" + path + "'",
                             [&] { load_safetensors(path); }));
    EXPECT_TRUE(throws_error(ErrorCode::io, fragment,
                             [&] { load_safetensors_metadata(path); }));
  }
}

TEST(LoadSafetensors, EveryCutOfAFileIsRefused) {
  const TemporaryDirectory directory;
  const std::string whole = file_of(one_tensor("U8", 4), "1234");
  ASSERT_EQ(load_safetensors(directory.file("whole", whole)).size(), 1U);
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string path = directory.file("cut", whole.substr(0, size));
    EXPECT_TRUE(throws_error(ErrorCode::io, "[safetensors]", [&] {
      load_safetensors(path);
    })) << size;
  }
}

TEST(LoadSafetensors, AHeaderBeyondTheLimitIsRefusedBeforeItIsRead) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("sparse");
  std::string length(8, '\0');
  length[3] = '\x06';  // 6 * 2^24 = 100,663,296
  directory.file("sparse", length);
  std::filesystem::resize_file(path, 200'000'000);
  EXPECT_TRUE(throws_error(ErrorCode::io,
                           "has a header of 100663296 bytes; expected at most "
                           "100000000",
                           [&] { load_safetensors(path); }));
}

TEST(LoadSafetensors, MoreThanTheMemoryOfTheMachineIsRefusedBeforeItIsTaken) {
  const TemporaryDirectory directory;
  constexpr size_t kTensor = size_t{1} << 43;
  const std::string start = file_of(one_tensor("U8", kTensor), "");
  const std::string path = directory.file("sparse", start);
  std::error_code error;
  std::filesystem::resize_file(path, start.size() + kTensor, error);
  if (error) GTEST_SKIP() << "no sparse file of 8 TiB here";
  EXPECT_TRUE(throws_error(ErrorCode::limit,
                           "holds 8796093022208 bytes of tensors, but this "
                           "machine has",
                           [&] { load_safetensors(path); }));
}

TEST(LoadSafetensors, ABoolThatIsNeitherZeroNorOneIsRefused) {
  const TemporaryDirectory directory;
  const std::string path =
      directory.file("a", file_of(one_tensor("BOOL", 3), "\1\1\2"));
  EXPECT_TRUE(throws_error(ErrorCode::io,
                           "tensor 'a': found 2 at element 2; expected 0 or 1 "
                           "in a BOOL tensor",
                           [&] { load_safetensors(path); }));
}

TEST(LoadSafetensors, WhatIsNoReadableFileSaysSo) {
  const testing::Unprivileged unprivileged;
  const TemporaryDirectory directory;
  EXPECT_TRUE(throws_error(ErrorCode::io, "No such file or directory",
                           [&] { load_safetensors(directory.path("no")); }));
  EXPECT_TRUE(throws_error(ErrorCode::io, "is a directory; expected a file",
                           [&] { load_safetensors(directory.path()); }));
  EXPECT_TRUE(throws_error(ErrorCode::io, "is a pipe or a device",
                           [] { load_safetensors("/dev/zero"); }));
}

TEST(SaveSafetensors, WhatCouldNotBeLoadedIsNotSaved) {
  const Tensor any = patterned(DType::u8, {1});
  Tensor odd = patterned(DType::boolean, {2});
  std::memset(odd.mutable_bytes(), 2, 1);
  const std::pair<TensorMap, std::string> cases[] = {
      {{{"__metadata__", any}}, "a name that the format keeps for itself"},
      {{{std::string(4097, 'n'), any}}, "found a name of 4097 bytes"},
      {{{"bad\xFF", any}}, "the tensor name 'bad\\xff' is not UTF-8"},
      {{{"deep", patterned(DType::u8, Shape(17, 1))}},
       "tensor 'deep': found 17 axes; expected at most 16"},
      {{{"none", Tensor()}}, "tensor 'none': found a tensor without elements"},
      {{{"odd", odd}}, "tensor 'odd': found 2 at element 0"}};
  const TemporaryDirectory directory;
  const std::string path = directory.file("a.st", "old");
  for (const auto& [tensors, fragment] : cases) {
    EXPECT_TRUE(throws_error(ErrorCode::io, fragment,
                             [&] { save_safetensors(path, tensors); }));
    EXPECT_EQ(bytes_of(path), "old");
    EXPECT_EQ(directory.names(), std::set<std::string>{"a.st"});
  }
}

TEST(SaveSafetensors, MetadataThatCouldNotBeLoadedIsNotSaved) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a.st", "old");
  const std::pair<SafetensorsMetadata, std::string> cases[] = {
      {{{"bad\xFF", ""}}, "the metadata key 'bad\\xff' is not UTF-8"},
      {{{"k", "bad\xFF"}}, "the metadata value 'bad\\xff' is not UTF-8"},
      {{{"k", std::string(100'000'000, 'v')}},
       "the header would have 100000032 bytes; expected at most 100000000"}};
  for (const auto& [metadata, fragment] : cases) {
    EXPECT_TRUE(throws_error(ErrorCode::io, fragment,
                             [&] { save_safetensors(path, {}, metadata); }));
    EXPECT_EQ(bytes_of(path), "old");
  }
}

TEST(SaveSafetensors, AFailedSaveLeavesTheOldFileAndNoTemporary) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.st");
  const TensorMap old = {{"a", patterned(DType::f32, {3})}};
  save_safetensors(path, old);

  {
    const testing::FileSizeLimit limit(2000);
    EXPECT_TRUE(throws_error(ErrorCode::io, "cannot write '" + path + "'", [&] {
      save_safetensors(path, {{"a", patterned(DType::f32, {1000})}});
    }));
  }
  expect_equal(old, load_safetensors(path));
  EXPECT_EQ(directory.names(), std::set<std::string>{"a.st"});
}

TEST(SaveSafetensors, AFullDeviceIsAnError) {
  const testing::Unprivileged unprivileged;
  EXPECT_TRUE(throws_error(
      ErrorCode::io, "[file] cannot write '/dev/full': No space left", [] {
        save_safetensors("/dev/full", {{"a", patterned(DType::f32, {3})}});
      }));
}

}  // namespace
}  // namespace maskwise
