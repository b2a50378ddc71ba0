// Every test vector of the ONNX operator Attention through the public call, on
// every instruction set that this processor has.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>

#include "maskwise/maskwise.h"
#include "tests/onnx/case_names.h"
#include "tests/onnx/onnx_call.h"
#include "tests/onnx/onnx_case.h"

namespace maskwise {
namespace {

using testing::kCaseNames;
using testing::kCasePrefix;
using testing::OnnxCase;

// As numpy's assert_allclose, which ONNX's own tests use: equal NaNs and equal
// infinities, else |a - b| <= atol + rtol * |b|.
bool close(double found, double expected, const OnnxCase& wanted) {
  if (std::isnan(expected)) return std::isnan(found);
  if (std::isinf(expected)) return found == expected;
  return std::abs(found - expected) <=
         wanted.atol + wanted.rtol * std::abs(expected);
}

::testing::AssertionResult all_close(const Tensor& found,
                                     const Tensor& expected,
                                     const OnnxCase& wanted) {
  if (found.shape() != expected.shape() || found.dtype() != expected.dtype()) {
    return ::testing::AssertionFailure()
           << "found " << name_of(found.dtype()) << to_string(found.shape())
           << ", expected " << name_of(expected.dtype())
           << to_string(expected.shape());
  }
  const Tensor ours = to_f32(found);
  const Tensor theirs = to_f32(expected);
  for (int64_t i = 0; i < ours.size(); ++i) {
    const double a = ours.data<float>()[i];
    const double b = theirs.data<float>()[i];
    if (close(a, b, wanted)) continue;
    return ::testing::AssertionFailure()
           << "element " << i << ": found " << a << ", expected " << b;
  }
  return ::testing::AssertionSuccess();
}

void expect_outputs(const OnnxCase& wanted, const AttentionOptions& where) {
  const TensorMap found = testing::run_onnx_case(wanted, where);
  ASSERT_TRUE(found.count("Y") > 0);
  for (const auto& [name, expected] : wanted.outputs) {
    EXPECT_TRUE(all_close(found.at(name), expected, wanted)) << name;
  }
}

void expect_case(const std::string& folder, const std::string& name) {
  SCOPED_TRACE(name);
  const OnnxCase wanted = testing::read_onnx_case(folder, name);
  expect_outputs(wanted, {.backend = Backend::reference});
  for (const IsaInfo& info : devices().isas()) {
    SCOPED_TRACE(info.name);
    if (info.available) expect_outputs(wanted, {.isa = info.isa});
  }
}

std::set<std::string> names_of_folder(const std::string& folder) {
  const std::vector<std::string> index = testing::onnx_index(folder);
  return {index.begin(), index.end()};
}

// One of kCaseNames.
class OnnxVector : public ::testing::Test {
 public:
  explicit OnnxVector(const char* name) : name_(name) {}

 private:
  void TestBody() override {
    const auto folder = testing::onnx_folder();
    if (!folder) GTEST_SKIP() << testing::no_onnx_folder();
    expect_case(*folder, std::string(kCasePrefix) + name_);
  }

  const char* name_;
};

// Made here and not by TEST_P, so that ctest shows a case by its plain name.
[[maybe_unused]] const bool kRegistered = [] {
  for (const char* name : kCaseNames) {
    ::testing::RegisterTest("Attention", name, nullptr, nullptr, __FILE__,
                            __LINE__, [name] { return new OnnxVector(name); });
  }
  return true;
}();

// The index is the folder's count; the names above are the tests' count.
TEST(OnnxVectors, EveryNameOfTheIndexIsRun) {
  const auto folder = testing::onnx_folder();
  if (!folder) GTEST_SKIP() << testing::no_onnx_folder();
  std::set<std::string> others = names_of_folder(*folder);
  for (const char* name : kCaseNames) {
    EXPECT_EQ(others.erase(std::string(kCasePrefix) + name), 1U)
        << name << " is not in " << *folder << "/index.json";
  }
  // PyPI's onnx makes more than are listed, in bf16 among them.
  for (const std::string& name : others) expect_case(*folder, name);
}

}  // namespace
}  // namespace maskwise
