#include "maskwise/device.h"

#include <gtest/gtest.h>

#include "tests/base/thrown_error.h"

namespace maskwise {
namespace {

using testing::throws_error;

TEST(Device, EveryNameParsesBack) {
  for (const Backend backend : {Backend::cpu, Backend::reference}) {
    EXPECT_EQ(parse_backend(name_of(backend)), backend);
  }
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    EXPECT_EQ(parse_isa(name_of(isa)), isa);
  }
}

TEST(Device, TheNamesAreThoseOfTheCommandLine) {
  EXPECT_EQ(name_of(Backend::cpu), "cpu");
  EXPECT_EQ(name_of(Backend::reference), "reference");
  EXPECT_EQ(name_of(Isa::scalar), "scalar");
  EXPECT_EQ(name_of(Isa::avx2), "avx2");
  EXPECT_EQ(name_of(Isa::avx512), "avx512");
}

TEST(Device, AnUnknownNameListsTheKnownOnes) {
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[backend] unknown backend 'gpu'; expected one of: "
                           "cpu, reference; did you mean 'cpu'?",
                           [] { parse_backend("gpu"); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[isa] unknown isa 'AVX2'; expected one of: scalar, "
                           "avx2, avx512; did you mean 'avx2'?",
                           [] { parse_isa("AVX2"); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "did you mean 'cpu'?",
                           [] { parse_backend("CPU"); }));
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument, "''", [] { parse_isa(""); }));
}

TEST(Device, AnUnknownNameIsShownInOneShortLine) {
  const std::string name = "cpu\n" + std::string(100'000, 'x');
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "'cpu\\nxxx",
                           [&] { parse_backend(name); }));
  const auto error = testing::thrown_by([&] { parse_backend(name); });
  EXPECT_LT(std::string(error->what()).size(), 200U);
}

}  // namespace
}  // namespace maskwise
