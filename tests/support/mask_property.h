// Runs a rapidcheck property as a test, for more cases than its default.
#ifndef MASKWISE_TESTS_SUPPORT_MASK_PROPERTY_H_
#define MASKWISE_TESTS_SUPPORT_MASK_PROPERTY_H_

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <sstream>

namespace maskwise::testing {

// Masks of small shapes are cheap and their expressions manifold.
inline constexpr int kFewestCases = 500;

// Fails the test with the smallest case found, and how to reproduce it.
// RC_PARAMS="max_success=20000" asks for more cases.
template <typename Property>
void check_property(Property property) {
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  params.maxSuccess = std::max(params.maxSuccess, kFewestCases);
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  rc::detail::TestMetadata metadata;
  metadata.id = std::string(test->test_suite_name()) + "/" + test->name();
  metadata.description = test->name();
  const auto result =
      rc::detail::checkTestable(std::move(property), metadata, params);
  if (result.template is<rc::detail::SuccessResult>()) return;
  std::ostringstream message;
  rc::detail::printResultMessage(result, message);
  FAIL() << message.str();
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MASK_PROPERTY_H_
