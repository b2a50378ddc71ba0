// The example of compare --demo, small enough to check by hand.
#include <cmath>

#include "maskwise/inspect.h"
#include "maskwise/mask.h"

namespace maskwise {

// Row 0: the three visible keys have logit 0 and the masked key ln 297, so that
// a softmax over all four gives it 297 / (1 + 1 + 1 + 297) = 99 %. Row 1 sees
// no key.
CompareDemo make_compare_demo() {
  constexpr double kMaskedAgainstOne = 297;
  // The scale is 1 / sqrt(2), as head_dim is 2.
  const auto query =
      static_cast<float>(std::log(kMaskedAgainstOne) * std::sqrt(2.0));
  const Tensor allowed =
      Tensor::from<uint8_t>({2, 4}, {1, 1, 1, 0, 0, 0, 0, 0});
  return {
      .q = Tensor::from<float>({1, 1, 2, 2}, {query, 0, 0, 1}),
      .k = Tensor::from<float>({1, 1, 4, 2}, {0, 1, 0, 2, 0, 3, 1, 0}),
      .v = Tensor::from<float>({1, 1, 4, 1}, {1, 2, 3, 100}),
      .mask = allow(MaskTensor("allowed", allowed)).bind({1, 1, 2, 4}),
      .text =
          "One query and four keys with the values 1, 2, 3 and 100. The first "
          "three keys have\n"
          "the logit 0; the fourth has 5.69 and is masked. A softmax over all "
          "four would give\n"
          "the masked key 99 % of the weight and 0.33 % to each of the "
          "others.\n"
          "A mask before the softmax (-inf, or leaving the key out) gives 1/3 "
          "to each visible\n"
          "key: the row sums to 1 and the output is 2, the mean of 1, 2 and "
          "3. Weights that are\n"
          "multiplied by the mask after the softmax stay at 0.33 % each: the "
          "row sums to 0.01 and\n"
          "the output is 0.02, a hundredth of what it should be. In training "
          "the masked key is\n"
          "still pulled at: it stays in the sum that the softmax divides by, "
          "and 0.11 of gradient\n"
          "comes back to it. Dividing by the sum of what is left repairs this "
          "row, and gives 0/0\n"
          "where the masked key holds all that f32 can tell apart.\n"
          "A second query sees no key at all.\n"};
}

}  // namespace maskwise
