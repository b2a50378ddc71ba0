// The kernels of each instruction set. Other tests run them by
// every_isa_gives(); here an instruction set that is absent is said to be so.
#include <gtest/gtest.h>

#include <string>

#include "backend/cpu/kernel_table.h"
#include "tests/support/attention_backends.h"
#include "tests/support/attention_random.h"

namespace maskwise::testing {
namespace {

class IsaTest : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    const IsaInfo& info = devices().describe(GetParam());
    if (!info.available) {
      GTEST_SKIP() << "this processor lacks " << info.description;
    }
  }
};

TEST_P(IsaTest, GivesTheBitsOfTheContract) {
  Rng rng(4);
  AttentionCase call = make_case(rng, {2, 4, 70, 90}, causal({.offset = 20}),
                                 {.kv_heads = 2, .head_dim = 20});
  call.options.isa = GetParam();
  EXPECT_TRUE(same_bits(call.run(), call.run(Backend::reference)));
}

INSTANTIATE_TEST_SUITE_P(Every, IsaTest,
                         ::testing::Values(Isa::scalar, Isa::avx2, Isa::avx512),
                         [](const auto& test) {
                           return std::string(name_of(test.param));
                         });

TEST(KernelTable, NamesItsOwnInstructionSet) {
  EXPECT_EQ(detail::scalar::kernels().isa, Isa::scalar);
  EXPECT_EQ(detail::avx2::kernels().isa, Isa::avx2);
  EXPECT_EQ(detail::avx512::kernels().isa, Isa::avx512);
}

}  // namespace
}  // namespace maskwise::testing
