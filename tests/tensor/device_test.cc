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

TEST(DeviceRegistry, ListsAndDescribesWhatThereIs) {
  const DeviceRegistry registry({Isa::avx2}, "");
  ASSERT_EQ(registry.backends().size(), 2U);
  EXPECT_EQ(registry.backends()[0].name, "cpu");
  ASSERT_EQ(registry.isas().size(), 3U);
  EXPECT_TRUE(registry.describe(Isa::scalar).available);
  EXPECT_TRUE(registry.describe(Isa::avx2).available);
  EXPECT_FALSE(registry.describe(Isa::avx512).available);
  EXPECT_EQ(registry.describe(Backend::reference).name, "reference");
}

TEST(DeviceRegistry, ACallTakesWhatItAsksForElseWhatIsForcedElseTheBest) {
  const DeviceRegistry free({Isa::avx2, Isa::avx512}, "");
  EXPECT_EQ(free.best(), Isa::avx512);
  EXPECT_EQ(free.choose(), Isa::avx512);
  EXPECT_EQ(free.choose(Isa::scalar), Isa::scalar);
  const DeviceRegistry forced({Isa::avx2, Isa::avx512}, "avx2");
  EXPECT_EQ(forced.choose(), Isa::avx2);
  EXPECT_EQ(forced.choose(Isa::avx512), Isa::avx512);
  EXPECT_EQ(DeviceRegistry({}, "").choose(), Isa::scalar);
}

TEST(DeviceRegistry, AnInstructionSetThatTheProcessorLacksIsAnError) {
  const DeviceRegistry old({Isa::avx2}, "avx512");
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[MASKWISE_ISA] avx512 needs AVX-512 F, BW, DQ and "
                           "VL, which this processor lacks; expected one of: "
                           "scalar, avx2",
                           [&] { old.choose(); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "[isa] avx512 needs",
                           [&] { old.choose(Isa::avx512); }));
  EXPECT_EQ(old.choose(Isa::scalar), Isa::scalar);
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "instruction set number 9",
                           [&] { old.choose(static_cast<Isa>(9)); }));
}

TEST(DeviceRegistry, AnUnknownForcedNameIsAnErrorWhenItIsNeeded) {
  const DeviceRegistry odd({Isa::avx2}, "avx3");
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "unknown MASKWISE_ISA 'avx3'; expected one of: "
                           "scalar, avx2, avx512",
                           [&] { odd.choose(); }));
  EXPECT_EQ(odd.choose(Isa::avx2), Isa::avx2);
}

}  // namespace
}  // namespace maskwise
